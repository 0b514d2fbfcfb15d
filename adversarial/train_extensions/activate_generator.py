"""`ActivateGenerator`, which lets D learn alone for the first epochs."""

from __future__ import annotations

from typing import Any

from adversarial.backend import assign
from adversarial.train_extensions import EpochExtension


class ActivateGenerator(EpochExtension):
    """Sets the cost's switch `now_train_generator` after a number of epochs.

    Parameters
    ----------
    active_after : int
        The number of epochs. For G to rest until then, the cost needs
        `init_now_train_generator: 0`.
    value : float
        1 to let G move, 0 to stop it.

    Raises
    ------
    ValueError
        At setup, if the cost has no such switch.

    Examples
    --------
    >>> from adversarial.costs.adversary import AdversaryCost2
    >>> from adversarial.models.mlp import MLP, Linear
    >>> from adversarial.monitor import Monitor
    >>> from adversarial.training_algorithms.sgd import SGD
    >>> model = MLP([Linear(1, "y", irange=0.1)], nvis=1)
    >>> monitor = Monitor.get_monitor(model)
    >>> algorithm = SGD(0.1, cost=AdversaryCost2(init_now_train_generator=False))
    >>> activate = ActivateGenerator(active_after=1)
    >>> activate.on_monitor(model, None, algorithm)
    >>> float(algorithm.cost.now_train_generator.get_value())
    0.0
    >>> monitor.report_epoch()
    >>> activate.on_monitor(model, None, algorithm)
    >>> float(algorithm.cost.now_train_generator.get_value())
    1.0
    """

    def __init__(self, active_after: int, value: float = 1.0) -> None:
        super().__init__()
        self.active_after = active_after
        self.value = float(value)

    def setup(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Raise ValueError if the cost has no switch."""
        self._switch(algorithm)

    def on_monitor(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Set the switch, if `active_after` epochs are done."""
        if self._epochs_done(model) != self.active_after:
            return
        assign(self._switch(algorithm), self.value)

    @staticmethod
    def _switch(algorithm: Any) -> Any:
        """The shared variable of the cost."""
        cost = getattr(algorithm, "cost", None)
        switch = getattr(cost, "now_train_generator", None)
        if switch is None:
            raise ValueError(
                "ActivateGenerator needs an adversarial cost with now_train_generator, not "
                f"{'none at all' if cost is None else type(cost).__name__}"
            )
        return switch
