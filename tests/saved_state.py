"""What a model file holds, to compare two trainings by; and a training in memory as in a file."""

from __future__ import annotations

import numpy as np

from adversarial import checkpoint
from adversarial.monitor import Monitor
from adversarial.utils import serial


def from_bytes(data):
    """As `checkpoint.read`, from what `serial.to_string` made."""
    training = serial.training_from_string(data)
    return checkpoint.Saved(training, lambda: serial.from_string(data), "<bytes>")


def after(train):
    """The training as a model file of this moment would hold it."""
    return from_bytes(
        serial.to_string(train.model, training=checkpoint.document(train.roots(), None))
    )


def contents(path):
    """All that the file holds but for clocks: {path: value}."""
    saved = checkpoint.read(path)
    model = serial.load(path)
    found = {f"file.{p}": slot.value for p, slot in checkpoint.slots({"model": model}).items()}
    found.update(saved._values)
    for attribute, monitor in vars(model).items():
        for name, channel in monitor.channels.items() if isinstance(monitor, Monitor) else ():
            if "seconds" not in name:
                for record in ("val", "epoch", "batch", "example"):
                    key = f"{attribute}: channel {name} {record}"
                    found[key] = list(getattr(channel, f"{record}_record"))
    for name, value in list(found.items()):
        if name.endswith(".best_model") and value is not None:
            found[name] = value.get_param_vector()
        if isinstance(value, np.random.RandomState):
            found[name] = value.get_state(legacy=False)
    return {
        name: value
        for name, value in found.items()
        if "dataset.things" not in name and "hostname" not in name
    }
