"""Scores of a sweep's variants after equal seconds, and after equal numbers of updates of D.

python -m sandbox.coordination.measure sweep.csv
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from adversarial.scripts import cli
from adversarial.utils.statistics import mean_and_error, to_json
from sandbox.coordination.table import read


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = cli.Parser(description="Mean and standard error over seeds of the scores of variants.")
    add = parser.add_argument
    add("table", help="CSV file that the sweep wrote")
    add("--json", action="store_true", help="print the result as JSON")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    result = compare(args.table)
    if args.json:
        print(to_json(result))
        return
    seconds, updates = result["seconds"], result["d_updates"]
    print(
        f"nats after {seconds:.1f} s and after {updates:,.0f} updates of D, mean +- standard "
        "error over seeds"
    )
    print(
        f"{'variant':16}{'seeds':>6}{'after seconds':>20}{'after updates of D':>20}"
        f"{'s per 1,000':>13}"
    )
    for row in result["variants"]:
        timed, counted = (
            f"{mean:.1f} +- {error:.1f}"
            for mean, error in (row["after_seconds"], row["after_d_updates"])
        )
        print(
            f"{row['variant']:16}{row['seeds']:>6}{timed:>20}{counted:>20}"
            f"{row['seconds_per_1000_d_updates']:>13.1f}"
        )


def compare(path: str) -> dict[str, Any]:
    """Scores by variant, after the seconds and the updates of D of the table's shortest training.

    Trainings that diverged do not count as the shortest, unless all did; their scores are nan.
    Others are those of `ScoreCurve.at`.
    """
    trainings = read(path)
    curves = [curve for seeds in trainings.values() for curve in seeds.values()]
    finished = [curve for curve in curves if np.isfinite(curve.score[-1])] or curves
    least = {
        axis: float(np.nanmin([getattr(curve, axis)[-1] for curve in finished]))
        for axis in ("seconds", "d_updates")
    }
    rows = []
    for variant, seeds in trainings.items():
        row = {"variant": variant, "seeds": len(seeds)}
        for axis, value in least.items():
            row[f"after_{axis}"] = mean_and_error([c.at(axis, value) for c in seeds.values()])
        updates = sum(c.d_updates[-1] for c in seeds.values())
        row["seconds_per_1000_d_updates"] = (
            1000 * sum(c.seconds[-1] for c in seeds.values()) / updates if updates else float("nan")
        )
        rows.append(row)
    return {"table": path, **least, "variants": rows}


if __name__ == "__main__":
    sys.exit(cli.run(main))
