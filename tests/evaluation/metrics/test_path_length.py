"""Path lengths of linear generators have a closed form; paths keep to the prior."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import kstest

from adversarial.evaluation.metrics import path_length as module
from adversarial.evaluation.metrics.path_length import between, path_length
from adversarial.models.generator import Generator
from adversarial.models.mlp import MLP, Linear
from sandbox.conditional import ConditionalGenerator, ConditionalMLP

pytestmark = pytest.mark.usefixtures("fast_compile")


def same(rows):
    return rows


def linear(noise, kind=Generator, network=MLP, **arguments):
    return kind(network([Linear(4, "y", irange=1.0)], nvis=3, **arguments), noise=noise)


@pytest.mark.parametrize("noise", ["uniform", "gaussian", "spherical"])
def test_a_linear_generator_has_a_known_length(noise):
    """E |W' v|^2 = E|v|^2 / 3 tr(W W'), as the velocity v of a path has no preferred direction.

    E|v|^2 is 2 * 3 for lines between points of variance 1; (pi / 2)^2 * 3 for great circles of
    normal z; on the sphere, the mean square of the angle, 2 (pi^2 / 4 - 1 + ...) by quadrature.
    """
    generator = linear(noise)
    W = generator.mlp.layers[0].get_weights()
    angles = np.linspace(0, math.pi, 100_001)
    on_sphere = np.trapz(angles**2 * np.sin(angles) / 2, angles)  # in three dimensions
    velocity = {"uniform": 6, "gaussian": 3 * (math.pi / 2) ** 2, "spherical": on_sphere}[noise]
    found = path_length(generator, same)
    expected = velocity / 3 * (W**2).sum()
    assert abs(found.value - expected) < 4 * found.uncertainty
    assert found.uncertainty < 0.05 * expected
    assert found.details["mean of 98 %"] < found.value
    doubled = path_length(generator, lambda rows: 2 * rows)
    assert doubled.value == pytest.approx(4 * found.value)


def test_paths_keep_to_the_prior():
    rng = np.random.RandomState(0)
    start, end = rng.randn(2, 5000, 2)
    t = rng.uniform(size=(5000, 1))
    normal = between(start, end, t, "gaussian")
    assert kstest(normal[:, 0], "norm").pvalue > 0.01
    start, end = (each / np.linalg.norm(each, axis=1, keepdims=True) for each in (start, end))
    on_circle = between(start, end, t, "spherical")
    np.testing.assert_allclose(np.linalg.norm(on_circle, axis=1), 1)
    np.testing.assert_allclose(between(start, end, 0 * t, "spherical"), start, atol=1e-12)
    np.testing.assert_allclose(between(start, end, 0 * t + 1, "spherical"), end, atol=1e-12)


def test_paths_of_a_conditional_generator_stay_in_a_class(monkeypatch):
    monkeypatch.setattr(module, "PATHS", 601)
    generator = linear("uniform", ConditionalGenerator, ConditionalMLP, n_classes=5)
    found = path_length(generator, same)
    # A change of class would be a step of the size of W's entries: 1e6 times as long.
    W = generator.mlp.layers[0].get_params()[0].get_value()
    assert found.value == pytest.approx(2 * (W[:3] ** 2).sum(), rel=0.2)


def test_a_diverged_generator_is_named():
    generator = linear("uniform")
    generator.mlp.layers[0].set_biases(np.full(4, np.nan, "float32"))
    with pytest.raises(ValueError, match="samples contain NaN or infinite values"):
        path_length(generator, same)
