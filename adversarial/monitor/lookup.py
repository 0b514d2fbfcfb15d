"""Finding a channel by its name; termination criteria and extensions call these."""

from __future__ import annotations

import contextlib
import difflib
from collections import OrderedDict
from collections.abc import Iterator, MutableSequence
from typing import Any

from adversarial.monitor.channel import MonitorChannel


def find_channel(model: Any, name: str, monitor_name: str = "monitor") -> MonitorChannel:
    """The monitor channel `name` of `model`.

    Parameters
    ----------
    model : Model
    name : str
    monitor_name : str
        The attribute of the model that holds the monitor.

    Raises
    ------
    ValueError
        If the model has no such monitor or the monitor no such channel; the message then names
        channels of similar names.

    Examples
    --------
    >>> from adversarial.backend import shared
    >>> from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
    >>> from adversarial.models.mlp import MLP, Linear
    >>> from adversarial.monitor import Monitor
    >>> model = MLP([Linear(1, "y", irange=0.1)], nvis=1)
    >>> monitor = Monitor.get_monitor(model)
    >>> monitor.add_dataset(DenseDesignMatrix(X=[[1.0]]), batch_size=1)
    >>> monitor.add_channel("momentum", None, shared(0.5))
    >>> monitor()
    >>> find_channel(model, "momentum").val_record[-1]
    0.5
    >>> find_channel(model, "momentun")
    Traceback (most recent call last):
        ...
    ValueError: the monitor has no channel 'momentun'; did you mean 'momentum'?
    """
    monitor = getattr(model, monitor_name, None)
    if monitor is None:
        raise ValueError(
            f"looking for channel '{name}': the model has no {monitor_name}; give the training "
            "algorithm a monitoring_dataset"
        )
    if name in monitor.channels:
        return monitor.channels[name]
    known = list(monitor.channels)
    close = difflib.get_close_matches(name, known, n=3)
    if close:
        hint = "did you mean " + " or ".join(f"'{match}'" for match in close) + "?"
    elif known:
        hint = "it has " + ", ".join(known[:8]) + (", ..." if len(known) > 8 else "")
    else:
        hint = "it has none; give the training algorithm a monitoring_dataset"
    raise ValueError(f"the monitor has no channel '{name}'; {hint}")


@contextlib.contextmanager
def only_measured(monitor: Any) -> Iterator[None]:
    """Within this block, the channels of `monitor` are those that are measured now.

    The others are mere records, of an earlier training or from a file: they get no new values.
    """
    everything = monitor.channels
    monitor.channels = OrderedDict((n, c) for n, c in everything.items() if c.val is not None)
    try:
        yield
    finally:
        monitor.channels = everything


def channel_values(model: Any, name: str, monitor_name: str = "monitor") -> MutableSequence[float]:
    """The recorded values of channel `name`, oldest first: the record itself, not a copy.

    Raises
    ------
    ValueError
        As for `find_channel`, and if nothing is recorded yet.
    """
    values = find_channel(model, name, monitor_name).val_record
    if not len(values):
        raise ValueError(f"channel '{name}' has no value yet; it is read before the first epoch")
    return values


def read_channel(model: Any, channel_name: str, monitor_name: str = "monitor") -> float:
    """The last value of a channel; ValueError as for `channel_values`."""
    return channel_values(model, channel_name, monitor_name)[-1]
