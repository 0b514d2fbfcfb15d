"""Nested data specs, and the flat ones that hold each (space, source) once.

A cost's data specs are (space, source), nested alike: a CompositeSpace with a tuple of sources, one
for each of its components, which may be composite themselves.
"""

from __future__ import annotations

from typing import Any

from adversarial.space.base import Space
from adversarial.space.composite import CompositeSpace
from adversarial.space.null import NullSpace


class DataSpecsMapping:
    """Between what is nested as `data_specs` says and tuples without repetitions.

    Parameters
    ----------
    data_specs : (space, source)

    Attributes
    ----------
    specs_to_index : dict
        (space, source) -> its place in flat tuples.

    Examples
    --------
    >>> both = (CompositeSpace([v, CompositeSpace([v, w])]), ("x", ("x", "y")))  # doctest: +SKIP
    >>> mapping = DataSpecsMapping(both)                                         # doctest: +SKIP
    >>> mapping.flatten(both[1]), mapping.nest(("a", "b"))                       # doctest: +SKIP
    (('x', 'y'), ('a', ('a', 'b')))
    """

    def __init__(self, data_specs: tuple) -> None:
        self.specs_to_index: dict[tuple[Space, str], int] = {}
        space, source = data_specs
        self.spec_mapping = self._number(space, source)
        self.n_unique_specs = len(self.specs_to_index)

    def _number(self, space: Space, source: Any) -> Any:
        if isinstance(space, CompositeSpace):
            if not isinstance(source, tuple) or len(source) != len(space.components):
                raise ValueError(
                    f"{space} needs a tuple of {len(space.components)} sources, not {source!r}"
                )
            return tuple(map(self._number, space.components, source))
        if isinstance(space, NullSpace):
            if source:
                raise ValueError(f"NullSpace has no data, so no source {source!r}")
            return None
        if isinstance(source, (tuple, list)):
            raise ValueError(f"{space} needs one source, not {source!r}")
        return self.specs_to_index.setdefault((space, source), len(self.specs_to_index))

    def flatten(self, nested: Any, return_tuple: bool = False) -> Any:
        """What `nested` (nested as the data specs) holds at each unique place, as a tuple.

        A single one comes bare, unless `return_tuple`. ValueError where it is nested otherwise, or
        holds different things in places that are one.
        """
        found: list[Any] = [None] * self.n_unique_specs
        filled: set[int] = set()
        self._collect(nested, self.spec_mapping, found, filled)
        return found[0] if len(found) == 1 and not return_tuple else tuple(found)

    def _collect(self, nested: Any, mapping: Any, found: list, filled: set[int]) -> None:
        if mapping is None:
            return
        if isinstance(mapping, int):
            if mapping in filled and found[mapping] is not nested and found[mapping] != nested:
                raise ValueError(f"{nested!r} and {found[mapping]!r} stand where one thing belongs")
            found[mapping] = nested
            filled.add(mapping)
            return
        parts = nested.components if isinstance(nested, CompositeSpace) else nested
        if not isinstance(parts, (tuple, list)) or len(parts) != len(mapping):
            raise ValueError(f"{nested!r} is not nested as the data specs, {mapping!r}, are")
        for part, inner in zip(parts, mapping):
            self._collect(part, inner, found, filled)

    def nest(self, flat: Any) -> Any:
        """The inverse of `flatten`: the parts of `flat`, in all their places."""
        if self.n_unique_specs == 1 and not isinstance(flat, (tuple, list)):
            flat = (flat,)
        if len(flat) != self.n_unique_specs:
            raise ValueError(f"{len(flat)} parts for {self.n_unique_specs} data specs")
        return self._place(self.spec_mapping, flat)

    def _place(self, mapping: Any, flat: Any) -> Any:
        if mapping is None:
            return None
        if isinstance(mapping, int):
            return flat[mapping]
        return tuple(self._place(inner, flat) for inner in mapping)


def is_flat_space(space: Space) -> bool:
    """Whether no component of `space` is composite."""
    if not isinstance(space, CompositeSpace):
        return True
    return not any(isinstance(part, CompositeSpace) for part in space.components)


def is_flat_source(source: Any) -> bool:
    """Whether `source` is one name, or a tuple of names."""
    return not isinstance(source, tuple) or all(isinstance(part, str) for part in source)


def is_flat_specs(data_specs: tuple) -> bool:
    """Whether both parts of `data_specs` are flat."""
    return is_flat_space(data_specs[0]) and is_flat_source(data_specs[1])
