"""Functions and shared variables."""

from __future__ import annotations

import aesara
import aesara.tensor as at
import numpy as np
import pytest

from adversarial import backend


@pytest.mark.parametrize(
    ("value", "dtype", "shape"),
    [
        (1.5, backend.floatX, ()),
        (np.float64(2), backend.floatX, ()),
        (np.ones((1, 3)), backend.floatX, (1, 3)),
        (np.ones((2, 0), "float16"), backend.floatX, (2, 0)),
        ([1, 2], "int64", (2,)),
        (np.ones(3, "uint32"), "uint32", (3,)),
        (True, "bool", ()),
    ],
)
def test_shared_types_state_shape_and_precision(value, dtype, shape):
    variable = backend.shared(value, name="v")
    assert (variable.dtype, variable.type.shape, variable.name) == (dtype, shape, "v")
    assert variable.get_value().dtype == dtype
    np.testing.assert_array_equal(variable.get_value(), value)


def test_shared_copies_unless_told():
    array = np.zeros(3, backend.floatX)
    copied, borrowed = backend.shared(array), backend.shared(array, borrow=True)
    array[0] = 1
    assert copied.get_value()[0] == 0 and borrowed.get_value()[0] == 1


@pytest.mark.parametrize("value", ["text", None, [1 + 2j], backend.shared(1.0)])
def test_shared_refuses_what_is_no_number(value):
    with pytest.raises(TypeError, match="holds numbers, not"):
        backend.shared(value)


def test_an_axis_of_length_one_can_be_learned():
    x = at.matrix("x")
    w, b = backend.shared(np.ones((5, 1))), backend.shared(np.zeros(1))
    cost = (x.dot(w) + b).sum()
    updates = [(p, p - g) for p, g in zip((w, b), aesara.grad(cost, [w, b]))]
    run = backend.function([x], cost, updates=updates, mode="FAST_COMPILE")
    assert run(np.ones((3, 5), backend.floatX)) == 15
    assert w.get_value().tolist() == [[-2.0]] * 5 and b.get_value().tolist() == [-3.0]


def test_function_passes_everything_on():
    x, unused, total = at.vector("x"), at.vector("unused"), backend.shared(0.0)
    run = backend.function(
        [x, unused], [x * 2], updates=[(total, total + x.sum())], givens={}, name="double",
        mode="FAST_COMPILE",
    )  # fmt: skip
    assert run.name == "double"
    assert run([1, 2], [0])[0].tolist() == [2, 4]
    assert total.get_value() == 3
    with pytest.raises(aesara.compile.UnusedInputError):
        backend.function([x, unused], x, on_unused_input="raise")


def test_intermediate_arrays_are_kept():
    assert aesara.config.allow_gc is False or "allow_gc" in backend.configure().user_flags
