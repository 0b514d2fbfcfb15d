"""Criteria that say when to stop training.

`Train` asks the algorithm's `termination_criterion` before the first epoch and after each. A
criterion reads the model's monitor: its number of epochs, or the recorded values of a channel.
"""

from __future__ import annotations

from collections.abc import Iterable, MutableSequence
from typing import Any

import numpy as np

from adversarial.modelfile import Persistent
from adversarial.monitor.lookup import channel_values, find_channel
from adversarial.utils.checks import check_list

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
]


class TerminationCriterion(Persistent):
    """Base class: decides whether training continues.

    A subclass defines `continue_learning`. One that reads a channel keeps the name of the channel
    in `channel_name`, or overrides `check_channels`, so that a missing channel is an error before
    training begins.

    Examples
    --------
    >>> class UntilDWins(TerminationCriterion):
    ...     channel_name = "objective_d"
    ...     def continue_learning(self, model):
    ...         return channel_values(model, self.channel_name)[-1] > 0.01
    """

    def initialize(self, model: Any) -> None:
        """Called when a training of `model` begins; the base class does nothing."""

    def check_channels(self, model: Any) -> None:
        """Raise ValueError if a channel that this criterion reads is missing.

        Called before the first epoch. The base class looks for the channel `channel_name`, if the
        criterion has such an attribute.
        """
        name = getattr(self, "channel_name", None)
        if isinstance(name, str):
            find_channel(model, name)

    def continue_learning(self, model: Any) -> bool:
        """Whether to train `model` for another epoch."""
        raise NotImplementedError(f"{type(self).__name__} does not implement continue_learning")


class MonitorBased(TerminationCriterion):
    """Stop when a channel has not fallen enough for N epochs.

    Parameters
    ----------
    prop_decrease : float
        In [0, 1): a value counts as a fall if it is below the lowest value so far by more than this
        share of it.
    N : int
        The number of epochs without such a fall after which training stops.
    channel_name : str, optional
        By default `objective`, or the monitor's only channel.

    Raises
    ------
    ValueError
        If an argument is out of its range.

    Examples
    --------
    3.9 and 3.8 are not 10 % below 4:

    >>> from adversarial.models.model import Model
    >>> from adversarial.monitor import Monitor, MonitorChannel
    >>> model = Model()
    >>> channel = MonitorChannel(None, None, "objective", None, None)
    >>> Monitor.get_monitor(model).channels["objective"] = channel
    >>> criterion = MonitorBased(prop_decrease=0.1, N=2)
    >>> for value in [4.0, 3.9, 3.8]:
    ...     channel.val_record.append(value)
    ...     print(criterion.continue_learning(model))
    True
    True
    False
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
        """Forget the lowest value of an earlier training in this process."""
        self.countdown = self.N
        self.best_value = np.inf

    def check_channels(self, model: Any) -> None:
        """Raise ValueError if there is no such channel."""
        find_channel(model, _name(model, self._channel_name))

    def continue_learning(self, model: Any) -> bool:
        """False after N epochs in a row without a fall."""
        value = _values(model, self._channel_name)[-1]
        if value < _enough_below(self.best_value, self.prop_decrease):
            self.countdown = self.N
        else:
            self.countdown -= 1
        # The lowest value so far: many small falls must not add up to a sufficient one.
        self.best_value = min(self.best_value, float(value))
        return self.countdown > 0


class PatienceBasedTermCrit(TerminationCriterion):
    """Stop when a channel has had no new best value for a time that grows with each new best.

    Parameters
    ----------
    prop_decrease : float
        In [0, 1): a value is a new best if it is below the old one by more than this share of it.
    initial_patience : float
        The number of recorded values (one before the first epoch, one after each) up to which
        training does not stop.
    patience_increase : float
        After a new best, training does not stop before the number of recorded values has grown by
        this factor.
    channel_name : str, optional
        By default `objective`, or the monitor's only channel.

    Raises
    ------
    ValueError
        If `prop_decrease` is out of its range.

    Examples
    --------
    The second value is a new best, so that training does not stop before there are four:

    >>> from adversarial.models.model import Model
    >>> from adversarial.monitor import Monitor, MonitorChannel
    >>> model = Model()
    >>> channel = MonitorChannel(None, None, "objective", None, None)
    >>> Monitor.get_monitor(model).channels["objective"] = channel
    >>> criterion = PatienceBasedTermCrit(prop_decrease=0.1, initial_patience=2)
    >>> for value in [4.0, 3.0, 3.0, 3.0]:
    ...     channel.val_record.append(value)
    ...     print(criterion.continue_learning(model))
    True
    True
    True
    False
    """

    def __init__(
        self,
        prop_decrease: float,
        initial_patience: float,
        patience_increase: float = 2.0,
        channel_name: str | None = None,
    ) -> None:
        self.prop_decrease = _proportion(prop_decrease)
        self.initial_patience = self.patience = float(initial_patience)
        self.patience_increase = float(patience_increase)
        self._channel_name = channel_name
        self.best_value = np.inf

    def initialize(self, model: Any) -> None:
        """Forget the best value of an earlier training in this process, and its patience."""
        self.patience = self.initial_patience
        self.best_value = np.inf

    def check_channels(self, model: Any) -> None:
        """Raise ValueError if there is no such channel."""
        find_channel(model, _name(model, self._channel_name))

    def continue_learning(self, model: Any) -> bool:
        """False once the number of recorded values has reached the patience."""
        values = _values(model, self._channel_name)
        if values[-1] < _enough_below(self.best_value, self.prop_decrease):
            self.patience = max(self.patience, len(values) * self.patience_increase)
            self.best_value = float(values[-1])
        return len(values) < self.patience


class MatchChannel(TerminationCriterion):
    """Stop when a channel has fallen to the last value of a channel of an earlier training.

    Parameters
    ----------
    channel_name : str
        The channel of this training.
    prev_channel_name : str
        The channel of the earlier training.
    prev_monitor_name : str
        The model's attribute that holds the monitor of the earlier training (see `push_monitor`);
        'monitor' if it was not put aside.

    References
    ----------
    I. Goodfellow et al., "Maxout networks", ICML 2013, section 5.1, arXiv 1302.4389: how training
    on MNIST goes on with the validation set.

    Examples
    --------
    The objective on the validation set, which is now trained on as well, is to fall to that on the
    training set at the end of the first training:

    >>> from adversarial.models.model import Model
    >>> from adversarial.monitor import Monitor, MonitorChannel, push_monitor
    >>> model = Model()
    >>> channel = MonitorChannel(None, None, "train_objective", None, None)
    >>> channel.val_record.append(0.5)
    >>> Monitor.get_monitor(model).channels["train_objective"] = channel
    >>> model = push_monitor(model, "first_monitor")
    >>> channel = MonitorChannel(None, None, "valid_objective", None, None)
    >>> Monitor.get_monitor(model).channels["valid_objective"] = channel
    >>> criterion = MatchChannel("valid_objective", "train_objective", "first_monitor")
    >>> for value in [0.6, 0.5]:
    ...     channel.val_record.append(value)
    ...     print(criterion.continue_learning(model))
    True
    False
    """

    def __init__(self, channel_name: str, prev_channel_name: str, prev_monitor_name: str) -> None:
        self.channel_name = channel_name
        self.prev_channel_name = prev_channel_name
        self.prev_monitor_name = prev_monitor_name
        self.target: float | None = None

    def check_channels(self, model: Any) -> None:
        """Raise ValueError if one of the channels is missing, or the earlier one has no value."""
        find_channel(model, self.channel_name)
        # Of the monitor that is in use, only channels that are measured can be found here.
        if self.target is None and self.prev_monitor_name != "monitor":
            self._earlier_value(model)

    def _earlier_value(self, model: Any) -> float:
        earlier = find_channel(model, self.prev_channel_name, self.prev_monitor_name)
        if not len(earlier.val_record):
            raise ValueError(
                f"channel '{self.prev_channel_name}' of {self.prev_monitor_name} has no value"
            )
        return float(earlier.val_record[-1])

    def continue_learning(self, model: Any) -> bool:
        """True while the channel is above the last value of the earlier training."""
        if self.target is None:
            self.target = self._earlier_value(model)
        return not channel_values(model, self.channel_name)[-1] <= self.target  # NaN is not


class ChannelTarget(TerminationCriterion):
    """Stop when a channel is at or below a target.

    Parameters
    ----------
    channel_name : str
    target : float
        Compared with the last value of the channel, which is measured before the first epoch, too.

    Examples
    --------
    >>> from adversarial.models.model import Model
    >>> from adversarial.monitor import Monitor, MonitorChannel
    >>> model = Model()
    >>> channel = MonitorChannel(None, None, "objective", None, None)
    >>> Monitor.get_monitor(model).channels["objective"] = channel
    >>> criterion = ChannelTarget("objective", target=0.5)
    >>> for value in [0.6, 0.5]:
    ...     channel.val_record.append(value)
    ...     print(criterion.continue_learning(model))
    True
    False
    """

    def __init__(self, channel_name: str, target: float) -> None:
        self.channel_name = channel_name
        self.target = float(target)

    def continue_learning(self, model: Any) -> bool:
        """True while the channel is above the target."""
        return not channel_values(model, self.channel_name)[-1] <= self.target  # NaN is not


class ChannelInf(TerminationCriterion):
    """Stop when a channel is infinite.

    Parameters
    ----------
    channel_name : str

    Examples
    --------
    >>> from adversarial.models.model import Model
    >>> from adversarial.monitor import Monitor, MonitorChannel
    >>> model = Model()
    >>> channel = MonitorChannel(None, None, "objective", None, None)
    >>> Monitor.get_monitor(model).channels["objective"] = channel
    >>> criterion = ChannelInf("objective")
    >>> for value in [0.5, np.inf]:
    ...     channel.val_record.append(value)
    ...     print(criterion.continue_learning(model))
    True
    False
    """

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
        True counts the epochs of this training, False all epochs that the model has seen. Epochs
        before a resumption are of this training, also if an edited file introduces this criterion.

    Raises
    ------
    ValueError
        If `max_epochs` is negative.

    Examples
    --------
    >>> from adversarial.models.model import Model
    >>> from adversarial.monitor import Monitor
    >>> model = Model()
    >>> monitor = Monitor.get_monitor(model)
    >>> criterion = EpochCounter(max_epochs=1)
    >>> criterion.continue_learning(model)
    True
    >>> monitor.report_epoch()
    >>> criterion.continue_learning(model)
    False
    """

    def __init__(self, max_epochs: int, new_epochs: bool = True) -> None:
        if not max_epochs >= 0:
            raise ValueError(f"max_epochs must not be negative, is {max_epochs}")
        self._max_epochs = max_epochs
        self._new_epochs = new_epochs
        self._first_epoch: int | None = None

    def initialize(self, model: Any) -> None:
        """Count from the number of epochs that the model has seen."""
        self._first_epoch = model.monitor.get_epochs_seen() if self._new_epochs else 0

    def continue_learning(self, model: Any) -> bool:
        """True while fewer than `max_epochs` epochs are done."""
        seen = model.monitor.get_epochs_seen()
        if self._first_epoch is None:
            # A loop that does not call `initialize`, unlike `Train`, first asks after one epoch.
            self._first_epoch = max(0, seen - 1) if self._new_epochs else 0
        return seen - self._first_epoch < self._max_epochs


class _Combination(TerminationCriterion):
    """Several criteria. All are asked each time, since some count how often they are asked."""

    def __init__(self, criteria: Iterable[TerminationCriterion]) -> None:
        check_list(f"the argument of {type(self).__name__}", criteria)
        self._criteria = list(criteria)
        if not self._criteria:
            raise ValueError(f"the criteria of {type(self).__name__} are an empty list")
        for criterion in self._criteria:
            if not isinstance(criterion, TerminationCriterion):
                raise TypeError(
                    f"{type(self).__name__} takes termination criteria, not "
                    f"{type(criterion).__name__} {criterion!r}"
                )

    def initialize(self, model: Any) -> None:
        for criterion in self._criteria:
            criterion.initialize(model)

    def check_channels(self, model: Any) -> None:
        for criterion in self._criteria:
            criterion.check_channels(model)

    def _answers(self, model: Any) -> list[bool]:
        return [criterion.continue_learning(model) for criterion in self._criteria]


class And(_Combination):
    """Train while all criteria say so: stop when the first of them wants to stop.

    Parameters
    ----------
    criteria : iterable of TerminationCriterion

    Raises
    ------
    TypeError
        If one of them is something else.
    ValueError
        If there are none.

    Examples
    --------
    At most 100 epochs, and no more than 10 in a row without a lower objective:

    >>> criterion = And([EpochCounter(100), MonitorBased(prop_decrease=0.0, N=10)])
    """

    def continue_learning(self, model: Any) -> bool:
        """Whether all criteria continue."""
        return all(self._answers(model))


class Or(_Combination):
    """Train while any criterion says so: stop when all of them want to stop.

    Parameters
    ----------
    criteria : iterable of TerminationCriterion

    Raises
    ------
    TypeError
        If one of them is something else.
    ValueError
        If there are none.

    Examples
    --------
    One epoch, and more until the objective is at or below 0.5:

    >>> from adversarial.models.model import Model
    >>> from adversarial.monitor import Monitor, MonitorChannel
    >>> model = Model()
    >>> channel = MonitorChannel(None, None, "objective", None, None)
    >>> Monitor.get_monitor(model).channels["objective"] = channel
    >>> criterion = Or([EpochCounter(1), ChannelTarget("objective", 0.5)])
    >>> channel.val_record.append(0.4)
    >>> criterion.continue_learning(model)
    True
    >>> model.monitor.report_epoch()
    >>> criterion.continue_learning(model)
    False
    """

    def continue_learning(self, model: Any) -> bool:
        """Whether any criterion continues."""
        return any(self._answers(model))


def _proportion(prop_decrease: float) -> float:
    prop_decrease = float(prop_decrease)
    if not 0.0 <= prop_decrease < 1.0:
        raise ValueError(f"prop_decrease must be at least 0 and less than 1, not {prop_decrease}")
    return prop_decrease


def _enough_below(best: float, proportion: float) -> float:
    """The value below which a channel has fallen enough; `best` may be negative."""
    return (1.0 - proportion if best >= 0 else 1.0 + proportion) * best


def _name(model: Any, name: str | None) -> str:
    """`name`; by default the only channel that is measured, or `objective`."""
    if name is None:
        channels = getattr(getattr(model, "monitor", None), "channels", {})
        # One without `val` is the record of an earlier training.
        measured = [own for own, channel in channels.items() if channel.val is not None]
        name = measured[0] if len(measured) == 1 else "objective"
    return name


def _values(model: Any, name: str | None) -> MutableSequence[float]:
    return channel_values(model, _name(model, name))
