"""Tuples of batches, converted part by part or laid side by side."""

from __future__ import annotations

import adversarial.backend as backend  # isort: split

import aesara.tensor as at
import numpy as np
import pytest
from space_test_things import flat, images, nested, nested_batch, run

from adversarial.space import (
    CompositeSpace,
    Conv2DSpace,
    IndexSpace,
    NullSpace,
    VectorSpace,
)


def test_matrix_of_unknown_width_is_checked_when_it_is_cut():
    x = at.matrix(dtype=backend.floatX)
    parts = VectorSpace(3).format_as(x, CompositeSpace([VectorSpace(1), VectorSpace(2)]))
    fn = backend.function([x], list(parts), mode="FAST_COMPILE")
    assert [part.shape for part in fn(np.zeros((4, 3), backend.floatX))] == [(4, 1), (4, 2)]
    with pytest.raises(AssertionError):
        fn(np.zeros((4, 5), backend.floatX))


def test_composite_to_vector_lays_parts_side_by_side():
    space, vectors, batch = nested(), VectorSpace(12), nested_batch(4)
    wanted = np.concatenate(
        [batch[0], batch[1][0].transpose(3, 1, 2, 0).reshape(4, 8), batch[1][1]], axis=1
    )
    np.testing.assert_array_equal(space.np_format_as(batch, vectors), wanted)
    np.testing.assert_array_equal(run(space, vectors, batch)[0], wanted)
    for back in (
        flat(vectors.np_format_as(wanted, space)),
        run(vectors, space, wanted),
        run(vectors, space, wanted, "undo_format_as"),
    ):
        for part, original in zip(back, flat(batch)):
            np.testing.assert_array_equal(part, original)


def test_composite_to_composite_converts_part_by_part():
    source = CompositeSpace([VectorSpace(8), IndexSpace(4, 1)])
    image = Conv2DSpace((2, 2), num_channels=2, axes=("b", "c", 0, 1))
    target = CompositeSpace([image, VectorSpace(4)])
    batch = images(Conv2DSpace((1, 1), num_channels=8), 3).reshape(3, 8), np.array([[1], [3], [0]])
    first, second = source.np_format_as(batch, target)
    np.testing.assert_array_equal(first, batch[0].reshape(3, 2, 2, 2).transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(second, np.eye(4)[[1, 3, 0]])
    for value, wanted in zip(run(source, target, batch), (first, second)):
        np.testing.assert_array_equal(value, wanted)
    undone = source.undo_np_format_as((first, second), target)
    for value, wanted in zip(undone, batch):
        np.testing.assert_array_equal(value, wanted)


def test_composite_refuses_another_tree():
    source = CompositeSpace([VectorSpace(2), VectorSpace(2)])
    batch = source.get_origin_batch(1)
    with pytest.raises(TypeError, match="trees differ"):
        source.np_format_as(batch, CompositeSpace([VectorSpace(2), source.restrict([0, 1])]))
    with pytest.raises(ValueError, match="2 components against 1"):
        source.np_format_as(batch, CompositeSpace([VectorSpace(4)]))
    with pytest.raises(TypeError, match="no vector form"):
        labels = CompositeSpace([IndexSpace(2, 1)])
        labels.np_format_as(labels.get_origin_batch(1), VectorSpace(1))


def test_composite_dtype_is_a_tree():
    space = CompositeSpace([VectorSpace(2), CompositeSpace([IndexSpace(2, 1), NullSpace()])])
    null = NullSpace().dtype
    assert space.dtype == (backend.floatX, ("int64", null))
    space.dtype = ("float64", ("int32", null))
    assert space.dtype == ("float64", ("int32", null))
    space.dtype = "int16"
    assert space.dtype == ("int16", ("int16", null))
    with pytest.raises(ValueError, match="has 1 parts for the 2 components"):
        space.dtype = ("int16",)


def test_restrict():
    space = nested()
    assert space.restrict([0]) == VectorSpace(3)
    assert space.restrict([1, 0]) == CompositeSpace([space.components[1], VectorSpace(3)])
    with pytest.raises(ValueError, match="no component 2"):
        space.restrict([2])
    with pytest.raises(TypeError, match="list of component indices, got 0"):
        space.restrict(0)


def test_null_space_holds_nothing():
    null = NullSpace()
    null.validate(None)
    null.np_validate(None)
    assert null.make_theano_batch() is None
    assert null.np_format_as(None, NullSpace()) is None
    assert null.np_batch_size(None) == 0
    with pytest.raises(TypeError, match="no data"):
        null.np_format_as(None, VectorSpace(1))

    space = CompositeSpace([null, VectorSpace(2)])
    batch = space.get_origin_batch(3)
    assert space.np_batch_size(batch) == 3
    assert space.np_format_as(batch, VectorSpace(2)).shape == (3, 2)
    assert VectorSpace(2).np_format_as(batch[1], space)[0] is None
