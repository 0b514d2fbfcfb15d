"""Minibatches of data sets that hold their examples in arrays.

`ArrayDataset` is the base of `DenseDesignMatrix` and `VectorSpacesDataset`. A subclass says which
arrays there are; this class takes rows of them, as NumPy arrays (`iterator`) and as symbolic
variables of functions to be compiled (`symbolic_batch`), and converts both to the spaces that a
model or a cost asks for.
"""

from __future__ import annotations

import copy
import functools
from typing import Any

import numpy as np

from adversarial.datasets.dataset import Dataset, DataSpecs
from adversarial.datasets.device_array import DeviceArrays
from adversarial.space import IndexSpace, Space
from adversarial.utils.iteration import FiniteDatasetIterator, as_rng, resolve_iterator_class


class ArrayDataset(Dataset):
    """Examples along the first axis of arrays that are indexed by row.

    A subclass defines `get_data_specs`, `get_num_examples` and `_column`, and calls `reset_RNG` in
    its constructor.

    Attributes
    ----------
    rng : numpy.random.RandomState
        Of iterators that draw and are given no generator.

    Examples
    --------
    >>> from adversarial.space import VectorSpace
    >>> class Squares(ArrayDataset):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.X = np.array([[0.0], [1.0], [4.0]], "float32")
    ...         self.reset_RNG(0)
    ...     def get_data_specs(self):
    ...         return VectorSpace(1), "features"
    ...     def get_num_examples(self):
    ...         return len(self.X)
    ...     def _column(self, source):
    ...         return self.X, VectorSpace(1)
    >>> [batch.tolist() for batch in Squares().iterator(batch_size=2)]
    [[[0.0], [1.0]], [[4.0]]]
    """

    # Attributes that compiled functions have a copy of, or depend on.
    in_functions: tuple[str, ...] = ()
    default_rng: np.random.RandomState
    rng: np.random.RandomState

    def __init__(self) -> None:
        self._device = DeviceArrays()

    def _column(self, source: str) -> tuple[Any, Space]:
        """The array of that name, and its space; ValueError where there is none."""
        raise NotImplementedError(f"{type(self).__name__} has no arrays")

    def _format(self, source: str, rows: Any, space: Space) -> Any:
        """Rows of the array `source`, numeric or symbolic, in `space`."""
        own = self._column(source)[1]
        if isinstance(rows, np.ndarray):
            return own.np_format_as(rows, space)
        return own.format_as(rows, space)

    def _default_data_specs(self) -> DataSpecs:
        """What `iterator` gives unless told."""
        return self.get_data_specs()

    # Minibatches

    def get_data(self) -> Any:
        """All examples: an array, or a tuple of arrays, as `get_data_specs` says."""
        source = self.get_data_specs()[1]
        if isinstance(source, str):
            return self._column(source)[0]
        return tuple(self._column(name)[0] for name in source)

    def iterator(
        self,
        mode: Any = None,
        batch_size: int | None = None,
        num_batches: int | None = None,
        rng: Any = None,
        data_specs: DataSpecs | None = None,
        return_tuple: bool = False,
    ) -> FiniteDatasetIterator:
        """Minibatches as NumPy arrays.

        Parameters
        ----------
        mode : str or subclass of SubsetIterator, optional
            A name that `adversarial.utils.iteration` knows; "sequential" by default.
        batch_size, num_batches : int, optional
            Examples in a minibatch, and how many minibatches; which are needed depends on `mode`.
        rng : RandomState or seed, optional
            For modes that draw; the data set's own by default.
        data_specs : (space, source), optional
            Which arrays, in which spaces: a name, or a tuple of names nested as `space` is.
        return_tuple : bool
            Whether a single array comes as a tuple of one.
        """
        subsets = resolve_iterator_class("sequential" if mode is None else mode)
        if subsets.stochastic and rng is None:
            rng = self.rng
        own = self.get_data_specs()[1]
        names = (own,) if isinstance(own, str) else own
        return FiniteDatasetIterator(
            self,
            subsets(self.get_num_examples(), batch_size, num_batches, rng),
            self._default_data_specs() if data_specs is None else data_specs,
            return_tuple,
            {name: functools.partial(self._format, name) for name in names},
        )

    def symbolic_batch(self, indices: Any, data_specs: DataSpecs) -> Any:
        """The examples `indices` as symbolic variables, in the spaces of `data_specs`.

        All compiled functions share one copy of the data.

        Parameters
        ----------
        indices : int64 vector (Aesara)
        data_specs : (space, source)
            A tuple of sources, nested as the space is, gives a tuple. The source '' (of a
            NullSpace) gives None.
        """
        space, source = data_specs
        if not isinstance(source, str):
            if len(space.components) != len(source):
                raise ValueError(f"{len(space.components)} spaces for the sources {source!r}")
            return tuple(
                self.symbolic_batch(indices, part) for part in zip(space.components, source)
            )
        if not source:
            return None
        array, own = self._column(source)
        rows = self._device.rows(source, array, indices)
        if not isinstance(own, IndexSpace):
            rows = rows.astype(own.dtype)
        return self._format(source, rows, space)

    # Data that changes while functions use it

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name in self.in_functions:
            self._note_change()

    def _note_change(self) -> None:
        device = self.__dict__.get("_device")
        if device is not None and device.sources():
            device.is_stale = True

    def follow_changes(self) -> None:
        """Make compiled functions use the data as it is now.

        Called before each pass over the data (an epoch, a monitoring). It notices what was assigned
        to an attribute of `in_functions`, and what the methods changed that set these. The number
        of rows may change.

        Raises
        ------
        ValueError
            Where a row has another shape or type than when functions were compiled.
        """
        if not self._device.is_stale:
            return
        self._check_changes()
        for source in self._device.sources():
            self._device.update(source, self._column(source)[0])
        self._device.is_stale = False

    def _check_changes(self) -> None:
        """ValueError where the arrays do not fit together."""

    # The stream of random draws

    def reset_RNG(self, rng: Any = None) -> None:  # noqa: N802
        """Back to the generator's first state, or to that of `rng` (RandomState or seed)."""
        if rng is not None:
            self.default_rng = copy.deepcopy(as_rng(rng))
        self.rng = copy.deepcopy(self.default_rng)

    def restart_stream(self) -> None:
        """Back to the generator's first state."""
        self.reset_RNG()

    def get_stream_position(self) -> np.random.RandomState:
        """A copy of the generator."""
        return copy.deepcopy(self.rng)

    def set_stream_position(self, pos: np.random.RandomState) -> None:
        """Draw again what was drawn after `get_stream_position` gave `pos`."""
        self.rng = copy.deepcopy(pos)

    # Saving

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_device"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._device = DeviceArrays()
