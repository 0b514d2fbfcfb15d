"""Layers that add noise to their input."""

from __future__ import annotations

from typing import Any

import aesara.tensor as at

from adversarial import backend
from adversarial.models.mlp.layer import Layer, SameSpaceLayer
from adversarial.models.mlp.sizes import positive_size
from adversarial.space import Space, VectorSpace


class NoiseCat(Layer):
    """Appends noise to each input vector: `new_dim` normal values of mean 0.

    Parameters
    ----------
    new_dim : int
    std : float
        Standard deviation of the noise.
    layer_name : str

    Examples
    --------
    >>> from adversarial.models.mlp import MLP
    >>> MLP([NoiseCat(new_dim=4, std=0.5, layer_name="n")], nvis=6).get_output_space()
    VectorSpace(dim=10, dtype=float32)
    """

    def __init__(self, new_dim: int, std: float, layer_name: str) -> None:
        super().__init__(layer_name)
        if not std >= 0:
            raise ValueError(f"layer {layer_name!r}: std must not be negative, got {std!r}")
        self.new_dim = positive_size(f"layer {layer_name!r}", "new_dim", new_dim)
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


class Clusterize(SameSpaceLayer):
    """Adds `scale` or -`scale`, each with probability 1/2, to every value of a vector.

    Parameters
    ----------
    scale : float
    layer_name : str

    Examples
    --------
    >>> from adversarial.models.mlp import MLP
    >>> mlp = MLP([Clusterize(scale=0.25, layer_name="c")], nvis=3)
    >>> abs(backend.function([], mlp.fprop(backend.shared([[0.0, 0.0, 0.0]])))())
    array([[0.25, 0.25, 0.25]], dtype=float32)
    """

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
