from __future__ import annotations

from types import SimpleNamespace

import pytest

from adversarial.backend import shared
from adversarial.train_extensions.activate_generator import ActivateGenerator


@pytest.fixture
def switch(algorithm):
    algorithm.cost = SimpleNamespace(now_train_generator=shared(0.0, name="now_train_generator"))
    return algorithm.cost.now_train_generator


def test_switches_after_the_given_epochs(monitored, switch):
    seen = monitored(ActivateGenerator(2), 4, lambda: float(switch.get_value()))
    assert seen == [0, 0, 1, 1, 1]


def test_at_once_and_with_a_value(monitored, switch):
    assert monitored(ActivateGenerator(0, value=0.5), 1, switch.get_value) == [0.5, 0.5]


def test_leaves_later_changes_alone(monitored, switch):
    def train(epoch):
        switch.set_value(switch.get_value() * 0)

    assert monitored(ActivateGenerator(1), 2, switch.get_value, train) == [0, 1, 0]


def test_needs_an_adversarial_cost(model, algorithm):
    algorithm.cost = {}
    with pytest.raises(ValueError, match="now_train_generator, not dict"):
        ActivateGenerator(0).on_monitor(model, None, algorithm)
    with pytest.raises(ValueError, match="now_train_generator, not none at all"):
        ActivateGenerator(0).setup(model, None, None)
