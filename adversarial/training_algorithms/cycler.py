"""A callback that lets one player move only at every k-th minibatch."""

from __future__ import annotations

from typing import Any

from adversarial.training_algorithms.schedules import assign
from adversarial.utils.serial import Persistent

PLAYERS = ("generator", "discriminator", "inference")


class Cycler(Persistent):
    """Update callback: turns the `player` on before every k-th step, and off before the others.

    It sets the cost's `now_train_generator`, or `now_train_` with another of PLAYERS.
    """

    def __init__(self, k: int, player: str = "generator") -> None:
        if not (isinstance(k, int) and k > 0):
            raise ValueError(f"k must be a positive integer, not {k!r}")
        if player not in PLAYERS:
            raise ValueError(f"player must be one of {', '.join(PLAYERS)}, not {player!r}")
        self.k = k
        self.player = player
        self.i = 0

    def __setstate__(self, state: dict[str, Any]) -> None:
        # Those saved before there was a choice cycle the generator.
        self.__dict__.update({"player": "generator", **state})

    def __call__(self, sgd: Any) -> None:
        self.i = (self.i + 1) % self.k
        assign(getattr(sgd.cost, f"now_train_{self.player}"), self.i == 0)
