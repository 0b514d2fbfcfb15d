"""Elementwise loops on flat memory give what NumPy gives, however the arrays lie in memory."""

from __future__ import annotations

import aesara.tensor as at
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adversarial import backend
from adversarial.backend.ops.elementwise import FlatElemwise

LAYOUTS = {
    "rows": np.ascontiguousarray,
    "columns": np.asfortranarray,
    "every second": lambda x: np.repeat(x, 2, axis=1)[:, ::2],
    "backwards": lambda x: np.ascontiguousarray(x[::-1])[::-1],
}


def flat_nodes(function):
    return [n for n in function.maker.fgraph.apply_nodes if isinstance(n.op, FlatElemwise)]


@pytest.fixture(scope="module", params=["float32", "float64"])
def formula(request):
    x, y = at.matrix(dtype=request.param), at.matrix(dtype=request.param)
    scale = at.scalar(dtype=request.param)
    function = backend.function([x, y, scale], (x - y) * scale / (1 + at.sqrt(at.square(y))))
    (node,) = flat_nodes(function)
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
    assert flat_nodes(function)
    a, b = np.random.default_rng(0).normal(size=(2, 301, 211)).astype("f")
    for y in (b, np.asfortranarray(b)):
        np.testing.assert_allclose(function(a, y), np.exp(-np.abs(a)) * y + a, 1e-6, 1e-6)


def test_an_output_that_overwrites_its_input():
    start, grad = np.random.default_rng(1).normal(size=(2, 300, 200)).astype("f")
    W, g = backend.shared(start, name="W"), at.fmatrix()
    function = backend.function([g], updates=[(W, W * 0.9 - at.square(g) * W)])
    (node,) = flat_nodes(function)
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
    assert flat_nodes(function)
    a = np.arange(-8, 8, dtype="int32").reshape(4, 4)
    b = a.astype("f") / 3
    np.testing.assert_allclose(function(a, b), np.where(a > 2, b * b, a // 2), rtol=1e-6)


def test_rows_and_columns_are_left_to_aesara():
    x, row = at.fmatrix(), at.frow()
    function = backend.function([x, row], at.exp(x) * row)
    assert not flat_nodes(function)
    np.testing.assert_allclose(
        function(np.zeros((3, 2), "f"), np.array([[1, 2]], "f")), [[1, 2]] * 3
    )
