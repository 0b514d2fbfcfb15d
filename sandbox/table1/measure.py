"""Scores of a search by variant: mean and standard error over seeds.

python -m sandbox.table1.measure docs/table1_search.csv --epoch 40
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from adversarial.scripts import cli
from adversarial.utils.statistics import format_mean, to_json
from sandbox.table1.search import COLUMNS, read

SCORES = COLUMNS[4:]


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = cli.Parser(description="Mean and standard error over seeds of the scores of a search.")
    add = parser.add_argument
    add("table", help="CSV file that the search wrote")
    add(
        "--epoch",
        type=cli.positive_int,
        default=40,
        metavar="N",
        help="show the scores after N epochs (40)",
    )
    add("--json", action="store_true", help="print the result as JSON")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    found = scores_at_epoch(read(args.table), args.epoch)
    if not found:
        raise ValueError(f"{args.table}: no scores after epoch {args.epoch}")
    if args.json:
        print(to_json({"table": args.table, "epoch": args.epoch, "variants": found}))
        return
    print(f"validation examples, nats after {args.epoch} epochs")
    print(f"{'variant':32}{'seeds':>6}" + "".join(f"{name:>18}" for name in SCORES))
    for row in found:
        cells = "".join(f"{format_mean(row[name], 1):>18}" for name in SCORES)
        print(f"{row['variant']:32}{len(row['seeds']):>6}{cells}")


def scores_at_epoch(rows: Sequence[dict[str, str]], epoch: int) -> list[dict[str, Any]]:
    """Seeds and scores of each variant, sorted by the score of the mean of the last half.

    Scores are nan if the training diverged, or the table has no score.
    """
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        diverged = row["own"] == "nan" and int(row["epoch"]) <= epoch
        if int(row["epoch"]) == epoch or diverged:
            mine = found.setdefault(
                row["variant"], {"variant": row["variant"], "seeds": [], **{s: [] for s in SCORES}}
            )
            mine["seeds"].append(int(row["seed"]))
            for name in SCORES:
                mine[name].append(float(row[name] or "nan"))
    return sorted(found.values(), key=_sort_key)


def _sort_key(row: dict[str, Any]) -> float:
    mean = sum(row["last_half"]) / len(row["last_half"])
    return float("inf") if mean != mean else -mean


if __name__ == "__main__":
    sys.exit(cli.run(main))
