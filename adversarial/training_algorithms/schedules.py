"""Learning rate schedules that move after each minibatch.

Each is an update callback: `SGD(update_callbacks=[...])` calls it with the algorithm after
every minibatch. The schedules that move once an epoch are train extensions.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from adversarial.utils.serial import Persistent


def assign(variable: Any, value: Any) -> None:
    """Set a shared variable to `value`, in the variable's own dtype."""
    variable.set_value(np.asarray(value, dtype=variable.dtype))


class _Schedule(Persistent):
    """Counts minibatches and sets `algorithm.learning_rate` to `current_learning_rate()`.

    The learning rate at the first call is the base. Rates are computed from the count in
    double precision, so rounding does not build up over the minibatches.
    """

    def __init__(self) -> None:
        self._base_lr: float | None = None
        self._count = 0

    def __call__(self, algorithm: Any) -> None:
        if self._base_lr is None:
            self._base_lr = float(algorithm.learning_rate.get_value())
        self._count += 1
        assign(algorithm.learning_rate, self.current_learning_rate())

    def current_learning_rate(self) -> float:
        """The learning rate after the minibatches counted so far."""
        raise NotImplementedError(f"{type(self).__name__} does not implement current_learning_rate")


class ExponentialDecay(_Schedule):
    """max(min_lr, base / decay_factor**t) after t minibatches.

    Parameters
    ----------
    decay_factor : float
        At least 1: the learning rate is divided by it after each minibatch.
    min_lr : float
        The learning rate never falls below this.

    Raises
    ------
    ValueError
        If `decay_factor` is less than 1 or `min_lr` is negative.
    """

    def __init__(self, decay_factor: float, min_lr: float) -> None:
        super().__init__()
        # YAML 1.1 reads 1e-6 as a string; float() takes both.
        self.decay_factor = float(decay_factor)
        self.min_lr = float(min_lr)
        if not self.decay_factor >= 1.0:
            raise ValueError(
                "decay_factor divides the learning rate and must be at least 1, "
                f"not {self.decay_factor}"
            )
        if not self.min_lr >= 0.0:
            raise ValueError(f"min_lr must not be negative, is {self.min_lr}")

    def current_learning_rate(self) -> float:
        """The learning rate after the minibatches counted so far."""
        # exp goes to 0 where the power would overflow.
        decayed = self._base_lr * math.exp(-self._count * math.log(self.decay_factor))
        return max(self.min_lr, decayed)


class LinearDecay(_Schedule):
    """From base down to base * decay_factor in equal steps, one a minibatch.

    Parameters
    ----------
    start : int
        The minibatch, from 1, that makes the first step.
    saturate : int
        The minibatch from which on the rate is base * decay_factor.
    decay_factor : float
        Positive.

    Raises
    ------
    ValueError
        Unless 0 < start < saturate and decay_factor > 0.
    """

    def __init__(self, start: int, saturate: int, decay_factor: float) -> None:
        super().__init__()
        self.start = float(start)
        self.saturate = float(saturate)
        self.decay_factor = float(decay_factor)
        if not 0.0 < self.start < self.saturate:
            raise ValueError(
                f"LinearDecay needs 0 < start < saturate, not start {start}, saturate {saturate}"
            )
        if not self.decay_factor > 0.0:
            raise ValueError(f"decay_factor must be positive, not {self.decay_factor}")

    def current_learning_rate(self) -> float:
        """The learning rate after the minibatches counted so far."""
        return linear_decay(
            self._base_lr, self._count, self.start, self.saturate, self.decay_factor
        )


class AnnealedLearningRate(_Schedule):
    """base * min(1, anneal_start / t) after t minibatches: 1/t once t passes anneal_start.

    Parameters
    ----------
    anneal_start : float
        Positive.

    Raises
    ------
    ValueError
        If `anneal_start` is not positive.
    """

    def __init__(self, anneal_start: float) -> None:
        super().__init__()
        self.anneal_start = float(anneal_start)
        if not self.anneal_start > 0.0:
            raise ValueError(f"anneal_start must be positive, not {self.anneal_start}")

    def current_learning_rate(self) -> float:
        """The learning rate after the minibatches counted so far."""
        return self._base_lr * min(1.0, self.anneal_start / self._count)


def linear_decay(
    base: float, count: float, start: float, saturate: float, decay_factor: float
) -> float:
    """`base` before `start`, `base * decay_factor` from `saturate` on, equal steps between."""
    if count < start:
        return base
    if count >= saturate:
        return base * decay_factor
    step = (base - base * decay_factor) / (saturate - start + 1)
    return base - step * (count - start + 1)
