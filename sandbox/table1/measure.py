"""The scores that a search has found, mean and standard error over seeds.

    python -m sandbox.table1.measure docs/table1_search.csv --epoch 40
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from adversarial.utils import cli
from sandbox.replicates import shown, to_json
from sandbox.table1.search import read


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = cli.Parser(description="What a search has found, mean and error over seeds.")
    add = parser.add_argument
    add("table", help="CSV file that the search wrote")
    add("--epoch", type=cli.positive_int, default=40, metavar="N",
        help="the scores after N epochs (40)")
    add("--json", action="store_true", help="print the result as JSON")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    found = at_epoch(read(args.table), args.epoch)
    if not found:
        raise ValueError(f"{args.table}: has no scores after epoch {args.epoch}")
    if args.json:
        print(to_json({"table": args.table, "epoch": args.epoch, "variants": found}))
        return
    print(f"validation examples, nats after {args.epoch} epochs")
    print(f"{'variant':32}{'seeds':>6}{'own':>20}{'averaged':>20}")
    for row in found:
        own, averaged = (shown(row[name], 1) for name in ("own", "averaged"))
        print(f"{row['variant']:32}{len(row['seeds']):>6}{own:>20}{averaged:>20}")


def at_epoch(rows: Sequence[dict[str, str]], epoch: int) -> list[dict[str, Any]]:
    """Seeds and scores of each variant, best average first; nan where a training had diverged."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        diverged = row["own"] == "nan" and int(row["epoch"]) <= epoch
        if int(row["epoch"]) == epoch or diverged:
            mine = found.setdefault(
                row["variant"], {"variant": row["variant"], "seeds": [], "own": [], "averaged": []}
            )
            mine["seeds"].append(int(row["seed"]))
            for name in ("own", "averaged"):
                mine[name].append(float(row[name]))
    return sorted(found.values(), key=_badness)


def _badness(row: dict[str, Any]) -> float:
    mean = sum(row["averaged"]) / len(row["averaged"])
    return float("inf") if mean != mean else -mean


if __name__ == "__main__":
    sys.exit(cli.run(main))
