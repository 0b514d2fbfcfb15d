from __future__ import annotations

import io
import logging
from types import SimpleNamespace

import aesara.tensor as at
import numpy as np
import pytest

from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
from adversarial.models.mlp import MLP, Linear
from adversarial.monitor.monitor import Monitor
from adversarial.train_extensions import progress
from adversarial.train_extensions.progress import Progress
from adversarial.utils import serial


class Clock:
    """time.monotonic, of which a minibatch takes as long as a test says."""

    def __init__(self, monkeypatch):
        self.now = 100.0
        monkeypatch.setattr(progress.time, "monotonic", lambda: self.now)


def run_epoch(model, algorithm, clock=None, seconds=0.0, first=1):
    """What SGD does in an epoch, or from its minibatch `first` on, as far as its callbacks see."""
    for done in range(first, algorithm.batches_per_epoch + 1):
        if clock:
            clock.now += seconds
        algorithm.batches_this_epoch = done
        for callback in algorithm.update_callbacks:
            callback(algorithm)
    model.monitor.epochs += 1


@pytest.fixture
def algorithm():
    return SimpleNamespace(
        update_callbacks=[], batches_this_epoch=0, batches_per_epoch=20, batch_size=50
    )


def test_lines_every_few_seconds_with_rate_and_time_left(model, algorithm, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    clock = Clock(monkeypatch)
    shown = Progress(bar=False, seconds_between_lines=5.0)
    shown.setup(model, None, algorithm)
    shown.on_monitor(model, None, algorithm)
    run_epoch(model, algorithm, clock, seconds=1.0)
    shown.on_monitor(model, None, algorithm)
    # 50 examples a second; the 1st minibatch starts the clock, the 6th is 5 seconds later.
    assert caplog.messages == [
        "epoch 1: minibatch 6 of 20, 50 examples/s, 14 s left",
        "epoch 1: minibatch 11 of 20, 50 examples/s, 9 s left",
        "epoch 1: minibatch 16 of 20, 50 examples/s, 4 s left",
    ]
    caplog.clear()
    clock.now += 1000.0  # of monitoring, which is no part of the rate
    run_epoch(model, algorithm, clock, seconds=2.0)
    assert caplog.messages[0] == "epoch 2: minibatch 4 of 20, 25 examples/s, 32 s left"


def test_lines_of_an_epoch_that_is_resumed(model, algorithm, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    shown = Progress(bar=False, seconds_between_lines=0.0)
    shown.setup(model, None, algorithm)
    shown.on_monitor(model, None, algorithm)
    run_epoch(model, algorithm, Clock(monkeypatch), seconds=2.0, first=17)
    assert caplog.messages == [
        "epoch 1: minibatch 18 of 20, 25 examples/s, 4 s left",
        "epoch 1: minibatch 19 of 20, 25 examples/s, 2 s left",
    ]


def test_the_bar_of_an_epoch_that_is_resumed(model, algorithm, monkeypatch):
    monkeypatch.setattr(progress.sys, "stderr", io.StringIO())
    shown = Progress(bar=True)
    shown.setup(model, None, algorithm)
    run_epoch(model, algorithm, first=17)
    assert shown._shown.n == shown._shown.total == 20 * 50
    shown.close()


def test_short_epochs_have_no_lines(model, algorithm, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    clock = Clock(monkeypatch)
    shown = Progress(bar=False)
    shown.setup(model, None, algorithm)
    run_epoch(model, algorithm, clock, seconds=0.01)
    assert caplog.messages == []


def test_a_bar_for_each_epoch_that_goes_away(model, algorithm, monkeypatch):
    screen = io.StringIO()
    monkeypatch.setattr(progress.sys, "stderr", screen)
    shown = Progress(bar=True)
    shown.setup(model, None, algorithm)
    shown.on_monitor(model, None, algorithm)
    run_epoch(model, algorithm)
    assert shown._shown.n == shown._shown.total == 20 * 50
    assert "epoch 1: " in screen.getvalue()
    assert "examples/s" in screen.getvalue() and " left" in screen.getvalue()
    shown.on_monitor(model, None, algorithm)
    assert shown._shown is None
    assert screen.getvalue().endswith("\r")
    run_epoch(model, algorithm)
    assert "epoch 2" in screen.getvalue()
    shown.close()
    shown.close()


def test_a_bar_for_each_data_set_that_is_measured(algorithm, monkeypatch):
    screen = io.StringIO()
    monkeypatch.setattr(progress.sys, "stderr", screen)
    network = MLP([Linear(1, "y", irange=0.1)], nvis=2)
    monitor = network.monitor = Monitor.get_monitor(network)
    x = at.matrix("x")
    for name, rows in (("First", 6), ("Second", 4)):
        data = type(name, (DenseDesignMatrix,), {})(X=np.ones((rows, 2), "float32"))
        monitor.add_dataset(data, batch_size=2)
        monitor.add_channel(name, x, x.sum(), data)
    shown = Progress(bar=True)
    shown.setup(network, None, algorithm)
    monitor()  # before the first minibatch
    assert (shown._shown.n, shown._shown.total) == (4, 4)
    for line in ("measuring First: ", "measuring Second: "):
        assert line in screen.getvalue()
    assert "epoch" not in screen.getvalue()
    algorithm.batches_this_epoch = 1
    shown.close()
    for callback in algorithm.update_callbacks:
        callback(algorithm)
    monitor()  # in place of the bar of the epoch
    assert shown._shown.desc.startswith("measuring Second")
    shown.close()
    assert screen.getvalue().endswith("\r")
    assert "show_progress" not in monitor.__getstate__()


def test_data_sets_of_the_same_class_have_a_bar_each(model, algorithm, monkeypatch):
    monkeypatch.setattr(progress.sys, "stderr", io.StringIO())
    model.monitor.show_progress = None
    shown = Progress(bar=True)
    shown.setup(model, None, algorithm)
    for examples, total in ((2, 6), (6, 6), (2, 4)):
        model.monitor.show_progress("MNIST", examples, total)
        assert (shown._shown.n, shown._shown.total) == (examples, total)
    shown.close()


def test_an_error_of_the_bar_does_not_end_the_measuring(model, algorithm, monkeypatch, caplog):
    monkeypatch.setattr(progress, "bar_class", lambda: pytest.fail)
    model.monitor.show_progress = None
    shown = Progress(bar=True)
    shown.setup(model, None, algorithm)
    model.monitor.show_progress("data", 1, 2)
    model.monitor.show_progress("data", 2, 2)
    assert len(caplog.messages) == 1 and caplog.messages[0].startswith("Progress failed")


def test_a_bar_only_where_there_is_a_terminal(monkeypatch):
    for terminal in (True, False):
        monkeypatch.setattr(progress.sys, "stderr", SimpleNamespace(isatty=lambda t=terminal: t))
        assert Progress().bar is terminal


def test_an_algorithm_without_callbacks_is_left_alone(model):
    Progress(bar=False).setup(model, None, None)
    Progress(bar=False).setup(model, None, SimpleNamespace())


def test_an_algorithm_of_several_trainings_shows_its_progress_once(model, algorithm):
    """As where the cell of a notebook is run twice."""
    algorithm.update_callbacks.append(other := object())
    for _ in range(2):
        shown = Progress(bar=False)
        shown.setup(model, None, algorithm)
        shown.setup(model, None, algorithm)
    assert algorithm.update_callbacks == [other, shown._on_minibatch]


def test_a_bar_in_progress_is_not_saved(model, algorithm, monkeypatch):
    monkeypatch.setattr(progress.sys, "stderr", io.StringIO())
    shown = Progress(bar=True)
    shown.setup(model, None, algorithm)
    run_epoch(model, algorithm)
    copy = serial.clone_via_serialize(shown)
    assert copy._shown is None and copy.bar
    shown.close()
