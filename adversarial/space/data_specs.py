"""Data specs, which say what data a cost or a model takes, as nested tuples and as flat ones.

Data specs are a pair (space, source). The source is the data set's name for what lies in the space,
'features' or 'targets'; a CompositeSpace has a tuple of sources, nested as it is. A data set
delivers each (space, source) once, in a flat tuple.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adversarial.space.base import Space
from adversarial.space.composite import CompositeSpace
from adversarial.space.null import NullSpace


class DataSpecsMapping:
    """Converts between tuples nested as data specs are and flat tuples without repetitions.

    Parameters
    ----------
    data_specs : (Space, str or nested tuple of str)

    Attributes
    ----------
    specs_to_index : dict of (Space, str) to int
        The position of each (space, source) in flat tuples.

    Raises
    ------
    ValueError
        If the source is not nested as the space is.

    Examples
    --------
    >>> from adversarial.space import VectorSpace
    >>> v, w = VectorSpace(3), VectorSpace(2)
    >>> mapping = DataSpecsMapping((CompositeSpace([v, CompositeSpace([v, w])]), ("x", ("x", "y"))))
    >>> mapping.flatten(("a", ("a", "b"))), mapping.nest(("a", "b"))
    (('a', 'b'), ('a', ('a', 'b')))
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
        """The flat form of `nested`, which is nested as the data specs are.

        Parameters
        ----------
        nested : nested tuple, or CompositeSpace
        return_tuple : bool
            Return a tuple also if it has one element only, instead of that element.

        Raises
        ------
        ValueError
            If `nested` is nested otherwise, or differs in two places of the same (space, source).
        """
        found: list[Any] = [None] * self.n_unique_specs
        filled: set[int] = set()
        self._collect(nested, self.spec_mapping, found, filled)
        return found[0] if len(found) == 1 and not return_tuple else tuple(found)

    def _collect(self, nested: Any, mapping: Any, found: list, filled: set[int]) -> None:
        if mapping is None:
            return
        if isinstance(mapping, int):
            if mapping in filled and not _is_same(found[mapping], nested):
                raise ValueError(f"{nested!r} and {found[mapping]!r} have one (space, source)")
            found[mapping] = nested
            filled.add(mapping)
            return
        parts = nested.components if isinstance(nested, CompositeSpace) else nested
        if not isinstance(parts, (tuple, list)) or len(parts) != len(mapping):
            raise ValueError(f"{nested!r} is not nested as the data specs, {mapping!r}, are")
        for part, inner in zip(parts, mapping):
            self._collect(part, inner, found, filled)

    def nest(self, flat: Any) -> Any:
        """The inverse of `flatten`; ValueError if `flat` has another number of parts."""
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


def _is_same(one: Any, other: Any) -> bool:
    """Whether two parts are equal; arrays by their values."""
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return one is other or bool(np.array_equal(one, other))
    return one is other or bool(one == other)


def nested_source(source: Any, space: Space) -> Any:
    """The source for `space`: lists, which a YAML file has, become tuples.

    Examples
    --------
    >>> from adversarial.space import VectorSpace
    >>> nested_source(["x", "y"], CompositeSpace([VectorSpace(3), VectorSpace(2)]))
    ('x', 'y')
    >>> nested_source(["x"], VectorSpace(3))
    'x'
    """
    if not isinstance(source, (list, tuple)):
        return source
    if not isinstance(space, CompositeSpace):
        return source[0] if len(source) == 1 else tuple(source)
    if len(source) != len(space.components):
        return tuple(source)  # which DataSpecsMapping refuses
    return tuple(map(nested_source, source, space.components))
