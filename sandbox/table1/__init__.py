"""The search for the MNIST score of Table 1: variants of the recipe, scored by one procedure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from adversarial.evaluation.sampling import generator_of
from adversarial.train_extensions.polyak import set_aside
from sandbox.scoring import ScoreTable

# As in Table 1, except that it scores 10,000 examples.
SAMPLES, CHOOSERS, SCORED = 10000, 1000, 4000


class ScoresOfMeans(ScoreTable):
    """Scores the parameters, their mean over the last half of the epochs, and over all epochs.

    A row has the epoch, the seconds of training, and the three scores. Parameters are those of
    `ScoreTable`.

    Examples
    --------
    >>> ScoresOfMeans("mnist.scores.npy", every=10).every
    10
    """

    def __init__(
        self,
        path: str,
        every: int,
        average_every: int = 50,
        counts: Sequence[int] = (SAMPLES, CHOOSERS, SCORED),
    ) -> None:
        super().__init__(path, every, average_every, counts)
        # The mean of the generator's parameters over each interval between two scores.
        self.intervals: list[list[np.ndarray]] = []

    def row(self, model: Any, algorithm: Any) -> list[float] | None:
        """The seconds of training, and the three scores."""
        if model.monitor.get_epochs_seen() == 0:
            return None
        params = list(generator_of(model).get_params())
        with self.average.averaged(model):
            self.intervals.append([param.get_value() for param in params])
        self.average.begin_anew()
        seconds = sum(model.monitor.channels["training_seconds_this_epoch"].val_record)
        scores = [self._score().mean]
        for part in (0.5, 1.0):
            with self._mean_of(params, part):
                scores.append(self._score().mean)
        return [float(seconds), *map(float, scores)]

    @contextmanager
    def _mean_of(self, params: Sequence[Any], part: float) -> Iterator[None]:
        """Within this block, G has the mean over the last `part` of all intervals, rounded up."""
        recent = self.intervals[-math.ceil(part * len(self.intervals)) :]
        means = [np.mean(values, axis=0, dtype=values[0].dtype) for values in zip(*recent)]
        with set_aside(params, means):
            yield
