"""Parzen scores of a model while it trains, by Table 1's procedure on fewer examples.

`sandbox.table1` and `sandbox.coordination` have an extension each that is derived from
`ScoreTable`; `sandbox.scored_sweep` trains variants with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from adversarial.evaluation.parzen import ParzenEstimator, ParzenScore
from adversarial.evaluation.parzen_protocol import Split, choose_and_score
from adversarial.evaluation.sampling import draw_samples
from adversarial.files import outputs
from adversarial.files.atomic_write import atomic_write
from adversarial.train_extensions import TrainExtension
from adversarial.train_extensions.polyak import PolyakAveraging

MOST = 20_000  # samples and examples: a YAML file from a stranger may name more than the memory has
SIGMAS = np.logspace(-1, 0, 10)  # those of Table 1's procedure


class Scorer:
    """Scores a model with its current parameters, at each call.

    Parameters
    ----------
    model : AdversaryPair or Generator
    examples : array (n, dimension)
        Validation examples.
    samples : int
        Samples to draw at each call (Table 1: 10,000), each time with the same z.
    choosers : int
        The first so many examples choose sigma (Table 1: 1,000).
    scored : int
        The next so many examples are scored (Table 1: the 10,000 of the test set).
    """

    def __init__(
        self, model: Any, examples: np.ndarray, samples: int, choosers: int, scored: int
    ) -> None:
        self._model = model
        self._samples = samples
        self._split = Split(examples[:choosers], examples[choosers : choosers + scored])

    def draw(self) -> np.ndarray:
        """Samples of the model with its current parameters."""
        return draw_samples(self._model, self._samples, batch_size=self._samples)

    def __call__(self) -> ParzenScore:
        """The score of the model with its current parameters."""
        return choose_and_score(ParzenEstimator(self.draw()), self._split, SIGMAS).score


class ScoreTable(TrainExtension):
    """Scores a model after every few epochs, and writes the scores to a .npy file.

    A row has the epoch and what `row` returns.

    Parameters
    ----------
    path : str
        The .npy file.
    every : int
        Score after so many epochs.
    average_every : int
        Means of parameters have those after every so many minibatches.
    counts : (int, int, int)
        `samples`, `choosers` and `scored` of `Scorer`; the examples are those of the first
        monitoring data set.
    """

    new_at_start = ("_score",)  # not state: setup makes it

    @classmethod
    def files_written(cls, arguments: Mapping[str, Any]) -> list[outputs.Output]:
        return outputs.named(arguments, "path")

    def __init__(self, path: str, every: int, average_every: int, counts: Sequence[int]) -> None:
        if every < 1:
            raise ValueError(f"every must be at least 1 epoch, is {every}")
        if not all(isinstance(n, int) and 0 < n <= MOST for n in counts) or len(counts) != 3:
            raise ValueError(f"counts must be 3 whole numbers from 1 to {MOST:,}, not {counts!r}")
        self.path = outputs.admitted(path)
        self.every = every
        self.counts = tuple(counts)
        self.rows: list[list[float]] = []
        self.average = PolyakAveraging(start=0, every=average_every)
        self._score: Any = None

    def setup(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Begin averaging, and prepare scoring."""
        self.average.setup(model, dataset, algorithm)
        valid = next(iter(algorithm.monitoring_dataset.values()))
        self._score = Scorer(model, valid.get_design_matrix(), *self.counts)

    def on_monitor(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Score when due."""
        self.average.on_monitor(model, dataset, algorithm)
        epoch = model.monitor.get_epochs_seen()
        if epoch % self.every == 0:
            row = self.row(model, algorithm)
            if row is not None:
                self.rows.append([float(epoch), *row])
                self._write()

    def row(self, model: Any, algorithm: Any) -> list[float] | None:
        """What to write after this epoch; None for no row."""
        raise NotImplementedError

    def _write(self) -> None:
        with atomic_write(self.path) as stream:
            np.save(stream, np.array(self.rows))
            stream.write(outputs.mark())
