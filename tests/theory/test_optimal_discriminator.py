"""Proposition 1 and Theorem 1: D trained against a G that stands still.

D approaches p_data / (p_data + p_g), and what it then attains is
C(G) = -log 4 + 2 JSD(p_data || p_g), least where p_g = p_data (paper, section 4.1).
`pytest -rP` shows the figures.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import jensenshannon

from adversarial import AdversaryCost2, backend
from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
from adversarial.training_algorithms.learning_rule import Momentum
from adversarial.training_algorithms.schedules import ExponentialDecay
from adversarial.training_algorithms.sgd import SGD

P_DATA = np.array([0.5, 0.3, 0.15, 0.05])
P_G = {
    "p_data itself": P_DATA,
    "nearly p_data": np.array([0.45, 0.3, 0.15, 0.1]),
    "even": np.full(4, 0.25),
    "the other way round": P_DATA[::-1],
    "two outcomes never": np.array([0.6, 0.4, 0.0, 0.0]),
    "the rarest only": np.array([0.0, 0.0, 0.0, 1.0]),
}
LINES = {"p_data itself": (0.0, 1.0), "aside": (1.5, 1.0), "wide": (0.5, 2.5)}


def training_of_d(pair, X, batch_size, rate, decay, momentum=0.0):
    """play(epochs, averaged): trains D anew and returns C(G), monitored over the last epochs.

    D minimises d = -V / 2, so that -2 d is the value V of equation 1 and its greatest is C(G).
    """
    data = DenseDesignMatrix(X=X.astype(backend.floatX))
    rule = Momentum(momentum)
    algorithm = SGD(
        rate,
        cost=AdversaryCost2(scale_grads=0, ever_train_generator=False),
        batch_size=batch_size,
        learning_rule=rule,
        monitoring_dataset=data,
        monitoring_batch_size=len(X),
    )
    algorithm.setup(pair, data)
    first = pair.discriminator.get_param_vector()

    def play(epochs, averaged):
        algorithm.learning_rate.set_value(np.asarray(rate, backend.floatX))
        algorithm.update_callbacks[:] = [ExponentialDecay(decay, min_lr=1e-4)]
        for velocity in rule.accumulators.values():
            velocity.set_value(0 * velocity.get_value())
        pair.discriminator.set_param_vector(first)
        G = pair.generator.get_param_vector()
        for epoch in range(epochs):
            algorithm.train(data)
            if epoch >= epochs - averaged:
                pair.monitor()
        assert np.array_equal(pair.generator.get_param_vector(), G)
        # With a G that never learns, `objective` is D's alone.
        return -2 * np.mean(pair.monitor.channels["objective"].val_record[-averaged:])

    return play


@pytest.fixture(scope="module")
def tabular(theory):
    """Each p_g by name -> (D of each outcome, C(G)), after training."""
    pair = theory.tabular_pair(len(P_DATA))
    X = np.repeat(np.eye(len(P_DATA)), (P_DATA * 2000).round().astype(int), axis=0)
    play = training_of_d(pair, X, batch_size=200, rate=8.0, decay=1.01)
    D, found = theory.opinion_of(pair), {}
    for name, p_g in P_G.items():
        theory.set_p_g(pair, p_g)
        value = play(epochs=60, averaged=10)
        found[name] = D(np.eye(len(P_DATA))), value
    return found


@pytest.mark.parametrize("name", P_G)
def test_discrete(name, tabular):
    p_g, (D, value) = P_G[name], tabular[name]
    optimum = P_DATA / (P_DATA + p_g)
    # SciPy's is the root of the divergence.
    expected = -np.log(4) + 2 * jensenshannon(P_DATA, p_g) ** 2
    print(f"D {D.round(3)}, optimum {optimum.round(3)}; C(G) {value:.4f}, theory {expected:.4f}")
    # Where G never goes, D's logit grows without end, and slowly.
    tolerance = np.where(p_g > 0, 0.015, 0.04)
    assert (abs(D - optimum) < tolerance).all()
    assert value == pytest.approx(expected, abs=0.01)


def test_no_generator_beats_one_with_p_data(tabular):
    values = {name: value for name, (_, value) in tabular.items()}
    best = min(values, key=values.get)
    assert best == "p_data itself" and values[best] == pytest.approx(-np.log(4), abs=0.001)


@pytest.fixture(scope="module")
def line(theory):
    pair = theory.line_pair()
    play = training_of_d(
        pair,
        theory.quantiles(stats.norm(), 5000),
        batch_size=500,
        rate=0.5,
        decay=1.002,
        momentum=0.9,
    )
    return pair, play, theory.opinion_of(pair)


@pytest.mark.parametrize("p_g", LINES.values(), ids=LINES)
def test_on_a_line(p_g, line, theory):
    """p_data is the standard normal distribution, p_g another one."""
    pair, play, D = line
    mean, deviation = p_g
    pair.generator.mlp.layers[0].set_weights([[deviation]])
    pair.generator.mlp.layers[0].set_biases([mean])
    value = play(epochs=150, averaged=20)
    p_data, p_g = stats.norm(), theory.p_g_of(pair)
    expected = -np.log(4) + 2 * theory.jsd_on_a_line(p_data, p_g)
    distance = theory.distance_of_d(D, p_data, p_g)
    print(f"mean |D - optimum| {distance:.4f}; C(G) {value:.4f}, theory {expected:.4f}")
    assert distance < 0.01
    assert value == pytest.approx(expected, abs=0.01)
