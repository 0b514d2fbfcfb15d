"""Collapse channels of several trainings of one experiment, by epoch.

    python -m sandbox.helvetica.measure collapse_1.pkl collapse_2.pkl collapse_3.pkl

Prints means and standard errors over the trainings.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Collection, Sequence

from adversarial.scripts import cli
from adversarial.scripts.inputs.histories import Record, choose_channels, read_history
from adversarial.utils.statistics import mean_and_error, to_json

CHANNELS = ("samples_distance", "data_distance", "samples_entropy", "samples_classes")


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = cli.Parser(description="Mean and standard error of the collapse channels, by epoch.")
    add = parser.add_argument
    add(
        "models",
        nargs="+",
        metavar="MODEL",
        help="model files (.pkl), or the tables of channels that train.py leaves (.monitor.csv)",
    )
    add("--every", type=cli.positive_int, default=1, metavar="N", help="show every N-th epoch (1)")
    add("--json", action="store_true", help="print the result as JSON")
    cli.add_allow_module(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    rows = [
        row for row in by_epoch(args.models, args.allow_module) if row["epoch"] % args.every == 0
    ]
    if args.json:
        print(to_json({"models": args.models, "epochs": rows}))
        return
    print("epoch" + "".join(f"{name:>20}" for name in CHANNELS))
    for row in rows:
        cells = (f"{mean:.2f} +- {error:.2f}" for mean, error in (row[name] for name in CHANNELS))
        print(f"{row['epoch']:>5}" + "".join(f"{cell:>20}" for cell in cells))


def by_epoch(paths: Sequence[str], allow_modules: Collection[str] = ()) -> list[dict]:
    """For each epoch that all files have: (mean, standard error) of each of CHANNELS."""
    histories = []
    for path in paths:
        history = read_history(path, allow_modules)
        choose_channels(history, CHANNELS, path)  # raises ValueError if one is missing
        histories.append(history)
    measured = [history[CHANNELS[0]].counts["epochs"] for history in histories]
    epochs = set(measured[0]).intersection(*measured[1:])
    return [
        {
            "epoch": int(epoch),
            **{
                name: mean_and_error([_value(history[name], int(epoch)) for history in histories])
                for name in CHANNELS
            },
        }
        for epoch in sorted(epochs)
    ]


def _value(record: Record, epoch: int) -> float:
    value = record.at(epoch)
    return math.nan if value is None else value


if __name__ == "__main__":
    sys.exit(cli.run(main))
