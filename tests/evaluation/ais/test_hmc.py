"""Hamiltonian Monte Carlo against targets whose moments are known, and against NumPy."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from adversarial import backend
from adversarial.evaluation.ais.decoder import Decoder
from adversarial.evaluation.ais.hmc import Chains

sys.path.insert(0, __file__.rpartition("/")[0])
import exact  # noqa: E402


def posterior(weights, bias, x, precision):
    """Mean and covariance of u given x, for G(u) = u W + b."""
    covariance = np.linalg.inv(np.eye(len(weights)) + precision * weights @ weights.T)
    return precision * covariance @ weights @ (x - bias), covariance


def test_chains_reach_the_posterior_of_a_linear_generator(fast_compile):
    generator, weights, bias = exact.linear(3, 4)
    x, n, precision = np.array([[0.5, -1.0, 0.2, 1.0]], "float32"), 1000, 4.0
    chains = Chains(Decoder(generator), leapfrog_steps=3)
    chains.start(np.zeros((n, 3)), x)
    accepted = [chains.advance(precision, np.full(n, 0.3)).mean() for _ in range(25)]
    assert 0.6 < np.mean(accepted) < 0.99
    u = chains.u.get_value().astype(float)
    mean, covariance = posterior(weights, bias, x[0].astype(float), precision)
    deviation = np.sqrt(np.diag(covariance))
    np.testing.assert_allclose(u.mean(0), mean, atol=4 * deviation.max() / n**0.5)
    np.testing.assert_allclose(np.cov(u.T), covariance, atol=0.2 * deviation.max() ** 2)
    assert np.allclose(chains.fits(), -0.5 * ((u @ weights + bias - x) ** 2).sum(1), atol=1e-4)


@pytest.mark.parametrize("step", [0.2, 0.9])
def test_detailed_balance(step, fast_compile):
    """In equilibrium, moves from A to B are as many as from B to A, also with many rejections."""
    generator, decode = exact.curved("gaussian", dimension=2)
    n, precision, x = 6000, 2.0, np.array([[0.4, -0.3]], "float32")
    rng = np.random.RandomState(0)
    # Exact samples of the target: draws from the prior, weighted by the likelihood.
    prior = rng.randn(40 * n, 2)
    weight = np.exp(-0.5 * precision * ((decode(prior) - x) ** 2).sum(1))
    start = prior[rng.choice(len(prior), n, p=weight / weight.sum())]
    chains = Chains(Decoder(generator), seed=1, leapfrog_steps=2)
    chains.start(start, x)
    accepted = chains.advance(precision, np.full(n, step))
    end = chains.u.get_value()
    moved = np.any(end != start.astype("float32"), axis=1).mean()
    assert moved == pytest.approx(accepted.mean(), abs=4 * 0.5 / n**0.5)
    for there in (
        lambda u: u[:, 0] > 0.3,
        lambda u: u[:, 1] > u[:, 0],
        lambda u: (u**2).sum(1) > 2,
    ):
        out, back = (~there(start) & there(end)).sum(), (there(start) & ~there(end)).sum()
        assert out > 50
        assert abs(out - back) < 4 * (out + back) ** 0.5
    before, after = decode(start), decode(end.astype(float))
    np.testing.assert_allclose(after.mean(0), before.mean(0), atol=5 * before.std() / n**0.5)


def test_acceptance_is_that_of_a_leapfrog_in_numpy(fast_compile):
    """The momenta and jitters are those of the chains' random streams."""
    generator, weights, bias = exact.linear(2, 3)
    n, precision, x = 50, 3.0, np.array([0.1, 0.9, -0.4])
    chains = Chains(Decoder(generator), leapfrog_steps=3)
    start = np.random.RandomState(3).randn(n, 2).astype("float32")
    chains.start(start, x[None])
    streams = backend.RandomStreams([0], "Hamiltonian Monte Carlo")
    draws = [streams.uniform((n,), low=0.8, high=1.2), streams.normal((n, 2))]
    jitter, momentum = backend.function([], draws)()
    accepted = chains.advance(precision, np.full(n, 0.4))
    step = 0.4 * jitter[:, None].astype(float)

    def energy(u, v):
        gap = u @ weights + bias - x
        return 0.5 * (precision * (gap**2).sum(1) + (u**2).sum(1) + (v**2).sum(1))

    def force(u):
        return -precision * (u @ weights + bias - x) @ weights.T - u

    u, v = start.astype(float), momentum.astype(float)
    for _ in range(3):
        v = v + step / 2 * force(u)
        u = u + step * v
        v = v + step / 2 * force(u)
    gain = energy(start.astype(float), momentum.astype(float)) - energy(u, v)
    np.testing.assert_allclose(accepted, np.exp(np.minimum(gain, 0)), atol=1e-4)
    end = chains.u.get_value()
    moved = np.any(end != start, axis=1)
    np.testing.assert_allclose(end[moved], u[moved], atol=1e-4)
    assert moved[gain > 1e-3].all() and 0 < moved.mean() < 1


def test_a_trajectory_that_overflows_is_rejected(fast_compile):
    generator, _, _ = exact.linear(2, 2)
    chains = Chains(Decoder(generator), leapfrog_steps=10)
    chains.start(np.ones((3, 2)), np.zeros((3, 2)))
    with np.errstate(all="ignore"):
        accepted = chains.advance(1.0, np.full(3, 1e6))
    assert (accepted == 0).all() and (chains.u.get_value() == 1).all()
    assert np.isfinite(chains.fits()).all()


def test_a_restored_state_continues_the_same(fast_compile):
    generator, _, _ = exact.linear(2, 3)
    x = np.ones((4, 3), "float32")
    chains = Chains(Decoder(generator), leapfrog_steps=2)
    chains.start(np.zeros((8, 2)), x)
    chains.advance(1.0, np.full(8, 0.3))
    state = chains.get_state()
    chains.advance(1.5, np.full(8, 0.3))
    expected = chains.get_state()
    other = Chains(Decoder(generator), seed=9, leapfrog_steps=2)
    other.set_state(state, x)
    other.advance(1.5, np.full(8, 0.3))
    for name, value in other.get_state().items():
        assert np.array_equal(value, expected[name]), name
