"""Matrix products on JAX, against NumPy: computed as a transpose, and merged by rewrites."""

from __future__ import annotations

import aesara.tensor as at
import numpy as np
import pytest
from aesara.tensor.math import Dot

jax = pytest.importorskip("jax", reason="JAX, the second engine, is not installed")

from adversarial.backend import function, shared  # noqa: E402


@pytest.fixture(autouse=True)
def on_jax(monkeypatch):
    from adversarial.backend import engines

    monkeypatch.setattr(engines, "_chosen", None)
    engines.choose("jax")


@pytest.mark.parametrize("rows", [0, 1, 2, 5, 30])
@pytest.mark.parametrize("inner", [1, 3, 8])
@pytest.mark.parametrize("columns", [1, 2, 7])
def test_products_with_a_transposed_factor(rows, inner, columns):
    rng = np.random.RandomState(0)
    x = rng.normal(size=(rows, inner)).astype("float32")
    W = rng.normal(size=(columns, inner)).astype("float32")
    a, b = at.fmatrix(), at.fmatrix()
    product, transposed = function([a, b], [at.dot(a, b.T), at.dot(a, b.T).T + 1])(x, W)
    assert product.shape == (rows, columns)
    np.testing.assert_allclose(product, x @ W.T, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(transposed, W @ x.T + 1, rtol=1e-5, atol=1e-6)


def test_products_of_vectors_and_of_two_transposed_matrices():
    rng = np.random.RandomState(1)
    x = rng.normal(size=(5, 3)).astype("float32")
    W = rng.normal(size=(7, 5)).astype("float32")
    v = rng.normal(size=3).astype("float32")
    a, b, c = at.fmatrix(), at.fmatrix(), at.fvector()
    both, vector = function([a, b, c], [at.dot(a.T, b.T), at.dot(c, a.T)])(x, W, v)
    np.testing.assert_allclose(both, x.T @ W.T, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(vector, v @ x.T, rtol=1e-5, atol=1e-6)


def test_two_passes_over_the_same_weights_are_one_product():
    rng = np.random.RandomState(2)
    x, s = (rng.normal(size=(rows, 80)).astype("float32") for rows in (3, 5))
    weights = rng.normal(size=(80, 70)).astype("float32")
    a, b, W = at.fmatrix(), at.fmatrix(), shared(weights)
    run = function([a, b], [at.dot(a, W), at.dot(b, W)])
    assert sum(isinstance(node.op, Dot) for node in run.maker.fgraph.apply_nodes) == 1
    for product, rows in zip(run(x, s), (x, s)):
        np.testing.assert_allclose(product, rows @ weights, rtol=1e-4, atol=1e-4)


def test_gradients_that_differ_by_a_factor_per_example_are_backpropagated_once():
    rng = np.random.RandomState(3)
    v, c, d = (rng.normal(size=(4, n)).astype("float32") for n in (70, 1, 1))
    weights = rng.normal(size=(80, 70)).astype("float32")
    a, W = at.fmatrix(), shared(weights)
    first, second = (at.TensorType("float32", (None, 1))() for _ in range(2))
    run = function([a, first, second], [at.dot(first * a, W.T), at.dot(second * a, W.T)])
    assert sum(isinstance(node.op, Dot) for node in run.maker.fgraph.apply_nodes) == 1
    for product, column in zip(run(v, c, d), (c, d)):
        np.testing.assert_allclose(product, (column * v) @ weights.T, rtol=1e-4, atol=1e-4)
