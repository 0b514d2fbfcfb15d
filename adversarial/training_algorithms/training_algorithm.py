"""The base of training algorithms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Optional

from adversarial.utils.serial import Persistent


class TrainingDiverged(ValueError):
    """A parameter, or an objective, is no longer a finite number."""


class DataOverflow(TrainingDiverged):
    """It is not, because numbers of the data are too large to compute with."""


class NoBatchSizeError(ValueError):
    """Neither the algorithm nor the model says how large a minibatch is."""


def _nothing() -> None:
    pass


MAX_MONITORED = 50


class TrainingAlgorithm(Persistent):
    """Fits a model to a data set, an epoch at a time.

    Attributes
    ----------
    between_minibatches : callable
        To be called, without arguments, after each minibatch and its update_callbacks. What it
        raises ends training; calling `train` again then goes on with the next minibatch.
    """

    between_minibatches: Callable[[], None] = staticmethod(_nothing)

    def setup(self, model: Any, dataset: Any) -> None:
        """Make ready to train `model` on `dataset`; called once."""
        raise NotImplementedError(f"{type(self).__name__} does not define setup")

    def train(self, dataset: Any) -> None:
        """Train for one epoch."""
        raise NotImplementedError(f"{type(self).__name__} does not define train")

    def continue_learning(self, model: Any) -> bool:
        """Whether there is reason for another epoch."""
        raise NotImplementedError(f"{type(self).__name__} does not define continue_learning")

    def _register_update_callbacks(self, update_callbacks: Any) -> None:
        if update_callbacks is None:
            update_callbacks = []
        elif not isinstance(update_callbacks, (list, tuple)):
            update_callbacks = [update_callbacks]
        for callback in update_callbacks:
            if not callable(callback):
                raise TypeError(f"update_callbacks holds {callback!r}, which cannot be called")
        self.update_callbacks = list(update_callbacks)

    def _set_monitoring_dataset(self, monitoring_dataset: Any) -> None:
        """Keep {name: dataset}; a single data set gets the empty name."""
        self.monitoring_dataset: Optional[dict[str, Any]]
        if monitoring_dataset is None or isinstance(monitoring_dataset, dict):
            if len(monitoring_dataset or ()) > MAX_MONITORED:
                raise ValueError(
                    f"monitoring_dataset has {len(monitoring_dataset)} data sets, more than "
                    f"{MAX_MONITORED}: channels are compiled for each"
                )
            self.monitoring_dataset = monitoring_dataset
        else:
            self.monitoring_dataset = {"": monitoring_dataset}
