"""Train variants of the MNIST experiment, and score them meanwhile by Table 1's procedure.

    python -m sandbox.table1.search search.csv --epochs 60 --every 10

Only validation examples are used. All variants are trained with the first seed, then with the
second, and so on, as a sweep in the folder of the table's name (docs/SWEEPS.md): here search/. The
same command continues a search that was stopped.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from adversarial.scripts import cli
from sandbox import score_table
from sandbox.scored_sweep import SCORES, add_options, train_and_collect
from sandbox.variants import variants_of

EXPERIMENT = str(Path(__file__).parents[2] / "yaml" / "mnist.yaml")
VARIANTS = str(Path(__file__).with_name("variants.yaml"))
COLUMNS = ("variant", "seed", "epoch", "seconds", "own", "last_half", "whole")
EXTENSION = "!obj:sandbox.table1.ScoresOfMeans {{ path: '{path}', every: {every} }}"


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = cli.Parser(description="Train variants of the MNIST experiment, and score them.")
    add = parser.add_argument
    add("table", help="CSV file to write; the trainings are in the folder of its name")
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
    add_options(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    args = parse(argv)
    names = args.variants or list(variants_of(EXPERIMENT, VARIANTS))
    status, _ = train_and_collect(
        args,
        EXPERIMENT,
        names,
        args.seeds,
        EXTENSION.format(path=SCORES, every=args.every),
        COLUMNS,
        VARIANTS,
        ["--max-epochs", str(args.epochs)],
    )
    return status


def read(path: str) -> list[dict[str, str]]:
    """The rows of a table, as text by column name; errors as in `score_table.read`."""
    return score_table.read(path, COLUMNS)


if __name__ == "__main__":
    sys.exit(cli.run(main))
