"""Parzen scores of a model during its training, by Table 1's procedure on fewer examples."""

from __future__ import annotations

from typing import Any

import numpy as np

from adversarial.evaluation.parzen import ParzenEstimator, ParzenScore
from adversarial.evaluation.parzen_protocol import Split, choose_and_score
from adversarial.evaluation.sampling import Sampler

SIGMAS = np.logspace(-1, 0, 10)  # those of Table 1's procedure


class Scorer:
    """Scores a model with its current parameters, at each call.

    Parameters
    ----------
    model : AdversaryPair or Generator
    examples : array (n, dimension)
        Validation examples.
    samples : int
        Samples to draw at each call (Table 1: 10,000).
    choosers : int
        The first so many examples choose sigma (Table 1: 1,000).
    scored : int
        The next so many examples are scored (Table 1: the 10,000 of the test set).
    """

    def __init__(
        self, model: Any, examples: np.ndarray, samples: int, choosers: int, scored: int
    ) -> None:
        # Compiled once for all scores of a training.
        self._sampler = Sampler(model, batch_size=samples)
        self._split = Split(examples[:choosers], examples[choosers : choosers + scored])

    def __call__(self) -> ParzenScore:
        """The score of the model with its current parameters."""
        return choose_and_score(ParzenEstimator(self._sampler()), self._split, SIGMAS).score
