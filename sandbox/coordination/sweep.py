"""Train the variants of an experiment for equal processor time, and score them meanwhile.

    python -m sandbox.coordination.sweep sweep.csv

All variants are trained with the first seed, then with the second, and so on, as a sweep in the
folder of the table's name (docs/SWEEPS.md): here sweep/. The same command continues a sweep that
was stopped.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from adversarial.scripts import cli
from sandbox.coordination.table import COLUMNS
from sandbox.scored_sweep import SCORES, add_options, train_and_collect
from sandbox.variants import variants_of

EXPERIMENT = os.path.join(os.path.dirname(__file__), "experiment.yaml")
EXTENSION = (
    "!obj:sandbox.coordination.ScoresInTime "
    "{{ path: '{path}', every: {every}, seconds: {seconds} }}"
)


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = cli.Parser(description="Train the variants of an experiment, and score them.")
    add = parser.add_argument
    add("table", help="CSV file to write; the trainings are in the folder of its name")
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
    add_options(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    args = parse(argv)
    names = args.variants or list(variants_of(args.experiment))
    status, found = train_and_collect(
        args,
        args.experiment,
        names,
        range(1, args.seeds + 1),
        EXTENSION.format(path=SCORES, every=args.every, seconds=args.seconds),
        COLUMNS,
    )
    for training in found:
        if len(training.rows):
            epoch, spent, _, nats, *_ = training.rows[-1]
            nats = float("nan") if training.diverged else nats
            print(
                f"{training.variant}, seed {training.seed}: {nats:.1f} nats after {epoch:.0f} "
                f"epochs, {spent:.1f} s"
            )
    return status


if __name__ == "__main__":
    sys.exit(cli.run(main))
