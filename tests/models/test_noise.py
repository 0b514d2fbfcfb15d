"""Layers that add noise to their input."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from adversarial.backend import floatX, shared
from adversarial.models.mlp import MLP
from adversarial.models.noise import Clusterize, NoiseCat
from adversarial.space import Conv2DSpace, VectorSpace

pytestmark = pytest.mark.usefixtures("either_engine", "fast_compile")

IMAGES = Conv2DSpace((4, 5), num_channels=2)


def random(*shape, seed=0):
    return np.random.RandomState(seed).normal(size=shape).astype(floatX)


def test_noise_cat(evaluate):
    mlp = MLP([NoiseCat(new_dim=4, std=0.5, layer_name="n")], nvis=6)
    x = random(500, 6)
    out = evaluate(mlp.fprop(shared(x)))
    assert mlp.get_output_space() == VectorSpace(10)
    np.testing.assert_array_equal(out[:, :6], x)
    assert stats.kstest(out[:, 6:].ravel(), stats.norm(scale=0.5).cdf).pvalue > 1e-3


def test_clusterize(evaluate):
    mlp = MLP([Clusterize(scale=0.25, layer_name="c")], nvis=6)
    x = random(500, 6)
    moved = evaluate(mlp.fprop(shared(x))) - x
    np.testing.assert_allclose(abs(moved), 0.25, rtol=1e-4)
    assert (moved > 0).mean() == pytest.approx(0.5, abs=5 * 0.5 / np.sqrt(moved.size))


@pytest.mark.parametrize(
    "wrong, message",
    [
        (dict(new_dim=0), "'n': new_dim must be a positive integer, not 0"),
        (dict(new_dim=1.5), "new_dim must be a positive integer, not 1.5"),
        (dict(std=-1.0), "'n': std must not be negative, got -1.0"),
    ],
)
def test_wrong_noise(wrong, message):
    with pytest.raises(ValueError, match=message):
        NoiseCat(**{**dict(new_dim=2, std=1.0, layer_name="n"), **wrong})


@pytest.mark.parametrize(
    "layer",
    [lambda: NoiseCat(2, 1.0, "h"), lambda: Clusterize(1.0, "h")],
    ids=["noise cat", "clusterize"],
)
def test_vectors_only(layer):
    with pytest.raises(TypeError, match="'h' .*Conv2DSpace"):
        MLP([layer()], input_space=IMAGES)
