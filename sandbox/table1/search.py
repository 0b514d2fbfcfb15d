"""Train variants of the MNIST experiment, and score them meanwhile by Table 1's procedure.

    python -m sandbox.table1.search search.csv --epochs 60 --every 10

Only validation examples are used. All variants are trained with the first seed, then with the
second, and so on. Trainings that an existing table already holds are skipped.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from adversarial.evaluation.sampling import generator_of
from adversarial.scripts import cli
from adversarial.train import Train
from adversarial.train_extensions.polyak import PolyakAveraging, set_aside
from adversarial.training_algorithms.training_algorithm import TrainingDiverged
from sandbox import score_table
from sandbox.scoring import set_up_scorer, trainings
from sandbox.variants import variants_of

EXPERIMENT = str(Path(__file__).parents[2] / "yaml" / "mnist.yaml")
VARIANTS = str(Path(__file__).with_name("variants.yaml"))
COLUMNS = ("variant", "seed", "epoch", "seconds", "own", "last_half", "whole")
# As in Table 1, except that it scores 10,000 examples.
SAMPLES, CHOOSERS, SCORED = 10000, 1000, 4000


class _ParameterMeans:
    """The generator's parameters, averaged over each interval of a training."""

    def __init__(self, phase: Train) -> None:
        self._average = PolyakAveraging(start=0, every=50)
        phase.extensions.append(self._average)
        self._model = phase.model
        self._params = list(generator_of(phase.model).get_params())
        self._intervals: list[list[np.ndarray]] = []

    def end_interval(self) -> None:
        """Store the mean since the last call, and start the next interval."""
        with self._average.averaged(self._model):
            self._intervals.append([param.get_value() for param in self._params])
        self._average.begin_anew()

    @contextmanager
    def of(self, part: float) -> Iterator[None]:
        """A context in which the generator has the mean over the last `part` of all intervals.

        The number of intervals is rounded up. At the end, the generator has its own parameters.
        """
        recent = self._intervals[-math.ceil(part * len(self._intervals)) :]
        means = [np.mean(values, axis=0, dtype=values[0].dtype) for values in zip(*recent)]
        with set_aside(self._params, means):
            yield


def train_and_score(phase: Train, epochs: int, every: int) -> Iterator[tuple]:
    """Train for `epochs`; yield a row of the table (COLUMNS from `epoch` on) every few epochs.

    The scores are those of the current parameters, of their mean over the last half of the epochs
    so far, and of their mean over all epochs. Seconds are those of training and averaging. A
    training that diverges ends with a row of nan.
    """
    means = _ParameterMeans(phase)
    score = set_up_scorer(phase, SAMPLES, CHOOSERS, SCORED)
    spent = 0.0
    for epoch in range(1, epochs + 1):
        began = time.perf_counter()
        try:
            phase.algorithm.train(dataset=phase.dataset)
        except TrainingDiverged:
            yield epoch, spent, np.nan, np.nan, np.nan
            return
        phase.model.monitor.report_epoch()
        phase.run_callbacks_and_monitoring()
        if epoch % every == 0:
            means.end_interval()
        spent += time.perf_counter() - began
        if epoch % every == 0:
            found = [score().mean]
            for part in (0.5, 1.0):
                with means.of(part):
                    found.append(score().mean)
            yield epoch, spent, *found


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = cli.Parser(description="Train variants of the MNIST experiment, and score them.")
    add = parser.add_argument
    add("table", help="CSV file to write or to continue")
    add("--variants", nargs="+", metavar="NAME", help="train only these of variants.yaml (all)")
    add(
        "--seeds",
        nargs="+",
        type=cli.natural,
        default=[0, 1, 2],
        metavar="N",
        help="train each variant with these seeds (0 1 2)",
    )
    add("--epochs", type=cli.positive_int, default=60, metavar="N", help="epochs per training (60)")
    add("--every", type=cli.positive_int, default=10, metavar="N", help="score after N epochs (10)")
    cli.add_engine_option(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    cli.choose_engine(args)
    cli.output_path(args.table, args.table, "")  # checks that the folder exists
    names = args.variants or list(variants_of(EXPERIMENT, VARIANTS))
    known = read(args.table) if os.path.exists(args.table) else []
    done = {(row["variant"], int(row["seed"])) for row in known}
    for name, seed, phase in trainings(EXPERIMENT, names, args.seeds, done, VARIANTS):
        rows = []
        for row in train_and_score(phase, args.epochs, args.every):
            rows.append((name, seed, *row))
            print(
                "{}, seed {}: epoch {}, {:.1f} s, {:.1f} nats; mean of the last half {:.1f}, "
                "of all {:.1f}".format(*rows[-1]),
                flush=True,
            )
        score_table.append(args.table, COLUMNS, rows)


def read(path: str) -> list[dict[str, str]]:
    """The rows of a table, as text by column name; errors as in `score_table.read`."""
    return score_table.read(path, COLUMNS)


if __name__ == "__main__":
    sys.exit(cli.run(main))
