"""How the minibatches of a data set reach compiled functions.

The training algorithms, the monitor and `KeepBestParams` call `feed_of(dataset)`. There are two
kinds of feed:

- `IndexedFeed`: the data set knows its arrays (`symbolic_batch`). Each is one shared variable, and
  a function takes the indices of a minibatch.
- `StreamedFeed`: the data set has an `iterator` of its own. A function takes the arrays that the
  iterator gives, copied at each call.

>>> from adversarial import backend
>>> from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
>>> from adversarial.space import VectorSpace
>>> feed = feed_of(DenseDesignMatrix(X=[[0, 1], [2, 3], [4, 5]]))
>>> x = feed.batch((VectorSpace(2), "features"))
>>> mean = backend.function(feed.inputs, x.mean())
>>> for batch in feed.minibatches("sequential", 2, None, None):
...     print(len(batch), mean(*feed.arguments(batch)))
2 1.5
1 4.5
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, Optional

import aesara.tensor as at
import numpy as np

from adversarial.datasets.finite import check_finite_array
from adversarial.space import CompositeSpace
from adversarial.utils.checks import check_part
from adversarial.utils.iteration import resolve_iterator_class


def feed_of(dataset: Any) -> IndexedFeed | StreamedFeed:
    """The feed of `dataset`: indexed, unless the data set has an iterator of its own."""
    return StreamedFeed(dataset) if is_streamed(dataset) else IndexedFeed(dataset)


def check_dataset(what: str, dataset: Any) -> None:
    """TypeError that begins with `what` unless `dataset` gives minibatches.

    Examples
    --------
    >>> check_dataset("dataset", 3)
    Traceback (most recent call last):
    ...
    TypeError: dataset cannot be 3, which has no method get_num_examples
    """
    streamed = hasattr(dataset, "iterator")
    check_part(what, dataset, "iterator" if streamed else "get_num_examples")


def is_streamed(dataset: Any) -> bool:
    """Whether minibatches come from the data set's own `iterator`.

    `symbolic_batch` gives the same examples as the `iterator` and `get_data` of its class. Where a
    subclass overrides one of these two, only that override knows the minibatches. A data set whose
    attribute `reads_from_disk` is true is too large to be one array on the device.
    """
    if getattr(dataset, "reads_from_disk", False):
        return True
    if not hasattr(dataset, "symbolic_batch"):
        return True
    if "iterator" in getattr(dataset, "__dict__", {}):
        return True
    classes = type(dataset).__mro__

    def depth(name: str) -> int:
        return next((i for i, cls in enumerate(classes) if name in vars(cls)), len(classes))

    return min(depth("iterator"), depth("get_data")) < depth("symbolic_batch")


def num_examples(dataset: Any) -> Optional[int]:
    """How many examples `dataset` has; None if it does not know, as a stream may not."""
    try:
        return dataset.get_num_examples()
    except (NotImplementedError, AttributeError):
        if hasattr(dataset, "iterator"):
            return None
        raise


class Minibatches:
    """An iterator with the number of minibatches that it gives.

    Parameters
    ----------
    batches : iterator
        What it gives.
    num_batches : int or None
        How many; None if unknown.

    Examples
    --------
    >>> batches = Minibatches(iter(["first", "second"]), 2)
    >>> batches.num_batches, list(batches)
    (2, ['first', 'second'])
    """

    def __init__(self, batches: Iterator, num_batches: Optional[int]) -> None:
        self._batches = batches
        self.num_batches = num_batches

    def __iter__(self) -> Minibatches:
        return self

    def __next__(self) -> Any:
        return next(self._batches)


class IndexedFeed:
    """Minibatches are int64 vectors of indices into arrays that stay on the device.

    Parameters
    ----------
    dataset : ArrayDataset
        Or any object with its `symbolic_batch` and `get_num_examples`.

    Attributes
    ----------
    inputs : list of one Aesara variable
        The indices, which functions of minibatches take.

    Examples
    --------
    >>> from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
    >>> feed = IndexedFeed(DenseDesignMatrix(X=[[0, 1], [2, 3], [4, 5]]))
    >>> [batch.tolist() for batch in feed.minibatches("sequential", 2, None, None)]
    [[0, 1], [2]]
    >>> feed.design_matrix(np.array([2])).tolist()
    [[4.0, 5.0]]
    """

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset
        self.indices = at.lvector("indices")
        self.inputs = [self.indices]

    def batch(self, data_specs: Any) -> Any:
        """The symbolic minibatch in the spaces of `data_specs`, nested alike."""
        return self.dataset.symbolic_batch(self.indices, data_specs)

    def minibatches(
        self, mode: Any, batch_size: Optional[int], num_batches: Optional[int], rng: Any
    ) -> Minibatches:
        """One pass over the data as it is now; arguments as `ArrayDataset.iterator` has them."""
        # Once a pass, so that data that never changes costs nothing.
        getattr(self.dataset, "follow_changes", _nothing)()
        n = self.dataset.get_num_examples()
        subsets = resolve_iterator_class(mode)(n, batch_size, num_batches, rng=rng)
        everything = np.arange(n, dtype="int64")
        return Minibatches((everything[chosen] for chosen in subsets), subsets.num_batches)

    def rng_state(self) -> Any:
        """None: `minibatches` is given its generator."""

    def set_rng_state(self, state: Any) -> None:
        """Nothing to set."""

    def arguments(self, batch: np.ndarray) -> tuple:
        """The arguments of a function of `inputs`."""
        return (batch,)

    def design_matrix(self, batch: np.ndarray) -> np.ndarray:
        """The minibatch as rows, for a channel's prerequisites."""
        return self.dataset.get_design_matrix()[batch]


class StreamedBatch(tuple):
    """The arrays of a minibatch, one for each of the feed's `inputs`; `len` counts examples.

    Attributes
    ----------
    num_examples : int
        Set by the feed, which has checked that the arrays agree.

    Examples
    --------
    >>> batch = StreamedBatch([np.zeros((5, 2)), np.zeros((5, 1))])
    >>> batch.num_examples = 5
    >>> len(batch), [array.shape for array in batch]
    (5, [(5, 2), (5, 1)])
    """

    num_examples: int

    def __len__(self) -> int:
        return self.num_examples


class StreamedFeed:
    """Minibatches are the arrays that the data set's own `iterator` gives.

    Parameters
    ----------
    dataset : Dataset
        Or any object with an `iterator` like that of `Dataset`.

    Attributes
    ----------
    inputs : list of Aesara variables
        One for each array that `batch` was asked for; functions of minibatches take them.

    Examples
    --------
    >>> from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
    >>> from adversarial.space import VectorSpace
    >>> feed = StreamedFeed(DenseDesignMatrix(X=[[0, 1], [2, 3], [4, 5]]))
    >>> x = feed.batch((VectorSpace(2), "features"))
    >>> [feed.arguments(b)[0].tolist() for b in feed.minibatches("sequential", 2, None, None)]
    [[[0.0, 1.0], [2.0, 3.0]], [[4.0, 5.0]]]
    """

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset
        self._spaces: list = []
        self._sources: list[str] = []
        self.inputs: list = []

    def batch(self, data_specs: Any) -> Any:
        """The symbolic minibatch in the spaces of `data_specs`, nested alike."""
        space, source = data_specs
        if not isinstance(source, str):
            return tuple(self.batch(part) for part in zip(space.components, source))
        if not source:
            return None
        for own_space, own_source, variable in zip(self._spaces, self._sources, self.inputs):
            if own_source == source and own_space == space:
                return variable
        self._spaces.append(space)
        self._sources.append(source)
        self.inputs.append(space.make_theano_batch(name=source))
        return self.inputs[-1]

    def minibatches(
        self, mode: Any, batch_size: Optional[int], num_batches: Optional[int], rng: Any
    ) -> Minibatches:
        """One pass over the data; arguments as `ArrayDataset.iterator` has them."""
        found = iter(
            self.dataset.iterator(
                mode=mode,
                batch_size=batch_size,
                num_batches=num_batches,
                rng=rng,
                data_specs=(CompositeSpace(list(self._spaces)), tuple(self._sources)),
                return_tuple=True,
            )
        )
        return Minibatches(map(self._checked, found), getattr(found, "num_batches", num_batches))

    def rng_state(self) -> Any:
        """A copy of the data set's random generator `rng`, which its iterator may use, or None."""
        rng = getattr(self.dataset, "rng", None)
        generators = (np.random.RandomState, np.random.Generator)
        return copy.deepcopy(rng) if isinstance(rng, generators) else None

    def set_rng_state(self, state: Any) -> None:
        """Draw again what was drawn after `rng_state` gave `state`."""
        if state is not None:
            self.dataset.rng = copy.deepcopy(state)

    def arguments(self, batch: StreamedBatch) -> tuple:
        """The arguments of a function of `inputs`."""
        return tuple(batch)

    def design_matrix(self, batch: StreamedBatch) -> np.ndarray:
        """The minibatch's first array, for a channel's prerequisites."""
        return next(iter(batch))

    def _checked(self, batch: Any) -> StreamedBatch:
        whose = f"{type(self.dataset).__name__}.iterator"
        parts = batch if isinstance(batch, (tuple, list)) else (batch,)
        if len(parts) != len(self.inputs):
            raise ValueError(
                f"{whose} gave {len(parts)} arrays where {len(self.inputs)} were "
                f"asked for ({', '.join(self._sources) or 'none'})"
            )
        arrays, counts = [], set()
        for part, space, source, variable in zip(parts, self._spaces, self._sources, self.inputs):
            array = np.asarray(part)
            check_finite_array(array, f"{source} that {whose} gave")
            try:
                kinds = {array.dtype.kind, np.dtype(variable.dtype).kind}
                if "f" in kinds - {np.dtype(variable.dtype).kind}:
                    raise TypeError(f"{array.dtype} cannot become {variable.dtype}")
                array = array.astype(variable.dtype, copy=False)
                space.np_validate(array)
            except (TypeError, ValueError) as error:
                raise ValueError(f"{whose} gave {source} that do not fit: {error}") from error
            arrays.append(array)
            counts.add(array.shape[space.get_batch_axis()])
        if len(counts) != 1:
            raise ValueError(f"{whose} gave arrays of {sorted(counts)} examples in one minibatch")
        if counts == {0}:
            raise ValueError(
                f"{whose} gave a minibatch without an example, whose means are NaN\n"
                "Let it give minibatches that have examples only."
            )
        made = StreamedBatch(arrays)
        made.num_examples = counts.pop()
        return made


def _nothing() -> None:
    """In place of `follow_changes`, for a data set that has none."""
