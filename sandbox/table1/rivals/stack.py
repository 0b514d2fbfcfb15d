"""Layers with tied weights, and stacks of them that are trained from the bottom up.

An RBM (`dbn`) and an auto-encoder (`contractive`) have the same parameters: a matrix W, which the
way up uses as it is and the way down transposed, and a bias for each direction. `TiedLayer` has
these. A `LayerStack` is a model of such layers; only its top layer is trained, on the
representation of the data by the layers below. So a YAML file with several phases trains it layer
by layer: the stack of each phase has the layers of the phase before, shared by a YAML anchor, and
a new one on top.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Optional

import aesara.tensor as at

from adversarial import backend
from adversarial.costs.cost import Cost, DefaultDataSpecsMixin, Gradients
from adversarial.models.initialization import WeightInit, initial_bias
from adversarial.models.mlp.cross_entropy import binary_cross_entropy
from adversarial.models.mlp.sizes import positive_size, spend_for_batches
from adversarial.models.model import Model
from adversarial.space import VectorSpace
from adversarial.utils import origin
from adversarial.utils.checks import check_part
from adversarial.utils.seeding import Seed, numpy_rng
from sandbox.table1.rivals.chains import ChainModel

# What a unit makes of its input z, by name.
UNITS = {"sigmoid": at.sigmoid, "linear": lambda z: z}


class TiedLayer(Model):
    """Units of two layers, joined by one matrix of weights in both directions.

    Parameters
    ----------
    nvis, dim : int
        Units below (visible) and above (hidden).
    irange : float
        The weights are drawn uniformly from [-irange, irange].
    init_bias : float or array (nvis,)
        First values of the biases of the visible units.
    units : 'sigmoid' or 'linear'
        The function of the units in both directions.
    seed : int or list of int, optional
        For the weights.

    Attributes
    ----------
    W : shared variable, (nvis, dim)
    b, c : shared variable
        Biases of the visible units, (nvis,), and of the hidden units, (dim,).

    Raises
    ------
    ValueError
        If a size is not a positive integer, the range of weights is negative, the biases have
        another shape, or `units` is unknown.

    Examples
    --------
    >>> layer = TiedLayer(nvis=4, dim=2, irange=0.0)
    >>> layer.up(at.zeros((1, 4))).eval()
    array([[0.5, 0.5]], dtype=float32)
    """

    def __init__(
        self,
        nvis: int,
        dim: int,
        irange: float,
        init_bias: Any = 0.0,
        units: str = "sigmoid",
        seed: Optional[Seed] = None,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        if units not in UNITS:
            raise ValueError(f"units must be one of {', '.join(UNITS)}, not {units!r}")
        self.nvis, self.dim = (
            positive_size(name, what, size) for what, size in (("nvis", nvis), ("dim", dim))
        )
        self.units = units
        for what, size in ("the visible units", self.nvis), ("the hidden units", self.dim):
            spend_for_batches(what, size)
        init = WeightInit(irange=irange)
        init.check(name)
        rng = numpy_rng(seed, [2014, 6, 10])
        self.W = backend.shared(init.draw(rng, (self.nvis, self.dim)), "W")
        self.b = backend.shared(initial_bias(init_bias, (self.nvis,), name), "b")
        self.c = backend.shared(initial_bias(0.0, (self.dim,), name), "c")
        self._params = [self.W, self.b, self.c]
        self.input_space, self.output_space = VectorSpace(self.nvis), VectorSpace(self.dim)

    def up(self, v: Any) -> Any:
        """The hidden units, (batch, dim), given the visible ones, (batch, nvis); symbolic."""
        return UNITS[self.units](at.dot(v, self.W) + self.c)

    def down(self, h: Any) -> Any:
        """The visible units, (batch, nvis), given the hidden ones, (batch, dim); symbolic."""
        return UNITS[self.units](at.dot(h, self.W.T) + self.b)

    def reconstruction_error(self, v: Any) -> Any:
        """The error of `down(up(v))`, summed over units, averaged over the batch.

        The error is the cross-entropy for sigmoid units, half the squared error for linear ones.
        """
        again = self.down(self.up(v))
        if self.units == "linear":
            return at.square(v - again).sum(axis=1).mean() / 2
        return binary_cross_entropy(v, again).sum(axis=1).mean()

    def get_weights(self) -> Any:
        return self.W.get_value()


class LayerStack(ChainModel):
    """A chain model of tied layers, of which the top one is trained.

    Parameters
    ----------
    layers : list of TiedLayer
        From the data up. Those below the top one are used as they are.
    burn_in, thinning, seed
        As `ChainModel` takes them.

    Raises
    ------
    TypeError
        If an element of `layers` is not of the class `layer_class`.
    ValueError
        If there are no layers, or one has another number of visible units than the layer below has
        hidden ones.
    """

    layer_class: type[TiedLayer] = TiedLayer

    def __init__(
        self,
        layers: Sequence[Any],
        burn_in: int = 1000,
        thinning: int = 100,
        seed: Optional[Seed] = None,
    ) -> None:
        super().__init__(burn_in, thinning, seed)
        wanted = self.layer_class.__name__
        if not isinstance(layers, (list, tuple)) or not layers:
            raise ValueError(f"layers must be a list of at least one {wanted}, not {layers!r:.80}")
        for layer in layers:
            if not isinstance(layer, self.layer_class):
                raise TypeError(f"layers must hold {wanted} objects, not {layer!r:.80}")
        for below, above in zip(layers, layers[1:]):
            if above.nvis != below.dim:
                raise ValueError(
                    f"a layer{origin.of(above)} has {above.nvis} visible units, but the layer "
                    f"below{origin.of(below)} has {below.dim} hidden ones: make them equal"
                )
        self.layers: list[Any] = list(layers)  # of `layer_class`
        self.input_space = layers[0].input_space

    @property
    def top(self) -> Any:
        """The layer that is trained."""
        return self.layers[-1]

    def get_params(self) -> list:
        """The parameters of the top layer; those below are no longer trained."""
        return self.top.get_params()

    def below_top(self, rows: Any) -> Any:
        """The representation of data that the top layer sees, symbolic."""
        for layer in self.layers[:-1]:
            rows = layer.up(rows)
        return rows

    def get_weights(self) -> Any:
        return self.layers[0].get_weights()


class TopLayerCost(DefaultDataSpecsMixin, Cost):
    """Base of the costs that train the top layer of a `LayerStack`."""

    def get_gradients(
        self, model: Any, data: Any, **kwargs: Any
    ) -> tuple[OrderedDict, OrderedDict]:
        """The gradient of `objective` with respect to the parameters of the top layer."""
        check_part("model", model, "below_top")
        v = model.below_top(data)
        value, updates, constants = self.objective(model.top, v)
        params, gradients = model.get_params(), Gradients()
        found = at.grad(value, params, consider_constant=[v, *constants])
        gradients.add("of the top layer", value, params, found)
        return gradients, updates

    def objective(self, layer: Any, v: Any) -> tuple[Any, OrderedDict, list]:
        """What `layer` minimises on `v`, its visible units.

        Returns
        -------
        (symbolic scalar, updates of shared variables, parts that have no gradient)
        """
        raise NotImplementedError(f"{type(self).__name__} does not define objective")

    def expr(self, model: Any, data: Any, **kwargs: Any) -> Any:
        """The reconstruction error of the top layer, by which layers can be compared."""
        return model.top.reconstruction_error(model.below_top(data))
