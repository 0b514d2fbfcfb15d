"""`CompositeSpace`: batches are tuples of batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import aesara.tensor as at
import numpy as np

from adversarial.space.arrays import (
    check_shape,
    declare_shape,
    describe,
    static_shape,
)
from adversarial.space.base import Batch, Dtype, Space
from adversarial.space.null import NullSpace


class CompositeSpace(Space):
    """Points are tuples, one part from each of `components`, which may be composite too.

    Formatted as another CompositeSpace of the same tree, each part is converted by itself.
    Formatted as a `VectorSpace`, the vectors of the parts are laid side by side, first component
    first; the reverse conversion cuts them apart. For a method that takes a `dtype` or a `name`,
    one value is for all components, and a (nested) tuple gives each component its own.

    Parameters
    ----------
    components : list of Space
    **kwargs
        As `Space` takes them.

    Raises
    ------
    TypeError
        If `components` is not a list or tuple of spaces.

    Examples
    --------
    >>> from adversarial.space import VectorSpace
    >>> both = CompositeSpace([VectorSpace(3), VectorSpace(2)])
    >>> batch = np.zeros((5, 3), "float32"), np.ones((5, 2), "float32")
    >>> both.np_format_as(batch, VectorSpace(5))[0]
    array([0., 0., 0., 1., 1.], dtype=float32)
    """

    def __init__(self, components: Sequence[Space], **kwargs: Any):
        super().__init__(**kwargs)
        if not isinstance(components, (list, tuple)):
            raise TypeError(f"components must be a list of spaces, got {components!r}")
        for i, component in enumerate(components):
            if not isinstance(component, Space):
                raise TypeError(f"component {i} of CompositeSpace is {component!r}, not a Space")
        self.components = list(components)

    def __str__(self) -> str:
        return f"CompositeSpace({', '.join(str(c) for c in self.components)})"

    def _key(self) -> tuple:
        return tuple(self.components)

    @property
    def dtype(self) -> tuple:
        """The components' dtypes, as a (nested) tuple."""
        return tuple(component.dtype for component in self.components)

    @dtype.setter
    def dtype(self, new_dtype: Dtype) -> None:
        spread = not isinstance(new_dtype, tuple)
        for component, dtype in zip(self.components, self._for_each("dtype", new_dtype)):
            if not (spread and isinstance(component, NullSpace)):
                component.dtype = dtype

    def restrict(self, subset: Sequence[int]) -> Space:
        """The space of some components.

        Parameters
        ----------
        subset : list of int
            Indices of the components, in the order of the result.

        Returns
        -------
        Space
            The component itself if `subset` has one index, else a CompositeSpace.
        """
        parts = [self.components[i] for i in self._checked_subset(subset)]
        return parts[0] if len(parts) == 1 else CompositeSpace(parts)

    def get_total_dimension(self) -> int:
        return sum(component.get_total_dimension() for component in self.components)

    def get_origin(self) -> tuple:
        return tuple(component.get_origin() for component in self.components)

    def get_origin_batch(self, batch_size: int, dtype: Dtype = None) -> tuple:
        dtypes = self._clean_dtype_arg(dtype)
        return tuple(
            component.get_origin_batch(batch_size, dtype)
            for component, dtype in zip(self.components, dtypes)
        )

    def make_shared_batch(
        self, batch_size: int, name: str | None = None, dtype: Dtype = None
    ) -> tuple:
        return tuple(
            component.make_shared_batch(batch_size, name=part, dtype=dtype)
            for component, part, dtype in zip(
                self.components, self._names(name), self._clean_dtype_arg(dtype)
            )
        )

    def make_aesara_batch(
        self, name: Any = None, dtype: Dtype = None, batch_size: int | None = None
    ) -> tuple:
        return tuple(
            component.make_aesara_batch(name=part, dtype=dtype, batch_size=batch_size)
            for component, part, dtype in zip(
                self.components, self._names(name), self._clean_dtype_arg(dtype)
            )
        )

    def get_batch(self, data: Batch, start: int, end: int) -> tuple:
        return tuple(
            component.get_batch(part, start, end) for component, part in zip(self.components, data)
        )

    def _validate_impl(self, is_numeric: bool, batch: Batch) -> None:
        if not isinstance(batch, tuple):
            raise TypeError(f"a batch of {self} is a tuple, got {describe(batch)}")
        if len(batch) != len(self.components):
            raise ValueError(
                f"a batch of {self} has {len(self.components)} parts, got {len(batch)}: "
                f"{describe(batch)}"
            )
        for component, part in zip(self.components, batch):
            component._validate(is_numeric, part)

    def _batch_size_impl(self, is_numeric: bool, batch: Batch) -> Any:
        sizes = [
            component._batch_size_impl(is_numeric, part)
            for component, part in zip(self.components, batch)
            if not _holds_nothing(component)
        ]
        if is_numeric and len(set(sizes)) > 1:
            raise ValueError(f"parts of a batch of {self} differ in batch size: {sizes}")
        return sizes[0] if sizes else 0

    def _check_sizes(self, space: Space) -> None:
        if not isinstance(space, CompositeSpace):
            super()._check_sizes(space)
        elif len(space.components) != len(self.components):
            raise ValueError(
                f"cannot format {self} as {space}: {len(self.components)} components against "
                f"{len(space.components)}"
            )

    def _format_as_impl(self, is_numeric: bool, batch: Batch, space: Space) -> Batch:
        if not isinstance(space, CompositeSpace):
            return super()._format_as_impl(is_numeric, batch, space)
        pairs = self._pairs(space)
        return tuple(
            mine._format_as(is_numeric, part, other) for (mine, other), part in zip(pairs, batch)
        )

    def _undo_format_as_impl(self, is_numeric: bool, batch: Batch, space: Space) -> Batch:
        if not isinstance(space, CompositeSpace):
            return super()._undo_format_as_impl(is_numeric, batch, space)
        pairs = self._pairs(space)
        return tuple(
            mine._undo_format_as(is_numeric, part, other)
            for (mine, other), part in zip(pairs, batch)
        )

    def _to_vector(self, is_numeric: bool, batch: Batch) -> Batch:
        pieces = [
            component._to_vector(is_numeric, part)
            for component, part in zip(self.components, batch)
            if not _holds_nothing(component)
        ]
        if not pieces:
            raise TypeError(f"{self} holds no data and has no vector form")
        if len(pieces) == 1:
            return pieces[0]
        if is_numeric:
            return np.concatenate(pieces, axis=1)
        length = next((n for n in (static_shape(p)[0] for p in pieces) if n is not None), None)
        joined = at.concatenate(pieces, axis=1)
        return declare_shape(joined, (length, self.get_total_dimension()))

    def _from_vector(self, is_numeric: bool, matrix: Batch) -> tuple:
        length = static_shape(matrix)[0]
        matrix = check_shape(matrix, (length, self.get_total_dimension()))
        parts, start = [], 0
        for component in self.components:
            stop = start + component.get_total_dimension()
            if _holds_nothing(component):
                part = component.get_origin()
            else:
                part = declare_shape(matrix[:, start:stop], (length, stop - start))
                part = component._from_vector(is_numeric, part)
            parts.append(part)
            start = stop
        return tuple(parts)

    def _pairs(self, space: CompositeSpace) -> list:
        """Components of both spaces, side by side; TypeError if only one of two is composite."""
        pairs = list(zip(self.components, space.components))
        for mine, other in pairs:
            if isinstance(mine, CompositeSpace) != isinstance(other, CompositeSpace):
                raise TypeError(f"cannot format {self} as {space}: their trees differ")
        return pairs

    def _clean_dtype_arg(self, dtype: Dtype) -> tuple:
        dtypes = self._for_each("dtype", dtype)
        return tuple(c._clean_dtype_arg(d) for c, d in zip(self.components, dtypes))

    def _names(self, name: Any) -> Sequence[Any]:
        if isinstance(name, str):
            return [f"{name}[{i}]" for i in range(len(self.components))]
        return self._for_each("name", name)

    def _for_each(self, what: str, value: Any) -> Sequence[Any]:
        """`value` for every component, or its parts if it is a sequence."""
        if not isinstance(value, (list, tuple)):
            return [value] * len(self.components)
        if len(value) != len(self.components):
            raise ValueError(
                f"{what} {value!r} has {len(value)} parts for the {len(self.components)} "
                f"components of {self}"
            )
        return value

    def _checked_subset(self, subset: Sequence[int]) -> Sequence[int]:
        if not isinstance(subset, (list, tuple)):
            raise TypeError(f"subset must be a list of component indices, got {subset!r}")
        for i in subset:
            if not 0 <= i < len(self.components):
                raise ValueError(f"{self} has no component {i!r}")
        return subset


def _holds_nothing(space: Space) -> bool:
    if isinstance(space, CompositeSpace):
        return all(_holds_nothing(component) for component in space.components)
    return isinstance(space, NullSpace)
