"""Layers that centre the input of a network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from adversarial import backend
from adversarial.models.mlp.layer import Layer, SameSpaceLayer
from adversarial.space import Space, VectorSpace
from adversarial.utils.budget import spend

if TYPE_CHECKING:
    from adversarial.datasets.dense_design_matrix import DenseDesignMatrix


# Rows of which deviations are found at a time; nanoseconds and bytes for each number in them.
_ROWS, _PER_NUMBER, _BYTES = 1000, 4, 16


class _InputTransform(SameSpaceLayer):
    """A layer at the bottom of a network, whose weights, to show, are those of the layer above.

    Parameters
    ----------
    layer_name, extensions
        As `Layer` takes them.
    """

    def _layer_above(self) -> Layer:
        layers = self.mlp.layers
        above = layers[layers.index(self) + 1 :]
        if not above:
            raise NotImplementedError(f"there is no layer above {self.layer_name!r} with weights")
        return above[0]

    def get_weights(self) -> Any:
        return self._layer_above().get_weights()

    def get_weights_format(self) -> tuple[str, str]:
        return self._layer_above().get_weights_format()

    def get_weights_view_shape(self) -> tuple[int, int]:
        return self._layer_above().get_weights_view_shape()

    def get_weights_topo(self) -> Any:
        return self._layer_above().get_weights_topo()


class SubtractHalf(_InputTransform):
    """x - 0.5.

    Parameters
    ----------
    layer_name : str
    left_slope : float
        Accepted, as in 2014, and unused.

    Examples
    --------
    >>> backend.function([], SubtractHalf("x").fprop(backend.shared([0.0, 1.0])))()
    array([-0.5,  0.5], dtype=float32)
    """

    def __init__(self, layer_name: str, left_slope: float = 0.0, **kwargs: Any) -> None:
        super().__init__(layer_name, **kwargs)
        self.left_slope = left_slope

    def fprop(self, state_below: Any) -> Any:
        return state_below - 0.5


class SubtractRealMean(_InputTransform):
    """x minus the mean of each feature of a data set.

    For vectors, and for images if the data set has a view converter, which says how its rows are
    images.

    Parameters
    ----------
    layer_name : str
    dataset : DenseDesignMatrix
    also_sd : bool
        Divide by the standard deviation of each feature, too.

    Raises
    ------
    ValueError
        With `also_sd`, for a feature that never varies.

    Examples
    --------
    >>> from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
    >>> from adversarial.models.mlp import MLP
    >>> data = DenseDesignMatrix(X=np.array([[0.0, 1.0], [1.0, 3.0]]))
    >>> mlp = MLP([SubtractRealMean("x", data)], nvis=2)
    >>> backend.function([], mlp.fprop(backend.shared([[1.0, 1.0]])))()
    array([[ 0.5, -1. ]], dtype=float32)
    """

    def __init__(
        self, layer_name: str, dataset: DenseDesignMatrix, also_sd: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(layer_name, **kwargs)
        self.also_sd = also_sd
        X = dataset.get_design_matrix()
        self._view_converter = dataset.view_converter
        self._mean = X.mean(axis=0, dtype=np.float64)[None]
        self._sd = None
        if also_sd:
            spend(
                f"deviations of {X.size} numbers",
                time=_PER_NUMBER * X.size,
                briefly=_BYTES * X.shape[1] * min(_ROWS, len(X)),
            )
            self._sd = _deviations(X, self._mean)
            if not self._sd.all():
                never = int(self._sd.argmin())
                raise ValueError(f"layer {layer_name!r}: feature {never} never varies")
        self.mean = self.sd = None

    def set_input_space(self, space: Space) -> None:
        """ValueError if the data set's examples are of another size than those of `space`."""
        super().set_input_space(space)
        self.mean = self._as_batch(self._mean, "mean")
        self.sd = None if self._sd is None else self._as_batch(self._sd, "sd")

    def _as_batch(self, row: np.ndarray, name: str) -> Any:
        """A row of the data set (1, features) as a shared batch of one in the input space."""
        if self._view_converter is not None:
            batch = self._view_converter.get_formatted_batch(row, self.input_space)
        else:
            batch = VectorSpace(row.shape[1]).np_format_as(row, self.input_space)
        return backend.shared(batch.astype(backend.floatX), f"{self.layer_name}_{name}")

    def fprop(self, state_below: Any) -> Any:
        centred = state_below - self.mean
        return centred if self.sd is None else centred / self.sd


def _deviations(X: Any, mean: np.ndarray) -> np.ndarray:
    """The standard deviation (1, features) of each feature, whose mean is in `mean`.

    In double precision, as the mean: a float32 sum over many examples has few digits left, and a
    feature that never varies would have a deviation of rounding errors. Of a data set that is read
    from its file, `X` has `parts` instead of being an array.
    """
    blocks = (X[start : start + _ROWS] for start in range(0, len(X), _ROWS))
    parts = X.parts() if hasattr(X, "parts") else blocks
    squares = sum(np.square(part - mean).sum(axis=0) for part in parts)
    return np.sqrt(squares / len(X))[None]
