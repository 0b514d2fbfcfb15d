"""The momentum schedule."""

from __future__ import annotations

from typing import Any

from adversarial.backend import assign
from adversarial.train_extensions import TrainExtension


class MomentumAdjustor(TrainExtension):
    """Moves the momentum in a straight line, once an epoch, to `final_momentum`.

    The k-th monitoring (the first is before training) sets the momentum of epoch k, counted
    from 1: initial + (final - initial) * (k - start) / (saturate - start), held at the ends.
    The algorithm's learning rule must have a `momentum`.

    Parameters
    ----------
    final_momentum : float
    start : int
        The last epoch, from 1, at the initial momentum.
    saturate : int
        The first epoch at the final momentum.

    Raises
    ------
    TypeError
        If `saturate` is before `start`.
    """

    def __init__(self, final_momentum: float, start: int, saturate: int) -> None:
        if saturate < start:
            raise TypeError(
                f"momentum cannot saturate (epoch {saturate}) before it starts (epoch {start})"
            )
        self.final_momentum = float(final_momentum)
        self.start = start
        self.saturate = saturate
        self._init_momentum: float | None = None
        self._count = 0

    def setup(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Read the initial momentum; go on where the model's monitor left off."""
        momentum = _momentum_of(algorithm)
        if self._init_momentum is None:
            self._init_momentum = float(momentum.get_value())
        monitor = getattr(model, "monitor", None)
        if monitor is not None:
            # A restored count is one ahead of the monitor already.
            self._count = max(self._count, monitor.get_epochs_seen())
        self._apply_momentum(algorithm)

    def on_monitor(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Set the momentum of the epoch to come."""
        # From the monitor, so that monitoring the same epoch twice changes nothing.
        self._count = model.monitor.get_epochs_seen() + 1
        self._apply_momentum(algorithm)

    def on_resume(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Set the momentum anew: the schedule may have been edited since it was saved."""
        self._apply_momentum(algorithm)

    def current_momentum(self) -> float:
        """The momentum of the schedule now."""
        width = self.saturate - self.start
        if width == 0:
            alpha = 1.0 if self._count >= self.start else 0.0
        else:
            alpha = min(max((self._count - self.start) / width, 0.0), 1.0)
        return self._init_momentum * (1.0 - alpha) + alpha * self.final_momentum

    def _apply_momentum(self, algorithm: Any) -> None:
        momentum = _momentum_of(algorithm)
        if self._init_momentum is None:
            self._init_momentum = float(momentum.get_value())
        assign(momentum, self.current_momentum())


def _momentum_of(algorithm: Any) -> Any:
    """The shared momentum of the algorithm's learning rule."""
    rule = getattr(algorithm, "learning_rule", None)
    momentum = getattr(rule, "momentum", None)
    if momentum is None:
        raise ValueError(
            "MomentumAdjustor needs an algorithm whose learning_rule has a momentum (Momentum), "
            f"not {type(rule).__name__ if rule is not None else 'none at all'}"
        )
    return momentum
