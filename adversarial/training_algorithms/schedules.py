"""Learning-rate schedules by the minibatch.

Each schedule is an update callback: `SGD(update_callbacks=[...])` calls it with the algorithm after
every minibatch. `adversarial.train_extensions.learning_rate` has the schedules by the epoch.
"""

from __future__ import annotations

import math
from typing import Any

from adversarial.backend import assign
from adversarial.modelfile import Persistent


class Schedule(Persistent):
    """Base class: counts minibatches, and sets the learning rate to a function of their number.

    A subclass defines `rate_after`. The learning rate at the first call is the base rate. Rates
    are computed from the number of minibatches in double precision, so that rounding errors do
    not add up.

    Examples
    --------
    >>> class InverseRoot(Schedule):
    ...     def rate_after(self, minibatches, base):
    ...         return base / minibatches**0.5
    >>> InverseRoot().rate_after(4, base=0.1)
    0.05
    """

    def __init__(self) -> None:
        self._base_lr: float | None = None
        self._count = 0

    def __call__(self, algorithm: Any) -> None:
        """Set `algorithm.learning_rate`, a shared variable; called after each minibatch."""
        if self._base_lr is None:
            self._base_lr = float(algorithm.learning_rate.get_value())
        self._count += 1
        assign(algorithm.learning_rate, self.current_learning_rate())

    def current_learning_rate(self) -> float:
        """The learning rate after the minibatches so far; ValueError before the first call."""
        if self._base_lr is None:
            raise ValueError(f"{type(self).__name__} has not been called: the base rate is unknown")
        return self.rate_after(self._count, self._base_lr)

    def rate_after(self, minibatches: int, base: float) -> float:
        """The learning rate after so many minibatches, at least 1, from the base rate `base`."""
        raise NotImplementedError(f"{type(self).__name__} does not implement rate_after")


class ExponentialDecay(Schedule):
    """max(min_lr, base / decay_factor^t) after t minibatches: the schedule of the paper's YAMLs.

    Parameters
    ----------
    decay_factor : float
        What the learning rate is divided by after each minibatch, at least 1. The defaults are
        those of the paper's experiments on MNIST.
    min_lr : float
        The least learning rate.

    Raises
    ------
    ValueError
        If `decay_factor` is less than 1 or `min_lr` is negative.

    Examples
    --------
    >>> ExponentialDecay(decay_factor=2.0, min_lr=0.03).rate_after(1, base=0.1)
    0.05
    """

    def __init__(self, decay_factor: float = 1.000004, min_lr: float = 0.000001) -> None:
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

    def rate_after(self, minibatches: int, base: float) -> float:
        # exp goes to 0 where the power would overflow.
        decayed = base * math.exp(-minibatches * math.log(self.decay_factor))
        return max(self.min_lr, decayed)


class LinearDecay(Schedule):
    """From the base rate down to base * decay_factor in equal steps, one a minibatch.

    Parameters
    ----------
    start : int
        The minibatch, from 1, after which the first step is made.
    saturate : int
        The minibatch after which the last step is made, and the rate is base * decay_factor.
    decay_factor : float
        Positive.

    Raises
    ------
    ValueError
        Unless 0 < start < saturate and decay_factor > 0.

    Examples
    --------
    >>> decay = LinearDecay(start=2, saturate=4, decay_factor=0.25)
    >>> [decay.rate_after(minibatches, base=1.0) for minibatches in range(1, 6)]
    [1.0, 0.75, 0.5, 0.25, 0.25]
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

    def rate_after(self, minibatches: int, base: float) -> float:
        return linear_decay(base, minibatches, self.start, self.saturate, self.decay_factor)


class AnnealedLearningRate(Schedule):
    """base * min(1, anneal_start / t) after t minibatches.

    Parameters
    ----------
    anneal_start : float
        Positive: the number of minibatches up to which the rate is constant.

    Raises
    ------
    ValueError
        If `anneal_start` is not positive.

    Examples
    --------
    >>> annealed = AnnealedLearningRate(anneal_start=100)
    >>> [annealed.rate_after(minibatches, base=0.1) for minibatches in (100, 200, 400)]
    [0.1, 0.05, 0.025]
    """

    def __init__(self, anneal_start: float) -> None:
        super().__init__()
        self.anneal_start = float(anneal_start)
        if not self.anneal_start > 0.0:
            raise ValueError(f"anneal_start must be positive, not {self.anneal_start}")

    def rate_after(self, minibatches: int, base: float) -> float:
        return base * min(1.0, self.anneal_start / minibatches)


def linear_decay(
    base: float, count: float, start: float, saturate: float, decay_factor: float
) -> float:
    """`base` before `start`, `base * decay_factor` from `saturate` on, in equal steps between them.

    >>> [linear_decay(1.0, count, 2, 4, 0.25) for count in range(1, 6)]
    [1.0, 0.75, 0.5, 0.25, 0.25]
    """
    if count < start:
        return base
    if count >= saturate:
        return base * decay_factor
    step = (base - base * decay_factor) / (saturate - start + 1)
    return base - step * (count - start + 1)
