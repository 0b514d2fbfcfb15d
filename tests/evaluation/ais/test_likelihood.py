"""Log-likelihoods against closed forms and quadrature; the bounds; both engines; errors."""

from __future__ import annotations

import dataclasses
import sys

import numpy as np
import pytest

from adversarial import Generator
from adversarial.backend import engines
from adversarial.evaluation.ais.likelihood import Settings, ais_log_likelihood
from adversarial.models.generator import IntrinsicDropoutGenerator
from adversarial.models.mlp import MLP, CompositeLayer, FlattenerLayer, Linear
from adversarial.models.noise import NoiseCat
from adversarial.space import Conv2DSpace

sys.path.insert(0, __file__.rpartition("/")[0])
import exact  # noqa: E402

QUICK = Settings(chains=60, steps=600, leapfrog_steps=5)


def estimate(generator, x, sigma, settings=QUICK, **options):
    options = dict({"examples": len(x), "simulated": 0}, **options)
    return ais_log_likelihood(generator, x, sigma=sigma, settings=settings, **options)


@pytest.mark.parametrize(
    "latent, dimension",
    [
        pytest.param(1, 2, marks=pytest.mark.slow),
        (3, 3),
        (5, 4),
        pytest.param(10, 30, marks=pytest.mark.slow),
    ],
)
def test_a_linear_generator_has_the_density_of_a_gaussian(latent, dimension):
    generator, weights, bias = exact.linear(latent, dimension)
    rng = np.random.RandomState(0)
    x = (rng.randn(8, latent) @ weights + bias + 0.5 * rng.randn(8, dimension)).astype("float32")
    # The noise of the estimate grows with the number of directions of u that x constrains.
    found = estimate(generator, x, 1.0, dataclasses.replace(QUICK, steps=200 * latent + 400))
    expected = exact.log_density(weights, bias, x, 1.0)
    np.testing.assert_allclose(found.log_likelihoods, expected, atol=0.1)
    assert found.mean.value == pytest.approx(expected.mean(), abs=0.05)
    assert found.mean.standard_error == pytest.approx(expected.std(ddof=1) / 8**0.5, abs=0.05)


def test_both_schedules_have_one_limit():
    generator, weights, bias = exact.linear(2, 3)
    x = (np.random.RandomState(1).randn(4, 2) @ weights + bias).astype("float32")
    found = estimate(generator, x, 0.3, dataclasses.replace(QUICK, schedule="sigmoidal"))
    np.testing.assert_allclose(
        found.log_likelihoods, exact.log_density(weights, bias, x, 0.3), atol=0.1
    )


@pytest.mark.parametrize(
    "noise",
    [
        "gaussian",
        pytest.param("uniform", marks=pytest.mark.slow),
        pytest.param("spherical", marks=pytest.mark.slow),
    ],
)
def test_a_curved_generator_has_the_density_of_quadrature(noise):
    generator, decode = exact.curved(noise)
    rng = np.random.RandomState(2)
    z = rng.randn(6, 2)
    if noise == "spherical":
        z /= np.linalg.norm(z, axis=1, keepdims=True)
    elif noise == "uniform":
        z = rng.uniform(-np.sqrt(3), np.sqrt(3), (6, 2))
    x = (decode(z) + 0.3 * rng.randn(6, 3)).astype("float32")
    found = estimate(generator, x, 0.3, QUICK)
    expected = exact.by_quadrature(decode, noise, x, 0.3)
    np.testing.assert_allclose(found.log_likelihoods, expected, atol=0.1)


def test_the_bounds_enclose_the_truth_and_meet():
    """With few steps the bounds are apart, on the two sides of the truth; with more they meet."""
    generator, weights, bias = exact.linear(6, 12)
    sigma, n = 0.1, 60
    # The simulated examples of a seed: u from the generator of the seed, then the noise.
    rng = np.random.RandomState([0, 2])
    u = rng.standard_normal((n, 6)).astype("float32")
    x = u @ weights + bias + sigma * rng.standard_normal((n, 12))
    truth = exact.log_density(weights, bias, x, sigma).mean()
    gaps = []
    for steps in (10, 1500):
        settings = Settings(chains=2, steps=steps, leapfrog_steps=3)
        found = estimate(generator, x[:1].astype("float32"), sigma, settings, simulated=n)
        assert found.lower.value < truth + 3 * 0.02
        assert found.upper.value > truth - 3 * 0.02
        assert found.gap.value == pytest.approx(found.upper.value - found.lower.value)
        gaps.append(found.gap.value)
    assert gaps[0] > 1 and 0 <= gaps[1] < 0.2


def test_sigma_is_chosen_by_the_likelihood_of_validation_examples():
    generator, weights, bias = exact.linear(3, 10)
    rng = np.random.RandomState(4)
    x = (rng.randn(120, 3) @ weights + bias + 0.3 * rng.randn(120, 10)).astype("float32")
    sigmas = [0.1, 0.2, 0.3, 0.45, 0.9]
    found = ais_log_likelihood(
        generator,
        x[:5],
        x[5:],
        sigmas=sigmas,
        examples=5,
        simulated=0,
        valid_examples=60,
        settings=QUICK,
    )
    assert found.sigma == 0.3 and not found.at_edge
    rng = np.random.RandomState([0, 1])
    rng.permutation(5)
    used = x[5:][np.sort(rng.permutation(115)[:60])]
    for sigma, mean in found.tried:
        expected = exact.log_density(weights, bias, used, sigma).mean()
        assert mean.value == pytest.approx(expected, abs=0.1)
    edge = ais_log_likelihood(
        generator, x[:5], x[5:], sigmas=[0.5, 0.9], examples=5, simulated=0, settings=QUICK
    )
    assert edge.sigma == 0.5 and edge.at_edge


def test_batches_do_not_matter_beyond_their_random_numbers(monkeypatch):
    generator, weights, bias = exact.linear(3, 4)
    x = (np.random.RandomState(5).randn(7, 3) @ weights + bias).astype("float32")
    monkeypatch.setattr("adversarial.evaluation.ais.likelihood.MAX_ROWS", 3 * QUICK.chains)
    found = estimate(generator, x, 0.5, simulated=4)
    np.testing.assert_allclose(
        found.log_likelihoods, exact.log_density(weights, bias, x, 0.5), atol=0.1
    )
    assert found.gap.value == pytest.approx(0, abs=0.1)


def test_both_engines_agree(monkeypatch):
    pytest.importorskip("jax")
    generator, decode = exact.curved("uniform")
    x = decode(np.random.RandomState(6).rand(3, 2)).astype("float32")
    found = {}
    for name in ("c", "jax"):
        monkeypatch.setattr(engines, "_chosen", None)
        engines.choose(name)
        settings = Settings(chains=10, steps=10, leapfrog_steps=3)
        found[name] = estimate(generator, x, 0.5, settings, simulated=2)
    # The same random numbers, up to rounding; some acceptances may fall on the other side.
    assert found["c"].mean.value == pytest.approx(found["jax"].mean.value, abs=0.05)
    assert found["c"].gap.value == pytest.approx(found["jax"].gap.value, abs=0.1)


def good():
    return exact.linear(2, 3)[0]


def dropout():
    mlp = MLP([Linear(layer_name="y", dim=3, irange=1.0)], nvis=2)
    return IntrinsicDropoutGenerator(0.5, 2.0, mlp=mlp)


def diverged():
    generator = good()
    for param in generator.get_params():
        param.set_value(np.full_like(param.get_value(), np.nan))
    return generator


X = np.zeros((4, 3), "float32")


@pytest.mark.parametrize(
    "model, x, options, message",
    [
        (good, X, dict(examples=5), "5 examples were asked for, but test has 4"),
        (good, X[:, :2], {}, "samples of 3 numbers, but test has the shape"),
        (good, X + np.inf, {}, "test contains NaN or infinite values"),
        (good, X, dict(sigma=0.0), "sigma must be a positive number"),
        (good, X, dict(sigma=None), "sigma is chosen on validation examples, and none are given"),
        (good, X, dict(examples=0), "examples must be a whole number of at least 1, not 0"),
        (good, X, dict(simulated=1.5), "simulated must be a whole number of at least 0"),
        (dropout, X, {}, "draws every sample with dropout"),
        (diverged, X, {}, "has the model diverged"),
        (lambda: MLP([Linear(layer_name="y", dim=3, irange=1.0)], nvis=2), X, {}, "no generator"),
    ],
)
def test_errors(model, x, options, message, fast_compile):
    options = dict({"sigma": 1.0, "examples": 2, "simulated": 0}, **options)
    with pytest.raises(ValueError, match=message):
        ais_log_likelihood(model(), x, settings=Settings(steps=2, leapfrog_steps=1), **options)


@pytest.mark.parametrize(
    "options, message",
    [
        (dict(chains=0), "chains must be a whole number of at least 1, not 0"),
        (dict(steps=True), "steps must be a whole number"),
        (dict(seed=-1), "seed must be a whole number of at least 0"),
        (dict(schedule="sigmoid"), "schedule must be one of .*; did you mean sigmoidal"),
    ],
)
def test_bad_settings(options, message):
    with pytest.raises(ValueError, match=message):
        Settings(**options)


def test_a_generator_of_images_from_images_is_refused(fast_compile):
    space = Conv2DSpace((4, 4), num_channels=1)
    mlp = MLP([Linear(layer_name="y", dim=8, irange=0.1)], input_space=space)
    with pytest.raises(ValueError, match="takes images, not a vector of noise"):
        ais_log_likelihood(Generator(mlp), X, sigma=1.0)


@pytest.mark.parametrize(
    "within",
    [
        lambda noise: noise,
        FlattenerLayer,
        lambda noise: MLP([noise], layer_name="m"),
        lambda noise: FlattenerLayer(CompositeLayer("c", [linear("a"), noise])),
    ],
    ids=["alone", "flattened", "nested", "side by side"],
)
def test_noise_of_a_layer_is_found_wherever_it_is(within, fast_compile):
    noise = NoiseCat(new_dim=1, std=1.0, layer_name="n")
    generator = Generator(MLP([within(noise)], nvis=2))
    x = np.zeros((2, generator.get_output_dim()))
    with pytest.raises(ValueError, match="layer n of the generator, a NoiseCat, draws noise"):
        settings = Settings(steps=2, leapfrog_steps=1)
        ais_log_likelihood(generator, x, sigma=1.0, examples=2, simulated=0, settings=settings)


def test_a_network_as_a_layer_draws_no_noise(fast_compile):
    """It has streams for dropout, with which no sample is drawn; its value is that of its layer."""
    layers = linear("y"), MLP([linear("y")], layer_name="m")
    options = dict(sigma=1.0, examples=2, simulated=0, settings=Settings(steps=3))
    plain, nested = (
        ais_log_likelihood(Generator(MLP([layer], nvis=2)), X, **options).log_likelihoods
        for layer in layers
    )
    np.testing.assert_array_equal(plain, nested)


def linear(name):
    return Linear(layer_name=name, dim=3, irange=0.0, init_bias=[0.5, -1.0, 2.0])
