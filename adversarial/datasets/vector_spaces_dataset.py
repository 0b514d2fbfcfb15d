"""Data sets of any number of arrays, each with a space and a name of its own."""

from __future__ import annotations

from typing import Any, Optional

import numpy as np

from adversarial.datasets.array_dataset import ArrayDataset
from adversarial.datasets.dataset import DataSpecs
from adversarial.datasets.finite import check_real_array
from adversarial.space import CompositeSpace, Space, VectorSpace, format_data
from adversarial.space.image_rows import depends_on_order
from adversarial.utils.budget import spend
from adversarial.utils.iteration import DEFAULT_SEED


class VectorSpacesDataset(ArrayDataset):
    """Arrays that a cost or a model asks for by name.

    Images (of a Conv2DSpace) become vectors channel after channel, as samples of a generator do.

    Parameters
    ----------
    data : array, or tuple of arrays
        The first axis of each counts examples.
    data_specs : (space, source)
        The space of an array and its name; for a tuple a CompositeSpace and a tuple of names.
    rng : RandomState or seed
        For iteration in random order.
    preprocessor, fit_preprocessor
        Refused: apply a preprocessor to the arrays.

    Raises
    ------
    ValueError
        When the arrays differ in their number of examples, a name is given twice, or an array is
        no batch of its space, such as labels that are no whole numbers.

    Examples
    --------
    >>> from adversarial.space import IndexSpace, VectorSpace
    >>> X, y = np.zeros((5, 3), "float32"), np.zeros((5, 1), int)
    >>> space = CompositeSpace([VectorSpace(3), IndexSpace(max_labels=4, dim=1)])
    >>> data = VectorSpacesDataset((X, y), (space, ("features", "targets")))
    >>> [len(x) for x, y in data.iterator("sequential", batch_size=2)]
    [2, 2, 1]
    """

    def __init__(
        self,
        data: Any = None,
        data_specs: Any = None,
        rng: Any = DEFAULT_SEED,
        preprocessor: Any = None,
        fit_preprocessor: bool = False,
    ) -> None:
        super().__init__()
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
            check_real_array(array, name)
            if part.dtype is not None and part.dtype != str(array.dtype):
                size = array.size * np.dtype(part.dtype).itemsize
                spend(f"{array.size} {name} as {part.dtype}", size, size)
                array = _converted(array, part.dtype, name)
            part.np_validate(array)
            self._columns[name] = (part, array)
        counts = {name: len(array) for name, (_, array) in self._columns.items()}
        if len(set(counts.values())) != 1:
            raise ValueError(f"the arrays differ in their number of examples: {counts}")
        self.data_specs = (space, source)
        self.reset_RNG(rng)

    def get_num_examples(self) -> int:
        return len(next(iter(self._columns.values()))[1])

    def get_data_specs(self) -> DataSpecs:
        return self.data_specs

    def get_source(self, name: str) -> np.ndarray:
        """The array of that name."""
        return self._column(name)[0]

    def get_targets(self) -> Optional[np.ndarray]:
        return self._columns["targets"][1] if self.has_targets() else None

    def has_targets(self) -> bool:
        return "targets" in self._columns

    def _column(self, source: str) -> tuple[np.ndarray, Space]:
        if source not in self._columns:
            raise ValueError(f"this dataset has no {source!r}, only {sorted(self._columns)}")
        space, array = self._columns[source]
        return array, space

    def _format(self, source: str, rows: Any, space: Space) -> Any:
        own = self._column(source)[1]
        if isinstance(own, VectorSpace) and depends_on_order(space):
            raise ValueError(
                f"{source!r} of the data set does not say how its vectors are the images of {space}"
                ": give it as images, in a Conv2DSpace"
            )
        return format_data(rows, own, space)


def _converted(array: np.ndarray, dtype: str, name: str) -> np.ndarray:
    """`array` in `dtype`; ValueError where a label would become another one.

    1.7 would become 1, and 300 in 8 bits 44.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        converted = array.astype(dtype)
    if converted.dtype.kind in "iu" and array.dtype.kind != "b":
        differ = np.argwhere(converted != array)
        if len(differ):
            row, value = differ[0][0], array[tuple(differ[0])]
            raise ValueError(
                f"{name}: row {row} holds {value}, which is no number of type {dtype}\n"
                "Give whole numbers in the range of this type, or a VectorSpace."
            )
    return converted
