"""Initial values of weights and biases.

`WeightInit` draws the weights of every layer that has any. The other functions make biases: from
the arguments of a layer, or, called in a YAML file, from the statistics of a data set.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any, Optional

import numpy as np

from adversarial.space import Conv2DSpace
from adversarial.space.conv2d import half_of
from adversarial.utils.budget import spend
from adversarial.utils.checks import check_finite

if TYPE_CHECKING:
    from adversarial.datasets.dense_design_matrix import DenseDesignMatrix

# Nanoseconds to draw a value, and, for `sparse_init`, to shuffle the inputs of a unit.
_PER_VALUE, _PER_UNIT, _PER_INPUT = 25, 6000, 25
_BLOCK = 1 << 16


@dataclass(frozen=True)
class WeightInit:
    """How a layer's weights are drawn; exactly one of the first three is given.

    Parameters
    ----------
    irange : float, optional
        Uniform on [-irange, irange].
    istdev : float, optional
        Normal, of mean 0 and this standard deviation.
    sparse_init : int, optional
        This many weights of each unit are normal, at random inputs; the others are zero (Martens,
        2010, section 5).
    sparse_stdev : float
        Standard deviation of the weights that `sparse_init` draws.
    include_prob : float
        Probability with which a weight that `irange` draws is kept; the others are zero.

    References
    ----------
    J. Martens, "Deep learning via Hessian-free optimization", ICML 2010.

    Examples
    --------
    >>> WeightInit(irange=0.05).draw(np.random.RandomState(0), (2, 3)).round(3)
    array([[ 0.005,  0.022,  0.01 ],
           [ 0.004, -0.008,  0.015]])
    >>> WeightInit(sparse_init=1).draw(np.random.RandomState(0), (2, 3)).astype(bool)
    array([[ True,  True,  True],
           [False, False, False]])
    """

    irange: Optional[float] = None
    istdev: Optional[float] = None
    sparse_init: Optional[int] = None
    sparse_stdev: float = 1.0
    include_prob: float = 1.0

    def check(self, layer: str) -> None:
        """ValueError, which names the `layer`, unless exactly one way is given and possible."""
        ways = {name: getattr(self, name) for name in ("irange", "istdev", "sparse_init")}
        given = [name for name, value in ways.items() if value is not None]
        if len(given) != 1:
            found = " and ".join(f"{name}={ways[name]}" for name in given) or "none"
            raise ValueError(f"layer {layer!r} needs exactly one of {', '.join(ways)}; got {found}")
        value = ways[given[0]]
        is_number = isinstance(value, (Real, np.ndarray))
        if not is_number:
            raise ValueError(f"layer {layer!r}: {given[0]} must be a number, not {value!r:.80}")
        if not value >= 0:
            raise ValueError(f"layer {layer!r}: {given[0]} must not be negative, got {value!r}")
        try:
            check_finite(**{given[0]: value}, sparse_stdev=self.sparse_stdev)
        except ValueError as error:
            raise ValueError(f"layer {layer!r}: {error}") from None
        if given[0] == "sparse_init" and value != int(value):
            raise ValueError(
                f"layer {layer!r}: sparse_init is the number of weights of each unit, a whole "
                f"number, not {value!r}"
            )
        if not 0 <= self.include_prob <= 1:
            raise ValueError(
                f"layer {layer!r}: include_prob must be from 0 to 1, not {self.include_prob!r}"
            )

    def draw(
        self,
        rng: np.random.RandomState,
        shape: tuple[int, int],
        allowed: Optional[np.ndarray] = None,
    ) -> np.ndarray:
        """A weight matrix.

        Parameters
        ----------
        rng : numpy.random.RandomState
        shape : (inputs, units)
        allowed : array (inputs, units), optional
            `sparse_init` draws no weight where it is zero.

        Returns
        -------
        array (inputs, units), float64

        Raises
        ------
        ValueError
            For a matrix that is too large, or a unit with fewer inputs than `sparse_init`.
        """
        check_size(*shape)
        if self.irange is not None:
            W = rng.uniform(-self.irange, self.irange, shape)
            # Drawn for any `include_prob`, so that the draws that follow do not depend on it.
            # By parts, which are the same draws and need less memory.
            flat = W.reshape(-1)
            for start in range(0, flat.size, _BLOCK):
                part = flat[start : start + _BLOCK]
                part *= rng.uniform(0.0, 1.0, part.shape) < self.include_prob
            return W
        if self.istdev is not None:
            W = rng.randn(*shape)
            W *= self.istdev
            return W
        return self.sparse_stdev * _sparse(rng, shape, int(self.sparse_init or 0), allowed)


def _sparse(
    rng: np.random.RandomState, shape: tuple[int, int], count: int, allowed: Optional[np.ndarray]
) -> np.ndarray:
    inputs, units = shape
    spend(f"{units} units, each of {inputs} inputs", time=units * (_PER_UNIT + _PER_INPUT * inputs))
    W = np.zeros(shape)
    for unit in range(units):
        places = np.arange(inputs) if allowed is None else np.flatnonzero(allowed[:, unit])
        if count > len(places):
            raise ValueError(f"sparse_init={count}, but unit {unit} has {len(places)} inputs")
        W[rng.choice(places, size=count, replace=False), unit] = rng.randn(count)
    return W


def check_size(*shape: int) -> None:
    """ValueError for a parameter of more values than the file that describes it may have."""
    count = math.prod(shape)
    # As float32; while they are drawn, also as float64 and in a copy.
    what = f"a parameter of {' x '.join(map(str, shape))} values"
    spend(what, 4 * count, _PER_VALUE * count, briefly=12 * count)


def initial_bias(init_bias: Any, shape: tuple[int, ...], layer: str) -> np.ndarray:
    """Biases of `shape`, float64, from one number for all or from an array.

    Raises
    ------
    ValueError
        For an array of another shape, or numbers that are not finite; it names the `layer`.

    Examples
    --------
    >>> initial_bias(-2, (3,), "h0")
    array([-2., -2., -2.])
    """
    value = np.asarray(init_bias, dtype="float64")
    check_size(*shape)
    if value.shape not in ((), shape):
        raise ValueError(f"layer {layer!r}: init_bias has shape {value.shape}, expected {shape}")
    if not np.isfinite(value).all():
        raise ValueError(f"layer {layer!r}: init_bias must be finite, not {init_bias!r:.80}")
    return np.full(shape, value)


def bias_from_marginals(means: np.ndarray) -> np.ndarray:
    """b with sigmoid(b) = `means`, which are clipped to [1e-7, 1 - 1e-7].

    Examples
    --------
    >>> bias_from_marginals(np.array([0.5, 0.9, 1.0])).round(2)
    array([ 0.  ,  2.2 , 16.12])
    """
    p = np.clip(np.asarray(means, dtype="float64"), 1e-7, 1.0 - 1e-7)
    return np.log(p / (1.0 - p))


def init_sigmoid_bias_from_marginals(
    dataset: DenseDesignMatrix, use_y: bool = False, side: Optional[str] = None
) -> np.ndarray:
    """Biases with which a sigmoid layer's outputs begin at the mean of a data set.

    Parameters
    ----------
    dataset : DenseDesignMatrix
    use_y : bool
        The mean of its targets instead of its features.
    side : 'left', 'right', 'top' or 'bottom', optional
        Only of that half of the images, pixel after pixel: the output of a generator that inpaints.

    Returns
    -------
    array (units,), float64

    Raises
    ------
    ValueError
        Unless the data spans [0, 1], the range of a sigmoid.

    Examples
    --------
    >>> from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
    >>> data = DenseDesignMatrix(X=np.array([[0.0, 1.0], [1.0, 1.0]]))
    >>> init_sigmoid_bias_from_marginals(data).round(2)
    array([ 0.  , 16.12])
    """
    data = dataset.get_targets() if use_y else dataset.get_design_matrix()
    if data is None:
        raise ValueError("biases from marginals of targets need a data set that has targets")
    low, high = float(data.min()), float(data.max())
    # Of own data in the scale [0, 1], no number need be at an end: no pixel may be quite black.
    is_unit = (
        not use_y and getattr(dataset, "value_range", None) == (0, 1) and 0 <= low <= high <= 1
    )
    if not is_unit and (low != 0.0 or high != 1.0):
        raise ValueError(
            f"biases from marginals need data that spans 0 to 1, but it spans {low} to {high}"
        )
    means = data.mean(axis=0, dtype="float64")
    if side is not None:
        converter = dataset.view_converter
        if converter is None:
            raise ValueError(f"biases for the {side} half of images need a data set of images")
        image = dataset.get_topological_view(means[None])
        image = Conv2DSpace.convert(image, converter.axes, ("b", 0, 1, "c"))[0]
        means = image[half_of(image.shape[:2], side)].ravel()
    return bias_from_marginals(means)


def marginals(dataset: DenseDesignMatrix) -> np.ndarray:
    """The mean of each feature of `dataset`, shape (features,).

    Parameters
    ----------
    dataset : DenseDesignMatrix
    """
    return dataset.get_design_matrix().mean(axis=0, dtype="float64")
