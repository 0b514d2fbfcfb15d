"""Train variants of the MNIST experiment, and score them by Table 1's procedure on the way.

    python -m sandbox.table1.search search.csv --epochs 60 --every 10

Only validation examples are looked at. Each seed is a round of all variants. A table that is there
is gone on with: trainings that it holds are left out.
"""

from __future__ import annotations

import argparse
import csv
import math
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from adversarial.evaluation.sampling import generator_of
from adversarial.files.opening import open_text
from adversarial.run import Run
from adversarial.scripts import cli
from adversarial.train import Train
from adversarial.train_extensions.polyak import PolyakAveraging, set_aside
from adversarial.training_algorithms.training_algorithm import TrainingDiverged
from sandbox.scoring import Scorer
from sandbox.variants import variant, variants_of

EXPERIMENT = str(Path(__file__).parents[2] / "yaml" / "mnist.yaml")
VARIANTS = str(Path(__file__).with_name("variants.yaml"))
COLUMNS = ("variant", "seed", "epoch", "seconds", "own", "last_half", "whole")
# As in Table 1, but for fewer examples to score than its 10,000.
SAMPLES, CHOOSERS, SCORED = 10000, 1000, 4000


class _Means:
    """The generator's parameters, averaged over each stretch of a training."""

    def __init__(self, phase: Train) -> None:
        self._average = PolyakAveraging(start=0, every=50)
        phase.extensions.append(self._average)
        self._model = phase.model
        self._params = list(generator_of(phase.model).get_params())
        self._stretches: list[list[np.ndarray]] = []

    def end_stretch(self) -> None:
        """Keep the mean since the last call, and begin the next."""
        with self._average.averaged(self._model):
            self._stretches.append([param.get_value() for param in self._params])
        self._average.begin_anew()

    @contextmanager
    def of(self, part: float) -> Iterator[None]:
        """Give the generator the mean of the last `part` of all stretches, rounded up.

        Within a `with` block; its own parameters after it.
        """
        recent = self._stretches[-math.ceil(part * len(self._stretches)) :]
        means = [np.mean(values, axis=0, dtype=values[0].dtype) for values in zip(*recent)]
        with set_aside(self._params, means):
            yield


def rows_of(phase: Train, epochs: int, every: int) -> Iterator[tuple]:
    """Train for `epochs`, and give a row of the table, COLUMNS from `epoch` on, after `every` few.

    Scored are its own parameters, their mean over the last half of the epochs so far, and over all
    of them. Seconds are those of training and averaging. A training that diverges ends in a row of
    nan.
    """
    algorithm = phase.algorithm
    valid = next(iter(algorithm.monitoring_dataset.values())).get_design_matrix()
    # Only the scores are looked at: a graph less to compile.
    algorithm.monitoring_dataset = algorithm.monitoring_batches = None
    means = _Means(phase)
    phase.setup()
    phase.run_callbacks_and_monitoring()
    score = Scorer(phase.model, valid, SAMPLES, CHOOSERS, SCORED)
    spent = 0.0
    for epoch in range(1, epochs + 1):
        began = time.perf_counter()
        try:
            algorithm.train(dataset=phase.dataset)
        except TrainingDiverged:
            yield epoch, spent, np.nan, np.nan, np.nan
            return
        phase.model.monitor.report_epoch()
        phase.run_callbacks_and_monitoring()
        if epoch % every == 0:
            means.end_stretch()
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
    add("table", help="CSV file to write, or to go on with")
    add("--variants", nargs="+", metavar="NAME", help="which of variants.yaml (all)")
    add(
        "--seeds",
        nargs="+",
        type=cli.natural,
        default=[0, 1, 2],
        metavar="N",
        help="a training of each for each of these (0 1 2)",
    )
    add("--epochs", type=cli.positive_int, default=60, metavar="N", help="of each training (60)")
    add("--every", type=cli.positive_int, default=10, metavar="N", help="score after N epochs (10)")
    cli.add_engine_option(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    cli.choose_engine(args)
    cli.picture_path(args.table, args.table, "")  # there is such a folder
    names = args.variants or list(variants_of(EXPERIMENT, VARIANTS))
    texts = {name: variant(EXPERIMENT, name, VARIANTS) for name in names}
    rows = read(args.table) if os.path.exists(args.table) else []
    done = {(row["variant"], int(row["seed"])) for row in rows}
    for seed in args.seeds:
        for name, text in texts.items():
            if (name, seed) in done:
                continue
            run = Run(EXPERIMENT, text, seed=seed)
            rows = []
            for row in rows_of(run.make(run.phases(), 0), args.epochs, args.every):
                rows.append((name, seed, *row))
                print(
                    "{}, seed {}: epoch {}, {:.1f} s, {:.1f} nats; mean of the last half {:.1f}, "
                    "of all {:.1f}".format(*rows[-1]),
                    flush=True,
                )
            append(args.table, rows)


def append(path: str, rows: Sequence[Sequence[Any]]) -> None:
    """Add rows, after the table's head if there is no table yet."""
    new = not os.path.exists(path)
    with open(path, "a", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        if new:
            writer.writerow(COLUMNS)
        writer.writerows(rows)


def read(path: str) -> list[dict[str, str]]:
    """The rows of a table; ValueError if it is none."""
    with open_text(path, newline="") as stream:
        rows = csv.DictReader(stream)
        if tuple(rows.fieldnames or ()) != COLUMNS:
            raise ValueError(
                f"{path}: is no table of a search: it does not begin " + ",".join(COLUMNS)
            )
        return list(rows)


if __name__ == "__main__":
    sys.exit(cli.run(main))
