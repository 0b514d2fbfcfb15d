"""Generators whose likelihood is known: linear ones in closed form, small ones by quadrature."""

from __future__ import annotations

import numpy as np
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from adversarial import Generator
from adversarial.models.mlp import MLP, Linear, Tanh


def linear(latent, dimension, seed=0, noise="gaussian"):
    """G(z) = z W + b; the values of W and b."""
    layer = Linear(layer_name="y", dim=dimension, irange=1.0, init_bias=0.3)
    generator = Generator(MLP([layer], nvis=latent, seed=[seed]), noise=noise)
    weights = next(p for p in generator.get_params() if p.ndim == 2).get_value().astype(float)
    bias = next(p for p in generator.get_params() if p.ndim == 1).get_value().astype(float)
    return generator, weights, bias


def log_density(weights, bias, x, sigma):
    """log N(x; b, W' W + sigma^2 I)."""
    covariance = weights.T @ weights + sigma**2 * np.eye(len(bias))
    return np.atleast_1d(multivariate_normal(bias, covariance).logpdf(x))


def curved(noise, dimension=3, seed=3):
    """Two hidden layers of tanh units on z of two numbers, and G as a NumPy function."""
    layers = [
        Tanh(layer_name="h0", dim=5, irange=1.5),
        Tanh(layer_name="h1", dim=5, irange=1.5),
        Linear(layer_name="y", dim=dimension, irange=1.0),
    ]
    generator = Generator(MLP(layers, nvis=2, seed=[seed]), noise=noise)
    params = [{p.ndim: p.get_value().astype(float) for p in layer.get_params()} for layer in layers]

    def decode(z):
        for i, values in enumerate(params):
            z = z @ values[2] + values[1]
            z = np.tanh(z) if i < 2 else z
        return z

    return generator, decode


def by_quadrature(decode, noise, x, sigma, points=600):
    """log p(x) of each row, by the midpoint rule over z of two numbers (or over its angle)."""
    if noise == "spherical":
        angle = (np.arange(20 * points) + 0.5) * 2 * np.pi / (20 * points)
        z, log_prior = np.column_stack([np.cos(angle), np.sin(angle)]), -np.log(len(angle))
    else:
        half = np.sqrt(3) if noise == "uniform" else 7.0
        axis = (np.arange(points) + 0.5) / points * 2 * half - half
        z = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
        log_prior = -2 * np.log(points)
        if noise == "gaussian":
            log_prior = log_prior + 2 * np.log(2 * half) - (z**2).sum(1) / 2 - np.log(2 * np.pi)
    made = decode(z)
    d = made.shape[1]
    found = []
    for row in np.asarray(x, float):
        log_p = -((made - row) ** 2).sum(1) / (2 * sigma**2) - d / 2 * np.log(2 * np.pi * sigma**2)
        found.append(logsumexp(log_p + log_prior))
    return np.array(found)
