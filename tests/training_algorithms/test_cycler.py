from __future__ import annotations

import pytest

from adversarial import AdversaryCost2, AdversaryPair, Cycler, Generator
from adversarial.models.mlp import MLP, Linear, Sigmoid
from adversarial.training_algorithms.sgd import SGD
from adversarial.utils import serial


def test_g_moves_at_every_third_minibatch(data, fast_compile):
    G = MLP([Linear(dim=6, layer_name="y", irange=1.0)], nvis=3)
    D = MLP([Sigmoid(dim=1, layer_name="y", irange=1.0)], nvis=6)
    pair, states = AdversaryPair(Generator(G), D), [G.get_param_vector()]
    watch = [Cycler(3), lambda _: states.append(G.get_param_vector())]
    # scale_grads is on, as by default: a G that rests must not become NaN.
    algorithm = SGD(0.1, cost=AdversaryCost2(), batch_size=3, update_callbacks=watch)
    algorithm.setup(pair, data)
    algorithm.train(data)
    moved = [bool((new != old).any()) for old, new in zip(states, states[1:])]
    assert moved == [True, False, False] * 2 + [True, False]


def test_a_saved_cycler_goes_on(data):
    class Algorithm:
        cost = AdversaryCost2()

    cycler = Cycler(3)
    cycler(Algorithm)
    again = serial.clone_via_serialize(cycler)
    turns = []
    for _ in range(4):
        again(Algorithm)
        turns.append(float(Algorithm.cost.now_train_generator.get_value()))
    assert turns == [0, 1, 0, 0]


@pytest.mark.parametrize("k", [0, -2, 1.5])
def test_wrong_k(k):
    with pytest.raises(ValueError, match=f"k .*{k}"):
        Cycler(k)


def test_another_player_may_be_the_one_that_waits():
    class Algorithm:
        cost = AdversaryCost2()

    cycler, turns = Cycler(2, player="discriminator"), []
    for _ in range(4):
        cycler(Algorithm)
        turns.append(float(Algorithm.cost.now_train_discriminator.get_value()))
    assert turns == [0, 1, 0, 1]
    assert Algorithm.cost.now_train_generator.get_value() == 1


def test_a_cycler_saved_before_there_was_a_choice_cycles_g():
    old = Cycler.__new__(Cycler)
    old.__setstate__({"k": 2, "i": 1})
    assert (old.k, old.i, old.player) == (2, 1, "generator")


def test_a_cost_without_the_switch_is_refused_at_setup(data, fast_compile):
    network = MLP([Linear(dim=2, layer_name="y", irange=1.0)], nvis=6)
    algorithm = SGD(0.1, batch_size=5, update_callbacks=Cycler(3))
    with pytest.raises(ValueError, match="Cycler needs .* now_train_generator, not Default"):
        algorithm.setup(network, data)


def test_wrong_player():
    with pytest.raises(ValueError, match="player .*generator, discriminator, inference.*'judge'"):
        Cycler(2, player="judge")
