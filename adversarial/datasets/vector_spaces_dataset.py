"""Data sets of any number of arrays, each with a space and a name of its own."""

from __future__ import annotations

from typing import Any, Optional

import numpy as np

from adversarial.datasets.dataset import Dataset
from adversarial.datasets.resident import ResidentArrays
from adversarial.space import CompositeSpace, Space
from adversarial.utils.iteration import FiniteDatasetIterator, as_rng, resolve_iterator_class

_default_seed = (17, 2, 946)


class VectorSpacesDataset(Dataset):
    """Arrays that a cost or a model asks for by name.

    Parameters
    ----------
    data : array, or tuple of arrays
        The first axis of each counts examples.
    data_specs : (space, source)
        The space of an array and its name; for a tuple a CompositeSpace and a tuple of names.
    rng : RandomState or seed
        For iteration in random order.

    Raises
    ------
    ValueError
        When the arrays differ in their number of examples, a name is given twice, or an array is
        no batch of its space.

    Examples
    --------
    >>> space = CompositeSpace([VectorSpace(3), IndexSpace(max_labels=4, dim=1)])  # doctest: +SKIP
    >>> VectorSpacesDataset((X, y), (space, ("features", "targets")))              # doctest: +SKIP
    """

    def __init__(
        self,
        data: Any = None,
        data_specs: Any = None,
        rng: Any = _default_seed,
        preprocessor: Any = None,
        fit_preprocessor: bool = False,
    ) -> None:
        if preprocessor is not None:
            raise ValueError("VectorSpacesDataset takes no preprocessor: apply it to the arrays")
        if data is None or data_specs is None:
            raise ValueError("VectorSpacesDataset needs data and data_specs")
        space, source = data_specs
        source = tuple(source) if isinstance(source, list) else source
        single = isinstance(source, str)
        spaces = (space,) if single else getattr(space, "components", ())
        arrays = (data,) if single else tuple(data)
        names = (source,) if single else source
        if not len(spaces) == len(arrays) == len(names):
            raise ValueError(
                f"data_specs: {len(spaces)} spaces and {len(names)} names for {len(arrays)} arrays"
            )
        if any(isinstance(part, CompositeSpace) for part in spaces):
            raise ValueError("data_specs must not be nested: give a space an array")
        if len(set(names)) < len(names):
            raise ValueError(f"data_specs give a name twice: {names!r}")
        self._columns: dict[str, tuple[Space, np.ndarray]] = {}
        for part, name, array in zip(spaces, names, arrays):
            if part.get_batch_axis() != 0:
                raise ValueError(f"{name}: the first axis must count examples, not as in {part}")
            array = np.asarray(array)
            if part.dtype is not None and part.dtype != str(array.dtype):
                array = array.astype(part.dtype)
            part.np_validate(array)
            self._columns[name] = (part, array)
        counts = {name: len(array) for name, (_, array) in self._columns.items()}
        if len(set(counts.values())) != 1:
            raise ValueError(f"the arrays differ in their number of examples: {counts}")
        self.data_specs = (space, source)
        self.default_rng = as_rng(rng)
        self.rng = as_rng(rng)
        self._resident = ResidentArrays()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_resident"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._resident = ResidentArrays()

    def get_num_examples(self) -> int:
        return len(next(iter(self._columns.values()))[1])

    def get_data_specs(self) -> tuple:
        return self.data_specs

    def get_data(self) -> Any:
        arrays = tuple(array for _, array in self._columns.values())
        return arrays[0] if isinstance(self.data_specs[1], str) else arrays

    def get_source(self, name: str) -> np.ndarray:
        """The array of that name."""
        return self._column(name)[1]

    def get_targets(self) -> Optional[np.ndarray]:
        return self._columns["targets"][1] if self.has_targets() else None

    def has_targets(self) -> bool:
        return "targets" in self._columns

    def _column(self, name: str) -> tuple[Space, np.ndarray]:
        if name not in self._columns:
            raise ValueError(f"this dataset has no {name!r}, only {sorted(self._columns)}")
        return self._columns[name]

    def iterator(
        self,
        mode=None,
        batch_size=None,
        num_batches=None,
        rng=None,
        data_specs=None,
        return_tuple=False,
    ) -> FiniteDatasetIterator:
        """Minibatches as NumPy arrays; by default all arrays, in their own spaces."""
        subsets = resolve_iterator_class("sequential" if mode is None else mode)
        if subsets.stochastic and rng is None:
            rng = self.rng
        return FiniteDatasetIterator(
            self,
            subsets(self.get_num_examples(), batch_size, num_batches, rng),
            data_specs,
            return_tuple,
        )

    def symbolic_batch(self, indices: Any, data_specs: tuple) -> Any:
        """The examples `indices` in the spaces of `data_specs`; see `DenseDesignMatrix`."""
        space, source = data_specs
        if not isinstance(source, str):
            if len(space.components) != len(source):
                raise ValueError(f"{len(space.components)} spaces for the sources {source!r}")
            return tuple(
                self.symbolic_batch(indices, part) for part in zip(space.components, source)
            )
        if not source:
            return None
        own, array = self._column(source)
        return own.format_as(self._resident.rows(source, array, indices), space)
