"""Fused operations: against the plain graph, against their NumPy twins, at the edges."""

from __future__ import annotations

import aesara.tensor as at
import numpy as np
import pytest
from aesara.compile.mode import Mode, get_default_mode
from aesara.graph.basic import applys_between
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from adversarial import backend
from adversarial.backend.ops.bias_activation import BiasElementwise, BiasMaxout
from adversarial.backend.ops.column_sum import ColumnSum
from adversarial.backend.ops.rectifier import Rectify
from adversarial.backend.rewrites import TAG

PLAIN = get_default_mode().excluding(TAG)


def layer(kind, z):
    return {
        "rectify": lambda: backend.rectify(z),
        "leaky": lambda: backend.rectify(z, 0.1),
        "sigmoid": lambda: at.sigmoid(z),
        "maxout": lambda: backend.maxout(z, 3),
    }[kind]()


def compiled(kind, mode):
    """A layer's output and the gradients of a weighted sum of it, as one function."""
    x, W, b, weights = at.fmatrix(), at.fmatrix(), at.fvector(), at.fmatrix()
    p = layer(kind, at.dot(x, W) + b)
    gradients = at.grad((p * weights).sum(), [x, W, b])
    return backend.function([x, W, b, weights], [p, *gradients], mode=mode)


def ops(function):
    fgraph = function.maker.fgraph
    return {type(node.op) for node in applys_between(fgraph.inputs, fgraph.outputs)}


FUSED = {
    "rectify": BiasElementwise,
    "leaky": BiasElementwise,
    "sigmoid": BiasElementwise,
    "maxout": BiasMaxout,
}


@pytest.fixture(scope="module", params=sorted(FUSED))
def pair(request):
    return request.param, compiled(request.param, None), compiled(request.param, PLAIN)


def test_the_pattern_is_found_and_can_be_left_out(pair):
    kind, fused, plain = pair
    assert {FUSED[kind], ColumnSum} <= ops(fused)
    assert not {BiasElementwise, BiasMaxout, ColumnSum} & ops(plain)


@settings(max_examples=25)
@given(
    rows=st.integers(0, 70),
    inputs=st.integers(1, 9),
    units=st.integers(1, 80),
    seed=st.integers(0, 2**32 - 1),
)
def test_equal_to_the_plain_graph(pair, rows, inputs, units, seed):
    kind, fused, plain = pair
    rng = np.random.RandomState(seed)
    columns = units * 3 if kind == "maxout" else units
    arguments = [
        rng.randn(rows, inputs).astype("f"),
        (3 * rng.randn(inputs, columns)).astype("f"),
        rng.randn(columns).astype("f"),
        rng.randn(rows, units).astype("f"),
    ]
    for ours, theirs in zip(fused(*arguments), plain(*arguments)):
        np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=1e-5)


def test_many_rows_go_through_the_threaded_loops(pair):
    kind, fused, plain = pair
    rng = np.random.RandomState(0)
    arguments = [
        rng.randn(400, 5).astype("f"),
        rng.randn(5, 300).astype("f"),
        rng.randn(300).astype("f"),
        rng.randn(400, 100 if kind == "maxout" else 300).astype("f"),
    ]
    for ours, theirs in zip(fused(*arguments), plain(*arguments)):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "op",
    [
        BiasElementwise("linear"),
        BiasElementwise("rectify"),
        BiasElementwise("rectify", 0.2),
        BiasElementwise("sigmoid"),
        BiasMaxout(4),
    ],
    ids=str,
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_c_equals_numpy(op, dtype):
    z, b = at.matrix(dtype=dtype), at.vector(dtype=dtype)
    outputs = op(z, b, return_list=True)
    rng = np.random.RandomState(1)
    Z, B = (5 * rng.randn(13, 24)).astype(dtype), rng.randn(24).astype(dtype)
    expected = [[None] for _ in outputs]
    op.perform(outputs[0].owner, [Z, B], expected)
    for ours, (theirs,) in zip(backend.function([z, b], outputs)(Z, B), expected):
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-7)


def test_logistic_is_accurate_everywhere_and_saturates():
    z, b = at.fmatrix(), at.fvector()
    function = backend.function([z, b], BiasElementwise("sigmoid")(z, b))
    x = np.concatenate([np.linspace(-100, 100, 100001), [-np.inf, np.inf, -1e-30, 0.0]]).astype("f")
    p = function(x[None, :], np.zeros_like(x))[0]
    exact = expit(x.astype("float64"))
    inside = np.abs(x) < 87
    np.testing.assert_allclose(p[inside], exact[inside], rtol=5e-7)
    np.testing.assert_allclose(p, exact, rtol=1e-6, atol=1e-37)
    assert (p >= 0).all() and (p <= 1).all()


@pytest.mark.parametrize(
    "op", [BiasElementwise("rectify"), BiasElementwise("sigmoid"), BiasMaxout(2)], ids=str
)
def test_nan_is_never_lost(op):
    z, b = at.fmatrix(), at.fvector()
    function = backend.function([z, b], op(z, b, return_list=True)[0])
    values = np.zeros((1, 40), "f")
    values[0, 7] = np.nan
    assert np.isnan(function(values, np.ones(40, "f"))).sum() == 1


def test_bias_of_another_length_is_refused():
    z, b = at.fmatrix(), at.fvector()
    function = backend.function([z, b], BiasElementwise("rectify")(z, b))
    with pytest.raises(ValueError, match="bias does not fit"):
        function(np.zeros((2, 3), "f"), np.zeros(4, "f"))


@pytest.mark.parametrize("kind", sorted(FUSED))
@pytest.mark.parametrize("number", [[0.5], 0.5], ids=["vector", "scalar"])
def test_one_number_for_all_columns_is_no_bias(kind, number):
    """The fused kernels have a bias for each column, and would refuse the matrix."""
    z, b = at.fmatrix(), backend.shared(number)
    p = layer(kind, z + b)
    function = backend.function([z], p, mode=Mode("py", get_default_mode().provided_optimizer))
    assert FUSED[kind] not in ops(function)
    Z = np.random.RandomState(5).randn(4, 6).astype("f")
    v = Z + np.float32(0.5)
    expected = {
        "rectify": np.maximum(v, 0),
        "leaky": np.where(v > 0, v, 0.1 * v),
        "sigmoid": expit(v),
        "maxout": v.reshape(4, 2, 3).max(axis=2),
    }[kind]
    np.testing.assert_allclose(function(Z), expected, rtol=1e-5)


def test_in_place_work_spares_values_needed_elsewhere():
    x, W, b = at.fmatrix(), at.fmatrix(), at.fvector()
    z = at.dot(x, W)
    function = backend.function([x, W, b], [backend.rectify(z + b), z])
    rng = np.random.RandomState(2)
    X, Wv, B = rng.randn(4, 3).astype("f"), rng.randn(3, 5).astype("f"), rng.randn(5).astype("f")
    p, kept = function(X, Wv, B)
    np.testing.assert_allclose(kept, X @ Wv, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(p, np.maximum(X @ Wv + B, 0), rtol=1e-5, atol=1e-6)


def test_shared_sums_are_not_fused_away():
    """z + b used twice stays one array, and both uses are right."""
    x, b = at.fmatrix(), at.fvector()
    z = x + b
    function = backend.function([x, b], [backend.rectify(z), at.sigmoid(z)])
    X, B = np.float32([[1, -2], [3, -4]]), np.float32([0.5, 1])
    p, s = function(X, B)
    np.testing.assert_allclose(p, np.maximum(X + B, 0))
    np.testing.assert_allclose(s, expit(X + B), rtol=1e-6)


def test_column_sum_of_a_transposed_matrix():
    x = at.fmatrix()
    function = backend.function([x], ColumnSum()(x.T))
    X = np.random.RandomState(3).randn(300, 7).astype("f")
    np.testing.assert_allclose(function(X), X.sum(axis=1), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("slope", [0.0, 0.1, 1.0])
def test_rectifier_of_any_rank_and_its_second_derivative(slope):
    z = at.ftensor3()
    p = backend.rectify(z, slope)
    first = at.grad((p**2).sum(), z)
    second = at.grad((first * z).sum(), z)
    Z = np.random.RandomState(4).randn(2, 3, 4).astype("f")
    gain = np.where(Z > 0, 1, slope)
    values = backend.function([z], [p, first, second])(Z)
    np.testing.assert_allclose(values[0], gain * Z, rtol=1e-6)
    np.testing.assert_allclose(values[1], 2 * gain**2 * Z, rtol=1e-5)
    np.testing.assert_allclose(values[2], 4 * gain**2 * Z, rtol=1e-5)


@pytest.fixture(scope="module", params=[0.0, 0.1])
def rectifiers(request):
    """A rectifier and its gradient, and the same by a switch, without rewrites."""
    z, weights = at.fmatrix(), at.fmatrix()
    slope = np.float32(request.param)
    return [
        backend.function([z, weights], [p, at.grad((p * weights).sum(), z)], mode=mode)
        for p, mode in (
            (backend.rectify(z, request.param), None),
            (at.switch(z > 0, z, slope * z), "FAST_COMPILE"),
        )
    ]


@settings(max_examples=40)
@given(
    rows=st.integers(0, 90),
    columns=st.integers(0, 90),
    turned=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_rectifiers_of_any_shape(rectifiers, rows, columns, turned, seed):
    ours, plain = rectifiers
    rng = np.random.default_rng(seed)
    z, weights = (rng.standard_normal((rows, columns)).astype("f") for _ in range(2))
    if turned:
        z = np.asfortranarray(z)
    for got, expected in zip(ours(z, weights), plain(z, weights)):
        np.testing.assert_allclose(got, expected, rtol=1e-6)


def test_what_rectifiers_refuse():
    with pytest.raises(ValueError, match="-0.5"):
        backend.rectify(at.fmatrix(), -0.5)
    with pytest.raises(TypeError, match="int64"):
        Rectify(0.0)(at.lmatrix())
