"""A schedule for k, the steps of D per step of G (paper, section 7, extension 5).

The experiment's other variants use options of the package: see variants.yaml.
"""

from __future__ import annotations

from typing import Any

from adversarial.train_extensions import EpochExtension


class StepsByEpoch(EpochExtension):
    """Sets k, the `discriminator_steps` of the algorithm, after given numbers of epochs.

    Parameters
    ----------
    steps : dict of int to int
        k by number of finished epochs; 0 is before training.

    Raises
    ------
    ValueError
        If an epoch is negative or a k less than 1; at setup, if the algorithm has no k.

    Examples
    --------
    Five steps of D per step of G in the first ten epochs, then one:

    >>> StepsByEpoch({0: 5, 10: 1}).steps
    {0: 5, 10: 1}
    """

    def __init__(self, steps: dict[int, int]) -> None:
        super().__init__()
        for epoch, k in steps.items():
            if not (isinstance(epoch, int) and epoch >= 0 and isinstance(k, int) and k > 0):
                raise ValueError(f"steps must map epochs to numbers of steps, not {epoch!r}: {k!r}")
        self.steps = dict(steps)

    def setup(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Check that the algorithm has a k."""
        if not hasattr(algorithm, "discriminator_steps"):
            raise ValueError(
                "StepsByEpoch needs adversarial.training_algorithms.k_steps.SGD, not "
                f"{type(algorithm).__module__}.{type(algorithm).__name__}"
            )

    def on_monitor(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Set k, if `steps` has an entry for this epoch."""
        k = self.steps.get(self._epochs_done(model))
        if k is not None:
            algorithm.discriminator_steps = k
