"""Plot the scores of a sweep against seconds and against updates of D.

python -m sandbox.coordination.show sweep.csv
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from fnmatch import fnmatch
from typing import Any

import numpy as np

from adversarial.scripts import cli
from adversarial.viewer.grid import present
from adversarial.viewer.plot import literal, new_figure, save_figure
from sandbox.coordination.table import ScoreCurve, read

BASELINE = "plain"
# For each row of axes: its title, and the variants that it compares with the baseline.
GROUPS = (
    ("steps of D per step of G", ("k_*",)),
    ("examples left out of the objectives", ("thresholded", "lazy*")),
    ("uniform z", ("uniform_*",)),
    ("gaussian z", ("gaussian_*",)),
    ("spherical z", ("spherical_*",)),
)
AXES = {"seconds": "seconds of training", "d_updates": "updates of D"}


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = cli.Parser(description="Plot the scores of a sweep. Needs matplotlib.")
    parser.add_argument("table", help="CSV file that the sweep wrote")
    cli.add_picture(parser, "beside the table: STEM.png")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    out = cli.output_path(args.out, args.table, ".png", args.overwrite)
    save_figure(draw(read(args.table)), out)
    present(out, args.show)


def draw(trainings: dict[str, dict[int, ScoreCurve]]) -> Any:
    """A matplotlib figure with a row of axes for each of GROUPS that has variants."""
    groups = [
        (title, [name for name in trainings if any(fnmatch(name, p) for p in patterns)])
        for title, patterns in GROUPS
    ]
    groups = [(title, names) for title, names in groups if names]
    known = {BASELINE}.union(*(names for _, names in groups))
    others = [name for name in trainings if name not in known]
    if others or not groups:  # only the baseline
        groups.append(("others", others))
    figure = new_figure(9, 2.2 * len(groups))
    grid = figure.subplots(len(groups), len(AXES), squeeze=False, sharey=True, sharex="col")
    for (title, names), row in zip(groups, grid):
        for axes, axis in zip(row, AXES):
            if BASELINE in trainings:
                _curve(axes, axis, BASELINE, trainings[BASELINE], "black")
            for i, name in enumerate(names):
                _curve(axes, axis, name, trainings[name], f"C{i}")
            axes.grid(alpha=0.3)
        row[0].set_ylabel("nats")
        row[0].set_title(title, fontsize="medium", loc="left")
        row[-1].legend(fontsize="x-small", loc="lower right")
    for axes, label in zip(grid[-1], AXES.values()):
        axes.set_xlabel(label)
    return figure


def _curve(axes: Any, axis: str, name: str, seeds: dict[int, ScoreCurve], colour: str) -> None:
    """Plot the mean over seeds, with a band of one standard error."""
    # As many scores as all seeds have.
    scores = min(len(curve.score) for curve in seeds.values())
    x = np.mean([getattr(curve, axis)[:scores] for curve in seeds.values()], axis=0)
    y = np.array([curve.score[:scores] for curve in seeds.values()])
    mean = y.mean(axis=0)
    axes.plot(x, mean, label=literal(name), color=colour, linewidth=1.2)
    if len(y) > 1:
        error = y.std(axis=0, ddof=1) / len(y) ** 0.5
        axes.fill_between(x, mean - error, mean + error, color=colour, alpha=0.15, linewidth=0)


if __name__ == "__main__":
    sys.exit(cli.run(main))
