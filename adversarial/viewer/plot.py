"""Figures with axes, by matplotlib, for `plot_monitor` and `show_game`.

matplotlib is optional; only this module imports it.
"""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from adversarial.files.atomic_write import atomic_write

DOTS_PER_INCH = 100
PANEL = (2.6, 1.5)  # width and height, in inches
PANELS_IN_A_ROW = 5
# (label, x, y), or (label, x, mean, standard error)
Curve = tuple[Any, ...]
LONGEST_TITLE = 38  # letters in a line above a panel


def new_figure(width: float, height: float) -> Any:
    """An empty matplotlib figure of this size, in inches.

    Raises
    ------
    ImportError
        Where matplotlib is not installed; the message says how to install it.
    """
    try:
        # Not pyplot, which keeps figures in memory and looks for a display.
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError('pictures with axes need matplotlib: pip install -e ".[plot]"') from None
    return Figure(figsize=(width, height), dpi=DOTS_PER_INCH, layout="constrained")


def save_figure(figure: Any, path: str | os.PathLike[str]) -> None:
    """Write the figure, atomically, in the format that the ending of `path` names.

    Raises
    ------
    ValueError
        Where matplotlib writes no such format.
    """
    path = os.fspath(path)
    kind = os.path.splitext(path)[1][1:].lower()
    kinds = figure.canvas.get_supported_filetypes()
    if kind not in kinds:
        raise ValueError(f"cannot draw to {path!r}: end it in one of .{', .'.join(sorted(kinds))}")
    with atomic_write(path) as stream:
        figure.savefig(stream, format=kind)


def as_image(figure: Any) -> Image.Image:
    """The figure as a picture of its own size."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return Image.open(stream).convert("RGB")


def literal(text: str) -> str:
    r"""`text` with dollar signs escaped, which would begin a formula in matplotlib.

    Examples
    --------
    >>> print(literal("cost in $"))
    cost in \$
    """
    return text.replace("$", r"\$")


def draw_curves(curves: Sequence[Curve], x_label: str, log: bool = False) -> Any:
    """A matplotlib figure of curves on one pair of axes.

    Parameters
    ----------
    curves : (label, x, y) of each curve, or (label, x, mean, standard error)
    x_label : str
    log : bool
        Whether the vertical axis is logarithmic.
    """
    figure = new_figure(8, 5)
    axes = figure.add_subplot()
    lines = [draw_curve(axes, *curve) for curve in curves]
    axes.set_xlabel(literal(x_label))
    if log:
        axes.set_yscale("log")
    axes.grid(alpha=0.3)
    axes.legend(lines, [line.get_label() for line in lines], fontsize="small")
    return figure


def draw_panels(
    panels: Sequence[tuple[str, Sequence[Curve]]],
    x_label: str,
    log: bool = False,
) -> Any:
    """A matplotlib figure of small panels in rows, each with its own vertical scale.

    Curves with the same label have the same colour in all panels; one legend names the labels if
    there are several.

    Parameters
    ----------
    panels : (title, curves) of each panel, the curves as in `draw_curves`
    x_label : str
    log : bool
        Whether the vertical axes are logarithmic.
    """
    cols = min(PANELS_IN_A_ROW, len(panels))
    rows = -(-len(panels) // cols)
    labels = list(dict.fromkeys(label for _, curves in panels for label, *_ in curves))
    legend = 0.25 * (len(labels) + 1) if len(labels) > 1 else 0.0
    width, height = PANEL[0] * cols, PANEL[1] * rows + 0.4 + legend
    figure = new_figure(width, height)
    # Fixed positions: for hundreds of axes matplotlib's own layout takes a minute.
    figure.set_layout_engine("none")
    lines: dict[str, Any] = {}
    for number, (title, curves) in enumerate(panels):
        row, col = divmod(number, cols)
        top = height - legend - PANEL[1] * row
        axes = figure.add_axes(
            (
                (PANEL[0] * col + 0.55) / width,
                (top - PANEL[1] + 0.2) / height,
                (PANEL[0] - 0.65) / width,
                (PANEL[1] - 0.5) / height,
            )
        )
        for label, x, y, *error in curves:
            band = error[0] if error else None
            lines[label] = draw_curve(axes, label, x, y, band, f"C{labels.index(label)}")
        if log:
            axes.set_yscale("log")
        _mark_ends(axes)
        axes.set_title(literal(_folded(title)), fontsize=6.5, pad=3)
    figure.text(0.5, 0.12 / height, literal(x_label), ha="center", fontsize="small")
    if legend:
        figure.legend(
            list(lines.values()),
            [line.get_label() for line in lines.values()],
            loc="upper center",
            fontsize="small",
        )
    return figure


def mean_curve(
    xs: Sequence[np.ndarray], ys: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(x, mean, standard error of the mean) of curves at all x that any of them has.

    A curve that ends early is not in the mean after its end. The standard error of a single value
    is nan.

    Examples
    --------
    >>> xs, ys = [np.arange(3), np.arange(2)], [np.array([1.0, 2.0, 3.0]), np.ones(2)]
    >>> x, mean, error = mean_curve(xs, ys)
    >>> x.tolist(), mean.tolist(), error.tolist()
    ([0, 1, 2], [1.0, 1.5, 3.0], [0.0, 0.5, nan])
    """
    x = np.unique(np.concatenate([np.asarray(each) for each in xs]))
    table = np.full((len(xs), len(x)), np.nan)
    for row, own, values in zip(table, xs, ys):
        row[np.searchsorted(x, own)] = values
    count = np.isfinite(table).sum(axis=0)
    filled = np.where(np.isfinite(table), table, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = filled.sum(axis=0) / count
        squares = np.where(np.isfinite(table), (table - mean) ** 2, 0.0).sum(axis=0)
        error = np.sqrt(squares / (count - 1) / count)
    return x, mean, np.where(count > 1, error, np.nan)


def _mark_ends(axes: Any) -> None:
    """Ticks at the least and greatest value only: drawing ticks takes most of the time."""
    for axis, ends in ((axes.xaxis, axes.dataLim.intervalx), (axes.yaxis, axes.dataLim.intervaly)):
        least = 0 if axis.get_scale() == "log" else -np.inf
        ends = sorted({float(end) for end in ends if least < end < np.inf})
        axis.set_ticks(ends, [f"{end:.4g}" for end in ends])
        axis.set_ticks([], minor=True)
    axes.tick_params(labelsize=6, length=2, pad=1)


def draw_curve(
    axes: Any,
    label: str,
    x: np.ndarray,
    y: np.ndarray,
    error: np.ndarray | None = None,
    color: str | None = None,
) -> Any:
    """Draw a curve, and a shaded band of its standard error if there is one; the curve's line."""
    # matplotlib leaves a curve whose label begins with "_" out of legends.
    shown = literal(f"\u200b{label}" if label.startswith("_") else label)
    (line,) = axes.plot(
        x, y, label=shown, linewidth=1.2, marker="." if len(x) < 3 else None, color=color
    )
    if error is not None and np.isfinite(error).any():
        color = line.get_color()
        axes.fill_between(x, y - error, y + error, color=color, alpha=0.2, linewidth=0)
    return line


def _folded(title: str) -> str:
    """`title` in lines that fit above a panel, broken after an underscore if possible."""
    lines = []
    while len(title) > LONGEST_TITLE:
        cut = title.rfind("_", LONGEST_TITLE // 2, LONGEST_TITLE) + 1 or LONGEST_TITLE
        lines.append(title[:cut])
        title = title[cut:]
    return "\n".join([*lines, title])
