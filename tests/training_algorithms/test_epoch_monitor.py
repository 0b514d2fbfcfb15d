"""Reports and monitorings within an epoch come when they are due."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest

from adversarial.models.mlp import MLP, Linear
from adversarial.training_algorithms.epoch_monitor import EpochMonitor
from adversarial.training_algorithms.sgd import SGD
from adversarial.utils import serial


class Monitor:
    """Notes after which minibatch it is called."""

    def __init__(self, algorithm):
        self.algorithm, self.called, self.epochs = algorithm, [], 2

    def __call__(self):
        self.called.append(self.algorithm.batches_this_epoch)

    def get_epochs_seen(self):
        return self.epochs


def run(batches, **rates):
    algorithm = SimpleNamespace(batches_this_epoch=0)
    model = SimpleNamespace(monitor=Monitor(algorithm))
    callback = EpochMonitor(model, **rates)
    for algorithm.batches_this_epoch in range(1, batches + 1):
        callback(algorithm)
    return model.monitor.called


def test_monitors_and_reports(caplog):
    with caplog.at_level(logging.INFO):
        assert run(13, tick_rate=3, monitor_rate=6) == [6, 12]
    assert [record.getMessage() for record in caplog.records] == [
        "epoch 3: 3 minibatches done",
        "epoch 3: 9 minibatches done",
    ]


def test_does_nothing_unless_asked(caplog):
    with caplog.at_level(logging.INFO):
        assert run(5) == []
    assert not caplog.records


@pytest.mark.parametrize("rates", [{"tick_rate": 0}, {"monitor_rate": -1}, {"tick_rate": 1.5}])
def test_refuses_rates_that_are_no_counts(rates):
    with pytest.raises(ValueError, match=next(iter(rates))):
        EpochMonitor(None, **rates)


def test_a_model_that_is_not_trained_is_refused_at_setup(data):
    trained, other = (MLP([Linear(2, "y", irange=0.1)], nvis=6) for _ in range(2))
    algorithm = SGD(0.1, batch_size=5, update_callbacks=EpochMonitor(other, monitor_rate=1))
    with pytest.raises(ValueError, match="EpochMonitor's model is .* no monitor"):
        algorithm.setup(trained, data)


def test_is_restored():
    restored = serial.clone_via_serialize(EpochMonitor(None, tick_rate=3))
    assert (restored.tick_rate, restored.monitor_rate) == (3, None)
