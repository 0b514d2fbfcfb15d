#!/usr/bin/env python
"""The paper in one file: its MNIST experiment in plain Aesara.

    python sandbox/minimal.py [EPOCHS]

Trains the generator and the discriminator of yaml/mnist.yaml. After each epoch (15 seconds on two
cores) it prints both objectives and draws a grid of samples to minimal.png; digits appear after
about 15 epochs. Read it beside Goodfellow et al., "Generative Adversarial Nets" (arXiv 1406.2661).
From the package it uses only the random streams and the function that loads MNIST.
tests/sandbox/test_minimal.py shows that its steps equal the package's.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from adversarial.backend import RandomStreams  # first: it sets Aesara up

# isort: split
import aesara
import aesara.tensor as at
from PIL import Image

from adversarial.datasets.mnist import load_arrays

BATCH, LEARNING_RATE, DECAY, PIECES = 100, 0.1, 1.000004, 5
Symbolic = Any  # an Aesara variable
Network = list[tuple[Symbolic, Symbolic]]  # (W, b) of each layer


def weights(rng: np.random.RandomState, inputs: int, units: int, irange: float) -> tuple:
    """W (inputs, units), uniform on [-irange, irange], and b (units,), zero; shared variables."""
    W = rng.uniform(-irange, irange, (inputs, units)).astype("float32")
    return aesara.shared(W), aesara.shared(np.zeros(units, "float32"))


def make_players(rng: np.random.RandomState, mean_image: np.ndarray) -> tuple[Network, Network]:
    """The initial parameters of G and D."""
    G = [weights(rng, *size, irange=0.05) for size in ((100, 1200), (1200, 1200), (1200, 784))]
    D = [weights(rng, *size, irange=0.005) for size in ((784, 1200), (240, 1200), (240, 1))]
    # Initial samples are the mean image: sigmoid(b) = mean.
    mean = np.clip(mean_image, 1e-7, 1 - 1e-7)
    G[-1][1].set_value(np.log(mean / (1 - mean)).astype("float32"))
    return G, D


def generate(G: Network, z: Symbolic) -> Symbolic:
    """G(z): two layers of rectifiers, and a sigmoid for each pixel (section 5)."""
    (W0, b0), (W1, b1), (W2, b2) = G
    h = at.maximum(0, z @ W0 + b0)
    h = at.maximum(0, h @ W1 + b1)
    return at.sigmoid(h @ W2 + b2)


def maxout(h: Symbolic, W: Symbolic, b: Symbolic) -> Symbolic:
    """The maximum of each unit's pieces (Goodfellow et al., 2013)."""
    return (h @ W + b).reshape((h.shape[0], W.shape[1] // PIECES, PIECES)).max(axis=2)


def dropout(h: Symbolic, keep: float, draw: Any) -> Symbolic:
    """Keep each value of `h` with probability `keep`, scaled by 1 / keep; others become zero."""
    return h * draw(h.shape, p=keep) / np.float32(keep)


def discriminate(D: Network, x: Symbolic, draw: Any) -> Symbolic:
    """The logit of D(x), the probability that x is data: maxout and dropout (section 5)."""
    (W0, b0), (W1, b1), (W2, b2) = D
    h = maxout(dropout(x, 0.8, draw), W0, b0)
    h = maxout(dropout(h, 0.5, draw), W1, b1)
    return dropout(h, 0.5, draw) @ W2 + b2


def objectives(G: Network, D: Network, x: Symbolic, z: Symbolic, draw: Any) -> tuple:
    """The objectives that D and G minimize on a batch of data x and noise z, and the samples."""
    samples = generate(G, z)
    real, fake = discriminate(D, x, draw), discriminate(D, samples, draw)
    # Equation 1: D maximizes log D(x) + log(1 - D(G(z))). With logits, -log D = softplus(-logit).
    d = 0.5 * (at.softplus(-real).mean() + at.softplus(fake).mean())
    # Section 3, last paragraph: G maximizes log D(G(z)), whose gradient is strong from the start.
    g = at.softplus(-fake).mean()
    return d, g, samples


def momentum_updates(
    d: Symbolic, g: Symbolic, D: Network, G: Network, learning_rate: Symbolic, momentum: Symbolic
) -> list[tuple[Symbolic, Symbolic]]:
    """One step of Algorithm 1 with k = 1, of both players at once, by gradient descent."""
    updates = []
    for objective, player in ((d, D), (g, G)):
        params = [param for layer in player for param in layer]
        for param, gradient in zip(params, at.grad(objective, params)):
            velocity = aesara.shared(np.zeros_like(param.get_value()))
            step = momentum * velocity - learning_rate * gradient
            updates += [(velocity, step), (param, param + step)]
    return updates


def draw_grid(images: np.ndarray, path: str, side: int = 10) -> None:
    rows = (images[: side * side].reshape(side, side, 28, 28) * 255).astype("uint8")
    Image.fromarray(rows.swapaxes(1, 2).reshape(side * 28, side * 28)).save(path)


def main(epochs: int = 25, seed: int = 2014) -> None:
    images = (load_arrays("train")[0][:50000].reshape(-1, 784) / 255).astype("float32")
    rng, streams = np.random.RandomState(seed), RandomStreams(seed)
    G, D = make_players(rng, images.mean(axis=0))
    x, rate, momentum = at.fmatrix("x"), aesara.shared(np.float32(LEARNING_RATE)), at.fscalar()
    # z is uniform with unit variance.
    z = streams.uniform((x.shape[0], 100), low=-np.sqrt(3), high=np.sqrt(3))
    d, g, samples = objectives(G, D, x, z, streams.binomial)
    updates = momentum_updates(d, g, D, G, rate, momentum)
    updates.append((rate, at.maximum(np.float32(1e-6), rate / np.float32(DECAY))))
    train = aesara.function([x, momentum], [d, g], updates=updates)
    sample = aesara.function([x], samples)  # as many as x has rows
    for epoch in range(epochs):
        # From 0.5 to 0.7 over 250 epochs.
        now = np.float32(0.5 + 0.2 * min(1, epoch / 249))
        order = rng.permutation(len(images)).reshape(-1, BATCH)
        d_mean, g_mean = np.mean([train(images[batch], now) for batch in order], axis=0)
        print(f"epoch {epoch + 1}: D's objective {d_mean:.3f}, G's {g_mean:.3f}", flush=True)
        draw_grid(sample(images[:BATCH]), "minimal.png")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
