"""Spaces: conversions against plain NumPy, in both the numeric and the symbolic form."""

from __future__ import annotations

import adversarial.backend as backend  # isort: split

import itertools

import aesara
import aesara.tensor as at
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adversarial.space import (
    CompositeSpace,
    Conv2DSpace,
    IndexSpace,
    NullSpace,
    Space,
    VectorSpace,
    format_data,
    is_numeric_batch,
    is_symbolic_batch,
)
from adversarial.space.conv2d import SIDES, half_of
from adversarial.utils import serial

ALL_AXES = list(itertools.permutations(("b", 0, 1, "c")))
any_axes = st.sampled_from(ALL_AXES)
sizes = st.integers(1, 4)


def flat(parts):
    return [leaf for part in parts for leaf in flat(part)] if isinstance(parts, tuple) else [parts]


def run(source: Space, target: Space, batch, method: str = "format_as"):
    """`batch` through the symbolic conversion, which must promise a true static shape."""
    owner, other = (source, target) if method == "format_as" else (target, source)
    inputs = source.make_theano_batch()
    outputs = getattr(owner, method)(inputs, other)
    target.validate(outputs)
    fn = backend.function(flat(inputs), flat(outputs), mode="FAST_COMPILE")
    values = fn(*flat(batch))
    for variable, value in zip(flat(outputs), values):
        assert variable.dtype == value.dtype
        known = variable.type.shape
        assert sum(n is None for n in known) == 1, "only the batch axis is open"
        assert all(n in (None, m) for n, m in zip(known, value.shape))
    return values


def images(space: Conv2DSpace, n: int) -> np.ndarray:
    size = n * space.get_total_dimension()
    shape = space.get_origin_batch(n).shape
    return np.random.RandomState(size).permutation(size).reshape(shape).astype(space.dtype)


# -- conversions ----------------------------------------------------------------------------


@given(st.tuples(sizes, sizes), sizes, sizes, any_axes, any_axes)
@settings(max_examples=60)
def test_images_survive_vectors_whatever_the_axes(shape, channels, n, axes, other_axes):
    space = Conv2DSpace(shape, num_channels=channels, axes=axes)
    vectors = VectorSpace(space.get_total_dimension())
    batch = images(space, n)

    matrix = space.np_format_as(batch, vectors)
    np.testing.assert_array_equal(vectors.np_format_as(matrix, space), batch)
    np.testing.assert_array_equal(space.undo_np_format_as(matrix, vectors), batch)

    # A vector means the same image to every order of axes.
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


def test_matrix_of_unknown_width_is_checked_when_it_is_cut():
    x = at.matrix(dtype=backend.floatX)
    parts = VectorSpace(3).format_as(x, CompositeSpace([VectorSpace(1), VectorSpace(2)]))
    fn = backend.function([x], list(parts), mode="FAST_COMPILE")
    assert [part.shape for part in fn(np.zeros((4, 3), backend.floatX))] == [(4, 1), (4, 2)]
    with pytest.raises(AssertionError):
        fn(np.zeros((4, 5), backend.floatX))


def test_fixed_batch_size_stays_known():
    space = Conv2DSpace((2, 2), num_channels=3)
    x = VectorSpace(12).make_theano_batch(batch_size=7)
    assert x.type.shape == (7, 12)
    assert VectorSpace(12).format_as(x, space).type.shape == (7, 2, 2, 3)
    parts = CompositeSpace([VectorSpace(5), VectorSpace(7)])
    split = VectorSpace(12).format_as(x, parts)
    assert [part.type.shape for part in split] == [(7, 5), (7, 7)]
    assert parts.format_as(split, VectorSpace(12)).type.shape == (7, 12)
    labels = IndexSpace(4, 3).undo_format_as(x, VectorSpace(12))
    assert labels.type.shape == (7, 3)


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


def test_index_to_one_hot():
    labels = np.array([[0, 2], [4, 4], [1, 0]])
    space = IndexSpace(max_labels=5, dim=2)
    eye = np.eye(5, dtype=backend.floatX)

    concatenated = np.concatenate([eye[labels[:, 0]], eye[labels[:, 1]]], axis=1)
    both = VectorSpace(10)
    np.testing.assert_array_equal(space.np_format_as(labels, both), concatenated)
    np.testing.assert_array_equal(run(space, both, labels)[0], concatenated)
    np.testing.assert_array_equal(space.undo_np_format_as(concatenated, both), labels)
    np.testing.assert_array_equal(run(both, space, concatenated, "undo_format_as")[0], labels)

    merged = np.maximum(eye[labels[:, 0]], eye[labels[:, 1]])
    np.testing.assert_array_equal(space.np_format_as(labels, VectorSpace(5)), merged)
    np.testing.assert_array_equal(run(space, VectorSpace(5), labels)[0], merged)
    with pytest.raises(ValueError, match="do not keep the order"):
        space.undo_np_format_as(merged, VectorSpace(5))


def test_index_to_one_hot_of_single_labels_and_own_dtype():
    space = IndexSpace(max_labels=3, dim=1, dtype="uint8")
    labels = np.array([[2], [0]], dtype="uint8")
    out = space.np_format_as(labels, VectorSpace(3, dtype="float64"))
    assert out.dtype == "float64"
    np.testing.assert_array_equal(out, np.eye(3)[[2, 0]])
    back = space.undo_np_format_as(out, VectorSpace(3, dtype="float64"))
    assert back.dtype == "uint8"
    np.testing.assert_array_equal(back, labels)


@pytest.mark.parametrize(
    ("target", "error"),
    [
        (VectorSpace(7), ValueError),
        (IndexSpace(5, 3), ValueError),
        (IndexSpace(4, 2), ValueError),
        (Conv2DSpace((1, 2), num_channels=1), TypeError),
    ],
)
def test_index_refuses_other_targets(target, error):
    with pytest.raises(error):
        IndexSpace(5, 2).np_format_as(np.array([[0, 2]]), target)


def nested() -> CompositeSpace:
    image = Conv2DSpace((2, 2), num_channels=2, axes=("c", 0, 1, "b"))
    return CompositeSpace([VectorSpace(3), CompositeSpace([image, VectorSpace(1)])])


def nested_batch(n: int) -> tuple:
    rng = np.random.RandomState(0)
    draw = lambda *shape: rng.rand(*shape).astype(backend.floatX)  # noqa: E731
    return draw(n, 3), (draw(2, 2, 2, n), draw(n, 1))


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


def test_nothing_to_convert_is_nothing_done():
    x = VectorSpace(3).make_theano_batch("x")
    assert VectorSpace(3).format_as(x, VectorSpace(3)) is x
    batch = np.zeros((2, 3), backend.floatX)
    assert VectorSpace(3).np_format_as(batch, VectorSpace(3)) is batch


def test_format_casts_to_the_target_dtype():
    pixels = np.array([[0, 255]], dtype="uint8")
    source, target = VectorSpace(2, dtype="uint8"), VectorSpace(2, dtype="float64")
    assert source.np_format_as(pixels, target).dtype == "float64"
    assert run(source, target, pixels)[0].dtype == "float64"
    assert source.np_format_as(pixels, VectorSpace(2, dtype=None)) is pixels


# -- making and checking --------------------------------------------------------------------


def test_symbolic_inputs_are_typed():
    space = nested()
    vector, (image, one) = space.make_theano_batch("x", batch_size=2)
    assert (vector.name, image.name, one.name) == ("x[0]", "x[1][0]", "x[1][1]")
    assert vector.type.shape == (2, 3)
    assert image.type.shape == (2, 2, 2, 2)
    assert one.type.shape == (2, 1)
    assert {v.dtype for v in (vector, image, one)} == {backend.floatX}
    named = space.get_theano_batch(["a", ("b", "c")], dtype="float64")
    assert named[1][1].name == "c" and named[0].dtype == "float64"
    assert IndexSpace(3, 2).make_aesara_batch().type == at.TensorType("int64", (None, 2))


def test_origins_and_shared_batches():
    space = Conv2DSpace((2, 3), num_channels=4, axes=("c", 0, "b", 1), dtype="float64")
    assert space.get_batch_axis() == 2
    assert space.get_origin().shape == (4, 2, 3)
    origin = space.get_origin_batch(5)
    assert origin.shape == (4, 2, 5, 3) and origin.dtype == "float64" and not origin.any()
    shared = space.make_shared_batch(5, name="s", dtype="float32")
    assert shared.name == "s" and shared.dtype == "float32"
    np.testing.assert_array_equal(shared.get_value(), origin)
    assert space.make_shared_batch(5).dtype == "float64"
    assert IndexSpace(3, 2, dtype="int8").make_shared_batch(4).dtype == "int8"
    assert VectorSpace(2, dtype="float16").make_shared_batch(4).dtype == "float16"
    assert VectorSpace(2).make_shared_batch(4).dtype == backend.floatX
    both = CompositeSpace([VectorSpace(2, dtype="float64"), VectorSpace(1)]).make_shared_batch(3)
    assert [part.dtype for part in both] == ["float64", backend.floatX]
    parts = nested().make_shared_batch(2, name="s")
    assert parts[1][0].name == "s[1][0]" and parts[1][0].get_value().shape == (2, 2, 2, 2)
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        space.get_origin_batch(0)
    with pytest.raises(TypeError, match="batch_size must be an integer, got 2.5"):
        space.get_origin_batch(2.5)


def test_batch_size():
    batch = nested_batch(6)
    assert nested().np_batch_size(batch) == 6
    symbolic = nested().make_theano_batch()
    size = nested().batch_size(symbolic)
    fn = backend.function(flat(symbolic), size, mode="FAST_COMPILE")
    assert fn(*flat(batch)) == 6
    with pytest.raises(ValueError, match=r"differ in batch size: \[6, 5\]"):
        CompositeSpace([VectorSpace(3), VectorSpace(3)]).np_batch_size((batch[0], batch[0][:5]))


def test_get_batch_takes_examples():
    first, (image, one) = nested().get_batch(nested_batch(6), 1, 3)
    assert (first.shape, image.shape, one.shape) == ((2, 3), (2, 2, 2, 2), (2, 1))
    np.testing.assert_array_equal(image, nested_batch(6)[1][0][..., 1:3])


@pytest.mark.parametrize(
    ("space", "batch", "error", "says"),
    [
        (VectorSpace(3), np.zeros((2, 4)), ValueError, r"\(batch, 3\).*\(2, 4\)"),
        (VectorSpace(3), np.zeros(3), ValueError, r"\(3,\)"),
        (VectorSpace(3), [[0, 0, 0]], TypeError, "list"),
        (VectorSpace(3), (np.zeros((2, 3)),), TypeError, "single array"),
        (VectorSpace(3), None, TypeError, "None"),
        (VectorSpace(3), np.zeros((2, 3), complex), TypeError, "complex128"),
        (VectorSpace(3), at.matrix(), TypeError, "numeric"),
        (Conv2DSpace((2, 2), num_channels=1), np.zeros((1, 1, 2, 2)), ValueError, "batch, 2, 2, 1"),
        (IndexSpace(3, 1), np.zeros((2, 1)), TypeError, "integer labels.*float64"),
        (IndexSpace(3, 1), np.array([[3]]), ValueError, "labels 0 to 2, got labels 3 to 3"),
        (IndexSpace(3, 1), np.array([[-1]]), ValueError, "labels -1 to -1"),
        (CompositeSpace([VectorSpace(1)]), np.zeros((2, 1)), TypeError, "tuple"),
        (CompositeSpace([VectorSpace(1)]), (), ValueError, "has 1 parts, got 0"),
        (NullSpace(), np.zeros(1), TypeError, "None"),
    ],
)
def test_np_validate_refuses(space, batch, error, says):
    with pytest.raises(error, match=says):
        space.np_validate(batch)


@pytest.mark.parametrize(
    ("space", "batch", "error", "says"),
    [
        (VectorSpace(3), at.tensor("float32", shape=(None, 4)), ValueError, r"\(batch, 3\)"),
        (VectorSpace(3), at.vector("v"), ValueError, "variable v "),
        (VectorSpace(3), np.zeros((2, 3)), TypeError, "symbolic"),
        (VectorSpace(3), aesara.shared(object()), TypeError, "single array"),
        (VectorSpace(3), at.cmatrix(), TypeError, "complex64"),
        (IndexSpace(3, 1), at.fmatrix(), TypeError, "integer labels"),
    ],
)
def test_validate_refuses(space, batch, error, says):
    with pytest.raises(error, match=says):
        space.validate(batch)


def test_validate_accepts():
    VectorSpace(3).validate(at.matrix())
    VectorSpace(3, dtype="complex64").validate(at.cmatrix())
    nested().np_validate(nested_batch(2))
    nested().validate(nested().make_theano_batch())


def test_validate_callbacks_see_the_batch():
    seen = []
    space = VectorSpace(3, validate_callbacks=[seen.append], np_validate_callbacks=[seen.append])
    x, value = at.matrix(), np.zeros((1, 3))
    space.validate(x)
    space.np_validate(value)
    assert seen[0] is x and seen[1] is value


def test_total_dimensions_must_agree():
    with pytest.raises(ValueError, match="points of 3 numbers against 4"):
        VectorSpace(3).np_format_as(np.zeros((1, 3)), Conv2DSpace((2, 2), num_channels=1))
    with pytest.raises(TypeError, match="cannot be made from vectors"):
        VectorSpace(3).np_format_as(np.zeros((1, 3)), IndexSpace(10, 3))


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: VectorSpace(0), ValueError, "dim of VectorSpace must be at least 1, got 0"),
        (lambda: VectorSpace(784.0), TypeError, "784.0"),
        (lambda: VectorSpace(3, sparse=True), ValueError, "sparse=True.* not implemented"),
        (lambda: VectorSpace(3, dtype="float31"), TypeError, "float31"),
        (lambda: VectorSpace(3, dtype=32), TypeError, "32"),
        (lambda: Conv2DSpace((2, 2)), ValueError, "num_channels=None, channels=None"),
        (lambda: Conv2DSpace((2, 2), 1, 1), ValueError, "num_channels=1, channels=1"),
        (lambda: Conv2DSpace(4, 1), ValueError, "rows, columns.*4"),
        (lambda: Conv2DSpace((2, 2, 2), 1), ValueError, r"\(2, 2, 2\)"),
        (lambda: Conv2DSpace((2, -2), 1), ValueError, "-2"),
        (lambda: Conv2DSpace((2, 2), 1, axes="b01c"), ValueError, "'0', '1'"),
        (lambda: Conv2DSpace((2, 2), 1, axes=("b", 0, 0, "c")), ValueError, "0, 0"),
        (lambda: IndexSpace(3, 1, dtype="float32"), ValueError, "float32"),
        (lambda: IndexSpace(0, 1), ValueError, "max_labels"),
        (lambda: CompositeSpace(VectorSpace(1)), TypeError, "list of spaces"),
        (lambda: CompositeSpace([VectorSpace(1), 3]), TypeError, "component 1 .* 3"),
    ],
)
def test_constructors_refuse(make, error, says):
    with pytest.raises(error, match=says):
        make()


# -- identity, dtypes, composition ----------------------------------------------------------


def test_equality_and_hash():
    def distinct():
        return [
            VectorSpace(4),
            VectorSpace(5),
            VectorSpace(4, dtype="int32"),
            Conv2DSpace((2, 2), num_channels=1),
            Conv2DSpace((2, 2), num_channels=1, axes=("b", "c", 0, 1)),
            Conv2DSpace((1, 4), num_channels=1),
            IndexSpace(4, 1),
            IndexSpace(1, 4),
            NullSpace(),
            CompositeSpace([VectorSpace(4)]),
            CompositeSpace([VectorSpace(4), VectorSpace(5)]),
        ]

    for i, one in enumerate(distinct()):
        for j, other in enumerate(distinct()):
            assert (one == other) is (i == j)
            assert (one != other) is (i != j)
    assert len(set(distinct() + distinct())) == len(distinct())
    assert VectorSpace(4) != 4


def test_floatx_is_resolved():
    assert VectorSpace(1).dtype == VectorSpace(1, dtype="floatX").dtype == backend.floatX
    space = VectorSpace(1, dtype=None)
    with pytest.raises(TypeError, match="no dtype of its own"):
        space.make_theano_batch()
    assert space.make_theano_batch(dtype="floatX").dtype == backend.floatX
    space.dtype = np.dtype("int32")
    assert space.dtype == "int32"


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


def test_kinds_of_batch():
    x, value = at.matrix(), np.zeros((1, 1))
    assert is_symbolic_batch((x, (x, None))) and not is_numeric_batch((x, (x, None)))
    assert is_numeric_batch((value, ())) and not is_symbolic_batch((value, ()))
    assert not is_numeric_batch((x, value)) and not is_symbolic_batch((x, value))
    assert not is_numeric_batch([[1.0]])


def test_spaces_survive_a_file(tmp_path):
    space = CompositeSpace([nested(), IndexSpace(3, 2, dtype="int32"), NullSpace()])
    path = str(tmp_path / "space.pkl")
    serial.save(path, space)
    loaded = serial.load(path)
    assert loaded == space and hash(loaded) == hash(space)
    assert str(loaded) == str(space)
    assert loaded.make_theano_batch()[1].dtype == "int32"


@pytest.mark.parametrize("axes", [("b", 0, 1, "c"), ("c", 0, 1, "b"), ("b", "c", 0, 1)])
def test_images_as_rows_of_a_data_set(axes):
    """Channel after channel, as CIFAR-10's files, numeric and symbolic, there and back."""
    space, vectors = Conv2DSpace((2, 3), num_channels=3, axes=axes), VectorSpace(18)
    rows = np.arange(36, dtype="float32").reshape(2, 18)
    lengths = {"b": 2, 0: 2, 1: 3, "c": 3}
    expected = np.empty([lengths[axis] for axis in axes], "float32")
    for index in np.ndindex(2, 2, 3, 3):
        b, r, c, k = index
        place = {"b": b, 0: r, 1: c, "c": k}
        expected[tuple(place[axis] for axis in axes)] = rows[b, 6 * k + 3 * r + c]
    np.testing.assert_array_equal(format_data(rows, vectors, space), expected)
    np.testing.assert_array_equal(format_data(expected, space, vectors), rows)
    X, images = vectors.make_aesara_batch(), space.make_aesara_batch()
    found = format_data(X, vectors, space).eval({X: rows})
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(format_data(images, space, vectors).eval({images: found}), rows)
    with pytest.raises(ValueError, match="different sizes"):
        format_data(rows, vectors, Conv2DSpace((2, 2), num_channels=3))
