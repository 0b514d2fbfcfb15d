"""`MomentumAdjustor`, the momentum schedule of the paper's experiments."""

from __future__ import annotations

from typing import Any

from adversarial.backend import assign
from adversarial.train_extensions.epoch_schedule import EpochSchedule, initial


class MomentumAdjustor(EpochSchedule):
    """Moves the momentum linearly, once an epoch, to `final_momentum`.

    In epoch k, counted from 1, the momentum is
    initial + (final - initial) * (k - start) / (saturate - start), bounded by initial and final.

    Parameters
    ----------
    final_momentum : float
        In [0, 1). The defaults are the schedule of the paper's experiments on MNIST.
    start : int
        The last epoch, from 1, with the initial momentum.
    saturate : int
        The first epoch with the final momentum.

    Raises
    ------
    TypeError
        If `saturate` is before `start`.
    ValueError
        If `final_momentum` is outside [0, 1); at setup, if the algorithm's learning rule has no
        `momentum`.

    Examples
    --------
    The schedule of `yaml/mnist.yaml`, which is also the default:

    >>> schedule = MomentumAdjustor(final_momentum=0.7, start=1, saturate=250)
    """

    def __init__(self, final_momentum: float = 0.7, start: int = 1, saturate: int = 250) -> None:
        if saturate < start:
            raise TypeError(
                f"momentum cannot saturate (epoch {saturate}) before it starts (epoch {start})"
            )
        if not 0.0 <= float(final_momentum) < 1.0:
            raise ValueError(
                f"final_momentum must be at least 0 and less than 1, not {final_momentum}"
            )
        super().__init__()
        self.final_momentum = float(final_momentum)
        self.start = start
        self.saturate = saturate
        self._init_momentum: float | None = None

    def current_momentum(self) -> float:
        """The momentum of the epoch to come; ValueError before setup."""
        width = self.saturate - self.start
        if width == 0:
            alpha = 1.0 if self._count >= self.start else 0.0
        else:
            alpha = min(max((self._count - self.start) / width, 0.0), 1.0)
        return initial(self._init_momentum, self) * (1.0 - alpha) + alpha * self.final_momentum

    def _apply(self, algorithm: Any) -> None:
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
