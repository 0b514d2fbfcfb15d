"""Several trainings of one model: a monitor is put aside, and the next training gets a new one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from adversarial.monitor.channel import MonitorChannel
from adversarial.monitor.lookup import read_channel
from adversarial.monitor.monitor import Monitor


def push_monitor(
    model: Any, name: str, transfer_experience: bool = False, save_records: bool = False
) -> Any:
    """Put the model's monitor aside, so that the next training gets a new one.

    A YAML calls this for the model of its second training.

    Parameters
    ----------
    model : Model
    name : str
        The attribute of the model that keeps the old monitor.
    transfer_experience : bool
        Have the new monitor go on counting epochs, minibatches and examples.
    save_records : bool
        Have it keep the records as well, and go on counting seconds. The first measurement of the
        next training then takes the place of the last one of the training before, which is of the
        same epoch.

    Returns
    -------
    Model
        `model` itself.

    Raises
    ------
    ValueError
        If the model has an attribute `name` already, or has no monitor.
    """
    if hasattr(model, name):
        raise ValueError(f"the model already has an attribute {name!r}")
    old = getattr(model, "monitor", None)
    if old is None:
        raise ValueError("the model has no monitor to put aside: it was not trained before")
    setattr(model, name, old)
    model.monitor = None
    if transfer_experience or save_records:
        new = Monitor.get_monitor(model)
        new.take_counts(old)
        if save_records:
            new.take_clock(old)
            for channel in old.channels.values():
                kept = MonitorChannel(None, None, channel.name, None, None, None, channel)
                kept.remeasures_last = True
                new.channels[channel.name] = kept
    return model


def get_channel(model: Any, dataset: Any, channel: str, cost: Any, batch_size: int) -> float:
    """The value of one channel of `model` under `cost` on `dataset`, as the model is now.

    It is measured by a temporary monitor: that of the model, if it has one, stays as it is.

    Parameters
    ----------
    model : Model
    dataset : Dataset
    channel : str
        Its name.
    cost : Cost
    batch_size : int

    Raises
    ------
    ValueError
        If there is no such channel.
    """
    monitor = Monitor(model)
    monitor.setup(dataset=dataset, cost=cost, batch_size=batch_size)
    monitor()
    return read_channel(SimpleNamespace(monitor=monitor), channel)
