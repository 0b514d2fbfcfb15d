"""When to stop training. A criterion is asked once before the first epoch and after each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from adversarial.modelfile import Persistent
from adversarial.monitor.lookup import channel_values, find_channel

__all__ = [
    "And",
    "ChannelInf",
    "ChannelTarget",
    "EpochCounter",
    "MatchChannel",
    "MonitorBased",
    "Or",
    "PatienceBasedTermCrit",
    "TerminationCriterion",
    "channel_values",
    "find_channel",
]


class TerminationCriterion(Persistent):
    """Decides whether training goes on."""

    def initialize(self, model: Any) -> None:
        """Count from here on: training of `model` begins. The base does nothing."""

    def check_channels(self, model: Any) -> None:
        """ValueError if a channel that this will read is missing. Called before the first epoch.

        The base looks for the channel that an attribute `channel_name` names, if there is one.
        """
        name = getattr(self, "channel_name", None)
        if isinstance(name, str):
            find_channel(model, name)

    def continue_learning(self, model: Any) -> bool:
        """Whether to train `model` for another epoch."""
        raise NotImplementedError(f"{type(self).__name__} does not implement continue_learning")

    def __call__(self, model: Any) -> bool:
        """The older name of `continue_learning`."""
        return self.continue_learning(model)


class MonitorBased(TerminationCriterion):
    """Stop when a channel has not gone down enough for N epochs.

    Parameters
    ----------
    prop_decrease : float
        In [0, 1): the value must fall below (1 - prop_decrease) times the lowest so far.
    N : int
        Epochs without such a fall after which training stops.
    channel_name : str, optional
        By default `objective`, or the monitor's only channel.

    Raises
    ------
    ValueError
        If an argument is out of its range.
    """

    def __init__(
        self, prop_decrease: float = 0.01, N: int = 5, channel_name: str | None = None
    ) -> None:
        self.prop_decrease = _proportion(prop_decrease)
        self.N = int(N)
        if self.N < 1:
            raise ValueError(f"N must be at least 1 epoch, not {N}")
        self._channel_name = channel_name
        self.countdown = self.N
        self.best_value = np.inf

    def initialize(self, model: Any) -> None:
        """Forget what an earlier training of the same process had come to."""
        self.countdown = self.N
        self.best_value = np.inf

    def check_channels(self, model: Any) -> None:
        """ValueError if there is no such channel."""
        find_channel(model, _name(model, self._channel_name))

    def continue_learning(self, model: Any) -> bool:
        """False once N epochs in a row brought too little."""
        value = _values(model, self._channel_name)[-1]
        if value < (1.0 - self.prop_decrease) * self.best_value:
            self.countdown = self.N
        else:
            self.countdown -= 1
        # Many small steps must not add up to a sufficient one.
        self.best_value = min(self.best_value, float(value))
        return self.countdown > 0


class PatienceBasedTermCrit(TerminationCriterion):
    """Stop after a patience that grows with each new best value of a channel.

    Parameters
    ----------
    prop_decrease : float
        In [0, 1): a new best is below (1 - prop_decrease) times the old one.
    initial_patience : float
        Values recorded (one an epoch and one before the first) before training may stop.
    patience_increase : float
        After a new best, patience is at least this times the number of values recorded.
    channel_name : str, optional
        By default `objective`, or the monitor's only channel.

    Raises
    ------
    ValueError
        If `prop_decrease` is out of its range.
    """

    def __init__(
        self,
        prop_decrease: float,
        initial_patience: float,
        patience_increase: float = 2.0,
        channel_name: str | None = None,
    ) -> None:
        self.prop_decrease = _proportion(prop_decrease)
        self.patience = float(initial_patience)
        self.patience_increase = float(patience_increase)
        self._channel_name = channel_name
        self.best_value = np.inf

    def check_channels(self, model: Any) -> None:
        """ValueError if there is no such channel."""
        find_channel(model, _name(model, self._channel_name))

    def continue_learning(self, model: Any) -> bool:
        """False once patience runs out."""
        values = _values(model, self._channel_name)
        if values[-1] < (1.0 - self.prop_decrease) * self.best_value:
            self.patience = max(self.patience, len(values) * self.patience_increase)
            self.best_value = float(values[-1])
        return len(values) < self.patience


class MatchChannel(TerminationCriterion):
    """Stop when a channel is down at the last value of a channel of an earlier run.

    Parameters
    ----------
    channel_name : str
    prev_channel_name : str
        The channel of the earlier run.
    prev_monitor_name : str
        The model's attribute that holds the earlier run's monitor (see `push_monitor`).
    """

    def __init__(self, channel_name: str, prev_channel_name: str, prev_monitor_name: str) -> None:
        self.channel_name = channel_name
        self.prev_channel_name = prev_channel_name
        self.prev_monitor_name = prev_monitor_name
        self.target: float | None = None

    def check_channels(self, model: Any) -> None:
        """ValueError if one of the two channels is missing, or the earlier has no value."""
        find_channel(model, self.channel_name)
        if self.target is None:
            self._earlier_value(model)

    def _earlier_value(self, model: Any) -> float:
        earlier = find_channel(model, self.prev_channel_name, self.prev_monitor_name)
        if not len(earlier.val_record):
            raise ValueError(
                f"channel '{self.prev_channel_name}' of {self.prev_monitor_name} has no value"
            )
        return float(earlier.val_record[-1])

    def continue_learning(self, model: Any) -> bool:
        """True while the channel is above the earlier run's last value."""
        if self.target is None:
            self.target = self._earlier_value(model)
        return bool(channel_values(model, self.channel_name)[-1] > self.target)


class ChannelTarget(TerminationCriterion):
    """Stop when a channel is at or below `target`."""

    def __init__(self, channel_name: str, target: float) -> None:
        self.channel_name = channel_name
        self.target = float(target)

    def continue_learning(self, model: Any) -> bool:
        """True while the channel is above the target."""
        return bool(channel_values(model, self.channel_name)[-1] > self.target)


class ChannelInf(TerminationCriterion):
    """Stop when a channel is infinite."""

    def __init__(self, channel_name: str) -> None:
        self.channel_name = channel_name

    def continue_learning(self, model: Any) -> bool:
        """True while the channel is not infinite."""
        return not np.isinf(channel_values(model, self.channel_name)[-1])


class EpochCounter(TerminationCriterion):
    """Stop after a number of epochs.

    Parameters
    ----------
    max_epochs : int
    new_epochs : bool
        True counts the epochs of this training, False all that the model has seen.

    Raises
    ------
    ValueError
        If `max_epochs` is negative.
    """

    def __init__(self, max_epochs: int, new_epochs: bool = True) -> None:
        if not max_epochs >= 0:
            raise ValueError(f"max_epochs must not be negative, is {max_epochs}")
        self._max_epochs = max_epochs
        self._new_epochs = new_epochs
        self._first_epoch: int | None = None

    def initialize(self, model: Any) -> None:
        """Count from the epoch the model is at."""
        self._first_epoch = model.monitor.get_epochs_seen() if self._new_epochs else 0

    def continue_learning(self, model: Any) -> bool:
        """True while fewer than `max_epochs` are done."""
        seen = model.monitor.get_epochs_seen()
        if self._first_epoch is None:
            # `Train` calls `initialize`; who does not, asks for the first time after an epoch.
            self._first_epoch = max(0, seen - 1) if self._new_epochs else 0
        return seen - self._first_epoch < self._max_epochs


class _Combination(TerminationCriterion):
    """Several criteria. Each is asked every time: some count how often they are asked."""

    def __init__(self, criteria: Iterable[TerminationCriterion]) -> None:
        self._criteria = list(criteria)
        for criterion in self._criteria:
            if not isinstance(criterion, TerminationCriterion):
                raise TypeError(
                    f"{type(self).__name__} takes termination criteria, not "
                    f"{type(criterion).__name__} {criterion!r}"
                )

    def initialize(self, model: Any) -> None:
        """Initialize each of the criteria."""
        for criterion in self._criteria:
            criterion.initialize(model)

    def check_channels(self, model: Any) -> None:
        """Ask each of the criteria."""
        for criterion in self._criteria:
            criterion.check_channels(model)

    def _answers(self, model: Any) -> list[bool]:
        return [criterion.continue_learning(model) for criterion in self._criteria]


class And(_Combination):
    """Train as long as all `criteria` say so: stop when one wants to."""

    def continue_learning(self, model: Any) -> bool:
        """Whether all criteria continue."""
        return all(self._answers(model))


class Or(_Combination):
    """Train as long as any of `criteria` says so: stop when all want to."""

    def continue_learning(self, model: Any) -> bool:
        """Whether any criterion continues."""
        return any(self._answers(model))


def _proportion(prop_decrease: float) -> float:
    prop_decrease = float(prop_decrease)
    if not 0.0 <= prop_decrease < 1.0:
        raise ValueError(f"prop_decrease must be at least 0 and less than 1, not {prop_decrease}")
    return prop_decrease


def _name(model: Any, name: str | None) -> str:
    """`name`, or by default `objective` or the only channel."""
    if name is None:
        channels = getattr(getattr(model, "monitor", None), "channels", {})
        name = next(iter(channels)) if len(channels) == 1 else "objective"
    return name


def _values(model: Any, name: str | None) -> list[float]:
    return channel_values(model, _name(model, name))
