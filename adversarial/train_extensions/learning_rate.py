"""Learning-rate schedules by the epoch.

`adversarial.training_algorithms.schedules` has the schedules by the minibatch.
"""

from __future__ import annotations

import logging
from typing import Any

from adversarial.backend import assign
from adversarial.monitor.lookup import channel_values, find_channel
from adversarial.train_extensions import EpochExtension, TrainExtension
from adversarial.train_extensions.epoch_schedule import EpochSchedule, initial
from adversarial.training_algorithms.schedules import linear_decay

log = logging.getLogger(__name__)


class MonitorBasedLRAdjuster(TrainExtension):
    """Changes the learning rate after each epoch, by how a channel changed in it.

    Let old and new be the channel's last two values. If new > high_trigger * old, the learning rate
    is multiplied by `shrink_amt`; else, if new > low_trigger * old, by `grow_amt`; else it stays.
    The sign of old makes no difference, as in 2014: with a high_trigger of 0.95, the rate shrinks
    where a channel goes from 2 to more than 1.9, and where it goes from -2 to more than -1.9.

    Parameters
    ----------
    high_trigger, shrink_amt, low_trigger, grow_amt : float
    min_lr, max_lr : float
        Bounds of the learning rate.
    dataset_name : str, optional
        Read the channel `<dataset_name>_objective`.
    channel_name : str, optional
        Read this channel. With neither name, the only one that ends in `objective`.

    Raises
    ------
    ValueError
        If `min_lr` exceeds `max_lr`; at setup, if the algorithm has no learning rate; while
        training, if there is no such channel, or several.

    Examples
    --------
    The objective grew from 2 to 3, so the rate shrinks:

    >>> from adversarial.models.mlp import MLP, Linear
    >>> from adversarial.monitor import Monitor, MonitorChannel
    >>> from adversarial.training_algorithms.sgd import SGD
    >>> model, algorithm = MLP([Linear(1, "y", irange=0.1)], nvis=1), SGD(0.5)
    >>> channel = MonitorChannel(None, None, "objective", None, None)
    >>> channel.val_record.extend([2.0, 3.0])
    >>> Monitor.get_monitor(model).channels["objective"] = channel
    >>> adjuster = MonitorBasedLRAdjuster(shrink_amt=0.9, channel_name="objective")
    >>> adjuster.on_monitor(model, None, algorithm)
    >>> round(float(algorithm.learning_rate.get_value()), 3)
    0.45
    """

    def __init__(
        self,
        high_trigger: float = 1.0,
        shrink_amt: float = 0.99,
        low_trigger: float = 0.99,
        grow_amt: float = 1.01,
        min_lr: float = 1e-7,
        max_lr: float = 1.0,
        dataset_name: str | None = None,
        channel_name: str | None = None,
    ) -> None:
        self.high_trigger = float(high_trigger)
        self.shrink_amt = float(shrink_amt)
        self.low_trigger = float(low_trigger)
        self.grow_amt = float(grow_amt)
        self.min_lr = float(min_lr)
        self.max_lr = float(max_lr)
        if self.min_lr > self.max_lr:
            raise ValueError(f"min_lr {self.min_lr} is greater than max_lr {self.max_lr}")
        if channel_name is None and dataset_name is not None:
            channel_name = f"{dataset_name}_objective"
        self.channel_name = channel_name

    def setup(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Raise ValueError if the algorithm has no learning rate."""
        _rate_of(algorithm, self)

    def check_channels(self, model: Any) -> None:
        """Raise ValueError if there is no such channel; without a name, if not one objective."""
        find_channel(model, self.channel_name or _only_objective(model))

    def on_monitor(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Adjust the learning rate, from the second value of the channel on."""
        if self.channel_name is None:
            self.channel_name = _only_objective(model)
            log.info("the learning rate follows channel %s", self.channel_name)
        values = channel_values(model, self.channel_name)
        if len(values) < 2:
            return
        variable = _rate_of(algorithm, self)
        rate = float(variable.get_value())
        if values[-1] > self.high_trigger * values[-2]:
            rate *= self.shrink_amt
        elif values[-1] > self.low_trigger * values[-2]:
            rate *= self.grow_amt
        assign(variable, min(max(rate, self.min_lr), self.max_lr))


class OneOverEpoch(EpochExtension):
    """Sets the learning rate to the first one, times half_life / (half_life + epochs since start).

    Parameters
    ----------
    start : int
        The last epoch, from 1, with the first learning rate.
    half_life : int, optional
        The number of epochs after `start` that halve the rate; by default start + 1.
    min_lr : float
        The least learning rate.

    Raises
    ------
    ValueError
        If `start` is negative or `half_life` not positive; at setup, if the algorithm has no
        learning rate; while training, if the first learning rate is below `min_lr`.

    Examples
    --------
    >>> from adversarial.models.mlp import MLP, Linear
    >>> from adversarial.monitor import Monitor
    >>> from adversarial.training_algorithms.sgd import SGD
    >>> model = MLP([Linear(1, "y", irange=0.1)], nvis=1)
    >>> monitor = Monitor.get_monitor(model)
    >>> schedule, rates = OneOverEpoch(start=1, half_life=2), []
    >>> for epoch in range(1, 6):
    ...     schedule.on_monitor(model, None, SGD(0.5))
    ...     rates.append(round(schedule.current_lr(), 3))
    ...     monitor.report_epoch()
    >>> rates
    [0.5, 0.333, 0.25, 0.2, 0.167]
    """

    def __init__(self, start: int, half_life: int | None = None, min_lr: float = 1e-6) -> None:
        super().__init__()
        if start < 0:
            raise ValueError(f"start must not be negative, is {start}")
        if half_life is not None and half_life <= 0:
            raise ValueError(f"half_life must be positive, is {half_life}")
        self.start = start
        self.half_life = start + 1 if half_life is None else half_life
        self.min_lr = float(min_lr)
        self._init_lr: float | None = None
        self._count = 0

    def setup(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Raise ValueError if the algorithm has no learning rate."""
        _rate_of(algorithm, self)

    def on_monitor(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Set the learning rate of the epoch to come."""
        rate = _rate_of(algorithm, self)
        if self._init_lr is None:
            self._init_lr = float(rate.get_value())
            if self._init_lr < self.min_lr:
                raise ValueError(
                    f"the learning rate {self._init_lr} is below OneOverEpoch's min_lr "
                    f"{self.min_lr}"
                )
        self._count = self._epochs_done(model) + 1
        assign(rate, self.current_lr())

    def on_edit(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Set the rate of the epoch under way, as the edited file says."""
        self.on_monitor(model, dataset, algorithm)

    def current_lr(self) -> float:
        """The learning rate of the epoch to come; ValueError before the first monitoring."""
        past = max(0, self._count - self.start)
        base = initial(self._init_lr, self)
        return max(self.min_lr, base * self.half_life / (self.half_life + past))


class LinearDecayOverEpoch(EpochSchedule):
    """From the first learning rate down to decay_factor times it, in equal steps, one an epoch.

    Parameters
    ----------
    start : int
        The epoch, from 1, that makes the first step.
    saturate : int
        The epoch from which on the rate is decay_factor times the first.
    decay_factor : float
        Positive.

    Raises
    ------
    ValueError
        Unless 0 <= start < saturate and decay_factor > 0; at setup, if the algorithm has no
        learning rate.

    Examples
    --------
    Down to a tenth, between epochs 100 and 200:

    >>> schedule = LinearDecayOverEpoch(start=100, saturate=200, decay_factor=0.1)
    """

    def __init__(self, start: int, saturate: int, decay_factor: float) -> None:
        super().__init__()
        self.start = float(start)
        self.saturate = float(saturate)
        self.decay_factor = float(decay_factor)
        if not 0.0 <= self.start < self.saturate:
            raise ValueError(
                "LinearDecayOverEpoch needs 0 <= start < saturate, not "
                f"start {start}, saturate {saturate}"
            )
        if not self.decay_factor > 0.0:
            raise ValueError(f"decay_factor must be positive, not {self.decay_factor}")
        self._init_lr: float | None = None

    def current_lr(self) -> float:
        """The learning rate of the epoch to come; ValueError before setup."""
        base = initial(self._init_lr, self)
        return linear_decay(base, self._count, self.start, self.saturate, self.decay_factor)

    def _apply(self, algorithm: Any) -> None:
        rate = _rate_of(algorithm, self)
        if self._init_lr is None:
            self._init_lr = float(rate.get_value())
        assign(rate, self.current_lr())


def _rate_of(algorithm: Any, extension: Any) -> Any:
    """The shared learning rate of the algorithm; ValueError if it has none, as BGD."""
    rate = getattr(algorithm, "learning_rate", None)
    if rate is None:
        raise ValueError(
            f"{type(extension).__name__} needs an algorithm with a learning_rate (SGD), not "
            f"{'none at all' if algorithm is None else type(algorithm).__name__}"
        )
    return rate


def _only_objective(model: Any) -> str:
    """Name of the only measured channel that ends in `objective`."""
    channels = getattr(getattr(model, "monitor", None), "channels", {})
    names = [
        name
        for name, channel in channels.items()
        # One without `val` is the record of an earlier training.
        if channel.val is not None and (name == "objective" or name.endswith("_objective"))
    ]
    if len(names) != 1:
        found = "no channel ends in 'objective'"
        if names:
            found = f"several channels end in 'objective' ({', '.join(names)})"
        raise ValueError(f"{found}; give MonitorBasedLRAdjuster a channel_name")
    return names[0]
