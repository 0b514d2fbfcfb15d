"""Print the values of monitor channels of trainings.

python -m adversarial.scripts.print_monitor yaml/mnist.pkl
python -m adversarial.scripts.print_monitor yaml/mnist.pkl -c 'valid_objective*' --epoch 20
python -m adversarial.scripts.print_monitor yaml/mnist_seed*.pkl --mean
python -m adversarial.scripts.print_monitor yaml/mnist_sweep
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence

from adversarial.scripts import cli
from adversarial.scripts.inputs.histories import (
    History,
    choose_channels,
    in_words,
    read_history,
)
from adversarial.scripts.inputs.replicates import is_sweep, read_replicates
from adversarial.utils.statistics import significant_mean


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = cli.Parser(
        description="Print the value of each monitor channel after the last epoch, or another."
    )
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
        help="this channel only; * matches any text; may be repeated (all channels)",
    )
    add("-e", "--epoch", type=cli.natural, help="the values after this epoch (the last)")
    add(
        "--mean",
        action="store_true",
        help="of trainings that differ only in their seed, print the mean +- its standard error "
        "(always for a sweep)",
    )
    cli.add_allow_module(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    if args.mean or any(map(is_sweep, args.models)):
        show_means(args)
        return
    for number, path in enumerate(args.models):
        if len(args.models) > 1:
            print(f"{chr(10) if number else ''}{path}")
        show(path, args)


def show(path: str, args: argparse.Namespace) -> None:
    """Print the channels of one model or table."""
    history = read_history(path, args.allow_module)
    names = choose_channels(history, args.channel or ["*"], path)
    last_epoch = _last(history, names)
    epoch = last_epoch if args.epoch is None else args.epoch
    values = {name: history[name].at(epoch) for name in names}
    if all(value is None for value in values.values()):
        raise ValueError(
            f"{path}: nothing was measured after epoch {epoch} (the last is {last_epoch})"
        )
    record = next(history[name] for name in names if values[name] is not None)
    last = (record.counts["epochs"] == epoch).nonzero()[0][-1]
    measured = {count: counts[last] for count, counts in record.counts.items()}
    print(f"measured after {in_words(measured)}")
    trained = history.trained
    if epoch == last_epoch and trained and any(measured[c] != trained[c] for c in trained):
        print(f"the model: trained for {in_words(trained)}")
    width = max(map(len, names))
    for name, value in values.items():
        if value is not None:
            print(f"{name:<{width}}  {value:.6g}")


def show_means(args: argparse.Namespace) -> None:
    """Print a table: a row for each channel, a column for each group of trainings."""
    groups = read_replicates(args.models, args.allow_module)
    names: dict[str, None] = {}
    for group in groups:
        for history, path in zip(group.histories, group.paths):
            names.update(dict.fromkeys(choose_channels(history, args.channel or ["*"], path)))
    columns = [["", *names]]
    for group in groups:
        column = [f"{group.label} ({len(group.paths)})"]
        # A channel that a resumed training no longer measures has no value after its last epoch.
        measured = [
            (history, _last(history, names) if args.epoch is None else args.epoch)
            for history in group.histories
        ]
        for name in names:
            found = [history[name].at(epoch) for history, epoch in measured if name in history]
            column.append(significant_mean([value for value in found if value is not None]))
        columns.append(column)
    if args.epoch is not None and not any(cell for column in columns[1:] for cell in column[1:]):
        raise ValueError(f"{args.models[0]}: nothing was measured after epoch {args.epoch}")
    when = "the last epoch" if args.epoch is None else f"epoch {args.epoch}"
    print(f"after {when} of each: mean +- standard error (number of trainings)")
    widths = [max(map(len, column)) for column in columns]
    for row in zip(*columns):
        print("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths)).rstrip())


def _last(history: History, names: Iterable[str]) -> int:
    """The last epoch after which a channel of `names` was measured."""
    return int(max(history[name].counts["epochs"][-1] for name in names if name in history))


def command() -> int:
    """`main` as a command: its errors become messages and an exit status."""
    return cli.run(main)


if __name__ == "__main__":
    sys.exit(command())
