"""Fewer products and one gradient for two objectives: against the plain graph, on any shapes."""

from __future__ import annotations

import aesara.tensor as at
import numpy as np
import pytest
from aesara.compile.mode import Mode, get_default_mode
from aesara.tensor.basic import Join
from aesara.tensor.blas import Dot22, Dot22Scalar, Gemm
from aesara.tensor.math import Dot
from hypothesis import given, settings
from hypothesis import strategies as st

from adversarial import backend
from adversarial.backend.ops.maxout import MaxoutGrad
from adversarial.backend.rewrites import TAG, without_unwanted

PLAIN = get_default_mode().excluding(TAG)
INPUTS, UNITS = 70, 80
PRODUCTS = (Dot, Dot22, Dot22Scalar, Gemm)
ACTIVATIONS = {
    "maxout": (5, lambda z: backend.maxout(z, 5)),
    "rectifier": (1, lambda z: backend.rectify(z)),
    "leaky": (1, lambda z: backend.rectify(z, 0.2)),
}


def parameters(pieces, units=UNITS, seed=0):
    rng = np.random.RandomState(seed)
    shapes = [
        (INPUTS, units * pieces),
        (units * pieces,),
        (units, units * pieces),
        (units * pieces,),
        (units, 1),
        (1,),
    ]
    return [
        backend.shared(rng.uniform(-0.3, 0.3, shape), f"p{i}") for i, shape in enumerate(shapes)
    ]


def logits(x, masks, params, activation):
    """A discriminator of two hidden layers under dropout; (batch, 1)."""
    W0, b0, W1, b1, W2, b2 = params
    h = activation(at.dot(x * masks[0] * 1.25, W0) + b0)
    h = activation(at.dot(h * masks[1] * 2, W1) + b1)
    return at.dot(h * masks[2] * 2, W2) + b2


def players(kind, mode, units=UNITS):
    """(function of x, s and six masks, parameters); it returns D's gradients, and G's at s."""
    pieces, activation = ACTIVATIONS[kind]
    params = parameters(pieces, units)
    x, s = at.fmatrix("x"), at.fmatrix("s")
    of_x, of_s = ([at.fmatrix(f"m{i}{v}") for i in range(3)] for v in (x, s))
    real, fake = logits(x, of_x, params, activation), logits(s, of_s, params, activation)
    d = 0.5 * (at.softplus(-real).mean() + at.softplus(fake).mean())
    g = at.softplus(-fake).mean()
    gradients = at.grad(d, params, consider_constant=[s])
    outputs = [d, g, *gradients, at.grad(g, s)]
    return backend.function([x, s, *of_x, *of_s], outputs, mode=mode), params


def arguments(rng, n, m, units=UNITS, scale=1.0):
    def masks(rows):
        return [(rng.uniform(size=(rows, k)) < 0.7).astype("f") for k in (INPUTS, units, units)]

    x, s = ((scale * rng.randn(rows, INPUTS)).astype("f") for rows in (n, m))
    return [x, s, *masks(n), *masks(m)]


def count(function, *kinds):
    return sum(isinstance(node.op, kinds) for node in function.maker.fgraph.apply_nodes)


def count_products(function):
    """Products of matrices of which none is a row or a column."""
    return sum(
        isinstance(node.op, PRODUCTS)
        and not any(any(v.type.broadcastable) for v in (*node.inputs, *node.outputs) if v.ndim == 2)
        for node in function.maker.fgraph.apply_nodes
    )


@pytest.fixture(scope="module", params=sorted(ACTIVATIONS))
def pair(request):
    return request.param, players(request.param, None)[0], players(request.param, PLAIN)[0]


def test_each_matrix_is_multiplied_once_a_direction(pair):
    kind, ours, plain = pair
    # By W0 and W1 up, by W1 down, the gradients of both, and by W0 down, of samples only.
    assert count_products(ours) == 6
    assert count_products(plain) >= 11
    if kind == "maxout":
        # Two layers, on the way down and at the weights; the latter scaled before they are spread.
        assert count(ours, MaxoutGrad) == 4


@settings(max_examples=30)
@given(
    n=st.integers(1, 40),
    m=st.integers(1, 40),
    seed=st.integers(0, 2**32 - 1),
    scale=st.sampled_from([0.1, 1.0, 30.0]),
)
def test_equal_to_the_plain_graph(pair, n, m, seed, scale):
    kind, ours, plain = pair
    values = arguments(np.random.RandomState(seed), n, m, scale=scale)
    for a, b in zip(ours(*values), plain(*values)):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=1e-5 * max(1.0, np.abs(b).max()))


def test_an_objective_that_is_won_leaves_the_other_its_gradient():
    """D certain of its judgement: its own gradient vanishes, G's does not, and neither is NaN."""
    values = arguments(np.random.RandomState(3), 9, 9)
    results = {}
    for mode in (None, PLAIN):
        function, params = players("maxout", mode)
        params[-1].set_value(np.float32([-150]))
        results[mode] = function(*values)
    for a, b in zip(results[None], results[PLAIN]):
        assert np.isfinite(a).all()
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=1e-6)
    at_samples = results[None][-1]
    assert np.abs(at_samples).max() > 1e-4


def test_narrow_matrices_are_left_alone():
    ours, _ = players("rectifier", None, units=20)
    plain, _ = players("rectifier", PLAIN, units=20)
    values = arguments(np.random.RandomState(4), 12, 7, units=20)
    for a, b in zip(ours(*values), plain(*values)):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=1e-6)
    assert count(ours, Join) == 0


def check(inputs, outputs, *values):
    """`outputs` are the same with and without the rewrites; the rewritten function."""
    ours = backend.function(inputs, outputs)
    plain = backend.function(inputs, outputs, mode=PLAIN)
    for a, b in zip(ours(*values), plain(*values)):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)
    return ours


def test_products_that_need_one_another_are_not_joined():
    rng = np.random.RandomState(5)
    W = backend.shared(rng.randn(70, 70) / 8)
    x = at.fmatrix()
    once = at.dot(x, W)
    ours = check([x], [once, at.dot(at.tanh(once), W)], rng.randn(5, 70).astype("f"))
    assert count(ours, *PRODUCTS) == 2


def test_three_batches_of_three_sizes_in_one_product():
    rng = np.random.RandomState(6)
    W = backend.shared(rng.randn(64, 96))
    batches = [at.fmatrix() for _ in range(3)]
    values = [rng.randn(rows, 64).astype("f") for rows in (1, 8, 0)]
    ours = check(batches, [at.exp(at.dot(x, W) / 50) for x in batches], *values)
    assert count(ours, *PRODUCTS) == 1


def test_factors_in_another_order_do_not_share_a_node():
    """column * matrix and matrix * column: alike as nodes, unlike in their inputs."""
    rng = np.random.RandomState(7)
    W, V = backend.shared(rng.randn(64, 64)), backend.shared(rng.randn(64, 64))
    x, y, c, d = at.fmatrix(), at.fmatrix(), at.fcol(), at.fcol()
    outputs = [at.dot(c * at.dot(x, W), V), at.dot(at.dot(y, W) * d, V)]
    values = [rng.randn(4, 64), rng.randn(6, 64), rng.randn(4, 1), rng.randn(6, 1)]
    check([x, y, c, d], outputs, *(v.astype("f") for v in values))


def test_gradients_of_weights_and_biases_are_summed_in_their_products():
    rng = np.random.RandomState(8)
    W, b = backend.shared(rng.randn(64, 64) / 8), backend.shared(rng.randn(64))
    x, y = at.fmatrix(), at.fmatrix()
    total = sum(at.square(backend.rectify(at.dot(v, W) + b)).sum() for v in (x, y))
    ours = check([x, y], at.grad(total, [W, b]), *(rng.randn(n, 64).astype("f") for n in (7, 9)))
    assert count(ours, *PRODUCTS) == 2


def test_second_derivatives():
    """Beyond what the paper needs: gradients of gradients through joined products."""
    rng = np.random.RandomState(9)
    W = backend.shared(rng.randn(64, 64) / 8)
    x, y = at.fmatrix(), at.fmatrix()
    p, q = backend.rectify(at.dot(x, W)), backend.rectify(at.dot(y, W))
    penalty = at.square(at.grad(at.square(p).sum() + at.square(q).sum(), x)).sum() / 100
    check([x, y], [penalty, at.grad(penalty, W)], *(rng.randn(n, 64).astype("f") for n in (7, 9)))


def test_modes_of_their_own_kind_are_left_alone():
    from aesara.compile.debugmode import DebugMode

    mode = DebugMode()
    assert without_unwanted(mode) is mode
    assert isinstance(without_unwanted(None), Mode)
