"""Epochs of D alone, and epochs in which the players take turns."""

from __future__ import annotations

import pytest

from adversarial import AdversaryCost2, AdversaryPair, Generator
from adversarial.models.mlp import MLP, Linear, Sigmoid
from adversarial.training_algorithms import sgd_alt
from adversarial.training_algorithms.learning_rule import Momentum


def players_by_epoch(algorithm, data, epochs):
    """Who moved at each minibatch: "D", "G", or "DG" for both; one text an epoch."""
    G = MLP([Linear(dim=6, layer_name="y", irange=1.0)], nvis=3)
    D = MLP([Sigmoid(dim=1, layer_name="y", irange=1.0)], nvis=6)
    found, last = [], {}

    def look(_):
        for name, player in (("D", D), ("G", G)):
            now = player.get_param_vector()
            if last.get(name) is not None and (now != last[name]).any():
                found.append(name)
            last[name] = now

    algorithm.update_callbacks.append(look)
    algorithm.setup(AdversaryPair(Generator(G), D), data)
    look(None)
    epochs_of = []
    for _ in range(epochs):
        found.clear()
        algorithm.train(data)
        epochs_of.append(" ".join(found))
    return epochs_of


@pytest.mark.parametrize(
    "steps, turns", [(1, "D G D G D"), (2, "D D G D D"), (3, "D D D G D"), (5, "D D D D D")]
)
def test_turns(steps, turns, data, fast_compile):
    algorithm = sgd_alt.SGD(0.1, cost=AdversaryCost2(), batch_size=5, discriminator_steps=steps)
    # Every epoch begins with D, whoever came last in the one before.
    assert players_by_epoch(algorithm, data, 4) == ["D D D D D", turns] * 2


def test_by_default_the_players_alternate(data, fast_compile):
    """Momentum of the resting player stays where it is."""
    algorithm = sgd_alt.SGD(0.1, cost=AdversaryCost2(), batch_size=6, learning_rule=Momentum(0.5))
    assert players_by_epoch(algorithm, data, 2) == ["D D D D", "D G D G"]


def test_turns_are_set_once(data, fast_compile):
    algorithm = sgd_alt.SGD(0.1, cost=AdversaryCost2(alternate_g=True), batch_size=5)
    with pytest.raises(ValueError, match="alternate_g"):
        players_by_epoch(algorithm, data, 1)
