"""The plot of a sweep: channels over epochs, and the measures of each group with all runs.

`scripts/sweep.py` draws it at the end; `viewer/plot.py` has the curves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adversarial.sweep.records import State
from adversarial.sweep.results import Summary
from adversarial.utils.statistics import mean_and_error
from adversarial.viewer.plot import draw_curve, literal, mean_curve, new_figure, save_figure

MOST_COLUMNS = 4
PANEL = (4.0, 2.8)  # inches
_SCORE_HEIGHT = 0.28  # inches for a group in a panel of measures


def draw(path: str, groups: Sequence[Summary], measures: Sequence[str]) -> None:
    """Draw the plot of a sweep to the file `path`; nothing if no run has measured anything."""
    shown = [name for name in measures if any(group.values[name] for group in groups)]
    channels = [
        name
        for name in measures
        if not name.endswith(".best")
        and any(name in result.history for group in groups for result in group.runs)
    ]
    if not shown and not channels:
        return
    rows = [channels[i : i + MOST_COLUMNS] for i in range(0, len(channels), MOST_COLUMNS)]
    score_rows = [shown[i : i + MOST_COLUMNS] for i in range(0, len(shown), MOST_COLUMNS)]
    height = max(1.6, 0.9 + _SCORE_HEIGHT * len(groups))
    heights = [PANEL[1]] * len(rows) + [height] * len(score_rows)
    columns = max(len(row) for row in (*rows, *score_rows))
    figure = new_figure(max(6.0, PANEL[0] * columns), sum(heights) + 0.3)
    grid = figure.add_gridspec(len(heights), columns, height_ratios=heights)
    for i, row in enumerate(rows):
        for j, name in enumerate(row):
            axes = figure.add_subplot(grid[i, j])
            _curves(axes, groups, name)
            axes.set_title(literal(name), fontsize="medium")
            axes.set_xlabel("epochs")
            axes.grid(alpha=0.3)
            if i == j == 0 and len(groups) > 1 and len(groups) <= 10:
                axes.legend(fontsize="x-small")
    for i, row in enumerate(score_rows, start=len(rows)):
        for j, name in enumerate(row):
            axes = figure.add_subplot(grid[i, j])
            _measures(axes, groups, name)
            axes.set_yticks(
                range(len(groups)), [literal(g.label) for g in groups] if j == 0 else []
            )
            title = name if "." in name or name not in channels else f"final {name}"
            axes.set_title(literal(title), fontsize="medium")
            axes.grid(alpha=0.3, axis="x")
    save_figure(figure, path)


def _curves(axes: Any, groups: Sequence[Summary], name: str) -> None:
    for number, group in enumerate(groups):
        records = [
            result.history[name]
            for result in group.runs
            if result.state != State.FAILED and name in result.history
        ]
        if records:
            xs = [record.counts["epochs"] for record in records]
            curve = mean_curve(xs, [record.values for record in records])
            draw_curve(axes, group.label, *curve, color=f"C{number % 10}")


def _measures(axes: Any, groups: Sequence[Summary], name: str) -> None:
    """A row for each group: a dot for each run, the mean and its standard error."""
    for number, group in enumerate(groups):
        values = np.array(group.values[name])
        colour = f"C{number % 10}"
        axes.plot(values, np.full(len(values), number), ".", color=colour, alpha=0.4)
        if len(values):
            mean, error = mean_and_error(group.values[name])
            axes.errorbar(mean, number, xerr=error, fmt="D", markersize=4, capsize=3, color=colour)
    axes.set_ylim(len(groups) - 0.5, -0.5)
    axes.locator_params(axis="x", nbins=4)  # more labels of five digits would touch one another
