"""A schedule for k, the steps of D per step of G (paper, section 7, extension 5), and scores.

The experiment's other variants use options of the package: see variants.yaml. `sweep` trains them
with `ScoresInTime`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from adversarial.modelfile import Persistent
from adversarial.train_extensions import EpochExtension
from sandbox.scoring import ScoreTable

# Table 1: 10,000 samples, 1,000 examples to choose sigma, 10,000 examples to score.
SAMPLES, CHOOSERS, SCORED = 2000, 500, 1500


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


class ScoresInTime(ScoreTable):
    """Scores the mean of the parameters since the previous score, until a time is spent.

    Scores of the parameters themselves change by tens of nats from one minibatch to the next. A row
    has the epoch, the processor seconds of training (without set-up, monitoring and scoring), the
    number of updates of D, the score, its standard error and sigma. Other parameters are those of
    `ScoreTable`.

    Parameters
    ----------
    seconds : float
        The training ends with the first score after so many processor seconds.

    Examples
    --------
    >>> ScoresInTime("game.scores.npy", every=4, seconds=60).seconds
    60
    """

    def __init__(
        self,
        path: str,
        every: int,
        seconds: float,
        average_every: int = 10,
        counts: Sequence[int] = (SAMPLES, CHOOSERS, SCORED),
    ) -> None:
        super().__init__(path, every, average_every, counts)
        self.seconds = seconds
        self.clock = _Clock()

    def setup(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Begin to count and to measure time."""
        super().setup(model, dataset, algorithm)
        self.clock.last = None
        # Before the callbacks that change the switch for the next step.
        if not any(callback is self.clock for callback in algorithm.update_callbacks):
            algorithm.update_callbacks.insert(0, self.clock)

    def row(self, model: Any, algorithm: Any) -> list[float]:
        """Seconds, updates of D, score, standard error, sigma."""
        with self.average.averaged(model):
            found = self._score()
        self.average.begin_anew()
        return [
            self.clock.spent,
            float(self.clock.updates_of_d),
            float(found.mean),
            float(found.standard_error),
            float(found.sigma),
        ]

    def on_monitor(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Score when due; end the training with a score once the time is spent."""
        scores = len(self.rows)
        super().on_monitor(model, dataset, algorithm)
        self.clock.last = None
        if len(self.rows) > scores and self.clock.spent >= self.seconds:
            raise StopIteration


class _Clock(Persistent):
    """Update callback: counts the updates of D, and the processor seconds between two minibatches.

    The first minibatch of an epoch comes after the monitoring, so it counts as much as the second.
    """

    new_at_start = ("last",)

    def __init__(self) -> None:
        self.spent = 0.0
        self.updates_of_d = 0
        self.last: float | None = None
        self.is_second = False

    def __call__(self, algorithm: Any) -> None:
        self.updates_of_d += int(algorithm.cost.now_train_discriminator.get_value())
        now = time.process_time()
        if self.last is None:
            self.is_second = True
        else:
            self.spent += (now - self.last) * (2 if self.is_second else 1)
            self.is_second = False
        self.last = now
