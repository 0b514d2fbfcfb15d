"""Draw monitor channels as curves, of one training or of several.

Up to ten curves are drawn on one pair of axes; of more, each channel has small axes of its own.

    python -m adversarial.scripts.plot_monitor yaml/mnist.pkl
    python -m adversarial.scripts.plot_monitor a.pkl b.monitor.csv -c valid_gen_ll --out ll.png
"""

from __future__ import annotations

import argparse
import fnmatch
import sys
from collections.abc import Sequence

from adversarial.scripts.inputs import COUNTS, Record, choose_channels, read_history
from adversarial.utils import cli
from adversarial.viewer.grid import present
from adversarial.viewer.plot import draw_curves, draw_panels, new_figure, save_figure

X_LABELS = {"seconds": "seconds since monitoring began"}
MOST_CURVES = 10  # on one pair of axes: as many as matplotlib has colours
# The first of these that a training has is drawn where no channel is named.
USUAL = (("*objective_d", "*objective_g"), ("*objective",), ("*",))


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = cli.Parser(description="Draw monitor channels as curves. Needs matplotlib.")
    add = parser.add_argument
    add(
        "models",
        nargs="+",
        metavar="MODEL",
        help="model files (.pkl), or the tables of channels that train.py leaves (.monitor.csv)",
    )
    add(
        "-c",
        "--channel",
        action="append",
        default=[],
        metavar="NAME",
        help="channel to draw; * stands for anything; may be repeated (the players' objectives; "
        "print_monitor lists all)",
    )
    add("-x", choices=COUNTS, default="epochs", help="what the horizontal axis counts (epochs)")
    add("--log", action="store_true", help="a logarithmic vertical axis")
    cli.add_picture(parser, "beside the first model: STEM_channels.png")
    cli.add_allow_module(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    out = cli.picture_path(args.out, args.models[0], "_channels.png")
    new_figure(1, 1)  # without matplotlib, say so before anything is read
    curves = []  # (channel, path, x, y)
    for path in args.models:
        history = read_history(path, args.allow_module)
        for name in choose_channels(history, args.channel or usual(history), path):
            record = history[name]
            if args.x not in record.counts:
                raise ValueError(f"{path}: does not hold {args.x}; the model file (.pkl) does")
            curves.append((name, path, record.counts[args.x], record.values))
    x_label = X_LABELS.get(args.x, args.x)
    names = dict.fromkeys(name for name, *_ in curves)
    if len(curves) <= MOST_CURVES or len(names) == 1:
        single = len(args.models) == 1
        labelled = [(name if single else f"{name}, {path}", x, y) for name, path, x, y in curves]
        figure = draw_curves(labelled, x_label, args.log)
    else:
        panels = [(name, [curve[1:] for curve in curves if curve[0] == name]) for name in names]
        figure = draw_panels(panels, x_label, args.log)
    save_figure(figure, out)
    present(out, args.show)


def usual(history: dict[str, Record]) -> Sequence[str]:
    """Patterns of the channels that one looks at first."""
    return next(
        patterns
        for patterns in USUAL
        if all(fnmatch.filter(history, pattern) for pattern in patterns)
    )


def command() -> int:
    """`main` as a command: its errors become messages and an exit status."""
    return cli.run(main)


if __name__ == "__main__":
    sys.exit(command())
