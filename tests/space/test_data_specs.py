"""Nested and flat data specs."""

from __future__ import annotations

import numpy as np
import pytest

from adversarial.space import CompositeSpace, IndexSpace, NullSpace, VectorSpace
from adversarial.space.data_specs import DataSpecsMapping, nested_source

V, W = VectorSpace(3), IndexSpace(max_labels=4, dim=1)
NESTED = (CompositeSpace([V, CompositeSpace([W, V, NullSpace()]), V]), ("x", ("y", "x", ""), "z"))


def test_there_and_back():
    mapping = DataSpecsMapping(NESTED)
    assert mapping.flatten(NESTED[0]) == (V, W, V)
    assert mapping.flatten(NESTED[1]) == ("x", "y", "z")
    assert mapping.nest(("a", "b", "c")) == ("a", ("b", "a", None), "c")
    assert mapping.flatten(("a", ("b", "a", None), "c")) == ("a", "b", "c")


def test_a_single_one():
    mapping = DataSpecsMapping((V, "x"))
    assert mapping.flatten("a") == "a" and mapping.flatten("a", return_tuple=True) == ("a",)
    assert mapping.nest(("a",)) == mapping.nest("a") == "a"
    nothing = DataSpecsMapping((NullSpace(), ""))
    assert nothing.flatten(None) == () and nothing.nest(()) is None


def test_arrays_of_one_source():
    mapping = DataSpecsMapping((CompositeSpace([V, V]), ("x", "x")))
    array = np.random.RandomState(0).rand(2, 3)
    assert mapping.flatten((array, array.copy())) is not None
    for other in array + 1, array[:1], "a":
        with pytest.raises(ValueError, match="have one"):
            mapping.flatten((array, other))


@pytest.mark.parametrize(
    "specs",
    [
        (V, ("x", "y")),
        (CompositeSpace([V, W]), "x"),
        (CompositeSpace([V, W]), ("x",)),
        (NullSpace(), "x"),
    ],
)
def test_specs_that_do_not_fit(specs):
    with pytest.raises(ValueError):
        DataSpecsMapping(specs)


def test_things_that_do_not_fit():
    mapping = DataSpecsMapping(NESTED)
    with pytest.raises(ValueError, match="not nested as"):
        mapping.flatten(("a", "b", "c"))
    with pytest.raises(ValueError, match="'d' and 'a' have one"):
        mapping.flatten(("a", ("b", "d", None), "c"))
    with pytest.raises(ValueError, match="2 parts for 3"):
        mapping.nest(("a", "b"))


def test_sources_of_a_yaml_file_are_lists():
    space = CompositeSpace([V, CompositeSpace([W, V])])
    assert nested_source(["x", ["y", ["z"]]], space) == ("x", ("y", "z"))
    assert nested_source(["x"], CompositeSpace([V])) == ("x",)
    assert nested_source(["x"], V) == nested_source("x", V) == "x"
    for source, wanted in ((["x", "y"], V), (["x"], space), (["x", "y"], space)):
        with pytest.raises(ValueError, match="sources?, not"):
            DataSpecsMapping((wanted, nested_source(source, wanted)))
