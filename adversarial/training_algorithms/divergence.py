"""How training notices that it has diverged: a parameter or an objective is infinite or NaN.

A compiled step returns its objectives by name and one bit, `finite`, which covers the objectives
and all new parameters. Only when the bit is off are the parameters looked through for the culprit.
On JAX, steps are queued, so their results are checked when the queue has run.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np

from adversarial import backend
from adversarial.training_algorithms.training_algorithm import TrainingDiverged


class DivergenceCheck:
    """Checks the results of the steps that train `model`.

    Parameters
    ----------
    model : Model
    params : list of shared variable
        The parameters that are trained.

    Examples
    --------
    >>> from adversarial.models.mlp import MLP, Linear
    >>> from adversarial.monitor import Monitor
    >>> model = MLP([Linear(1, "y", irange=0.1)], nvis=1)
    >>> monitor = Monitor.get_monitor(model)  # counts the epochs
    >>> check = DivergenceCheck(model, model.get_params())
    >>> check.add({"of the model": 0.5, "finite": True}, "in minibatch 1")
    >>> check.add({"of the model": float("nan"), "finite": False}, "in minibatch 2")
    Traceback (most recent call last):
    ...
    adversarial...TrainingDiverged: the objective of the model is not finite in minibatch 2...
    """

    def __init__(self, model: Any, params: list) -> None:
        self._model = model
        self._params = params
        # Steps that are not checked yet: (results, which minibatch it was).
        self._unchecked: deque[tuple[Mapping[str, Any], str]] = deque()

    def forget(self) -> None:
        """Forget steps that are not checked yet."""
        self._unchecked.clear()

    def add(self, results: Mapping[str, Any], when: str) -> None:
        """Check the results of a step, or keep them until the step has run.

        Parameters
        ----------
        results : mapping
            The objectives by name, and `finite`.
        when : str
            Completes "... is not finite" in the message.

        Raises
        ------
        TrainingDiverged
        """
        self._unchecked.append((results, when))
        while self._unchecked and backend.is_made(self._unchecked[0][0]):
            self._check(*self._unchecked.popleft())

    def finish(self) -> None:
        """Check all steps that are not checked yet; TrainingDiverged as for `add`."""
        while self._unchecked:
            self._check(*self._unchecked.popleft())

    def _check(self, results: Mapping[str, Any], when: str) -> None:
        if results["finite"]:
            return
        self.check_parameters(when)
        for name, value in results.items():
            if name != "finite" and not np.isfinite(value):
                raise self.error(f"the objective {name}", when)

    def check_parameters(self, when: str) -> None:
        """Raise TrainingDiverged if a parameter is infinite or NaN."""
        for param in self._params:
            if not np.isfinite(param.get_value(borrow=True)).all():
                raise self.error(self._name(param), when)

    def _name(self, param: Any) -> str:
        # A generator and a discriminator may both have an h0_W.
        for player in ("generator", "discriminator", "inferer"):
            owner = getattr(self._model, player, None)
            if owner is not None and any(param is own for own in owner.get_params()):
                return f"parameter {param.name} of the {player}"
        return f"parameter {param.name}"

    def error(self, what: str, when: str) -> TrainingDiverged:
        """The exception that says what is not finite, and when it was noticed."""
        epoch = self._model.monitor.get_epochs_seen() + 1
        return TrainingDiverged(
            f"{what} is not finite {when} of epoch {epoch}: the run has diverged; "
            "a lower learning_rate may help"
        )
