"""Letting the discriminator learn alone for the first epochs."""

from __future__ import annotations

from typing import Any

from adversarial.backend import assign
from adversarial.train_extensions import EpochExtension


class ActivateGenerator(EpochExtension):
    """Sets the cost's `now_train_generator` to `value` after `active_after` epochs.

    The cost should begin with `init_now_train_generator=False`.
    """

    def __init__(self, active_after: int, value: float = 1.0) -> None:
        super().__init__()
        self.active_after = active_after
        self.value = float(value)

    def setup(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """ValueError unless the cost has the switch."""
        self._switch(algorithm)

    def on_monitor(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Switch when the epoch has come."""
        if self._epochs_done(model) != self.active_after:
            return
        assign(self._switch(algorithm), self.value)

    @staticmethod
    def _switch(algorithm: Any) -> Any:
        """The shared variable of the cost."""
        switch = getattr(algorithm.cost, "now_train_generator", None)
        if switch is None:
            raise ValueError(
                "ActivateGenerator needs an adversarial cost with now_train_generator, not "
                f"{type(algorithm.cost).__name__}"
            )
        return switch
