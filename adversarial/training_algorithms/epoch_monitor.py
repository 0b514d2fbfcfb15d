"""`EpochMonitor`, a callback that logs and monitors within long epochs."""

from __future__ import annotations

import logging
from typing import Any, Optional

from adversarial.modelfile import Persistent

log = logging.getLogger(__name__)


class EpochMonitor(Persistent):
    """Update callback: logs, and measures the monitor's channels, within an epoch.

    Parameters
    ----------
    model : Model
        The model that is trained.
    tick_rate : int, optional
        Write a line to the log after each so many minibatches, except where `monitor_rate` is due.
    monitor_rate : int, optional
        Measure the channels after each so many minibatches, beside the monitoring after each epoch.

    Raises
    ------
    ValueError
        If a rate is not a positive integer; at setup, if `model` is not trained, and so has no
        monitor.

    Examples
    --------
    >>> from adversarial.models.mlp import MLP, Linear
    >>> from adversarial.training_algorithms.sgd import SGD
    >>> log_every = EpochMonitor(MLP([Linear(1, "y", irange=0.1)], nvis=1), tick_rate=100)
    >>> SGD(learning_rate=0.1, update_callbacks=log_every).update_callbacks == [log_every]
    True

    In a YAML file, where `*model` is the trained model:
    `update_callbacks: [!obj:pylearn2.training_algorithms.sgd.EpochMonitor { model: *model,
    tick_rate: 100 }]`.
    """

    def __init__(
        self, model: Any, tick_rate: Optional[int] = None, monitor_rate: Optional[int] = None
    ) -> None:
        for name, rate in (("tick_rate", tick_rate), ("monitor_rate", monitor_rate)):
            if rate is not None and not (isinstance(rate, int) and rate > 0):
                raise ValueError(f"{name} must be a positive number of minibatches, not {rate!r}")
        self.model = model
        self.tick_rate = tick_rate
        self.monitor_rate = monitor_rate

    def check_algorithm(self, algorithm: Any) -> None:
        """Raise ValueError if the model has no monitor."""
        if getattr(self.model, "monitor", None) is None:
            raise ValueError(
                f"EpochMonitor's model is {self.model!r}, which has no monitor: give it the model "
                "that is trained"
            )

    def __call__(self, algorithm: Any) -> None:
        """Called after each minibatch."""
        done = algorithm.batches_this_epoch
        if self.monitor_rate and done % self.monitor_rate == 0:
            self.model.monitor()
        elif self.tick_rate and done % self.tick_rate == 0:
            epoch = self.model.monitor.get_epochs_seen() + 1
            log.info("epoch %d: %d minibatches done", epoch, done)
