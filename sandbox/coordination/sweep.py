"""Train the variants of an experiment for equal processor time, and score them meanwhile.

    python -m sandbox.coordination.sweep sweep.csv

All variants are trained with the first seed, then with the second, and so on. Trainings that an
existing table already holds are skipped.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from adversarial.scripts import cli
from adversarial.train import Train
from adversarial.train_extensions.polyak import PolyakAveraging
from adversarial.training_algorithms.training_algorithm import TrainingDiverged
from sandbox.coordination.table import append, read
from sandbox.scoring import set_up_scorer, trainings
from sandbox.variants import variants_of

EXPERIMENT = os.path.join(os.path.dirname(__file__), "experiment.yaml")
# Table 1: 10,000 samples, 1,000 examples to choose sigma, 10,000 examples to score.
SAMPLES, CHOOSERS, SCORED = 2000, 500, 1500


class _Counter:
    """Update callback: counts the updates of D."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, algorithm: Any) -> None:
        self.count += int(algorithm.cost.now_train_discriminator.get_value())


def train_and_score(phase: Train, seconds: float, every: int) -> Iterator[tuple]:
    """Train until `seconds` of processor time are spent; yield a row of the table every few epochs.

    A score is that of the mean of the parameters since the previous score, because scores of the
    parameters themselves change by tens of nats from one minibatch to the next. The time is that of
    training, without set-up and scoring. A training that diverges ends with a row of nan.
    """
    algorithm = phase.algorithm
    counter = _Counter()
    # Before the callbacks that change the switch for the next step.
    algorithm.update_callbacks.insert(0, counter)
    average = PolyakAveraging(start=0, every=10)
    phase.extensions.append(average)
    score = set_up_scorer(phase, SAMPLES, CHOOSERS, SCORED)
    spent, epoch = 0.0, 0
    while True:
        with average.averaged(phase.model):
            found = score()
        yield epoch, spent, counter.count, found.mean, found.standard_error, found.sigma
        if spent >= seconds:
            return
        average.begin_anew()
        for _ in range(every):
            began = time.process_time()
            try:
                algorithm.train(dataset=phase.dataset)
            except TrainingDiverged:
                yield epoch + 1, spent, counter.count, np.nan, np.nan, np.nan
                return
            spent += time.process_time() - began
            epoch += 1
            phase.model.monitor.report_epoch()
            phase.run_callbacks_and_monitoring()


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = cli.Parser(description="Train the variants of an experiment, and score them.")
    add = parser.add_argument
    add("table", help="CSV file to write or to continue")
    add(
        "--experiment",
        default=EXPERIMENT,
        metavar="YAML",
        help="experiment with a variants.yaml beside it (that of this folder)",
    )
    add("--variants", nargs="+", metavar="NAME", help="train only these (all)")
    add("--seeds", type=cli.positive_int, default=3, help="trainings per variant (3)")
    add(
        "--seconds",
        type=cli.positive_number,
        default=60.0,
        help="processor time of each training (60)",
    )
    add("--every", type=cli.positive_int, default=2, metavar="N", help="score after N epochs (2)")
    cli.add_engine_option(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    cli.choose_engine(args)
    cli.output_path(args.table, args.table, "")  # checks that the folder exists
    names = args.variants or list(variants_of(args.experiment))
    known = read(args.table) if os.path.exists(args.table) else {}
    done = {(name, seed) for name, curves in known.items() for seed in curves}
    seeds = range(1, args.seeds + 1)
    for name, seed, phase in trainings(args.experiment, names, seeds, done):
        rows = list(train_and_score(phase, args.seconds, args.every))
        append(args.table, name, seed, rows)
        epoch, spent, _, nats, *_ = rows[-1]
        print(
            f"{name}, seed {seed}: {nats:.1f} nats after {epoch} epochs, {spent:.1f} s", flush=True
        )


if __name__ == "__main__":
    sys.exit(cli.run(main))
