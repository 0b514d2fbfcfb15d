"""Layers without weights, from the 2014 package's own module."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import aesara.tensor as at
import numpy as np

from adversarial import backend
from adversarial.models.mlp import Layer, Linear
from adversarial.models.statistics import unit_channels
from adversarial.space import CompositeSpace, Conv2DSpace, Space, VectorSpace


class _SameSpace(Layer):
    """A layer whose output has the layout of its input."""

    def set_input_space(self, space: Space) -> None:
        self.input_space = space
        self.output_space = space


class RectifiedLinear(_SameSpace):
    """max(x, 0), or left_slope * x where x is negative; any space."""

    def __init__(self, layer_name: str, left_slope: float = 0.0, **kwargs: Any) -> None:
        super().__init__(layer_name, **kwargs)
        self.left_slope = left_slope

    def fprop(self, state_below: Any) -> Any:
        return backend.rectify(state_below, self.left_slope)


class Sigmoid(_SameSpace):
    """1 / (1 + exp(-x)); any space.  `left_slope` is accepted and unused."""

    def __init__(self, layer_name: str, left_slope: float = 0.0, **kwargs: Any) -> None:
        super().__init__(layer_name, **kwargs)
        self.left_slope = left_slope

    def fprop(self, state_below: Any) -> Any:
        return at.sigmoid(state_below)


class _ShowsWeightsAbove(_SameSpace):
    """A layer that stands below the first one with weights and shows that one's as its own."""

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


class SubtractHalf(_ShowsWeightsAbove):
    """x - 0.5.  `left_slope` is accepted and unused."""

    def __init__(self, layer_name: str, left_slope: float = 0.0, **kwargs: Any) -> None:
        super().__init__(layer_name, **kwargs)
        self.left_slope = left_slope

    def fprop(self, state_below: Any) -> Any:
        return state_below - 0.5


class SubtractRealMean(_ShowsWeightsAbove):
    """x minus the mean of a data set's features, divided by their deviation if `also_sd`.

    For vectors, and for images where the data set's view converter says how its rows are images.
    """

    def __init__(self, layer_name: str, dataset: Any, also_sd: bool = False, **kwargs: Any) -> None:
        super().__init__(layer_name, **kwargs)
        self.also_sd = also_sd
        X = dataset.get_design_matrix()
        self._view_converter = dataset.view_converter
        self._mean = X.mean(axis=0, keepdims=True)
        self._sd = X.std(axis=0, keepdims=True) if also_sd else None
        if self._sd is not None and not self._sd.all():
            never = int(self._sd.argmin())
            raise ValueError(f"layer {layer_name!r}: feature {never} never varies")
        self.mean = self.sd = None

    def set_input_space(self, space: Space) -> None:
        """ValueError when the data set's examples are of another size than `space`."""
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


class Sum(Layer):
    """The sum of the parts of a composite input, all of one space."""

    def __init__(self, layer_name: str) -> None:
        super().__init__(layer_name)

    def set_input_space(self, space: Space) -> None:
        if not isinstance(space, CompositeSpace):
            raise TypeError(f"layer {self.layer_name!r} sums a composite, not {space}")
        first = space.components[0]
        for part in space.components[1:]:
            if part != first:
                raise ValueError(f"layer {self.layer_name!r} cannot add {part} to {first}")
        self.input_space = space
        self.output_space = first

    def fprop(self, state_below: tuple) -> Any:
        return sum(state_below[1:], state_below[0])

    def get_layer_monitoring_channels(
        self, state_below: Any = None, state: Any = None, targets: Any = None
    ) -> OrderedDict:
        if state is None:
            state = self.fprop(state_below)
        if isinstance(self.output_space, Conv2DSpace):
            over = [i for i, axis in enumerate(self.output_space.axes) if axis != "c"]
        else:
            over = [0]
        return unit_channels(state, over, "{}_x.{}_u")


class NoiseCat(Layer):
    """Appends `new_dim` normal values of deviation `std` to each input vector."""

    def __init__(self, new_dim: int, std: float, layer_name: str) -> None:
        super().__init__(layer_name)
        if not (isinstance(new_dim, int) and new_dim > 0):
            raise ValueError(f"layer {layer_name!r}: new_dim must be positive, not {new_dim!r}")
        if not std >= 0:
            raise ValueError(f"layer {layer_name!r}: std must not be negative, got {std!r}")
        self.new_dim = new_dim
        self.std = std

    def set_input_space(self, space: Space) -> None:
        if not isinstance(space, VectorSpace):
            raise TypeError(f"layer {self.layer_name!r} extends vectors, not {space}")
        self.input_space = space
        self.output_space = VectorSpace(space.dim + self.new_dim)
        self.theano_rng = backend.RandomStreams(int(self.mlp.rng.randint(2**16)), self.layer_name)

    def fprop(self, state_below: Any) -> Any:
        size = (state_below.shape[0], self.new_dim)
        noise = self.theano_rng.normal(size=size, avg=0.0, std=self.std)
        return at.concatenate([state_below, noise], axis=1)


class Clusterize(_SameSpace):
    """Adds `scale` or -`scale`, each with probability 1/2, to every value of a vector."""

    def __init__(self, scale: float, layer_name: str) -> None:
        super().__init__(layer_name)
        self.scale = scale

    def set_input_space(self, space: Space) -> None:
        if not isinstance(space, VectorSpace):
            raise TypeError(f"layer {self.layer_name!r} moves vectors, not {space}")
        super().set_input_space(space)
        self.theano_rng = backend.RandomStreams(int(self.mlp.rng.randint(2**16)), self.layer_name)

    def fprop(self, state_below: Any) -> Any:
        signs = self.theano_rng.binomial(size=state_below.shape, p=0.5) * 2.0 - 1.0
        return state_below + self.scale * signs


class HardSigmoid(Linear):
    """x W + b clipped to [0, 1].  `left_slope` is accepted and unused."""

    def __init__(self, left_slope: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.left_slope = left_slope

    def _activate(self, z: Any) -> Any:
        return at.clip(z, 0.0, 1.0)

    def cost_matrix(self, Y: Any, Y_hat: Any) -> Any:
        raise NotImplementedError("HardSigmoid defines no loss")
