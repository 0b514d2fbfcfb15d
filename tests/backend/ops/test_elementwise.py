"""Elementwise loops give what NumPy gives, however the arrays lie in memory and are repeated."""

from __future__ import annotations

import aesara.tensor as at
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adversarial import backend
from adversarial.backend.ops.elementwise import ContiguousElemwise

LAYOUTS = {
    "rows": np.ascontiguousarray,
    "columns": np.asfortranarray,
    "every second": lambda x: np.repeat(x, 2, axis=1)[:, ::2],
    "backwards": lambda x: np.ascontiguousarray(x[::-1])[::-1],
}


def own_loops(function):
    return [n for n in function.maker.fgraph.apply_nodes if isinstance(n.op, ContiguousElemwise)]


@pytest.fixture(scope="module", params=["float32", "float64"])
def formula(request):
    x, y = at.matrix(dtype=request.param), at.matrix(dtype=request.param)
    scale = at.scalar(dtype=request.param)
    function = backend.function([x, y, scale], (x - y) * scale / (1 + at.sqrt(at.square(y))))
    (node,) = own_loops(function)
    assert not node.op.inplace_pattern
    return request.param, function


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(0, 7),
    columns=st.integers(0, 7),
    layouts=st.tuples(*2 * [st.sampled_from(sorted(LAYOUTS))]),
    lengths=st.sampled_from([(None, None), (1, None), (None, 1)]),
    seed=st.integers(0, 99),
)
def test_any_layout_and_lengths_of_one(formula, rows, columns, layouts, lengths, seed):
    dtype, function = formula
    rng = np.random.default_rng(seed)
    shapes = [(rows, columns), tuple(n or m for n, m in zip(lengths, (rows, columns)))]
    x, y = (
        LAYOUTS[layout](rng.normal(size=shape).astype(dtype))
        for layout, shape in zip(layouts, shapes)
    )
    expected = (x - y) * np.dtype(dtype).type(1.7) / (1 + np.sqrt(np.square(y)))
    got = function(x, y, 1.7)
    assert got.shape == expected.shape and got.dtype == dtype
    np.testing.assert_allclose(got, expected, rtol=4 * np.finfo(dtype).eps)


def test_as_many_values_as_threads_share():
    x, y = at.fmatrix(), at.fmatrix()
    function = backend.function([x, y], at.exp(-at.abs(x)) * y + x)
    assert own_loops(function)
    a, b = np.random.default_rng(0).normal(size=(2, 301, 211)).astype("f")
    for y in (b, np.asfortranarray(b)):
        np.testing.assert_allclose(function(a, y), np.exp(-np.abs(a)) * y + a, 1e-6, 1e-6)


def test_an_output_that_overwrites_its_input():
    start, grad = np.random.default_rng(1).normal(size=(2, 300, 200)).astype("f")
    W, g = backend.shared(start, name="W"), at.fmatrix()
    function = backend.function([g], updates=[(W, W * 0.9 - at.square(g) * W)])
    (node,) = own_loops(function)
    assert node.op.inplace_pattern
    for gradient in (grad, np.asfortranarray(grad)):
        W.set_value(start)
        function(gradient)
        expected = start * np.float32(0.9) - grad**2 * start
        np.testing.assert_allclose(W.get_value(), expected, rtol=1e-6, atol=1e-6)


def test_other_lengths_are_refused():
    x, y = at.fmatrix(), at.fmatrix()
    function = backend.function([x, y], at.exp(x) * y)
    with pytest.raises(ValueError, match="[Dd]imension mismatch"):
        function(np.ones((3, 4), "f"), np.ones((4, 3), "f"))


def test_integers_and_their_comparisons():
    x, y = at.imatrix(), at.fmatrix()
    function = backend.function([x, y], at.switch(at.gt(x, 2), y * y, x // 2))
    assert own_loops(function)
    a = np.arange(-8, 8, dtype="int32").reshape(4, 4)
    b = a.astype("f") / 3
    np.testing.assert_allclose(function(a, b), np.where(a > 2, b * b, a // 2), rtol=1e-6)


PATTERNS = {
    "bias of rows": "1n",
    "factor per example": "n1",
    "bias of maps": "1n11",
    "bias of each place": "1nnn",
    "factor per image": "n111",
    "mask of each row": "n1n1",
    "number": "11",
}


@pytest.mark.parametrize("pattern", PATTERNS.values(), ids=PATTERNS)
def test_what_is_repeated_along_axes(pattern):
    whole = at.TensorType("float32", (None,) * len(pattern))()
    part = at.TensorType("float32", tuple(1 if axis == "1" else None for axis in pattern))()
    function = backend.function([whole, part], part - at.square(whole) * part)
    assert own_loops(function)
    rng = np.random.default_rng(2)
    for lengths in ((5, 3, 4, 2), (1, 1, 1, 1), (65, 33, 5, 7), (0, 3, 2, 2)):
        lengths = lengths[: len(pattern)]
        w = rng.normal(size=lengths).astype("f")
        p = rng.normal(size=[1 if axis == "1" else n for axis, n in zip(pattern, lengths)])
        p = p.astype("f")
        expected = p - np.square(w) * p
        for array in (w, np.asfortranarray(w), np.flip(np.flip(w).copy())):
            np.testing.assert_allclose(function(array, p), expected, rtol=1e-5, atol=1e-6)


def test_two_parts_that_are_repeated_along_other_axes():
    whole, row, column = at.fmatrix(), at.frow(), at.fcol()
    function = backend.function([whole, row, column], at.tanh(whole + row) * column + row)
    assert len(own_loops(function)) == 1
    rng = np.random.default_rng(3)
    w, r, c = (rng.normal(size=shape).astype("f") for shape in ((301, 150), (1, 150), (301, 1)))
    np.testing.assert_allclose(function(w, r, c), np.tanh(w + r) * c + r, rtol=1e-5, atol=1e-6)
    # Only a row and a column: the result is larger than both.
    outer = backend.function([row, column], at.exp(row) * column - row)
    np.testing.assert_allclose(outer(r, c), np.exp(r) * c - r, rtol=1e-5, atol=1e-6)


def test_numbers_are_left_to_aesara():
    x = at.fscalar()
    function = backend.function([x], at.exp(x) * x)
    assert not own_loops(function) and abs(function(1.0) - np.e) < 1e-6
