"""What all spaces do: inputs, checks, origins, conversions that change no shape, equality."""

from __future__ import annotations

import adversarial.backend as backend  # isort: split

import aesara
import aesara.tensor as at
import numpy as np
import pytest
from space_test_things import flat, nested, nested_batch, run

from adversarial.space import (
    CompositeSpace,
    Conv2DSpace,
    IndexSpace,
    NullSpace,
    VectorSpace,
    is_numeric_batch,
    is_symbolic_batch,
)
from adversarial.utils import serial


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
