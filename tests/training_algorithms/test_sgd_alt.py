from __future__ import annotations

import pytest

from adversarial import AdversaryCost2, AdversaryPair, Generator
from adversarial.models.mlp import MLP, Linear, Sigmoid
from adversarial.training_algorithms import sgd_alt
from adversarial.training_algorithms.learning_rule import Momentum


@pytest.mark.parametrize("rule", [None, Momentum(0.5)], ids=["plain", "momentum"])
def test_epochs_of_d_alone_and_of_both(rule, data, fast_compile):
    G = MLP([Linear(dim=6, layer_name="y", irange=1.0)], nvis=3)
    D = MLP([Sigmoid(dim=1, layer_name="y", irange=1.0)], nvis=6)
    pair = AdversaryPair(Generator(G), D)
    algorithm = sgd_alt.SGD(0.1, cost=AdversaryCost2(), batch_size=5, learning_rule=rule)
    algorithm.setup(pair, data)
    moved = []
    for _ in range(4):
        before = D.get_param_vector(), G.get_param_vector()
        algorithm.train(data)
        moved.append([(new != old).all() for new, old in
                      zip((D.get_param_vector(), G.get_param_vector()), before)])
    assert moved == [[True, False], [True, True]] * 2
