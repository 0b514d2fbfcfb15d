"""A deep belief network: restricted Boltzmann machines, trained one on the other.

The top two layers are an RBM, whose Gibbs chain makes samples; the layers below turn a state of the
chain into an image. `ContrastiveDivergence` trains the top RBM.

    E(v, h) = -v W h - b v - c h,   F(v) = -b v - sum_j log(1 + exp(c_j + (v W)_j))

p(v) is proportional to exp(-F(v)). So the gradient of -log p is that of F at the data, less its
mean over p(v). The latter is estimated by the last states of Gibbs chains.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Optional

import aesara.tensor as at

from adversarial import backend
from adversarial.utils.budget import spend
from adversarial.utils.seeding import Seed, numpy_rng, seed_words
from sandbox.table1.rivals.chains import bernoulli, between, whole
from sandbox.table1.rivals.stack import LayerStack, TiedLayer, TopLayerCost

# Nanoseconds to compile a step of a chain within a cost.
_PER_STEP = 100_000_000


class RBM(TiedLayer):
    """A restricted Boltzmann machine of binary units.

    Parameters
    ----------
    nvis, dim, irange, init_bias, seed
        As `TiedLayer` takes them.

    References
    ----------
    P. Smolensky, "Information processing in dynamical systems", 1986. G. Hinton, "Training products
    of experts by minimizing contrastive divergence", 2002.

    Examples
    --------
    >>> rbm = RBM(nvis=3, dim=2, irange=0.0)
    >>> rbm.free_energy(at.zeros((1, 3))).eval().round(2)  # -2 log 2
    array([-1.39], dtype=float32)
    """

    def __init__(
        self,
        nvis: int,
        dim: int,
        irange: float,
        init_bias: Any = 0.0,
        seed: Optional[Seed] = None,
    ) -> None:
        super().__init__(nvis, dim, irange, init_bias, "sigmoid", seed)

    def free_energy(self, v: Any) -> Any:
        """F(v), (batch,), symbolic: p(v) is proportional to exp(-F(v))."""
        return -at.dot(v, self.b) - at.softplus(at.dot(v, self.W) + self.c).sum(axis=1)

    def gibbs(self, v: Any, streams: backend.RandomStreams) -> tuple[Any, Any]:
        """(visible, hidden) units after one step of Gibbs sampling from `v`, both binary."""
        h = bernoulli(streams, self.up(v))
        return bernoulli(streams, self.down(h)), h


class DeepBeliefNetwork(LayerStack):
    """A stack of RBMs; its chain is the Gibbs chain of the top one.

    A sample is an image of probabilities: the units of the lowest hidden layer are drawn, and the
    pixels are their means given that layer.

    Parameters
    ----------
    layers : list of RBM
    burn_in, thinning, seed
        As `ChainModel` takes them.

    References
    ----------
    G. Hinton, S. Osindero and Y. Teh, "A fast learning algorithm for deep belief nets", 2006.

    Examples
    --------
    >>> dbn = DeepBeliefNetwork([RBM(4, 3, irange=0.1), RBM(3, 2, irange=0.1)], burn_in=10)
    >>> dbn.sampler(batch_size=5, seed=0)().shape
    (5, 4)
    """

    layer_class = RBM

    def first_state(self, n: int) -> Sequence[Any]:
        """Units of the top RBM: the visible ones drawn from their biases alone."""
        p = at.sigmoid(self.top.b) + at.zeros((n, self.top.nvis))
        v = bernoulli(self.theano_rng, p)
        return [v, bernoulli(self.theano_rng, self.top.up(v))]

    def next_state(self, state: Sequence[Any]) -> Sequence[Any]:
        """(visible, hidden) units of the top RBM: new visible units, then new hidden ones."""
        v = bernoulli(self.theano_rng, self.top.down(state[1]))
        return [v, bernoulli(self.theano_rng, self.top.up(v))]

    def rows_of(self, state: Sequence[Any]) -> Any:
        """p(visible units = 1), given units of the layer above that are drawn top down."""
        if len(self.layers) == 1:
            return self.top.down(state[1])
        h = state[0]
        for layer in self.layers[-2:0:-1]:
            h = bernoulli(self.theano_rng, layer.down(h))
        return self.layers[0].down(h)


class ContrastiveDivergence(TopLayerCost):
    """Contrastive divergence for the top RBM of a `DeepBeliefNetwork`.

    Data from 0 to 1 are taken for probabilities of binary units. The channel `objective` is the
    reconstruction error; `free_energy` is the mean of F over the data. If it is lower on training
    than on validation data, the RBM overfits.

    Parameters
    ----------
    steps : int
        Steps of the chains for each minibatch: CD-k has k, starting at the minibatch.
    chains : int
        0: chains start at each minibatch. Otherwise, so many persistent chains go on from one
        minibatch to the next (persistent contrastive divergence).
    weight_decay : float
        Factor of half the sum of squared weights, which is added.
    seed : int or list of int, optional
        For the chains.

    Raises
    ------
    ValueError
        For a number that is out of its range.

    References
    ----------
    G. Hinton, 2002 (see `RBM`). T. Tieleman, "Training restricted Boltzmann machines using
    approximations to the likelihood gradient", 2008.

    Examples
    --------
    >>> ContrastiveDivergence(steps=15, chains=100).steps
    15
    """

    def __init__(
        self,
        steps: int = 1,
        chains: int = 0,
        weight_decay: float = 0.0,
        seed: Optional[Seed] = None,
    ) -> None:
        self.steps = whole("steps", steps, 1)
        self.chains = whole("chains", chains, 0)
        self.weight_decay = between("weight_decay", weight_decay, 0)
        spend(f"{steps} steps of contrastive divergence", time=_PER_STEP * self.steps)
        self.seed = seed
        self.theano_rng = backend.RandomStreams(seed_words(seed, [2002, 8, 14]), "Gibbs sampling")
        self.particles: Any = None  # visible units of the persistent chains

    def objective(self, layer: Any, v: Any) -> tuple[Any, OrderedDict, list]:
        """F at the data, less F at the ends of the chains, whose gradient is that of CD-k."""
        end = v
        if self.chains:
            if self.particles is None:
                shape = (self.chains, layer.nvis)
                spend(f"{self.chains} persistent chains", memory=4 * self.chains * layer.nvis)
                rng = numpy_rng(self.seed, [2002, 8, 14])
                self.particles = backend.shared(
                    rng.binomial(1, 0.5, shape).astype(backend.floatX), "particles"
                )
            end = self.particles
        for _ in range(self.steps):
            end, _h = layer.gibbs(end, self.theano_rng)
        updates = OrderedDict([(self.particles, end)] if self.chains else [])
        value = layer.free_energy(v).mean() - layer.free_energy(end).mean()
        if self.weight_decay:
            value += self.weight_decay / 2 * at.square(layer.W).sum()
        return value, updates, [end]

    def get_monitoring_channels(self, model: Any, data: Any, **kwargs: Any) -> OrderedDict:
        """The mean free energy of the data."""
        return OrderedDict(free_energy=model.top.free_energy(model.below_top(data)).mean())
