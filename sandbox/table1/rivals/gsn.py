"""A deep generative stochastic network: layers of noisy units, trained to reconstruct.

A step of the chain corrupts the image and updates the hidden layers: first the odd ones, then
the even ones, each from its two neighbours; then the lowest one gives the mean of a new image.

    x -> corrupted x -> h1 (from x, h2), h3 (from h2) -> h2 (from h1, h3) -> mean of x' (from h1)

`Walkback` trains the chain: it runs several steps from a training example, and asks each of the
images on the way to reconstruct the example. So the chain learns to walk back from where it strays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional, Union

import aesara.tensor as at
import numpy as np

from adversarial import backend
from adversarial.costs.cost import Cost, DefaultDataSpecsMixin
from adversarial.models.initialization import WeightInit, initial_bias
from adversarial.models.mlp.cross_entropy import binary_cross_entropy
from adversarial.models.mlp.sizes import positive_size, spend_for_batches
from adversarial.space import VectorSpace
from adversarial.utils.budget import spend
from adversarial.utils.checks import check_part
from adversarial.utils.seeding import Seed, numpy_rng
from sandbox.table1.rivals.chains import ChainModel, bernoulli, between, whole

# The functions of hidden units, by name.
UNITS = {"tanh": at.tanh, "linear": lambda z: z}
# Nanoseconds to compile the update of a layer in one step of a chain within the cost.
_PER_UPDATE = 100_000_000


class GSN(ChainModel):
    """A generative stochastic network with tied weights.

    A hidden layer is a(z + noise) + noise, where z comes from the layers beside it. With units
    'tanh' the visible units are probabilities: corruption is salt-and-pepper noise, and an image is
    drawn from its mean before the next step. With 'linear' all is linear and corruption is
    Gaussian, so the stationary distribution is Gaussian: for tests.

    Parameters
    ----------
    nvis : int
    dims : list of int
        Units of the hidden layers, from the lowest up.
    corruption : float
        Of the image: the probability that a pixel becomes 0 or 1, each in half of the cases; for
        linear units a standard deviation.
    noise : float, or list with a number for each hidden layer
        Standard deviation of the noise before and after a.
    init_bias : float or array (nvis,)
        First values of the biases of the visible units.
    units : 'tanh' or 'linear'
    burn_in, thinning, seed
        As `ChainModel` takes them; the seed is also that of the weights.

    Attributes
    ----------
    weights : list of shared variable
        Of the shapes (nvis, dims[0]), (dims[0], dims[1]), ...; drawn uniformly, with the range
        sqrt(6 / (rows + columns)) of Glorot and Bengio (2010).
    biases : list of shared variable
        Of the visible units, then of the hidden layers.

    Raises
    ------
    ValueError
        For a size, probability or deviation that is out of its range, or unknown units.

    References
    ----------
    Y. Bengio et al., "Deep generative stochastic networks trainable by backprop", 2014, arXiv
    1306.1091.

    Examples
    --------
    >>> gsn = GSN(nvis=6, dims=[5, 4], burn_in=10)
    >>> gsn.sampler(batch_size=3, seed=0)().shape
    (3, 6)
    """

    def __init__(
        self,
        nvis: int,
        dims: list[int],
        corruption: float = 0.4,
        noise: Union[float, list[float]] = 2.0,
        init_bias: Any = 0.0,
        units: str = "tanh",
        burn_in: int = 100,
        thinning: int = 1,
        seed: Optional[Seed] = None,
    ) -> None:
        super().__init__(burn_in, thinning, seed)
        if units not in UNITS:
            raise ValueError(f"units must be one of {', '.join(UNITS)}, not {units!r}")
        if not isinstance(dims, (list, tuple)) or not dims:
            raise ValueError(f"dims must be a list of at least one size, not {dims!r:.80}")
        self.units = units
        self.nvis = positive_size("GSN", "nvis", nvis)
        self.dims = [positive_size("GSN", f"dims[{k}]", dim) for k, dim in enumerate(dims)]
        self.corruption = between("corruption", corruption, 0, 1 if units == "tanh" else np.inf)
        given = noise if isinstance(noise, (list, tuple)) else [noise] * len(self.dims)
        if len(given) != len(self.dims):
            raise ValueError(f"noise has {len(given)} numbers for {len(self.dims)} hidden layers")
        self.noise = [between("noise", number, 0) for number in given]
        self.input_space = VectorSpace(self.nvis)
        rng = numpy_rng(seed, [2014, 6, 10])
        sizes = [self.nvis, *self.dims]
        self.weights, self.biases = [], []
        for k, size in enumerate(sizes):
            spend_for_batches(f"layer {k} of GSN", size)
            first = initial_bias(init_bias if k == 0 else 0.0, (size,), f"{k} of GSN")
            self.biases.append(backend.shared(first, f"b{k}"))
        for k, shape in enumerate(zip(sizes, sizes[1:])):
            drawn = WeightInit(irange=float(np.sqrt(6 / sum(shape)))).draw(rng, shape)
            self.weights.append(backend.shared(drawn, f"W{k + 1}"))
        self._params = [*self.weights, *self.biases]

    # One step of the chain

    def corrupted(self, x: Any) -> Any:
        """`x` with Gaussian noise, or with salt-and-pepper noise."""
        if not self.corruption:
            return x
        if self.units == "linear":
            return x + self.corruption * self.theano_rng.normal(x.shape)
        kept = self.theano_rng.uniform(x.shape) >= self.corruption
        return at.switch(kept, x, self.theano_rng.binomial(x.shape))

    def drawn(self, mean: Any) -> Any:
        """An image that is drawn from its mean; the mean itself for linear units."""
        return mean if self.units == "linear" else bernoulli(self.theano_rng, mean)

    def step(self, x: Any, hidden: Sequence[Any]) -> list:
        """[mean of the new image, new hidden layers] from an image and old hidden layers."""
        layers = [self.corrupted(x), *hidden]
        for start in (1, 2):
            for k in range(start, len(layers), 2):
                layers[k] = self._updated(layers, k)
        z = at.dot(layers[1], self.weights[0].T) + self.biases[0]
        return [z if self.units == "linear" else at.sigmoid(z), *layers[1:]]

    def _updated(self, layers: Sequence[Any], k: int) -> Any:
        z = at.dot(layers[k - 1], self.weights[k - 1]) + self.biases[k]
        if k + 1 < len(layers):
            z += at.dot(layers[k + 1], self.weights[k].T)
        return self._with_noise(UNITS[self.units](self._with_noise(z, k)), k)

    def _with_noise(self, values: Any, k: int) -> Any:
        std = self.noise[k - 1]
        return values + std * self.theano_rng.normal(values.shape) if std else values

    def silent(self, n: Any) -> list:
        """Hidden layers of zeros for `n` images, with which a chain begins."""
        return [at.zeros((n, dim), backend.floatX) for dim in self.dims]

    # The chain of samples

    def first_state(self, n: int) -> Sequence[Any]:
        """The mean image of the biases, and hidden layers of zeros."""
        z = self.biases[0] + at.zeros((n, self.nvis), backend.floatX)
        return [z if self.units == "linear" else at.sigmoid(z), *self.silent(n)]

    def next_state(self, state: Sequence[Any]) -> Sequence[Any]:
        """[mean of the image, hidden layers] after a step from an image drawn from its mean."""
        return self.step(self.drawn(state[0]), state[1:])

    def rows_of(self, state: Sequence[Any]) -> Any:
        """The mean of the image."""
        return state[0]

    def reconstruction_error(self, x: Any, mean: Any) -> Any:
        """The error of `mean` as a reconstruction of `x`, summed over units, averaged over rows.

        Cross-entropy, or for linear units half the squared error.
        """
        if self.units == "linear":
            return at.square(x - mean).sum(axis=1).mean() / 2
        return binary_cross_entropy(x, mean).sum(axis=1).mean()

    def get_weights(self) -> Any:
        return self.weights[0].get_value()


class Walkback(DefaultDataSpecsMixin, Cost):
    """The error of the images of a chain as reconstructions of the example where it began.

    Parameters
    ----------
    steps : int
        Steps of the chain; at least twice the number of hidden layers, so that the top one has its
        say.

    Raises
    ------
    ValueError
        If `steps` is not a positive integer.

    References
    ----------
    Y. Bengio et al., "Generalized denoising auto-encoders as generative models", 2013, arXiv
    1305.6663, algorithm 1 (walkback); with a fixed number of steps as in arXiv 1306.1091.

    Examples
    --------
    >>> cost = Walkback(steps=4)
    >>> float(cost.expr(GSN(2, [3], noise=0.0), at.zeros((1, 2))).eval()) > 0
    True
    """

    def __init__(self, steps: int = 4) -> None:
        self.steps = whole("steps", steps, 1)

    def expr(self, model: Any, data: Any, **kwargs: Any) -> Any:
        """The mean error over the images of the chain, symbolic scalar."""
        check_part("model", model, "silent")
        spend(f"{self.steps} steps of Walkback", time=_PER_UPDATE * self.steps * len(model.dims))
        state = model.step(data, model.silent(data.shape[0]))
        errors = [model.reconstruction_error(data, state[0])]
        for _ in range(self.steps - 1):
            state = model.next_state(state)
            errors.append(model.reconstruction_error(data, state[0]))
        return sum(errors) / self.steps
