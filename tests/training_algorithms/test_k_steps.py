"""Algorithm 1: k steps of D for one of G.  (Its gradients: tests/costs.)"""

from __future__ import annotations

import numpy as np
import pytest

from adversarial import AdversaryCost2, AdversaryPair, Generator
from adversarial.backend import shared
from adversarial.models.mlp import MLP, Linear, Sigmoid
from adversarial.training_algorithms import k_steps
from adversarial.training_algorithms.learning_rule import Adam, Momentum

pytestmark = pytest.mark.usefixtures("either_engine", "fast_compile")


def make_pair(inferer=None):
    G = MLP([Linear(dim=6, layer_name="y", irange=1.0)], nvis=3)
    D = MLP([Sigmoid(dim=1, layer_name="y", irange=1.0)], nvis=6)
    return AdversaryPair(Generator(G), D, inferer)


def moves(algorithm, pair, data, epochs=1):
    """Which players moved at each minibatch, as text: 'd', 'g', 'dg' ..."""
    players = dict(d=pair.discriminator, g=pair.generator)
    if pair.inferer:
        players["i"] = pair.inferer

    def state():
        return {name: player.get_param_vector() for name, player in players.items()}

    found, last = [], []

    def look(_):
        now = state()
        found.append("".join(name for name in now if (now[name] != last[0][name]).any()))
        last[0] = now

    algorithm.update_callbacks.append(look)
    algorithm.setup(pair, data)
    last.append(state())
    for _ in range(epochs):
        algorithm.train(data)
    return found


@pytest.mark.parametrize(
    "k, expected",
    [
        (1, ["dg"] * 10),
        (2, ["d", "dg"] * 5),
        (3, ["d", "d", "dg"] * 3 + ["d"]),  # the count goes on from epoch to epoch
    ],
)
def test_g_moves_at_every_kth_minibatch(k, expected, data):
    algorithm = k_steps.SGD(0.1, cost=AdversaryCost2(), batch_size=5, discriminator_steps=k)
    assert moves(algorithm, make_pair(), data, epochs=2) == expected


def test_g_follows_d_on_the_same_minibatch(data):
    algorithm = k_steps.SGD(0.1, cost=AdversaryCost2(), batch_size=5, discriminator_steps=2)
    algorithm.setup(make_pair(), data)
    calls = []
    algorithm._d_step = lambda indices: calls.append(("d", list(indices))) or {"finite": True}
    algorithm._g_step = lambda indices: calls.append(("g", list(indices))) or {"finite": True}
    algorithm.train(data)
    assert [who for who, _ in calls] == list("ddgddgd")
    assert calls[1][1] == calls[2][1] != calls[0][1] and calls[4][1] == calls[5][1]


def test_momentum_of_each_player_is_its_own(data):
    """D's two steps leave G's velocity alone: without gradients only D coasts on."""
    pair, rule = make_pair(), Momentum(0.5)
    algorithm = k_steps.SGD(
        0.1, cost=AdversaryCost2(), batch_size=5, learning_rule=rule, discriminator_steps=5
    )
    assert moves(algorithm, pair, data) == ["d"] * 4 + ["dg"]
    assert len(rule.accumulators) == 4
    assert all(velocity.get_value().any() for velocity in rule.accumulators.values())


def test_adam_counts_the_steps_of_each_player(data):
    """The first step of Adam is as long as the learning rate, whatever the gradient."""
    pair = make_pair()
    algorithm = k_steps.SGD(
        0.1, cost=AdversaryCost2(), batch_size=5, learning_rule=Adam(), discriminator_steps=5
    )
    before = pair.generator.get_param_vector()
    assert moves(algorithm, pair, data) == ["d"] * 4 + ["dg"]
    step = pair.generator.get_param_vector() - before
    np.testing.assert_allclose(np.abs(step), 0.1, rtol=1e-3)


def test_the_inferer_moves_with_d(data):
    inferer = MLP([Linear(dim=3, layer_name="z", irange=1.0)], nvis=6)
    algorithm = k_steps.SGD(0.1, cost=AdversaryCost2(), batch_size=5, discriminator_steps=2)
    assert moves(algorithm, make_pair(inferer), data) == ["di", "dgi", "di", "dgi", "di"]


@pytest.mark.parametrize("steps", [0, -1, 1.5, "2"])
def test_wrong_number_of_steps(steps):
    with pytest.raises(ValueError, match="discriminator_steps .*" + repr(steps)):
        k_steps.SGD(0.1, discriminator_steps=steps)


def test_turns_are_set_once(data):
    algorithm = k_steps.SGD(0.1, cost=AdversaryCost2(alternate_g=True), batch_size=5)
    with pytest.raises(ValueError, match="leave out alternate_g"):
        algorithm.setup(make_pair(), data)


class Counting(AdversaryCost2):
    """Changes a variable of its own at each step."""

    def get_gradients(self, model, data, **kwargs):
        gradients, updates = super().get_gradients(model, data, **kwargs)
        count = shared(0.0, "count")
        updates[count] = count + 1
        return gradients, updates


def test_what_it_cannot_train_is_refused_at_setup(data):
    algorithm = k_steps.SGD(0.1, cost=Counting(), batch_size=5)
    with pytest.raises(ValueError, match="the cost changes count at each step.*: use .*.sgd.SGD"):
        algorithm.setup(make_pair(), data)
    network = MLP([Linear(dim=2, layer_name="y", irange=1.0)], nvis=6)
    with pytest.raises(ValueError, match="k_steps.SGD .* MLP has no generator: use .*.sgd.SGD"):
        k_steps.SGD(0.1, batch_size=5).setup(network, data)


def test_uneven_last_minibatch_counts(data):
    pair = make_pair()
    algorithm = k_steps.SGD(0.1, cost=AdversaryCost2(), batch_size=10, discriminator_steps=3)
    assert moves(algorithm, pair, data) == ["d", "d", "dg"]  # 10, 10, 3 examples
    assert pair.monitor.get_examples_seen() == 23
    assert np.isfinite(pair.get_param_vector()).all()


@pytest.mark.parametrize("rule", [lambda: None, lambda: Momentum(0.5), Adam])
@pytest.mark.parametrize("frozen", ["generator", "discriminator"])
def test_a_player_may_be_frozen(frozen, rule, data):
    pair = make_pair()
    players = dict(generator=pair.generator.mlp, discriminator=pair.discriminator)
    weights = {name: player.layers[0].W for name, player in players.items()}
    before = {name: W.get_value() for name, W in weights.items()}
    players[frozen].freeze(players[frozen].get_params())
    algorithm = k_steps.SGD(0.1, cost=AdversaryCost2(), batch_size=10, learning_rule=rule())
    algorithm.setup(pair, data)
    algorithm.train(data)
    for name, W in weights.items():
        assert np.array_equal(W.get_value(), before[name]) == (name == frozen)
