"""Trainings of variants, and their Parzen scores by Table 1's procedure on fewer examples.

`sandbox.table1.search` and `sandbox.coordination.sweep` use them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, Optional

import numpy as np

from adversarial.evaluation.parzen import ParzenEstimator, ParzenScore
from adversarial.evaluation.parzen_protocol import Split, choose_and_score
from adversarial.evaluation.sampling import Sampler
from adversarial.run import Run
from adversarial.train import Train
from sandbox.variants import variant

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


def set_up_scorer(phase: Train, samples: int, choosers: int, scored: int) -> Scorer:
    """Set up a training without monitor channels, and return the scorer of its model.

    The examples are those of the monitoring data set. Without channels there is one graph less to
    compile. Other parameters are those of `Scorer`.
    """
    algorithm = phase.algorithm
    valid = next(iter(algorithm.monitoring_dataset.values())).get_design_matrix()
    algorithm.monitoring_dataset = algorithm.monitoring_batches = None
    phase.setup()
    phase.run_callbacks_and_monitoring()
    return Scorer(phase.model, valid, samples, choosers, scored)


def trainings(
    experiment: str,
    names: Sequence[str],
    seeds: Sequence[int],
    done: Collection[tuple[str, int]],
    table: Optional[str] = None,
) -> Iterator[tuple[str, int, Train]]:
    """(variant, seed, training) for each variant and seed that is not done.

    All variants come with the first seed, then all with the second, and so on.

    Parameters
    ----------
    experiment : str
        YAML file of the experiment.
    names : sequence of str
        Variants to train.
    seeds : sequence of int
    done : collection of (str, int)
        Variants and seeds to skip.
    table : str, optional
        YAML file of the variants, as for `sandbox.variants.variant`.

    Raises
    ------
    ValueError
        If a variant does not exist.
    """
    texts = {name: variant(experiment, name, table) for name in names}
    for seed in seeds:
        for name, text in texts.items():
            if (name, seed) not in done:
                run = Run(experiment, text, seed=seed)
                yield name, seed, run.make(run.phases(), 0)
