"""A callback that lets G move only at every k-th minibatch."""

from __future__ import annotations

from typing import Any

from adversarial.training_algorithms.schedules import assign
from adversarial.utils.serial import Persistent


class Cycler(Persistent):
    """Update callback: sets the cost's `now_train_generator` to 1 before every k-th step."""

    def __init__(self, k: int) -> None:
        if not (isinstance(k, int) and k > 0):
            raise ValueError(f"k must be a positive integer, not {k!r}")
        self.k = k
        self.i = 0

    def __call__(self, sgd: Any) -> None:
        self.i = (self.i + 1) % self.k
        assign(sgd.cost.now_train_generator, self.i == 0)
