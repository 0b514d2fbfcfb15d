"""Better coordination of the players (paper, section 7, extension 5): k by schedule.

The other ways to coordinate them, and the distributions of z, are options of the package: see
variants.yaml.
"""

from __future__ import annotations

from typing import Any

from adversarial.train_extensions import EpochExtension


class StepsByEpoch(EpochExtension):
    """Sets k, the `discriminator_steps` of the algorithm, after given numbers of epochs.

    Parameters
    ----------
    steps : dict of int to int
        k by number of epochs done; 0 is before training.

    Raises
    ------
    ValueError
        If an epoch is negative or a k less than 1; at setup, if the algorithm has no k.
    """

    def __init__(self, steps: dict[int, int]) -> None:
        super().__init__()
        for epoch, k in steps.items():
            if not (isinstance(epoch, int) and epoch >= 0 and isinstance(k, int) and k > 0):
                raise ValueError(f"steps says how many steps of D after an epoch, not {epoch}: {k}")
        self.steps = dict(steps)

    def setup(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """See whether there is a k to set."""
        if not hasattr(algorithm, "discriminator_steps"):
            raise ValueError(
                "StepsByEpoch needs adversarial.training_algorithms.k_steps.SGD, not "
                f"{type(algorithm).__module__}.{type(algorithm).__name__}"
            )

    def on_monitor(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Set k, if the epoch has come."""
        k = self.steps.get(self._epochs_done(model))
        if k is not None:
            algorithm.discriminator_steps = k
