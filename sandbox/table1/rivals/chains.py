"""`ChainModel`, a model whose samples are the states of a Markov chain, and its sampler.

The models of this folder derive from `ChainModel`. They define three symbolic functions: the first
state of a chain, the next state given the present one, and the sample that a state shows. All that
draws samples (`adversarial.evaluation.sampling`) calls the method `sampler`. A `ChainSampler` runs
many chains side by side, as the rows of one batch:

    first state, then `burn_in` steps -> batch -> `thinning` steps -> batch -> ...

So two samples of a batch belong to different chains and are independent. Samples of the same chain
in successive batches are `thinning` steps apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import aesara.tensor as at
import numpy as np

from adversarial import backend
from adversarial.evaluation.sampling import as_rows, fresh_streams
from adversarial.models.model import Model
from adversarial.utils.seeding import Seed, seed_words


class ChainModel(Model):
    """A model of data whose samples are states of a Markov chain.

    A subclass sets `input_space`, the space of the data and of samples, and defines `first_state`,
    `next_state` and `rows_of`.

    Parameters
    ----------
    burn_in : int
        Steps of each chain before its first sample.
    thinning : int
        Steps from one sample of a chain to the next.
    seed : int or list of int, optional
        For the random numbers of training.

    Raises
    ------
    ValueError
        If `burn_in` is negative or `thinning` is not positive.

    Examples
    --------
    >>> from adversarial.space import VectorSpace
    >>> class Walk(ChainModel):
    ...     "x' = x / 2 + noise: the stationary distribution is a normal one of variance 4 / 3."
    ...     def __init__(self):
    ...         super().__init__(burn_in=20, thinning=5)
    ...         self.input_space = VectorSpace(1)
    ...     def first_state(self, n):
    ...         return [at.zeros((n, 1))]
    ...     def next_state(self, state):
    ...         return [state[0] / 2 + self.theano_rng.normal(state[0].shape)]
    ...     def rows_of(self, state):
    ...         return state[0]
    >>> draw = Walk().sampler(batch_size=5000, seed=0)
    >>> draw().var().round(1)
    1.3
    """

    def __init__(self, burn_in: int, thinning: int, seed: Seed | None = None) -> None:
        super().__init__()
        self.burn_in = whole("burn_in", burn_in, 0)
        self.thinning = whole("thinning", thinning, 1)
        self.theano_rng = backend.RandomStreams(seed_words(seed, [2014, 6, 10]), "chain")

    def get_output_space(self) -> Any:
        """The space of samples, which is that of the data."""
        return self.get_input_space()

    def first_state(self, n: int) -> Sequence[Any]:
        """The arrays of the first state of `n` chains, symbolic, each of shape (n, ...)."""
        raise NotImplementedError(f"{type(self).__name__} does not define first_state")

    def next_state(self, state: Sequence[Any]) -> Sequence[Any]:
        """The state after one step of the chain, symbolic, of the shapes of `state`."""
        raise NotImplementedError(f"{type(self).__name__} does not define next_state")

    def rows_of(self, state: Sequence[Any]) -> Any:
        """The sample of each chain, symbolic, a batch of the output space."""
        raise NotImplementedError(f"{type(self).__name__} does not define rows_of")

    def sampler(self, batch_size: int, seed: int) -> ChainSampler:
        """A function that draws the next batch of samples at each call, as rows of an array."""
        return ChainSampler(self, batch_size, seed)


class ChainSampler:
    """Draws batches of samples of a `ChainModel`: one sample of each of `batch_size` chains.

    Parameters
    ----------
    model : ChainModel
    batch_size : int
        Chains side by side.
    seed : int
        The same seed, batch size and parameters give the same samples.

    Attributes
    ----------
    state : list of shared variable
        The present state of the chains.
    """

    def __init__(self, model: ChainModel, batch_size: int, seed: int) -> None:
        self.model = model
        with fresh_streams(model, seed):
            first = backend.function(
                [], list(model.first_state(whole("batch_size", batch_size, 1)))
            )
            self.state = [backend.shared(array, "chain state") for array in first()]
            after = model.next_state(self.state)
            updates = [(old, at.cast(new, old.dtype)) for old, new in zip(self.state, after)]
            self._step = backend.function([], updates=updates, name="chain_step")
            self._show = backend.function([], model.rows_of(self.state), name="chain_rows")
        self._due = model.burn_in

    def __call__(self) -> np.ndarray:
        """The next sample of each chain, an array of shape (batch_size, dimension)."""
        for _ in range(self._due):
            self._step()
        self._due = self.model.thinning
        return as_rows(self._show(), self.model)


def bernoulli(streams: backend.RandomStreams, p: Any) -> Any:
    """1 with probability `p`, else 0, for each entry of the symbolic array `p`."""
    return at.cast(streams.uniform(p.shape) < p, backend.floatX)


def whole(name: str, value: Any, least: int) -> int:
    """`value`, an int; ValueError that names the argument unless it is one of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, not {value!r}")
    return int(value)


def between(name: str, value: Any, low: float, high: float = np.inf) -> float:
    """`value` as a float; ValueError that names the argument unless it is from `low` to `high`."""
    number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    if not (number and np.isfinite(value) and low <= value <= high):
        limits = f"of at least {low:g}" if high == np.inf else f"from {low:g} to {high:g}"
        raise ValueError(f"{name} must be a number {limits}, not {value!r}")
    return float(value)
