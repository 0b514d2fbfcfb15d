"""The procedure of Table 1 on the way of a training, on as many numbers as there is time for."""

from __future__ import annotations

from typing import Any

import numpy as np

from adversarial.evaluation.parzen import ParzenEstimator, ParzenScore
from adversarial.evaluation.parzen_protocol import Split, choose_and_score
from adversarial.evaluation.sampling import Sampler

SIGMAS = np.logspace(-1, 0, 10)


class Scorer:
    """Scores a model as it is at each call.

    Parameters
    ----------
    model : AdversaryPair or Generator
    examples : array, (rows, dimension)
        Validation examples: the first `choosers` choose sigma, the next `scored` are scored.
    samples : int
        Samples of the model at each call. Table 1 has 10,000 of them, 1,000 choosers, and scores
        the 10,000 examples of the test set.
    """

    def __init__(
        self, model: Any, examples: np.ndarray, samples: int, choosers: int, scored: int
    ) -> None:
        # Compiled once, for every score of a training.
        self._sampler = Sampler(model, batch_size=samples)
        self._split = Split(examples[:choosers], examples[choosers : choosers + scored])

    def __call__(self) -> ParzenScore:
        """Of the model with the parameters that it has now."""
        return choose_and_score(ParzenEstimator(self._sampler()), self._split, SIGMAS).score
