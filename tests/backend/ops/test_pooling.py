"""Pooling against loops in Python, compiled and not."""

from __future__ import annotations

import aesara
import aesara.tensor as at
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from adversarial import backend
from adversarial.backend.ops.pooling import MaxPool, MaxPoolGrad

# pool shape, pool stride, pieces, shape of the images
CASES = [
    ((4, 4), (2, 2), 2, (3, 4, 9, 7)),  # windows that overlap and reach over both edges
    ((2, 3), (2, 1), 1, (2, 3, 4, 5)),  # none does
    ((1, 1), (1, 1), 3, (2, 6, 3, 2)),  # pieces alone
    ((3, 2), (3, 2), 1, (2, 2, 3, 600)),  # long rows
]


def windows(size, pool, stride):
    """The pixels of each window, until one reaches the end."""
    found, start = [], 0
    while True:
        found.append(range(start, min(start + pool, size)))
        if start + pool >= size:
            return found
        start += stride


def by_loops(x, weights, pool, stride, pieces):
    """Maxima, and the gradient of their sum weighted by `weights`."""
    down, across = (windows(*axis) for axis in zip(x.shape[2:], pool, stride))
    batch, groups = x.shape[0], x.shape[1] // pieces
    top, gradient = np.zeros((batch, groups, len(down), len(across)), x.dtype), np.zeros_like(x)
    for b, g, i, j in np.ndindex(top.shape):
        maps = range(g * pieces, (g + 1) * pieces)
        cells = [(m, r, c) for c in across[j] for m in maps for r in down[i]]
        best = cells[0]
        for cell in cells[1:]:
            larger = x[(b, *cell)] > x[(b, *best)]
            if larger or (np.isnan(x[(b, *cell)]) and not np.isnan(x[(b, *best)])):
                best = cell
        top[b, g, i, j] = x[(b, *best)]
        gradient[(b, *best)] += weights[b, g, i, j]
    return top, gradient


def examples(case, dtype, seed=0):
    pool, stride, pieces, shape = case
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(shape).astype(dtype)
    x[0, 0] = x[0, 0].round()  # ties
    x[-1, -1] = -np.inf
    x[-1, 0, 1, 1] = np.nan
    size = [len(windows(*axis)) for axis in zip(shape[2:], pool, stride)]
    return x, rng.standard_normal((shape[0], shape[1] // pieces, *size)).astype(dtype)


@pytest.fixture
def close(either_engine):
    """close(got, expected, rtol): as near as `rtol` in C; JAX computes in float32 always."""

    def close(got, expected, rtol=1e-6):
        within = {"rtol": rtol} if either_engine == "c" else {"rtol": 1e-4, "atol": 1e-6}
        np.testing.assert_allclose(got, expected, **within)

    return close


def compiled(case, dtype, mode):
    pool, stride, pieces, _ = case
    x, weights = at.tensor4("x", dtype), at.tensor4("weights", dtype)
    top = backend.max_pool(x, pool, stride, pieces)
    # Handing over the gradient by hand keeps NaN out of it.
    gradient = aesara.grad(None, x, known_grads={top: weights})
    return backend.function([x, weights], [top, gradient], mode=mode)


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case[0]))
@pytest.mark.parametrize("mode, dtype", [("FAST_COMPILE", "float64"), (None, "float32")])
def test_maxima_and_gradient(case, mode, dtype, close):
    run = compiled(case, dtype, mode)
    numbers = examples(case, dtype)
    for got, expected in zip(run(*numbers), by_loops(*numbers, *case[:3])):
        assert got.dtype == dtype
        close(got, expected)
    # Not contiguous, and another batch size with buffers kept from before.
    other = [a[:1] for a in examples(case, dtype, seed=1)]
    turned = [np.asfortranarray(a) for a in other]
    for got, expected in zip(run(*turned), by_loops(*other, *case[:3])):
        close(got, expected)


@pytest.fixture(scope="module")
def threaded():
    return compiled(CASES[0], "float32", None)


def test_many_images_go_through_the_threaded_loops(threaded):
    x = np.random.default_rng(4).standard_normal((40, 16, 13, 12)).astype("float32")
    weights = np.ones((40, 8, 6, 5), "float32")
    for got, expected in zip(threaded(x, weights), by_loops(x, weights, *CASES[0][:3])):
        np.testing.assert_allclose(got, expected, rtol=1e-6)


# With 32 pixels to a window Aesara's Python code adds more terms than NumPy takes at once.
@pytest.fixture(scope="module", params=[((3, 3), (2, 2), 2, (3, 4, 9, 7)), *CASES[1:3]], ids=str)
def with_plain(request):
    """Pooling and its gradient, and the same by Aesara's own operations, without rewrites.

    There the images are padded to whole windows by less than any pixel, and the maximum is taken
    of slices, one for each place in a window and each piece.
    """
    pool, stride, pieces, _ = case = request.param
    x, weights = at.ftensor4("x"), at.ftensor4("weights")
    counts = weights.shape[2:]
    sizes = [(counts[i] - 1) * stride[i] + pool[i] for i in range(2)]
    padded = at.alloc(np.float32(-1e30), x.shape[0], x.shape[1], *sizes)
    padded = at.set_subtensor(padded[:, :, : x.shape[2], : x.shape[3]], x)
    top = at.stack(
        [
            padded[
                :,
                piece::pieces,
                i : i + (counts[0] - 1) * stride[0] + 1 : stride[0],
                j : j + (counts[1] - 1) * stride[1] + 1 : stride[1],
            ]
            for piece, i, j in np.ndindex(pieces, *pool)
        ]
    ).max(axis=0)
    gradient = aesara.grad((top * weights).sum(), x)
    plain = backend.function([x, weights], [top, gradient], mode="FAST_COMPILE")
    return case, compiled(case, "float32", None), plain


@settings(max_examples=25)
@given(
    batch=st.integers(1, 9),
    groups=st.integers(1, 5),
    rows=st.integers(4, 15),
    columns=st.integers(4, 15),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_shape_is_as_in_the_plain_graph(with_plain, batch, groups, rows, columns, seed):
    (pool, stride, pieces, _), ours, plain = with_plain
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((batch, groups * pieces, rows, columns)).astype("float32")
    assume(np.unique(x).size == x.size)  # of equals, each graph may take another
    size = [len(windows(*axis)) for axis in zip(x.shape[2:], pool, stride)]
    weights = rng.standard_normal((batch, groups, *size)).astype("float32")
    (top, gradient), expected = ours(x, weights), plain(x, weights)
    np.testing.assert_array_equal(top, expected[0])
    np.testing.assert_allclose(gradient, expected[1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("pool, stride", [((3, 2), (2, 2)), ((2, 2), (1, 2))])
def test_means_and_gradient(pool, stride, close):
    x, weights = at.dtensor4("x"), at.dtensor4("weights")
    mean = backend.mean_pool(x, pool, stride)
    gradient = aesara.grad((mean * weights).sum(), x)
    run = backend.function([x, weights], [mean, gradient])
    rng = np.random.default_rng(1)
    data = rng.standard_normal((2, 3, 6, 5))
    down, across = (windows(*axis) for axis in zip(data.shape[2:], pool, stride))
    expected = np.zeros((2, 3, len(down), len(across)))
    spread, w = np.zeros_like(data), rng.standard_normal(expected.shape)
    for i, j in np.ndindex(expected.shape[2:]):
        part = (
            slice(None),
            slice(None),
            slice(down[i][0], down[i][-1] + 1),
            slice(across[j][0], across[j][-1] + 1),
        )
        expected[:, :, i, j] = data[part].mean(axis=(2, 3))
        spread[part] += (w[:, :, i, j] / (len(down[i]) * len(across[j])))[:, :, None, None]
    value, got = run(data, w)
    close(value, expected, rtol=1e-10)
    close(got, spread, rtol=1e-10)


@given(pool=st.integers(1, 12), more=st.integers(0, 50), stride=st.integers(1, 12))
def test_number_of_windows(pool, more, stride):
    size, stride = pool + more, min(stride, pool)
    found = windows(size, pool, stride)
    assert backend.pooled_size(size, pool, stride) == len(found)
    assert len(found[-1]) > 0


def test_gradient_of_the_gradient_gathers(either_engine):
    x, direction, weights = (at.dtensor4(name) for name in ("x", "direction", "weights"))
    top = backend.max_pool(x, (2, 2), (1, 1), 2)
    gradient = aesara.grad(None, x, known_grads={top: weights})
    twice = aesara.grad((gradient * direction).sum(), weights)
    run = backend.function([x, direction, weights], twice, mode="FAST_COMPILE")
    rng = np.random.default_rng(2)
    data, along = rng.standard_normal((2, 3, 4, 4, 3))
    ones = np.ones((3, 2, 3, 2))
    for index in [(0, 0, 0, 0), (2, 1, 2, 1)]:
        one = np.zeros_like(ones)
        one[index] = 1
        where = by_loops(data, one, (2, 2), (1, 1), 2)[1]
        assert run(data, along, ones)[index] == pytest.approx((where * along).sum())


def test_shapes_are_inferred():
    x = at.TensorType("float32", (None, 6, 9, None))()
    top = backend.max_pool(x, (4, 4), (2, 3), 2)
    assert top.type.shape == (None, 3, 4, None)
    gradient = aesara.grad(top.sum(), x)
    assert gradient.type.shape == (None, 6, 9, None)
    run = backend.function([x], [top.shape, gradient.shape])
    ops = {type(node.op) for node in run.maker.fgraph.apply_nodes}
    assert not ops & {MaxPool, MaxPoolGrad}
    top_shape, gradient_shape = run(np.zeros((5, 6, 9, 8), "float32"))
    assert top_shape.tolist() == [5, 3, 4, 3]
    assert gradient_shape.tolist() == [5, 6, 9, 8]


@pytest.mark.parametrize(
    "arguments, message",
    [
        (((2, 0), (1, 1)), r"\(2, 0\) and stride \(1, 1\) must be"),
        (((2,), (1, 1)), r"two positive integers"),
        (((2, 2), (1, 3)), r"stride \(1, 3\) leaves gaps between windows of \(2, 2\)"),
    ],
)
def test_wrong_windows(arguments, message):
    for pool in (backend.max_pool, backend.mean_pool):
        with pytest.raises(ValueError, match=message):
            pool(at.ftensor4(), *arguments)


def test_wrong_images():
    small = at.TensorType("float32", (None, 6, 9, 3))()
    for pool in (backend.max_pool, backend.mean_pool):
        with pytest.raises(ValueError, match=r"windows of \(2, 4\) in images of \(9, 3\)"):
            pool(small, (2, 4), (2, 4))
        with pytest.raises(TypeError, match="cannot take"):
            pool(at.fmatrix(), (2, 2), (2, 2))
    with pytest.raises(ValueError, match="6 maps cannot be split into groups of 4"):
        backend.max_pool(small, (2, 2), (2, 2), 4)
    with pytest.raises(ValueError, match="positive, not 0"):
        backend.max_pool(small, (2, 2), (2, 2), 0)


@pytest.mark.parametrize("mode", [None, "FAST_COMPILE"])
def test_wrong_images_at_run_time(mode, threaded):
    run = threaded if mode is None else compiled(CASES[0], "float32", mode)
    ones = np.ones((1, 1, 1, 1), "float32")
    with pytest.raises(ValueError, match=r"windows of \(4, 4\) in images of \(3, 5\)"):
        run(np.zeros((1, 2, 3, 5), "float32"), ones)
    with pytest.raises(ValueError, match="3 maps|groups of 2 in 3"):
        run(np.zeros((1, 3, 5, 5), "float32"), ones)
    with pytest.raises(ValueError, match="shapes differ"):
        run(np.zeros((1, 2, 5, 5), "float32"), np.ones((1, 1, 1, 1), "float32"))
