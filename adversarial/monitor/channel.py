"""One monitored scalar and its history."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import Any, Optional

import numpy as np

from adversarial import backend
from adversarial.utils.serial import Persistent

# What a channel remembers of each monitoring beside its value, and of which type.
OCCASIONS = {"epoch_record": "q", "batch_record": "q", "example_record": "q", "time_record": "d"}
_RECORDS = {"val_record": np.dtype(backend.floatX).char, **OCCASIONS}


class MonitorChannel(Persistent):
    """One scalar and its history.

    Attributes
    ----------
    val_record : array of float
        The value at each monitoring; over batches, the mean weighted by batch size. To the
        precision of `floatX`, in which it is measured.
    epoch_record, batch_record, example_record : array of int
        Epochs, minibatches and examples trained on by then.
    time_record : array of float
        Seconds since monitoring began.

    These are Python's own arrays: lists of numbers as objects would take four times the room.
    Channels that are always measured together share all but the first of them.
    """

    remeasures_last = False

    def __init__(
        self,
        graph_input: Any,
        val: Any,
        name: str,
        data_specs: Any,
        dataset: Any,
        prereqs: Optional[list[Callable]] = None,
        old_channel: Optional[MonitorChannel] = None,
    ) -> None:
        self.name = name
        self.val = val
        self.graph_input = graph_input
        self.data_specs = data_specs
        self.dataset = dataset
        self.prereqs = list(prereqs or [])
        self.doc = get_monitor_doc(val)
        self.take_records(old_channel)
        self.remeasures_last = old_channel is not None and old_channel.remeasures_last

    def take_records(self, old: Optional[MonitorChannel]) -> None:
        """Go on with copies of the records of `old`, or with empty ones.

        Raises ValueError when those of `old`, from a file, hold more than numbers.
        """
        for name in _RECORDS:
            setattr(self, name, _array(name, getattr(old, name) if old else ()))

    def remeasures(self, occasion: tuple) -> bool:
        """Whether the next value takes the place of the last, since both are of one moment.

        As in 2014, this is so for the first value of a channel that goes on with the records that
        `push_monitor` saved: a training measures its channels before its first epoch, and the
        training before it did so after its last. `occasion` begins with (epochs, minibatches).
        """
        first, self.remeasures_last = self.remeasures_last, False
        return (
            first
            and len(self.val_record) > 0
            and ((self.epoch_record[-1], self.batch_record[-1]) == occasion[:2])
        )

    def __getstate__(self) -> dict[str, Any]:
        state = dict(self.__dict__)
        for symbolic in ("val", "graph_input", "data_specs", "dataset", "prereqs"):
            state[symbolic] = None
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name in _RECORDS:
            # Files of earlier versions have lists and NumPy's arrays. They stay what they are, and
            # are not looked through: a forged file could have many channels share a long one.
            record = state[name]
            if not isinstance(record, (array, list, np.ndarray)) or (
                len(record) and not isinstance(record[0], (int, float, np.number))
            ):
                raise ValueError(f"{name} of a monitor channel holds more than numbers")
        self.__dict__.update(state)

    def vector(self, name: str) -> np.ndarray:
        """The record `name`; ValueError if a file gave the channel anything but numbers there.

        Not by NumPy alone: lists of lists could grow without end as they become its array.
        """
        record = getattr(self, name)
        if isinstance(record, np.ndarray) and record.ndim == 1 and record.dtype.kind in "iuf":
            return record
        # Not copied: channels may share one.
        return np.asarray(record if isinstance(record, array) else _array(name, record))

    def share_occasions(self, others: list[MonitorChannel]) -> None:
        """Keep those of the first of `others` that are equal, else be the next of them."""
        own = [getattr(self, name) for name in OCCASIONS]
        for other in others:
            if own == [getattr(other, name) for name in OCCASIONS]:
                for name in OCCASIONS:
                    setattr(self, name, getattr(other, name))
                return
        others.append(self)

    def __repr__(self) -> str:
        return f"<MonitorChannel {self.name}, {len(self.val_record)} values>"


def _array(name: str, record: Any) -> array:
    try:
        return array(_RECORDS[name], record)
    except (TypeError, OverflowError) as error:
        raise ValueError(f"{name} of a monitor channel is no list of numbers: {error}") from None


def get_monitor_doc(var: Any) -> Optional[str]:
    """The explanation that a channel's maker left on its variable as `tag.monitor_doc`."""
    return getattr(getattr(var, "tag", None), "monitor_doc", None)
