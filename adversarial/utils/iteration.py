"""The orders in which a data set is iterated over in minibatches.

A subset iterator depends on the number of examples and on the batch size, not on the data. Each
step returns a ``slice`` or, if its class is ``fancy``, an ``int64`` array of row indices.
`FiniteDatasetIterator` turns these into minibatches of a data set. Data sets, training algorithms
and the monitor choose one by its name in Pylearn2:

>>> [batch for batch in resolve_iterator_class("sequential")(5, batch_size=2, num_batches=None)]
[slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Optional, Union

import numpy as np

from adversarial.utils.seeding import Seed, numpy_rng

#: Which rows of a data set make a minibatch.
Subset = Union[slice, np.ndarray]
#: A generator, a seed, or None for a fixed seed.
Rng = Union[np.random.RandomState, Seed, None]

DEFAULT_SEED = (17, 2, 946)


def as_rng(rng: Rng, default: Sequence[int] = DEFAULT_SEED) -> np.random.RandomState:
    """`rng` itself, or a RandomState seeded with it (None: with `default`)."""
    return rng if isinstance(rng, np.random.RandomState) else numpy_rng(rng, default)


def _check_count(name: str, value: Optional[float], minimum: int = 1) -> Optional[int]:
    if value is None:
        return None
    if int(value) != value or value < minimum:
        raise ValueError(f"{name} must be an integer of at least {minimum}, not {value!r}")
    return int(value)


class SubsetIterator:
    """Base of the iterators below; one pass over `dataset_size` examples (or a draw from them).

    `batch_size` examples a minibatch, `num_batches` of them. Iterators that draw at random take
    `rng`: a RandomState, a seed, or None for a fixed seed.
    """

    fancy = False  # whether it returns arrays of row indices, not slices
    stochastic = False  # whether it draws random numbers from rng
    uniform_batch_size = False  # whether every minibatch has exactly batch_size examples

    def __init__(
        self,
        dataset_size: int,
        batch_size: int | None = None,
        num_batches: int | None = None,
        rng: Rng = None,
    ) -> None:
        # Any, since they may be None until the subclass's constructor has set them.
        self._dataset_size: Any = _check_count("dataset_size", dataset_size)
        self._batch_size: Any = _check_count("batch_size", batch_size)
        self._num_batches: Any = _check_count("num_batches", num_batches)
        self._batches_given = 0
        if not self.stochastic and rng is not None:
            raise ValueError(f"{type(self).__name__} is not random and takes no rng, got {rng!r}")
        self._rng: Any = as_rng(rng) if self.stochastic else None

    def __iter__(self) -> SubsetIterator:
        return self

    def __next__(self) -> Subset:
        if self._batches_given >= self._num_batches:
            raise StopIteration
        batch = self._subset(self._batches_given)
        self._batches_given += 1
        return batch

    def next(self) -> Subset:
        """The next slice or array of row indices; the name of `__next__` in Python 2."""
        return self.__next__()

    def _subset(self, number: int) -> Subset:
        raise NotImplementedError(f"{type(self).__name__} does not say which examples come next")

    @property
    def batch_size(self) -> int:
        return self._batch_size

    @property
    def num_batches(self) -> int:
        return self._num_batches

    @property
    def num_examples(self) -> int:
        """The number of examples in one pass, repeated ones included."""
        return self._batch_size * self._num_batches

    @property
    def uneven(self) -> bool:
        """Whether the last minibatch is smaller than the others."""
        return False


class SequentialSubsetIterator(SubsetIterator):
    """Consecutive slices; the last one may be shorter.

    Give `batch_size`, `num_batches` or both. With `num_batches` alone, the batch size is the number
    of examples divided by it, rounded up.
    """

    def __init__(
        self, dataset_size: int, batch_size: int | None, num_batches: int | None, rng: Rng = None
    ) -> None:
        super().__init__(dataset_size, batch_size, num_batches, rng)
        size = self._dataset_size
        if self._batch_size is None:
            if self._num_batches is None:
                raise ValueError("sequential iteration needs batch_size or num_batches")
            if self._num_batches > size:
                raise ValueError(f"{size} examples cannot be cut into {self._num_batches} batches")
            self._batch_size = -(-size // self._num_batches)
        available = self._available(size, self._batch_size)
        if batch_size is None or self._num_batches is None:
            self._num_batches = available
        elif self._num_batches > available:
            raise ValueError(
                f"a dataset of {size} examples has only {available} batches of "
                f"{self._batch_size}, not {self._num_batches}"
            )

    @staticmethod
    def _available(dataset_size: int, batch_size: int) -> int:
        return -(-dataset_size // batch_size)

    def _subset(self, number: int) -> Subset:
        start = number * self._batch_size
        return slice(start, min(start + self._batch_size, self._dataset_size))

    @property
    def num_examples(self) -> int:
        return min(self._batch_size * self._num_batches, self._dataset_size)

    @property
    def uneven(self) -> bool:
        return self._batch_size * self._num_batches > self._dataset_size


class ShuffledSequentialSubsetIterator(SequentialSubsetIterator):
    """Every example once per pass, in random order."""

    fancy = True
    stochastic = True

    def __init__(
        self, dataset_size: int, batch_size: int | None, num_batches: int | None, rng: Rng = None
    ) -> None:
        super().__init__(dataset_size, batch_size, num_batches, rng)
        self._order = self._rng.permutation(self._dataset_size)

    def _subset(self, number: int) -> Subset:
        return self._order[super()._subset(number)]


class BatchwiseShuffledSequentialIterator(SequentialSubsetIterator):
    """Slices of adjacent examples; the order of the slices is random."""

    stochastic = True

    def __init__(
        self,
        dataset_size: int,
        batch_size: int | None,
        num_batches: int | None = None,
        rng: Rng = None,
    ) -> None:
        super().__init__(dataset_size, batch_size, num_batches, rng)
        self._order = self._rng.permutation(self._num_batches)

    def _subset(self, number: int) -> Subset:
        return super()._subset(self._order[number])


class RandomUniformSubsetIterator(SubsetIterator):
    """Rows drawn independently, with replacement."""

    fancy = True
    stochastic = True
    uniform_batch_size = True

    def __init__(
        self, dataset_size: int, batch_size: int | None, num_batches: int | None, rng: Rng = None
    ) -> None:
        super().__init__(dataset_size, batch_size, num_batches, rng)
        if self._batch_size is None or self._num_batches is None:
            raise ValueError(
                f"random iteration needs both batch_size and num_batches, got "
                f"{batch_size!r} and {num_batches!r}"
            )

    def _subset(self, number: int) -> Subset:
        return self._rng.randint(self._dataset_size, size=self._batch_size, dtype=np.int64)


class RandomSliceSubsetIterator(RandomUniformSubsetIterator):
    """Slices of `batch_size` adjacent examples with a random start."""

    fancy = False

    def __init__(
        self, dataset_size: int, batch_size: int | None, num_batches: int | None, rng: Rng = None
    ) -> None:
        super().__init__(dataset_size, batch_size, num_batches, rng)
        if self._batch_size > self._dataset_size:
            raise ValueError(
                f"batch_size {self._batch_size} is larger than the dataset, "
                f"{self._dataset_size} examples"
            )

    def _subset(self, number: int) -> slice:
        start = int(self._rng.randint(self._dataset_size - self._batch_size + 1))
        return slice(start, start + self._batch_size)


class _Even:
    """Leaves out a last minibatch that would be smaller than the others."""

    uniform_batch_size = True

    @staticmethod
    def _available(dataset_size: int, batch_size: int) -> int:
        if batch_size > dataset_size:
            raise ValueError(f"no full batch of {batch_size} in {dataset_size} examples")
        return dataset_size // batch_size


class EvenSequentialSubsetIterator(_Even, SequentialSubsetIterator):
    """Like 'sequential', full minibatches only."""


class EvenShuffledSequentialSubsetIterator(_Even, ShuffledSequentialSubsetIterator):
    """Like 'shuffled_sequential', full minibatches only; each pass omits other rows."""


class EvenBatchwiseShuffledSequentialIterator(_Even, BatchwiseShuffledSequentialIterator):
    """Like 'batchwise_shuffled_sequential', full minibatches only."""


_MODES: dict[str, type[SubsetIterator]] = {
    "sequential": SequentialSubsetIterator,
    "shuffled_sequential": ShuffledSequentialSubsetIterator,
    "random_slice": RandomSliceSubsetIterator,
    "random_uniform": RandomUniformSubsetIterator,
    "batchwise_shuffled_sequential": BatchwiseShuffledSequentialIterator,
    "even_sequential": EvenSequentialSubsetIterator,
    "even_shuffled_sequential": EvenShuffledSequentialSubsetIterator,
    "even_batchwise_shuffled_sequential": EvenBatchwiseShuffledSequentialIterator,
}

#: The name of an order, or a class.
Mode = Union[str, type[SubsetIterator]]


def resolve_iterator_class(mode: Mode) -> type[SubsetIterator]:
    """The class for a mode's name; a subclass of `SubsetIterator` is returned unchanged."""
    if isinstance(mode, type) and issubclass(mode, SubsetIterator):
        return mode
    if mode not in _MODES:
        raise ValueError(f"unknown iteration mode {mode!r}; known: {', '.join(_MODES)}")
    return _MODES[mode]


def has_uniform_batch_size(mode: Mode) -> bool:
    """Whether every minibatch of this mode has the same number of examples."""
    return resolve_iterator_class(mode).uniform_batch_size


def is_stochastic(mode: Mode) -> bool:
    """Whether this mode draws random numbers."""
    return resolve_iterator_class(mode).stochastic


class FiniteDatasetIterator:
    """Minibatches of a data set, converted to given spaces.

    Parameters
    ----------
    dataset : Dataset
        Its ``get_data()`` returns the arrays, and ``get_data_specs()`` their spaces and sources.
    subset_iterator : SubsetIterator
    data_specs : (space, source), optional
        The spaces and sources of the minibatches, by default those of the data set. For a tuple of
        sources, a minibatch is a tuple of arrays.
    return_tuple : bool
        Return a minibatch of a single source as a tuple of one array.
    convert : dict of str to callable, optional
        For a source, the function ``(rows, space) -> batch`` that converts its rows. Others are
        converted by ``np_format_as`` of the data set's own space.
    """

    def __init__(
        self,
        dataset: Any,
        subset_iterator: SubsetIterator,
        data_specs: Optional[tuple[Any, Any]] = None,
        return_tuple: bool = False,
        convert: Optional[Mapping[str, Callable[[np.ndarray, Any], Any]]] = None,
    ) -> None:
        own_space, own_source = dataset.get_data_specs()
        data = dataset.get_data()
        if isinstance(own_source, str):
            self._columns = {own_source: (data, own_space)}
        else:
            self._columns = dict(zip(own_source, zip(data, own_space.components)))
        self._subset_iterator = subset_iterator
        if data_specs is None:
            data_specs = own_space, own_source
        self._space, self._source = data_specs
        self._return_tuple = return_tuple
        self._convert = convert or {}
        self._check(self._space, self._source)

    def _check(self, space: Any, source: Any) -> None:
        if not isinstance(source, str):
            if len(space.components) != len(source):
                raise ValueError(
                    f"{len(space.components)} spaces for {len(source)} sources {source!r}"
                )
            for component, name in zip(space.components, source):
                self._check(component, name)
        elif source and source not in self._columns:
            raise ValueError(
                f"this dataset has no {source!r}, only {', '.join(map(repr, self._columns))}"
            )

    def __iter__(self) -> FiniteDatasetIterator:
        return self

    def __next__(self) -> Any:
        batch = self._batch(next(self._subset_iterator), self._space, self._source)
        if self._return_tuple and not isinstance(batch, tuple):
            batch = (batch,)
        return batch

    def next(self) -> Any:
        """The next minibatch; the name of `__next__` in Python 2."""
        return self.__next__()

    def _batch(self, subset: Subset, space: Any, source: Any) -> Any:
        if not isinstance(source, str):
            return tuple(
                self._batch(subset, component, name)
                for component, name in zip(space.components, source)
            )
        if not source:  # NullSpace
            return None
        data, own_space = self._columns[source]
        if source in self._convert:
            return self._convert[source](data[subset], space)
        return own_space.np_format_as(data[subset], space)

    @property
    def batch_size(self) -> int:
        return self._subset_iterator.batch_size

    @property
    def num_batches(self) -> int:
        return self._subset_iterator.num_batches

    @property
    def num_examples(self) -> int:
        return self._subset_iterator.num_examples

    @property
    def uneven(self) -> bool:
        return self._subset_iterator.uneven

    @property
    def stochastic(self) -> bool:
        return self._subset_iterator.stochastic
