"""One monitored scalar and the records of its values."""

from __future__ import annotations

from array import array
from collections.abc import Callable, MutableSequence
from typing import Any, Optional

import numpy as np

from adversarial import backend
from adversarial.modelfile import Persistent

# The records that say when a channel was measured, with their arrays' type codes.
TIMESTAMPS = {"epoch_record": "q", "batch_record": "q", "example_record": "q", "time_record": "d"}
_RECORDS = {"val_record": np.dtype(backend.floatX).char, **TIMESTAMPS}


class MonitorChannel(Persistent):
    """One scalar and the records of its values.

    Parameters
    ----------
    graph_input : symbolic variable, nested tuple of them, or None
        What stands for a batch in `val`.
    val : symbolic scalar, or None
        None in a channel that is not measured any more, or was read from a file.
    name : str
    data_specs : (space, source)
        The layout of `graph_input`.
    dataset : Dataset
        What the channel is measured on.
    prereqs : list of callable, optional
        Called with each batch before `val` is computed.
    old_channel : MonitorChannel, optional
        The channel whose records this one goes on with.

    Attributes
    ----------
    val_record : array of float
        The value at each monitoring, to the precision of `floatX`: the mean over the monitoring
        batches, weighted by their sizes.
    epoch_record, batch_record, example_record : array of int
        Epochs, minibatches and examples trained on by then.
    time_record : array of float
        Seconds since the model was first monitored.

    Raises
    ------
    ValueError
        If the records of `old_channel` hold anything but numbers.

    Notes
    -----
    Records are `array.array`: lists of Python numbers take four times the memory. Channels that
    are always measured together share all records but `val_record`.

    Examples
    --------
    A channel that goes on with the records of another has a copy of them:

    >>> first = MonitorChannel(None, None, "objective", None, None)
    >>> first.val_record.append(0.5)
    >>> second = MonitorChannel(None, None, "objective", None, None, old_channel=first)
    >>> second.val_record.append(0.25)
    >>> first, second.vector("val_record")
    (<MonitorChannel objective, 1 values>, array([0.5 , 0.25], dtype=float32))
    """

    val_record: MutableSequence[float]
    epoch_record: MutableSequence[int]
    batch_record: MutableSequence[int]
    example_record: MutableSequence[int]
    time_record: MutableSequence[float]

    # Whether the next measurement takes the place of the last; see `remeasures`.
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
        self.take_records(old_channel)
        self.remeasures_last = old_channel is not None and old_channel.remeasures_last

    def take_records(self, old: Optional[MonitorChannel]) -> None:
        """Go on with copies of the records of `old`, or with empty ones.

        Raises
        ------
        ValueError
            If the records of `old`, which may be from a file, hold anything but numbers.
        """
        for name in _RECORDS:
            setattr(self, name, _array(name, getattr(old, name) if old else ()))

    def remeasures(self, timestamps: tuple) -> bool:
        """Whether the next value takes the place of the last one, being of the same epoch.

        As in 2014, this is so for the first value of a channel that goes on with the records that
        `push_monitor` saved: a training measures its channels before its first epoch, and the
        training before it did so after its last. `timestamps` begins with (epochs, minibatches).
        """
        first, self.remeasures_last = self.remeasures_last, False
        return (
            first
            and len(self.val_record) > 0
            and (self.epoch_record[-1], self.batch_record[-1]) == timestamps[:2]
        )

    def __getstate__(self) -> dict[str, Any]:
        state = dict(self.__dict__)
        for symbolic in ("val", "graph_input", "data_specs", "dataset", "prereqs"):
            state[symbolic] = None
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name in _RECORDS:
            # Files of earlier versions have lists and NumPy arrays. Only the first item is checked
            # and nothing is copied: a forged file could have many channels share one long record.
            record = state[name]
            if not isinstance(record, (array, list, np.ndarray)) or (
                len(record) and not isinstance(record[0], (int, float, np.number))
            ):
                raise ValueError(f"{name} of a monitor channel holds more than numbers")
        self.__dict__.update(state)

    def vector(self, name: str) -> np.ndarray:
        """A record as a vector; ValueError if it holds anything but numbers, as a file may.

        `np.asarray` alone would expand nested lists of a forged file without limit.
        """
        record = getattr(self, name)
        if isinstance(record, np.ndarray) and record.ndim == 1 and record.dtype.kind in "iuf":
            return record
        # Not copied, since channels may share the record.
        return np.asarray(record if isinstance(record, array) else _array(name, record))

    def share_timestamps(self, others: list[MonitorChannel]) -> None:
        """Use the timestamp records of the first of `others` that has equal ones.

        If none has, append this channel to `others`.
        """
        own = [getattr(self, name) for name in TIMESTAMPS]
        for other in others:
            if own == [getattr(other, name) for name in TIMESTAMPS]:
                for name in TIMESTAMPS:
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
