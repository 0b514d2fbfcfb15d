"""Images: their axes, their vector form, and halves of them."""

from __future__ import annotations

import adversarial.backend as backend  # isort: split

import itertools

import aesara.tensor as at
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from space_test_things import images, run

from adversarial.space import (
    Conv2DSpace,
    VectorSpace,
)
from adversarial.space.conv2d import SIDES, half_of

ALL_AXES = list(itertools.permutations(("b", 0, 1, "c")))
any_axes = st.sampled_from(ALL_AXES)
sizes = st.integers(1, 4)


@given(st.tuples(sizes, sizes), sizes, sizes, any_axes, any_axes)
@settings(max_examples=60)
def test_images_survive_vectors_whatever_the_axes(shape, channels, n, axes, other_axes):
    space = Conv2DSpace(shape, num_channels=channels, axes=axes)
    vectors = VectorSpace(space.get_total_dimension())
    batch = images(space, n)

    matrix = space.np_format_as(batch, vectors)
    np.testing.assert_array_equal(vectors.np_format_as(matrix, space), batch)
    np.testing.assert_array_equal(space.undo_np_format_as(matrix, vectors), batch)

    # A vector is the same image for every order of axes.
    other = Conv2DSpace(shape, num_channels=channels, axes=other_axes)
    direct = space.np_format_as(batch, other)
    np.testing.assert_array_equal(vectors.np_format_as(matrix, other), direct)
    other.np_validate(direct)

    # By hand: rows, then columns, then channels.
    for example, row, column, channel in np.ndindex(n, *shape, channels):
        where = {"b": example, 0: row, 1: column, "c": channel}
        position = (row * shape[1] + column) * channels + channel
        assert matrix[example, position] == batch[tuple(where[a] for a in axes)]


@pytest.mark.parametrize("axes", [("b", 0, 1, "c"), ("c", 0, 1, "b"), (1, "b", "c", 0)])
def test_symbolic_images_agree_with_numeric(axes):
    space = Conv2DSpace((2, 3), channels=4, axes=axes)
    vectors = VectorSpace(24)
    batch = images(space, 5)
    matrix = space.np_format_as(batch, vectors)
    np.testing.assert_array_equal(run(space, vectors, batch)[0], matrix)
    np.testing.assert_array_equal(run(vectors, space, matrix)[0], batch)
    np.testing.assert_array_equal(run(vectors, space, matrix, "undo_format_as")[0], batch)


def test_symbolic_image_of_unknown_shape_is_checked_when_it_runs():
    space = Conv2DSpace((4, 4), num_channels=1)
    x = at.tensor4(dtype=backend.floatX)
    matrix = space.format_as(x, VectorSpace(16))
    assert matrix.type.shape == (None, 16)
    fn = backend.function([x], matrix, mode="FAST_COMPILE")
    assert fn(np.zeros((3, 4, 4, 1), backend.floatX)).shape == (3, 16)
    with pytest.raises(AssertionError):
        fn(np.zeros((3, 2, 4, 1), backend.floatX))


def test_images_of_other_shape_are_refused():
    wide, square = Conv2DSpace((1, 4), num_channels=1), Conv2DSpace((2, 2), num_channels=1)
    with pytest.raises(ValueError, match="the images differ in shape"):
        wide.np_format_as(wide.get_origin_batch(1), square)


def test_convert_moves_axes():
    batch = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    moved = Conv2DSpace.convert(batch, ("c", 0, 1, "b"), ("b", "c", 0, 1))
    np.testing.assert_array_equal(moved, np.moveaxis(batch, 3, 0))
    np.testing.assert_array_equal(
        Conv2DSpace.convert_numpy(moved, ["b", "c", 0, 1], ["c", 0, 1, "b"]), batch
    )
    symbolic = at.tensor("float32", shape=(2, 3, 4, 5))
    assert Conv2DSpace.convert(symbolic, ("c", 0, 1, "b"), ("b", "c", 0, 1)).type.shape == (
        5,
        2,
        3,
        4,
    )
    with pytest.raises(ValueError, match="four axes"):
        Conv2DSpace.convert(batch[0], ("c", 0, 1, "b"), ("b", "c", 0, 1))


@pytest.mark.parametrize("rows, cols", [(4, 6), (3, 5), (1, 1)])
def test_halves_make_the_whole(rows, cols):
    for first, second in (("left", "right"), ("top", "bottom")):
        count = np.zeros((rows, cols))
        for side in (first, second):
            count[half_of((rows, cols), side)] += 1
        assert (count == 1).all()
    assert set(SIDES) == {"left", "right", "top", "bottom"}
    image = np.arange(rows * cols).reshape(rows, cols)
    assert image[half_of(image.shape, "right")].shape[1] == cols - cols // 2
    assert image[half_of(image.shape, "bottom")][-1, -1] == image[-1, -1]
    with pytest.raises(ValueError, match="side must be one of left, right, top, bottom, not 'up'"):
        half_of((2, 2), "up")
