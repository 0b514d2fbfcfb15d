"""Draw monitor channels of one or several trainings as curves.

Up to ten curves are drawn on one pair of axes; with more, each channel has a small panel. With
--mean, trainings that differ only in their seed are one curve: their mean, with a band of one
standard error.

    python -m adversarial.scripts.plot_monitor yaml/mnist.pkl
    python -m adversarial.scripts.plot_monitor a.pkl b.monitor.csv -c valid_gen_ll --out ll.png
    python -m adversarial.scripts.plot_monitor yaml/mnist_seed*.pkl --mean
    python -m adversarial.scripts.plot_monitor yaml/mnist_sweep
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

import numpy as np

from adversarial.scripts import cli
from adversarial.scripts.inputs.histories import COUNTS, Record, choose_channels, read_history
from adversarial.scripts.inputs.replicates import is_sweep, read_replicates
from adversarial.utils.string_utils import matching
from adversarial.viewer.grid import present
from adversarial.viewer.plot import (
    Curve,
    draw_curves,
    draw_panels,
    mean_curve,
    new_figure,
    save_figure,
)

X_LABELS = {"seconds": "seconds since monitoring began"}
MAX_CURVES = 10  # on one pair of axes: matplotlib has ten colours
# Without --channel, the first of these groups that a training has is drawn.
DEFAULT_CHANNELS = (("*objective_d", "*objective_g"), ("*objective",), ("*",))


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = cli.Parser(description="Draw monitor channels as curves. Needs matplotlib.")
    add = parser.add_argument
    add(
        "models",
        nargs="+",
        metavar="MODEL",
        help="model files (.pkl), the tables of channels that train.py leaves (.monitor.csv), or "
        "the folder of a sweep",
    )
    add(
        "-c",
        "--channel",
        action="append",
        default=[],
        metavar="NAME",
        help="channel to draw; * matches any text; may be repeated (the players' objectives; "
        "print_monitor lists all)",
    )
    add(
        "--mean",
        action="store_true",
        help="one curve for trainings that differ only in their seed: the mean, in a band of one "
        "standard error (always for a sweep)",
    )
    add("-x", choices=COUNTS, default="epochs", help="what the horizontal axis counts (epochs)")
    add("--log", action="store_true", help="a logarithmic vertical axis")
    cli.add_picture(parser, "beside the first model: STEM_channels.png")
    cli.add_allow_module(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    args.mean = args.mean or any(map(is_sweep, args.models))
    first = args.models[0]
    # That of a sweep lies in its folder.
    beside = os.path.join(first, "sweep.json") if is_sweep(first) else first
    out = cli.output_path(args.out, beside, "_channels.png", args.overwrite)
    new_figure(1, 1)  # reports a missing matplotlib before anything is read
    curves = mean_curves(args) if args.mean else single_curves(args)
    x_label = X_LABELS.get(args.x, args.x)
    names = dict.fromkeys(name for name, *_ in curves)
    labels = dict.fromkeys(label for _, (label, *_) in curves)
    # Several groups are compared in a panel for each channel, whose scales may differ.
    compares = args.mean and len(labels) > 1
    if len(names) == 1 or (len(curves) <= MAX_CURVES and not compares):
        labelled = [
            (_label(name, label, len(names), len(labels)), *rest) for name, (label, *rest) in curves
        ]
        figure = draw_curves(labelled, x_label, args.log)
    else:
        panels = [(name, [curve for own, curve in curves if own == name]) for name in names]
        figure = draw_panels(panels, x_label, args.log)
    save_figure(figure, out)
    present(out, args.show)


def _label(name: str, label: str, names: int, labels: int) -> str:
    """What the legend calls a curve: its channel, its training or both."""
    return name if labels == 1 else f"{name}, {label}"


def single_curves(args: argparse.Namespace) -> list[tuple[str, Curve]]:
    """(channel, curve) for each training and channel."""
    curves: list[tuple[str, Curve]] = []
    for path in args.models:
        history = read_history(path, args.allow_module)
        for name in choose_channels(history, args.channel or default_channels(history), path):
            record = history[name]
            curves.append((name, (path, counts_of(record, args.x, path), record.values)))
    return curves


def mean_curves(args: argparse.Namespace) -> list[tuple[str, Curve]]:
    """(channel, curve) for each group of trainings and channel: x, mean and standard error."""
    curves: list[tuple[str, Curve]] = []
    for group in read_replicates(args.models, args.allow_module):
        label = f"{group.label} ({len(group.paths)})"
        history = group.histories[0]
        patterns = args.channel or default_channels(history)
        for name in choose_channels(history, patterns, group.paths[0]):
            found = [(h[name], p) for h, p in zip(group.histories, group.paths) if name in h]
            xs = [counts_of(record, args.x, path) for record, path in found]
            curves.append((name, (label, *mean_curve(xs, [record.values for record, _ in found]))))
    return curves


def counts_of(record: Record, x: str, path: str) -> np.ndarray:
    """What the horizontal axis counts at each value of a channel."""
    if x not in record.counts:
        raise ValueError(f"{path}: does not hold {x}; the model file (.pkl) does")
    return record.counts[x]


def default_channels(history: dict[str, Record]) -> Sequence[str]:
    """Patterns of the channels to draw without --channel."""
    return next(
        patterns
        for patterns in DEFAULT_CHANNELS
        if all(matching(pattern, history) for pattern in patterns)
    )


def command() -> int:
    """`main` as a command: its errors become messages and an exit status."""
    return cli.run(main)


if __name__ == "__main__":
    sys.exit(command())
