"""A model with a monitor, and an algorithm, that do what a test tells them."""

from __future__ import annotations

from collections import OrderedDict
from types import SimpleNamespace

import numpy as np
import pytest

from adversarial.backend import floatX, shared
from adversarial.modelfile import Persistent
from adversarial.utils import serial


class FakeMonitor:
    def __init__(self):
        self.epochs = 0
        self.channels = OrderedDict()

    def get_epochs_seen(self):
        return self.epochs

    def between_batches(self):
        pass

    def add_channel(self, name, ipt, val, dataset=None, prereqs=None, data_specs=None):
        old = self.channels.get(name)
        if old is not None and old.val is not None:
            raise ValueError(f"a channel named {name!r} exists already")
        record = [] if old is None else old.val_record
        self.channels[name] = SimpleNamespace(val=val, dataset=dataset, val_record=record)


class FakeModel(Persistent):
    def __init__(self):
        self.params = [
            shared(np.arange(6.0).reshape(3, 2).astype(floatX), name="W"),
            shared(np.zeros(2, dtype=floatX), name="b"),
        ]
        self.tag = {}
        self.monitor = FakeMonitor()

    def __getstate__(self):
        return {"params": self.params, "tag": self.tag}

    def get_params(self):
        return self.params

    def record(self, **values):
        """Let channels take new values."""
        for name, value in values.items():
            if name not in self.monitor.channels:
                self.monitor.add_channel(name, None, "symbol", dataset="data")
            self.monitor.channels[name].val_record.append(value)


@pytest.fixture
def model():
    return FakeModel()


@pytest.fixture
def load():
    """serial.load that may restore the fake model."""
    return lambda path: serial.load(path, allow_modules=(FakeModel.__module__,))


@pytest.fixture
def algorithm():
    return SimpleNamespace(
        learning_rate=shared(0.1, name="learning_rate"),
        update_callbacks=[],
        monitoring_dataset={"valid": "data"},
    )


@pytest.fixture
def monitored(model, algorithm):
    """Call `extension.on_monitor` before training and after each of some epochs.

    Returns what `read()` gives after each call.
    """

    def run(extension, epochs, read=lambda: None, train=lambda epoch: None):
        extension.setup(model, None, algorithm)
        seen = []
        for epoch in range(epochs + 1):
            if epoch:
                train(epoch)
                model.monitor.epochs += 1
            extension.on_monitor(model, None, algorithm)
            seen.append(read())
        return seen

    return run
