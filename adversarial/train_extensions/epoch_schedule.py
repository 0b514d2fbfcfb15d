"""The base class of schedules that set a hyperparameter once an epoch."""

from __future__ import annotations

from typing import Any

from adversarial.train_extensions import TrainExtension


class EpochSchedule(TrainExtension):
    """Sets a shared variable to a function of the number of the epoch to come.

    The number comes from the model's monitor, so a model that has been trained before enters the
    schedule at its own epoch, and monitoring twice changes nothing. A subclass defines `_apply`.

    Raises
    ------
    NotImplementedError
        At setup, if the subclass does not define `_apply`.

    Examples
    --------
    >>> from adversarial.backend import assign
    >>> from adversarial.models.mlp import MLP, Linear
    >>> from adversarial.monitor import Monitor
    >>> from adversarial.training_algorithms.sgd import SGD
    >>> class Halving(EpochSchedule):
    ...     def _apply(self, algorithm):
    ...         assign(algorithm.learning_rate, 0.5**self._count)
    >>> model, algorithm = MLP([Linear(1, "y", irange=0.1)], nvis=1), SGD(1.0)
    >>> monitor = Monitor.get_monitor(model)
    >>> Halving().on_monitor(model, None, algorithm)  # before the first epoch
    >>> float(algorithm.learning_rate.get_value())
    0.5
    """

    def __init__(self) -> None:
        self._count = 0

    def setup(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Set the value of the first epoch to come."""
        monitor = getattr(model, "monitor", None)
        if monitor is not None:
            # In a saved schedule, the count is one ahead of the monitor's.
            self._count = max(self._count, monitor.get_epochs_seen())
        self._apply(algorithm)

    def on_monitor(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Set the value of the epoch to come."""
        self._count = model.monitor.get_epochs_seen() + 1
        self._apply(algorithm)

    def on_edit(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Set the value again, as the edited file says.

        Without an edit of this schedule, the restored value stays: another one may have changed it.
        """
        self.on_monitor(model, dataset, algorithm)

    def _apply(self, algorithm: Any) -> None:
        """Set the value of epoch `_count`, counted from 1 (0 before the first monitoring)."""
        raise NotImplementedError(f"{type(self).__name__} does not implement _apply")


def initial(value: float | None, owner: Any) -> float:
    """The value that a schedule began with; ValueError if it has not begun."""
    if value is None:
        raise ValueError(f"{type(owner).__name__} has not been set up: its first value is unknown")
    return value
