from __future__ import annotations

import aesara.tensor as at
import numpy as np
import pytest

from adversarial.backend import floatX, shared
from adversarial.models.maxout import Maxout
from adversarial.models.mlp import MLP

pytestmark = pytest.mark.usefixtures("either_engine", "fast_compile")


def layer_and_net(**kwargs):
    layer = Maxout("h", **{**dict(num_units=3, num_pieces=2, irange=1.0), **kwargs})
    return layer, MLP([layer], nvis=4, seed=[3])


def random(*shape, seed=0):
    return np.random.RandomState(seed).normal(size=shape).astype(floatX)


def detector(layer, x):
    return x @ layer.get_weights().astype("float64") + layer.get_biases()


def test_units_take_neighbouring_columns(evaluate):
    layer, mlp = layer_and_net(num_pieces=5, init_bias=np.linspace(-1, 1, 15))
    x = random(7, 4)
    z = detector(layer, x)
    expected = np.stack([z[:, u * 5 : u * 5 + 5].max(axis=1) for u in range(3)], axis=1)
    assert mlp.get_output_space().dim == 3
    np.testing.assert_allclose(evaluate(mlp.fprop(shared(x))), expected, rtol=1e-5)


def test_gradients(evaluate):
    layer, mlp = layer_and_net(num_pieces=5)
    x, weights = random(7, 4), random(7, 3, seed=1)
    X = at.matrix()
    found = evaluate(at.grad((mlp.fprop(X) * weights).sum(), [layer.W, layer.b, X]), {X: x})
    z = detector(layer, x).reshape(7, 3, 5)
    winner = z == z.max(axis=2, keepdims=True)
    dz = (winner * weights[:, :, None]).reshape(7, 15)
    expected = [x.T @ dz, dz.sum(axis=0), dz @ layer.get_weights().T]
    for ours, theirs in zip(found, expected):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_overlapping_pools(evaluate):
    layer, mlp = layer_and_net(num_units=4, num_pieces=3, pool_stride=1)  # 12 columns
    x = random(7, 4)
    z = detector(layer, x)
    expected = np.stack([z[:, u : u + 3].max(axis=1) for u in range(10)], axis=1)
    assert mlp.get_output_space().dim == 10
    np.testing.assert_allclose(evaluate(mlp.fprop(shared(x))), expected, rtol=1e-5)


def test_random_pools_and_zero(evaluate):
    layer, mlp = layer_and_net(randomize_pools=True, min_zero=True)
    x = random(7, 4)
    z = detector(layer, x)[:, layer.permutation]
    expected = np.maximum(z.reshape(7, 3, 2).max(axis=2), 0)
    assert (expected == 0).any()
    np.testing.assert_allclose(evaluate(mlp.fprop(shared(x))), expected, rtol=1e-5)


def test_channels(evaluate):
    layer, mlp = layer_and_net()
    x = random(7, 4)
    found = mlp.get_monitoring_channels(shared(x))
    p = detector(layer, x).reshape(7, 3, 2).max(axis=2)
    expected = {
        "h_p_max_x.mean_u": p.max(axis=0).mean(),
        "h_p_mean_x.min_u": p.mean(axis=0).min(),
        "h_p_range_x.max_u": (p.max(axis=0) - p.min(axis=0)).max(),
        "h_col_norms_max": np.linalg.norm(layer.get_weights(), axis=0).max(),
        "h_row_norms_mean": np.linalg.norm(layer.get_weights(), axis=1).mean(),
    }
    assert len(found) == 18
    for value, name in zip(evaluate([found[name] for name in expected]), expected):
        assert value == pytest.approx(expected[name], rel=1e-5), name
    single, mlp = layer_and_net(num_pieces=1)
    assert "h_max_x.mean_u" in mlp.get_monitoring_channels(shared(x))


def test_shape_of_the_picture_of_weights():
    assert layer_and_net(num_pieces=5)[1].get_weights_view_shape() == (3, 5)


@pytest.mark.parametrize(
    "wrong, message",
    [
        (dict(num_units=0), "num_units .*0"),
        (dict(num_pieces=2.5), "num_pieces .*2.5"),
        (dict(pool_stride=3), "pool_stride .* 1 to 2"),
        (dict(pool_stride=0), "pool_stride must be a positive integer, not 0"),
        (dict(pool_stride=2.0), "pool_stride must be a positive integer, not 2.0"),
        (dict(num_units=4, num_pieces=3, pool_stride=2), "12 columns"),
        (dict(irange=None), "exactly one of"),
    ],
)
def test_wrong_arguments(wrong, message):
    with pytest.raises(ValueError, match=message):
        layer_and_net(**wrong)
