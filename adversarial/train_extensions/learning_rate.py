"""Learning rate schedules that move once an epoch.

Those that move after each minibatch are in `adversarial.training_algorithms.schedules`.
"""

from __future__ import annotations

import logging
from typing import Any

from adversarial.backend import assign
from adversarial.monitor.lookup import channel_values, find_channel
from adversarial.train_extensions import EpochExtension, TrainExtension
from adversarial.training_algorithms.schedules import linear_decay

log = logging.getLogger(__name__)


class MonitorBasedLRAdjuster(TrainExtension):
    """Moves the learning rate by how a channel changed over the last epoch.

    The ratio of the channel's last two values decides: above `high_trigger` the rate is
    multiplied by `shrink_amt`, else above `low_trigger` by `grow_amt`, else left.

    Parameters
    ----------
    high_trigger, shrink_amt, low_trigger, grow_amt : float
    min_lr, max_lr : float
        The learning rate stays within these.
    dataset_name : str, optional
        Watch the channel `<dataset_name>_objective`.
    channel_name : str, optional
        Watch this channel. Without either, the only channel that ends in `objective`.

    Raises
    ------
    ValueError
        If `min_lr` exceeds `max_lr`; while training, if there is no such channel, or several.
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

    def check_channels(self, model: Any) -> None:
        """ValueError if there is no such channel, or without a name, not one objective."""
        find_channel(model, self.channel_name or _only_objective(model))

    def on_monitor(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Adjust the learning rate, from the second value of the channel on."""
        if self.channel_name is None:
            self.channel_name = _only_objective(model)
            log.info("the learning rate follows channel %s", self.channel_name)
        values = channel_values(model, self.channel_name)
        if len(values) < 2:
            return
        rate = float(algorithm.learning_rate.get_value())
        if values[-1] > self.high_trigger * values[-2]:
            rate *= self.shrink_amt
        elif values[-1] > self.low_trigger * values[-2]:
            rate *= self.grow_amt
        assign(algorithm.learning_rate, min(max(rate, self.min_lr), self.max_lr))


class OneOverEpoch(EpochExtension):
    """Scales the learning rate by half_life / (half_life + epochs since `start`).

    Parameters
    ----------
    start : int
        The epoch, from 1, up to which the rate is left alone.
    half_life : int, optional
        Epochs after `start` until the rate is half its value; by default start + 1.
    min_lr : float
        The learning rate never falls below this.

    Raises
    ------
    ValueError
        If `start` is negative or `half_life` not positive; while training, if the first
        learning rate is below `min_lr`.
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

    def on_monitor(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Set the learning rate of the epoch to come."""
        if self._init_lr is None:
            self._init_lr = float(algorithm.learning_rate.get_value())
            if self._init_lr < self.min_lr:
                raise ValueError(
                    f"the learning rate {self._init_lr} is below OneOverEpoch's min_lr "
                    f"{self.min_lr}"
                )
        self._count = self._epochs_done(model) + 1
        assign(algorithm.learning_rate, self.current_lr())

    def current_lr(self) -> float:
        """The learning rate of the schedule now."""
        past = max(0, self._count - self.start)
        return max(self.min_lr, self._init_lr * self.half_life / (self.half_life + past))


class LinearDecayOverEpoch(TrainExtension):
    """From the first learning rate down to decay_factor times it, one equal step an epoch.

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
        Unless 0 <= start < saturate and decay_factor > 0.
    """

    def __init__(self, start: int, saturate: int, decay_factor: float) -> None:
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
        self._count = 0

    def setup(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Read the first learning rate; go on where the model's monitor left off."""
        monitor = getattr(model, "monitor", None)
        if monitor is not None:
            # A restored count is one ahead of the monitor already.
            self._count = max(self._count, monitor.get_epochs_seen())
        self._apply_learning_rate(algorithm)

    def on_monitor(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Set the learning rate of the epoch to come."""
        self._count = model.monitor.get_epochs_seen() + 1
        self._apply_learning_rate(algorithm)

    def on_resume(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Set the rate anew: the schedule may have been edited since it was saved."""
        self._apply_learning_rate(algorithm)

    def current_lr(self) -> float:
        """The learning rate of the schedule now."""
        return linear_decay(
            self._init_lr, self._count, self.start, self.saturate, self.decay_factor
        )

    def _apply_learning_rate(self, algorithm: Any) -> None:
        if self._init_lr is None:
            self._init_lr = float(algorithm.learning_rate.get_value())
        assign(algorithm.learning_rate, self.current_lr())


def _only_objective(model: Any) -> str:
    """Name of the only channel that ends in `objective`."""
    channels = getattr(getattr(model, "monitor", None), "channels", {})
    names = [name for name in channels if name == "objective" or name.endswith("_objective")]
    if len(names) != 1:
        found = "no channel ends in 'objective'"
        if names:
            found = f"several channels end in 'objective' ({', '.join(names)})"
        raise ValueError(f"{found}; give MonitorBasedLRAdjuster a channel_name")
    return names[0]
