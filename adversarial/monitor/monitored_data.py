"""A monitoring data set, and how minibatches are drawn from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Optional

import aesara.tensor as at
import numpy as np
from aesara.graph.basic import clone_replace

from adversarial.datasets.feed import feed_of, num_examples
from adversarial.utils.iteration import (
    Mode,
    RandomUniformSubsetIterator,
    is_stochastic,
    resolve_iterator_class,
)
from adversarial.utils.seeding import Seed


class MonitoredData:
    """A monitoring data set and how minibatches are drawn from it.

    Parameters
    ----------
    dataset : Dataset
    mode : str or class
        See `adversarial.utils.iteration`.
    batch_size, num_batches : int, optional
    seed : int or sequence of int
        For the modes that draw at random.

    Attributes
    ----------
    feed : Feed
        The symbolic minibatch, and the arrays that take its place.

    Raises
    ------
    ValueError
        If there is no such mode.

    Examples
    --------
    The mean over a minibatch of two examples and one of one is that over the three examples:

    >>> from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
    >>> dataset = DenseDesignMatrix(X=[[1.0], [2.0], [6.0]])
    >>> data = MonitoredData(dataset, "sequential", batch_size=2, num_batches=None, seed=0)
    >>> float(data.mean(lambda indices: dataset.X[indices].mean(), [], print))
    DenseDesignMatrix 2 3
    DenseDesignMatrix 3 3
    3.0
    """

    def __init__(
        self,
        dataset: Any,
        mode: Mode,
        batch_size: Optional[int],
        num_batches: Optional[int],
        seed: Seed,
    ) -> None:
        self.dataset = dataset
        resolve_iterator_class(mode)  # raises ValueError for an unknown mode
        self.mode = mode
        self.stochastic = is_stochastic(mode)
        self.batch_size = batch_size
        self.num_batches = num_batches
        self.seed = seed if isinstance(seed, int) else list(seed)
        self.feed = feed_of(dataset)

    def mean(
        self,
        function: Callable[..., Any],
        prereqs: list[Callable],
        after_batch: Callable[[str, int, Optional[int]], None],
    ) -> np.ndarray:
        """The mean over the minibatches of what a function returns, weighted by their sizes.

        Parameters
        ----------
        function : callable
            From the feed's arguments to a vector.
        prereqs : list of callable
            Called with each minibatch before `function`.
        after_batch : callable
            Called after each minibatch, with the name of the data set's class, the number of
            examples so far, and how many there are to measure (None for a stream).

        Raises
        ------
        ValueError
            If there are no examples.
        """
        # A new generator with the same seed: all epochs are measured on the same minibatches.
        rng = np.random.RandomState(self.seed) if self.stochastic else None
        total, examples = np.zeros(()), 0
        of_all = self._examples_to_measure()
        for batch in self.feed.minibatches(self.mode, self.batch_size, self.num_batches, rng):
            for prereq in prereqs:
                prereq(self.feed.design_matrix(batch))
            values = function(*self.feed.arguments(batch))
            total = total + len(batch) * np.asarray(values, dtype="float64")
            examples += len(batch)
            after_batch(type(self.dataset).__name__, examples, of_all)
        if not examples:
            raise ValueError(f"the monitored {type(self.dataset).__name__} gave no examples")
        return total / examples

    def _examples_to_measure(self) -> Optional[int]:
        """The number of examples in all minibatches; None where the data set does not know its."""
        known = num_examples(self.dataset)
        if self.num_batches is None or self.batch_size is None:
            return known
        wanted = self.num_batches * self.batch_size
        # There an example can come several times.
        draws_again = issubclass(resolve_iterator_class(self.mode), RandomUniformSubsetIterator)
        return wanted if draws_again or known is None else min(wanted, known)


def substitute_batch(name: str, value: Any, inputs: Any, batch: Any) -> Any:
    """`value` with the variables `inputs` replaced by those of `batch`, nested in the same way.

    ValueError, which names the channel `name`, if they do not correspond.
    """
    inputs, batch = _flat(inputs), _flat(batch)
    if len(inputs) != len(batch):
        raise ValueError(
            f"channel {name!r}: ipt holds {len(inputs)} variables, and a batch as its "
            f"data_specs say {len(batch)}"
        )
    replace = {}
    for var, part in zip(inputs, batch):
        if var.ndim != part.ndim:
            raise ValueError(
                f"channel {name!r}: {var} in ipt has {var.ndim} axes, and a batch as "
                f"its data_specs say {part.ndim}"
            )
        replace[var] = at.cast(part, var.dtype)
    return clone_replace(value, replace)


def _flat(nested: Any) -> list:
    if isinstance(nested, (tuple, list)):
        return [leaf for item in nested for leaf in _flat(item)]
    return [] if nested is None else [nested]
