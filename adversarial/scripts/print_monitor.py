"""Print the values of monitor channels of trainings.

python -m adversarial.scripts.print_monitor yaml/mnist.pkl
python -m adversarial.scripts.print_monitor yaml/mnist.pkl -c 'valid_objective*' --epoch 20
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from adversarial.scripts import cli
from adversarial.scripts.inputs.histories import choose_channels, in_words, read_history


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = cli.Parser(
        description="Print the value of each monitor channel after the last epoch, or another."
    )
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
        help="this channel only; * matches any text; may be repeated (all channels)",
    )
    add("-e", "--epoch", type=cli.natural, help="the values after this epoch (the last)")
    cli.add_allow_module(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    for number, path in enumerate(args.models):
        if len(args.models) > 1:
            print(f"{chr(10) if number else ''}{path}")
        show(path, args)


def show(path: str, args: argparse.Namespace) -> None:
    """Print the channels of one model or table."""
    history = read_history(path, args.allow_module)
    names = choose_channels(history, args.channel or ["*"], path)
    epochs = sorted({int(epoch) for name in names for epoch in history[name].counts["epochs"]})
    epoch = epochs[-1] if args.epoch is None else args.epoch
    values = {name: history[name].at(epoch) for name in names}
    if all(value is None for value in values.values()):
        raise ValueError(
            f"{path}: nothing was measured after epoch {epoch} (the last is {epochs[-1]})"
        )
    record = next(history[name] for name in names if values[name] is not None)
    last = (record.counts["epochs"] == epoch).nonzero()[0][-1]
    measured = {count: counts[last] for count, counts in record.counts.items()}
    print(f"measured after {in_words(measured)}")
    trained = history.trained
    if epoch == epochs[-1] and trained and any(measured[c] != trained[c] for c in trained):
        print(f"the model: trained for {in_words(trained)}")
    width = max(map(len, names))
    for name, value in values.items():
        if value is not None:
            print(f"{name:<{width}}  {value:.6g}")


def command() -> int:
    """`main` as a command: its errors become messages and an exit status."""
    return cli.run(main)


if __name__ == "__main__":
    sys.exit(command())
