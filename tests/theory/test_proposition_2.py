"""Proposition 2: with D at its optimum, each step of G that descends on C(G) brings p_g to p_data.

p_data and p_g are normal, so that the optimal D is known and is a sigmoid of a quadratic function:
before each step of G, the test sets D to it.  `pytest -rP` shows the figures.
"""

from __future__ import annotations

import aesara.tensor as at
import numpy as np
import pytest
from scipy import stats

from adversarial import AdversaryCost2, AdversaryPair
from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
from adversarial.models.mlp import MLP, Layer, Sigmoid
from adversarial.space import VectorSpace
from adversarial.training_algorithms.sgd import SGD

P_DATA = stats.norm(2.0, 0.5)
BATCH = 5000  # so many that the gradient of one step has little noise


class Powers(Layer):
    """x -> (x, x ** 2)."""

    def set_input_space(self, space):
        self.input_space, self.output_space = space, VectorSpace(2)

    def fprop(self, state_below):
        return at.concatenate([state_below, state_below**2], axis=1)


def pair_of(theory, mean, deviation):
    """The G of `line_pair` with a D that can be the optimal one of two normal distributions."""
    G = theory.line_pair(mean, deviation).generator
    D = MLP([Powers("powers"), Sigmoid(dim=1, layer_name="y", irange=0.0)], nvis=1)
    return AdversaryPair(G, D, monitor_generator=False, monitor_discriminator=False)


def make_optimal(D, p_g):
    """Set D to p_data / (p_data + p_g), that is, its logit to log p_data - log p_g."""
    points = np.array([-1.0, 0.0, 1.0])  # a quadratic function is given by three values
    square, linear, constant = np.polyfit(points, P_DATA.logpdf(points) - p_g.logpdf(points), 2)
    y = D.layers[-1]
    y.set_weights(np.array([[linear], [square]]))
    y.set_biases(np.array([constant]))


def divergences(theory, pair, steps, follow=True):
    """JSD(p_data || p_g) before each step of G, and after the last one.

    `follow`: D is made optimal before each step, else before the first one only.
    """
    algorithm = SGD(
        0.2,
        # G descends on V itself, equation 1.
        cost=AdversaryCost2(
            scale_grads=0, ever_train_discriminator=False, blend_obj=True, zurich_coeff=0.0
        ),
        batch_size=BATCH,
        batches_per_iter=1,
        train_iteration_mode="random_uniform",
    )
    data = DenseDesignMatrix(X=theory.quantiles(P_DATA, BATCH))
    algorithm.setup(pair, data)
    found = []
    for step in range(steps):
        p_g = theory.p_g_of(pair)
        found.append(theory.jsd_on_a_line(P_DATA, p_g))
        if follow or step == 0:
            make_optimal(pair.discriminator, p_g)
        algorithm.train(data)
    return np.array([*found, theory.jsd_on_a_line(P_DATA, theory.p_g_of(pair))])


def test_d_is_optimal(theory):
    pair = pair_of(theory, 1.0, 1.5)
    p_g = theory.p_g_of(pair)
    make_optimal(pair.discriminator, p_g)
    assert theory.distance_of_d(theory.opinion_of(pair), P_DATA, p_g) < 1e-5


@pytest.mark.parametrize(
    "mean, deviation", [pytest.param(1.0, 1.5, marks=pytest.mark.slow), (3.0, 0.8), (2.0, 0.15)]
)
def test_every_step_of_g_lowers_the_divergence(theory, mean, deviation):
    found = divergences(theory, pair_of(theory, mean, deviation), steps=100)
    print(f"p_g {mean} +- {deviation}: JSD", *(f"{value:.4f}" for value in found[:60:10]))
    # Below 0.0005 nats the noise of a minibatch is as large as the step.
    far = found[:-1] > 0.0005
    assert far.sum() >= 3
    assert (np.diff(found)[far] < 0).all()
    assert found[-1] < 0.001


def test_without_an_optimal_d_the_divergence_rises_again(theory):
    found = divergences(theory, pair_of(theory, 0.0, 1.5), steps=60, follow=False)
    print("D kept: JSD", *(f"{value:.4f}" for value in found[::10]))
    assert found.min() < found[0]
    assert found[-1] > 2 * found.min()
