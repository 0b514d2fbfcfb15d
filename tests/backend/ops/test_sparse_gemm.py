"""Products that leave out zeros: against NumPy in double precision, whatever is zero in them."""

from __future__ import annotations

import itertools

import aesara
import aesara.tensor as at
import numpy as np
import pytest
from aesara.tensor.blas import Dot22, Gemm
from hypothesis import given, settings
from hypothesis import strategies as st

from adversarial import backend
from adversarial.backend.ops.sparse_gemm import (
    DENSEST,
    LEAST,
    SparseDot22,
    SparseGemm,
    skipping_zeros,
)

sizes = st.integers(16, 300)


def sparse(rng, shape, share, dtype="float32"):
    return ((rng.uniform(size=shape) < share) * rng.randn(*shape)).astype(dtype)


@pytest.fixture(scope="module", params=["float32", "float64"])
def update(request):
    """(z, a, x, y, b) -> b z + a x y, in the place of z."""
    z, x, y = (at.matrix(name, request.param) for name in "zxy")
    a, b = at.scalar("a", request.param), at.scalar("b", request.param)
    place = aesara.In(z, mutable=True, borrow=True)
    function = backend.function([place, a, x, y, b], b * z + a * at.dot(x, y))
    ops = {node.op for node in function.maker.fgraph.apply_nodes}
    assert SparseGemm(request.param, inplace=True) in ops
    return function


@settings(max_examples=60)
@given(
    n=sizes,
    m=sizes,
    k=st.integers(1, 700),
    share=st.floats(0, 0.5),
    left=st.booleans(),
    orders=st.tuples(*[st.sampled_from("CF")] * 3),
    a=st.sampled_from([1.0, -0.1]),
    b=st.sampled_from([0.0, 1.0, 0.5]),
    seed=st.integers(0, 999),
)
def test_update_is_that_of_numpy(update, n, m, k, share, left, orders, a, b, seed):
    rng = np.random.RandomState(seed)
    dtype = update.maker.fgraph.outputs[0].dtype
    k = max(k, -(-LEAST // (n * m)))
    x, y = (
        sparse(rng, shape, share if zeros else 1, dtype)
        for shape, zeros in (((n, k), left), ((k, m), not left))
    )
    z = rng.randn(n, m).astype(dtype)
    found = update(
        *(
            np.array(v, dtype, order=order)
            for v, order in ((z, orders[0]), (a, "C"), (x, orders[1]), (y, orders[2]), (b, "C"))
        )
    )
    x, y, z = (v.astype("float64") for v in (x, y, z))
    size = abs(b) * abs(z) + abs(a) * abs(x) @ abs(y)
    bound = {"float32": 1e-5, "float64": 1e-13}[dtype] * (size + 1e-6)
    assert (abs(found - (b * z + a * x @ y)) <= bound).all()


@pytest.mark.parametrize(
    "n, k, m",
    [
        (1, 1500, 1000),
        (1000, 1500, 1),
        (1, 2_000_000, 1),
        (1100, 1, 1100),
        (17, 1000, 100),
        (100, 1000, 17),
        (33, 1000, 47),
    ],
)
@pytest.mark.parametrize("orders", list(itertools.product("CF", repeat=3)))
def test_dense_ones_in_parts(update, n, k, m, orders):
    """However thin they are, and wherever they are cut."""
    rng = np.random.RandomState(0)
    dtype = update.maker.fgraph.outputs[0].dtype
    z, x, y = (
        np.array(rng.randn(*shape), dtype, order=order)
        for shape, order in zip(((n, m), (n, k), (k, m)), orders)
    )
    expected = z.astype("d") / 2 + x.astype("d") @ y
    found = update(z, np.array(1, dtype), x, y, np.array(0.5, dtype))
    size = {"float32": 3e-6, "float64": 1e-14}[dtype] * np.sqrt(k)
    np.testing.assert_allclose(found, expected, rtol=size, atol=10 * size)


@pytest.fixture(scope="module")
def product():
    x, y = at.fmatrix("x"), at.fmatrix("y")
    return backend.function([x, y], at.dot(x, y))


@pytest.mark.parametrize("n, k, m", [(3000, 1000, 20), (20, 1000, 3000), (40, 30000, 33)])
@pytest.mark.parametrize("left", [True, False])
def test_long_ones(product, n, k, m, left):
    rng = np.random.RandomState(0)
    x, y = sparse(rng, (n, k), 0.1 if left else 1), sparse(rng, (k, m), 1 if left else 0.1)
    np.testing.assert_allclose(product(x, y), x.astype("d") @ y, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("n, k, m", list(itertools.product([0, 1, 2, 7], repeat=3)))
def test_thin_ones_out_of_larger(product, n, k, m):
    """Every way in which a row, a column or nothing can lie in memory."""
    rng = np.random.RandomState(0)
    x, y = rng.randn(20, 30).astype("f"), rng.randn(30, 40).astype("f")
    for a in (x[:n, :k], x.T[:n, :k], x[:n, :k].copy(), x[:n, :k].copy("F"), x[:n, 4 : 4 + k]):
        for b in (y[:k, :m], y.T[:k, :m], y[:k, :m].copy("F"), y[::2, ::3][:k, :m]):
            np.testing.assert_allclose(product(a, b), a @ b, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("zeros", [slice(0, 100), slice(100, 200)])
def test_a_half_is_enough(product, zeros):
    """The zeros of one half of the rows are left out, if those of the other are too few."""
    rng = np.random.RandomState(0)
    x, y = rng.randn(200, 300).astype("f"), rng.randn(300, 50).astype("f")
    x[zeros] *= rng.uniform(size=(100, 300)) < 0.1
    np.testing.assert_allclose(product(x, y), x.astype("d") @ y, rtol=1e-4, atol=1e-3)
    x[:, 7], y[7] = 0, np.inf
    finite = np.isfinite(product(x, y)).all(axis=1)
    assert finite[zeros].all() and finite.sum() == 100


def leaves_out(product, share, n=100, k=200, m=100, left=True):
    """Whether zeros are left out: then those of one column meet no infinity."""
    x, y = sparse(np.random.RandomState(1), (n, k), share), np.ones((k, m), "float32")
    x[:, 7], y[7] = 0, np.inf
    return bool(np.isfinite(product(x, y) if left else product(y.T, x.T)).all())


@pytest.mark.parametrize("left", [True, False])
def test_zeros_are_left_out_where_they_are_many(product, left):
    assert leaves_out(product, DENSEST["float32"] - 0.1, left=left)
    assert not leaves_out(product, DENSEST["float32"] + 0.1, left=left)


@pytest.mark.parametrize("size", [{"m": 10}, {"n": 10}, {"k": 100}])
def test_small_products_are_a_blas_s(product, size):
    assert not leaves_out(product, 0.1, **size)


def test_nothing_but_zeros(product):
    zeros = np.zeros((100, 200), "float32")
    assert not product(zeros, np.ones((200, 100), "float32")).any()


def test_nan_is_no_zero(product):
    x = sparse(np.random.RandomState(2), (100, 200), 0.1)
    x[3, 5] = np.nan
    found = product(x, np.ones((200, 100), "float32"))
    assert np.isnan(found[3]).all() and np.isfinite(np.delete(found, 3, axis=0)).all()


def test_infinity_meets_what_is_not_zero(product):
    x, y = np.zeros((100, 200), "float32"), np.ones((200, 100), "float32")
    x[3, 5], y[5] = 2, np.inf
    found = product(x, y)
    assert np.isposinf(found[3]).all() and not np.delete(found, 3, axis=0).any()


def test_again_the_same_to_the_bit(product):
    """Each entry is added up by one thread, in one order."""
    rng = np.random.RandomState(3)
    x, y = sparse(rng, (200, 1200), 0.1), rng.randn(1200, 784).astype("float32")
    first = product(x, y)
    assert all((product(x, y) == first).all() for _ in range(20))


def test_only_products_are_replaced():
    x, z, a = at.fmatrix(), at.zmatrix(), at.fscalar()
    for node, op in [
        (Dot22()(x, x).owner, SparseDot22("float32")),
        (Gemm(False)(x, a, x, x, a).owner, SparseGemm("float32", False)),
        (Gemm(True)(x, a, x.copy(), x.copy(), a).owner, SparseGemm("float32", True)),
        (Dot22()(z, z).owner, None),
        (SparseDot22("float32")(x, x).owner, None),
    ]:
        assert skipping_zeros(node) == op


def test_shapes_that_do_not_meet(product):
    with pytest.raises(ValueError, match="Shape mismatch"):
        product(np.zeros((100, 200), "float32"), np.zeros((100, 200), "float32"))


def test_without_c():
    x, y = at.fmatrix("x"), at.fmatrix("y")
    product = SparseDot22("float32")(x, y)
    function = backend.function([x, y], product, mode=aesara.compile.mode.Mode("py", None))
    assert function(np.float32([[1, 0]]), np.float32([[3], [4]])) == 3


@pytest.mark.parametrize("n, left_out", [(7, False), (8, True), (15, True)])
def test_zeros_are_left_out_of_eight_rows_or_more(product, n, left_out):
    for order in "CF":
        x = np.array(sparse(np.random.RandomState(2), (n, 1000), 0.1), order=order)
        y = np.random.RandomState(3).randn(1000, 400).astype("f")
        np.testing.assert_allclose(product(x, y), x.astype("d") @ y, rtol=1e-4, atol=1e-3)
        np.testing.assert_allclose(product(y.T, x.T), y.T.astype("d") @ x.T, rtol=1e-4, atol=1e-3)
        x[:, 7], y[7] = 0, np.inf
        assert np.isfinite(product(x, y)).all() == left_out


def test_a_half_of_few_rows_stays_in_its_matrix(product):
    x, y = np.ones((20, 1000), "f"), np.ones((1000, 400), "f")
    x[:10] *= np.random.RandomState(4).uniform(size=(10, 1000)) < 0.1
    x[:, 7], y[7] = 0, np.inf
    assert not np.isfinite(product(x, y)).any()
