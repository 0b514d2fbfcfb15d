"""NaN and infinity are seen wherever they are, and looking changes no value."""

from __future__ import annotations

import aesara.tensor as at
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adversarial import backend
from adversarial.backend.ops.all_finite import AllFinite, CheckedAdd, all_finite

BAD = (np.nan, -np.nan, np.inf, -np.inf)


@pytest.fixture(scope="module", params=["float32", "float64"])
def check(request):
    x, y = at.matrix(dtype=request.param), at.vector(dtype=request.param)
    return request.param, backend.function([x, y], all_finite([x, y]))


@settings(max_examples=40)
@given(
    rows=st.integers(0, 9),
    columns=st.integers(1, 9),
    bad=st.sampled_from((None, *BAD)),
    data=st.data(),
)
def test_one_bad_value_is_enough(check, rows, columns, bad, data):
    dtype, function = check
    greatest = np.finfo(dtype).max
    x = np.full((rows, columns), -greatest, dtype)
    y = np.array([0.0, greatest, np.finfo(dtype).tiny / 2], dtype)
    if bad is not None:
        into = data.draw(st.sampled_from([array for array in (x, y) if array.size]))
        into.flat[data.draw(st.integers(0, into.size - 1))] = bad
    assert function(x, y) == (bad is None)


def test_many_values_strided_and_none():
    x = at.fmatrix()
    function = backend.function([x], all_finite([x]))
    values = np.zeros((400, 300), "f")
    assert function(values) == 1 and function(values.T[::2]) == 1 and function(values[:0]) == 1
    values[399, 299] = np.nan
    assert function(values) == 0
    assert function(values.T[::2]) == 1  # 299 is skipped
    assert function(values.T[1::2]) == 0


def parameters(dtype="float32"):
    rng = np.random.RandomState(0)
    W, b = (backend.shared(rng.randn(*shape)) for shape in ((300, 200), (200,)))
    return W, b, [rng.randn(*v.get_value().shape).astype(dtype) for v in (W, b)]


@pytest.mark.parametrize("bad", [None, *BAD])
def test_updates_look_at_what_they_write(bad):
    W, b, values = parameters()
    before = [v.get_value() for v in (W, b)]
    steps = [at.fmatrix(), at.fvector()]
    new = [W + steps[0], b + steps[1]]
    function = backend.function(steps, all_finite(new), updates=list(zip((W, b), new)))
    nodes = [node.op for node in function.maker.fgraph.apply_nodes]
    assert nodes.count(CheckedAdd(inplace=True)) == 2 and AllFinite() not in nodes
    if bad is not None:
        values[0][299, 7] = bad
    assert function(*values) == (bad is None)
    for v, old, step in zip((W, b), before, values):
        np.testing.assert_array_equal(v.get_value(), old + step)


def test_a_sum_that_overflows_is_seen():
    W, _, _ = parameters()
    function = backend.function([], all_finite([W + W]), updates=[(W, W + W)])
    assert function() == 1
    W.set_value(np.full((300, 200), 3e38, "f"))
    assert function() == 0


def test_sums_with_broadcasting_are_looked_at_afterwards():
    x, row = at.fmatrix(), at.fvector()
    function = backend.function([x, row], all_finite([x + row, x * 2]))
    ones = np.ones((2, 3), "f")
    assert function(ones, ones[0]) == 1
    assert function(ones, np.float32([1, np.inf, 1])) == 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_c_equals_numpy(dtype):
    x, y = at.matrix(dtype=dtype), at.matrix(dtype=dtype)
    outputs = CheckedAdd()(x, y)
    function = backend.function([x, y], outputs)
    rng = np.random.RandomState(1)
    for bad in (0.0, np.nan):
        values = [rng.randn(5, 4).astype(dtype) for _ in range(2)]
        values[1][2, 2] += bad
        expected = [[None], [None]]
        CheckedAdd().perform(outputs[0].owner, values, expected)
        for ours, (theirs,) in zip(function(*values), expected):
            np.testing.assert_array_equal(ours, theirs)
            assert ours.dtype == theirs.dtype


def test_of_no_arrays_all_values_are_finite():
    assert backend.function([], all_finite([]))() == 1


def test_what_is_refused():
    with pytest.raises(TypeError, match="at least one"):
        AllFinite()()
    with pytest.raises(TypeError, match="int64"):
        all_finite([at.lmatrix()])
    with pytest.raises(TypeError, match="one shape"):
        CheckedAdd()(at.fmatrix(), at.frow())
    x, y = at.fmatrix(), at.fmatrix()
    with pytest.raises(ValueError, match="shapes differ"):
        backend.function([x, y], CheckedAdd()(x, y))(np.ones((2, 3), "f"), np.ones((3, 2), "f"))
