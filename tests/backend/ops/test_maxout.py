"""Maxout against NumPy, compiled and not."""

from __future__ import annotations

import aesara
import aesara.tensor as at
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adversarial import backend
from adversarial.backend.ops.maxout import Maxout, MaxoutGrad


def by_loops(z, weights, pieces):
    top, gradient = np.zeros_like(weights), np.zeros_like(z)
    for row in range(z.shape[0]):
        for unit in range(z.shape[1] // pieces):
            columns = list(range(unit * pieces, (unit + 1) * pieces))
            best = columns[0]
            for column in columns[1:]:
                larger = z[row, column] > z[row, best]
                if larger or (np.isnan(z[row, column]) and not np.isnan(z[row, best])):
                    best = column
            top[row, unit] = z[row, best]
            gradient[row, best] = weights[row, unit]
    return top, gradient


def examples(pieces, dtype):
    rng = np.random.default_rng(pieces)
    z = rng.standard_normal((7, 11 * pieces)).astype(dtype)
    z[0] = 2  # ties
    z[1, ::3] = -0.0
    z[2] = -np.inf
    z[3, 1] = np.nan
    z[4, :] = z[4, :].round()
    return z, rng.standard_normal((7, 11)).astype(dtype)


@pytest.mark.parametrize("mode", [None, "FAST_COMPILE"])
@pytest.mark.parametrize("biased", [False, True])
def test_columns_that_do_not_make_whole_units_are_refused(mode, biased):
    z, bias = at.fmatrix("z"), at.fvector("bias")
    top = backend.maxout(z + bias if biased else z, 2)
    run = backend.function([z, bias], top, mode=mode, on_unused_input="ignore")
    with pytest.raises(ValueError, match="5 columns cannot be split into units of 2 pieces"):
        run(np.zeros((3, 5), "float32"), np.zeros(5, "float32"))


@pytest.mark.parametrize("mode", [None, "FAST_COMPILE"])
@pytest.mark.parametrize(("pieces", "dtype"), [(1, "float32"), (5, "float32"), (240, "float64")])
def test_values_and_gradient(mode, pieces, dtype):
    z, weights = at.matrix("z", dtype), at.matrix("weights", dtype)
    top = backend.maxout(z, pieces)
    # Handing over the gradient by hand keeps NaN out of it.
    gradient = aesara.grad(None, z, known_grads={top: weights})
    run = backend.function([z, weights], [top, gradient], mode=mode)
    numbers = examples(pieces, dtype)
    for got, expected in zip(run(*numbers), by_loops(*numbers, pieces)):
        assert got.dtype == dtype
        np.testing.assert_array_equal(got, expected)
    # Not contiguous, and another batch size with buffers kept from before.
    wide = [np.repeat(a, 2, axis=1)[2:, ::2] for a in numbers]
    assert not wide[0].flags.c_contiguous
    for got, expected in zip(run(*wide), by_loops(*wide, pieces)):
        np.testing.assert_array_equal(got, expected)


@pytest.fixture(scope="module", params=[2, 5])
def with_plain(request):
    """Maxout and its gradient, and the same by Aesara's own operations, without rewrites."""
    pieces = request.param
    z, weights = at.fmatrices("z", "weights")
    plain = z.reshape((z.shape[0], z.shape[1] // pieces, pieces)).max(axis=2)
    ours, theirs = (
        backend.function([z, weights], [top, aesara.grad((top * weights).sum(), z)], mode=mode)
        for top, mode in ((backend.maxout(z, pieces), None), (plain, "FAST_COMPILE"))
    )
    return pieces, ours, theirs


@settings(max_examples=40)
@given(rows=st.integers(0, 90), units=st.integers(1, 70), seed=st.integers(0, 2**32 - 1))
def test_any_shape_is_as_in_the_plain_graph(with_plain, rows, units, seed):
    pieces, ours, theirs = with_plain
    rng = np.random.default_rng(seed)
    z, weights = (rng.standard_normal((rows, n)).astype("f") for n in (units * pieces, units))
    for got, expected in zip(ours(z, weights), theirs(z, weights)):
        np.testing.assert_array_equal(got, expected)


def test_gradient_of_the_gradient_gathers():
    z, direction = at.matrix("z", "float64"), at.matrix("direction", "float64")
    weights = at.matrix("weights", "float64")
    gradient = aesara.grad(None, z, known_grads={backend.maxout(z, 2): weights})
    twice = aesara.grad((gradient * direction).sum(), weights)
    run = backend.function([z, direction, weights], twice, mode="FAST_COMPILE")
    got = run([[1.0, 2.0, 4.0, 3.0]], [[10.0, 20.0, 30.0, 40.0]], [[1.0, 1.0]])
    assert got.tolist() == [[20.0, 30.0]]


def test_shapes_are_inferred():
    z = at.TensorType("float32", (None, 12))()
    assert backend.maxout(z, 3).type.shape == (None, 4)
    run = backend.function([z], backend.maxout(z, 3).shape)
    ops = {type(node.op) for node in run.maker.fgraph.apply_nodes}
    assert not ops & {Maxout, MaxoutGrad}
    assert run(np.zeros((5, 12), "float32")).tolist() == [5, 4]


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="1 .. 256, not 0"):
        backend.maxout(at.fmatrix(), 0)
    with pytest.raises(ValueError, match="1 .. 256, not 257"):
        backend.maxout(at.fmatrix(), 257)
    with pytest.raises(ValueError, match="12 columns .* units of 5 pieces"):
        backend.maxout(at.TensorType("float32", (None, 12))(), 5)
    for wrong in (at.imatrix(), at.fvector()):
        with pytest.raises(TypeError, match="matrix of float32 or float64"):
            backend.maxout(wrong, 2)
    z = at.fmatrix()
    for mode in (None, "FAST_COMPILE"):
        run = backend.function([z], backend.maxout(z, 5), mode=mode)
        with pytest.raises(ValueError, match="12 columns .* units of 5 pieces"):
            run(np.zeros((2, 12), "float32"))
