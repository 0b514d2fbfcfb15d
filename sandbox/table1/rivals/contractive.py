"""Stacked contractive auto-encoders, and the Markov chain that draws samples of them.

The encoder is f(x) = sigmoid(x W + c), the decoder g(h) = sigmoid(h W^T + b). Training minimises
the reconstruction error plus a multiple of the squared Frobenius norm of the encoder's Jacobian J,
which makes h insensitive to changes of x. Only changes along the data's manifold are needed for the
reconstruction, so J keeps these directions. The chain moves along them:

    h = f(x),   h' = h + J J^T e  with normal noise e,   x' = g(h')

f, g and J are those of several layers if there are several. "Better mixing via deep
representations" runs such chains on higher layers, where distant modes of the data lie closer
together.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Optional

import aesara.tensor as at

from adversarial.utils.seeding import Seed
from sandbox.table1.rivals.chains import between, whole
from sandbox.table1.rivals.stack import LayerStack, TiedLayer, TopLayerCost


class Autoencoder(TiedLayer):
    """An auto-encoder with tied weights, and the Jacobian of its encoder.

    Parameters
    ----------
    nvis, dim, irange, init_bias, units, seed
        As `TiedLayer` takes them.

    References
    ----------
    S. Rifai et al., "Contractive auto-encoders: explicit invariance during feature extraction",
    2011.

    Examples
    --------
    >>> layer = Autoencoder(nvis=3, dim=2, irange=0.0)
    >>> layer.W.set_value([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    >>> float(layer.contraction(at.zeros((1, 3))).eval())  # two derivatives of 1 / 4
    0.125
    """

    def slopes(self, h: Any) -> Any:
        """The derivative of each hidden unit by its input, (batch, dim), at its output `h`."""
        return at.ones_like(h) if self.units == "linear" else h * (1 - h)

    def contraction(self, v: Any) -> Any:
        """The squared Frobenius norm of the encoder's Jacobian, averaged over the batch.

        The Jacobian of unit j by input i is slope_j W_ij, so the norm is a sum over units of
        slope_j^2 sum_i W_ij^2.
        """
        return at.dot(at.square(self.slopes(self.up(v))), at.square(self.W).sum(axis=0)).mean()


class StackedAutoencoders(LayerStack):
    """A stack of auto-encoders; the noise of its chain follows the encoder's Jacobian.

    A sample is an image of means of the lowest layer.

    Parameters
    ----------
    layers : list of Autoencoder
    noise : float
        Standard deviation of the noise e.
    level : int
        The chain runs on the representation by so many of the layers, and its steps go through the
        others: 0 is the data itself, by default all layers but the top one.
    burn_in, thinning, seed
        As `ChainModel` takes them.

    Raises
    ------
    ValueError
        If `noise` is negative or there is no such level; see `LayerStack` for `layers`.

    References
    ----------
    S. Rifai et al., "A generative process for sampling contractive auto-encoders", 2012. Y.
    Bengio et al., "Better mixing via deep representations", 2013, arXiv 1207.4404.

    Examples
    --------
    >>> layers = [Autoencoder(4, 3, irange=0.1), Autoencoder(3, 2, irange=0.1)]
    >>> stack = StackedAutoencoders(layers, noise=1.0, burn_in=10)
    >>> stack.sampler(batch_size=5, seed=0)().shape
    (5, 4)
    """

    layer_class = Autoencoder

    def __init__(
        self,
        layers: list[Autoencoder],
        noise: float = 1.0,
        level: Optional[int] = None,
        burn_in: int = 1000,
        thinning: int = 100,
        seed: Optional[Seed] = None,
    ) -> None:
        super().__init__(layers, burn_in, thinning, seed)
        self.noise = between("noise", noise, 0)
        self.level = len(layers) - 1 if level is None else whole("level", level, 0)
        if self.level >= len(layers):
            raise ValueError(
                f"level must be less than the number of layers, {len(layers)}: {level}"
            )

    def first_state(self, n: int) -> Sequence[Any]:
        """The representation of uniform noise."""
        state = self.theano_rng.uniform((n, self.layers[0].nvis))
        for layer in self.layers[: self.level]:
            state = layer.up(state)
        return [state]

    def next_state(self, state: Sequence[Any]) -> Sequence[Any]:
        """The decoded representation, after a random move along the encoder's Jacobian."""
        layers = self.layers[self.level :]
        h, slopes = state[0], []
        for layer in layers:
            h = layer.up(h)
            slopes.append(layer.slopes(h))
        move = self.noise * self.theano_rng.normal(h.shape)
        for layer, slope in zip(layers[::-1], slopes[::-1]):
            move = at.dot(move * slope, layer.W.T)
        for layer, slope in zip(layers, slopes):
            move = at.dot(move, layer.W) * slope
        return [self._decoded(h + move, layers)]

    def rows_of(self, state: Sequence[Any]) -> Any:
        """The data of which the state is the representation, decoded."""
        return self._decoded(state[0], self.layers[: self.level])

    def _decoded(self, h: Any, layers: Sequence[Autoencoder]) -> Any:
        for layer in layers[::-1]:
            h = layer.down(h)
        return h


class ContractiveReconstruction(TopLayerCost):
    """The reconstruction error of the top auto-encoder plus its contraction.

    The channel `objective` is the reconstruction error alone, `contraction` the squared norm of the
    Jacobian.

    Parameters
    ----------
    contraction : float
        Factor of the squared norm.

    Raises
    ------
    ValueError
        If `contraction` is negative.

    References
    ----------
    S. Rifai et al., 2011, equation 3 (see `Autoencoder`).

    Examples
    --------
    >>> ContractiveReconstruction(contraction=0.1).contraction
    0.1
    """

    def __init__(self, contraction: float) -> None:
        self.contraction = between("contraction", contraction, 0)

    def objective(self, layer: Any, v: Any) -> tuple[Any, OrderedDict, list]:
        """The error plus the weighted contraction."""
        value = layer.reconstruction_error(v) + self.contraction * layer.contraction(v)
        return value, OrderedDict(), []

    def get_monitoring_channels(self, model: Any, data: Any, **kwargs: Any) -> OrderedDict:
        """The squared norm of the Jacobian."""
        return OrderedDict(contraction=model.top.contraction(model.below_top(data)))
