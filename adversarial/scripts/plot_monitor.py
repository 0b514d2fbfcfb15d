"""Draw monitor channels of one or several trainings as curves.

Up to ten curves are drawn on one pair of axes; with more, each channel has a small panel.

    python -m adversarial.scripts.plot_monitor yaml/mnist.pkl
    python -m adversarial.scripts.plot_monitor a.pkl b.monitor.csv -c valid_gen_ll --out ll.png
"""

from __future__ import annotations

import argparse
import fnmatch
import sys
from collections.abc import Sequence

from adversarial.scripts import cli
from adversarial.scripts.inputs.histories import COUNTS, Record, choose_channels, read_history
from adversarial.viewer.grid import present
from adversarial.viewer.plot import draw_curves, draw_panels, new_figure, save_figure

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
        help="model files (.pkl), or the tables of channels that train.py leaves (.monitor.csv)",
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
    add("-x", choices=COUNTS, default="epochs", help="what the horizontal axis counts (epochs)")
    add("--log", action="store_true", help="a logarithmic vertical axis")
    cli.add_picture(parser, "beside the first model: STEM_channels.png")
    cli.add_allow_module(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    out = cli.output_path(args.out, args.models[0], "_channels.png")
    new_figure(1, 1)  # reports a missing matplotlib before anything is read
    curves = []  # (channel, path, x, y)
    for path in args.models:
        history = read_history(path, args.allow_module)
        for name in choose_channels(history, args.channel or default_channels(history), path):
            record = history[name]
            if args.x not in record.counts:
                raise ValueError(f"{path}: does not hold {args.x}; the model file (.pkl) does")
            curves.append((name, path, record.counts[args.x], record.values))
    x_label = X_LABELS.get(args.x, args.x)
    names = dict.fromkeys(name for name, *_ in curves)
    if len(curves) <= MAX_CURVES or len(names) == 1:
        single = len(args.models) == 1
        labelled = [(name if single else f"{name}, {path}", x, y) for name, path, x, y in curves]
        figure = draw_curves(labelled, x_label, args.log)
    else:
        panels = [(name, [curve[1:] for curve in curves if curve[0] == name]) for name in names]
        figure = draw_panels(panels, x_label, args.log)
    save_figure(figure, out)
    present(out, args.show)


def default_channels(history: dict[str, Record]) -> Sequence[str]:
    """Patterns of the channels to draw without --channel."""
    return next(
        patterns
        for patterns in DEFAULT_CHANNELS
        if all(fnmatch.filter(history, pattern) for pattern in patterns)
    )


def command() -> int:
    """`main` as a command: its errors become messages and an exit status."""
    return cli.run(main)


if __name__ == "__main__":
    sys.exit(command())
