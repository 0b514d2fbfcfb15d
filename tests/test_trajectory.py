"""The loop of 2014, written again in NumPy, and the package's `Train` beside it for 20 steps.

The generator is like the original's for the TFD: `sparse_init` makes columns whose norms lie far
above `max_col_norm`, so a training that does not enforce its constraints before the first step, as
`Train.setup` of 2014 did, is on another path from that step on. Both players are constrained, the
steps are simultaneous and have momentum, and the learning rate decays by the minibatch.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from adversarial import AdversaryCost2, AdversaryPair, Generator
from adversarial.backend import shared
from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
from adversarial.models.maxout import Maxout
from adversarial.models.mlp import MLP, RectifiedLinear, Sigmoid
from adversarial.termination_criteria import EpochCounter
from adversarial.train import Train
from adversarial.train_extensions.momentum import MomentumAdjustor
from adversarial.training_algorithms.learning_rule import Momentum
from adversarial.training_algorithms.schedules import ExponentialDecay
from adversarial.training_algorithms.sgd import SGD

pytestmark = pytest.mark.usefixtures("either_engine", "fast_compile")

Z, PIXELS, PIECES = 5, 9, 2
BATCH, EPOCHS, EXAMPLES = 6, 5, 24  # 4 steps an epoch
NORM, RATE, DECAY, LEAST = 0.8, 0.2, 1.05, 0.1
MOMENTUM, LAST_MOMENTUM, START, SATURATE = 0.5, 0.7, 1, 4


def pair():
    bound = dict(max_col_norm=NORM)
    G = MLP(
        [
            RectifiedLinear(layer_name="h0", dim=12, irange=0.5, **bound),
            Sigmoid(layer_name="y", dim=PIXELS, sparse_init=4, **bound),
        ],
        nvis=Z,
    )
    D = MLP(
        [
            Maxout(layer_name="h0", num_units=7, num_pieces=PIECES, irange=0.8, **bound),
            Sigmoid(layer_name="y", dim=1, irange=0.5, **bound),
        ],
        nvis=PIXELS,
    )
    return AdversaryPair(Generator(G, noise="uniform"), D)


def weights(mlp):
    """[W, b, W, b, ...] from the first layer up, float64."""
    return [
        param.get_value().astype("float64") for layer in mlp.layers for param in (layer.W, layer.b)
    ]


# 2014's loop, from section 2 of the facts: nothing below calls the package.


def constrain(W):
    """Columns longer than NORM, scaled by desired / (1e-7 + norm)."""
    norms = np.sqrt(np.square(W).sum(axis=0))
    return W * (np.minimum(norms, NORM) / (1e-7 + norms))


def of_generator(z, G):
    """(samples, what `back_to_g` needs)"""
    W0, b0, W1, b1 = G
    h = np.maximum(z @ W0 + b0, 0)
    x = expit(h @ W1 + b1)
    return x, (z, h, x)


def of_discriminator(x, D):
    """(logits, what `back_to_d` needs)"""
    W0, b0, W1, b1 = D
    detectors = (x @ W0 + b0).reshape(len(x), -1, PIECES)
    h = detectors.max(axis=2)
    return h @ W1 + b1, (x, detectors, h)


def back_to_d(slope, D, kept):
    """(gradients of D's parameters, gradient of its input), from that of the logits."""
    W0, _, W1, _ = D
    x, detectors, h = kept
    below = slope @ W1.T
    won = detectors == h[:, :, None]
    below = (won * below[:, :, None]).reshape(len(x), -1)
    return [x.T @ below, below.sum(axis=0), h.T @ slope, slope.sum(axis=0)], below @ W0.T


def back_to_g(slope, G, kept):
    z, h, x = kept
    slope = slope * x * (1 - x)
    below = (slope @ G[2].T) * (h > 0)
    return [z.T @ below, below.sum(axis=0), h.T @ slope, slope.sum(axis=0)]


def gradients(x, z, D, G):
    """Of d = 1/2 (mean cost(1, D(x)) + mean cost(0, D(G(z)))) for D, g = mean cost(1, D(G(z)))."""
    samples, of_g = of_generator(z, G)
    real, of_real = of_discriminator(x, D)
    fake, of_fake = of_discriminator(samples, D)
    n = len(x)
    on_data, _ = back_to_d(0.5 * (expit(real) - 1) / n, D, of_real)
    on_samples, _ = back_to_d(0.5 * expit(fake) / n, D, of_fake)
    _, at_samples = back_to_d((expit(fake) - 1) / n, D, of_fake)
    return [a + b for a, b in zip(on_data, on_samples)], back_to_g(at_samples, G, of_g)


def loop_of_2014(D, G, minibatches):
    """(D, G) after each step; `minibatches` are (x, z)."""
    bounded = [constrain(W) if i % 2 == 0 else W for i, W in enumerate(D + G)]
    increments = [np.zeros_like(value) for value in bounded]
    states = []
    for t, (x, z) in enumerate(minibatches):
        epoch = t // (EXAMPLES // BATCH) + 1
        along = min(max((epoch - START) / (SATURATE - START), 0), 1)
        momentum = MOMENTUM * (1 - along) + LAST_MOMENTUM * along
        rate = max(RATE / DECAY**t, LEAST)
        of_d, of_g = gradients(x, z, bounded[:4], bounded[4:])
        increments = [momentum * inc - rate * grad for inc, grad in zip(increments, of_d + of_g)]
        moved = [value + inc for value, inc in zip(bounded, increments)]
        bounded = [constrain(W) if i % 2 == 0 else W for i, W in enumerate(moved)]
        states.append([value.copy() for value in bounded])
    return states


def test_a_constrained_pair_follows_the_loop_of_2014(monkeypatch):
    """At each of 20 steps, all parameters agree to 1e-5; the noise is the same in both."""
    rng = np.random.RandomState(7)
    X = rng.uniform(size=(EXAMPLES, PIXELS)).astype("float32")
    noise = rng.uniform(-np.sqrt(3), np.sqrt(3), size=(EPOCHS * EXAMPLES, Z)).astype("float32")

    model = pair()
    D, G = weights(model.discriminator), weights(model.generator.mlp)
    assert np.sqrt(np.square(G[2]).sum(axis=0)).min() > NORM, "constraints would change nothing"

    # The program's own z, which the loop in NumPy is given: rows of `noise`, by the minibatch.
    place = shared(noise[:BATCH], "z")
    monkeypatch.setattr(model.generator, "get_noise", lambda size: place)
    states = []

    def note(algorithm):
        states.append(weights(model.discriminator) + weights(model.generator.mlp))
        done = len(states) * BATCH
        if done < len(noise):
            place.set_value(noise[done : done + BATCH])

    algorithm = SGD(
        RATE,
        batch_size=BATCH,
        train_iteration_mode="sequential",
        cost=AdversaryCost2(scale_grads=0),
        learning_rule=Momentum(MOMENTUM),
        update_callbacks=[note, ExponentialDecay(decay_factor=DECAY, min_lr=LEAST)],
        termination_criterion=EpochCounter(EPOCHS),
    )
    Train(
        DenseDesignMatrix(X=X),
        model,
        algorithm,
        extensions=[MomentumAdjustor(LAST_MOMENTUM, START, SATURATE)],
    ).main_loop()

    data = np.tile(X.astype("float64"), (EPOCHS, 1))
    minibatches = [
        (data[i : i + BATCH], noise[i : i + BATCH].astype("float64"))
        for i in range(0, len(noise), BATCH)
    ]
    expected = loop_of_2014(D, G, minibatches)
    assert len(states) == len(expected) == 20
    for step, (found, wanted) in enumerate(zip(states, expected), start=1):
        for own, value in zip(found, wanted):
            np.testing.assert_allclose(own, value, rtol=1e-5, atol=1e-5, err_msg=f"step {step}")
    norms = [np.sqrt(np.square(W).sum(axis=0)).max() for W in states[-1][::2]]
    assert max(norms) <= NORM * (1 + 1e-5)
