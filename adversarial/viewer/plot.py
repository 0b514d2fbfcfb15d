"""Pictures with axes, by matplotlib: the only module that needs it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from adversarial.utils.serial import atomic_write

DOTS_PER_INCH = 100


def new_figure(width: float, height: float) -> Any:
    """An empty matplotlib figure, in inches; ImportError that says how to get matplotlib."""
    try:
        # The class itself: pyplot would keep figures and look for a display.
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError(
            'pictures with axes need matplotlib: pip install -e ".[plot]"'
        ) from None
    return Figure(figsize=(width, height), dpi=DOTS_PER_INCH, layout="constrained")


def save_figure(figure: Any, path: str | os.PathLike[str]) -> None:
    """Write the figure in the format that the ending of `path` names, aside and then renamed."""
    path = os.fspath(path)
    kind = os.path.splitext(path)[1][1:].lower()
    kinds = figure.canvas.get_supported_filetypes()
    if kind not in kinds:
        raise ValueError(f"cannot draw to {path!r}: end it in one of .{', .'.join(sorted(kinds))}")
    with atomic_write(path) as stream:
        figure.savefig(stream, format=kind)


def draw_curves(
    curves: Sequence[tuple[str, np.ndarray, np.ndarray]], x_label: str, log: bool = False
) -> Any:
    """A figure of curves (label, x, y) on one pair of axes; `log` of the vertical one."""
    figure = new_figure(8, 5)
    axes = figure.add_subplot()
    for label, x, y in curves:
        axes.plot(x, y, label=label, linewidth=1.2, marker="." if len(x) < 3 else None)
    axes.set_xlabel(x_label)
    if log:
        axes.set_yscale("log")
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    return figure
