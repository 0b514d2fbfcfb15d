"""Print a model's layers, their shapes, and statistics of their parameters.

python -m adversarial.scripts.summarize_model yaml/mnist.pkl
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from adversarial import modelfile
from adversarial.scripts import cli
from adversarial.scripts.inputs.histories import in_words, trained_by
from adversarial.space import Conv2DSpace, Space
from adversarial.viewer.weights import networks_of

STATISTICS = ("min", "mean", "max", "deviation", "norm")


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = cli.Parser(
        description="Print a model's layers, their shapes, and statistics of their parameters."
    )
    parser.add_argument("models", nargs="+", metavar="MODEL", help="model files (.pkl)")
    cli.add_allow_module(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    for number, path in enumerate(args.models):
        if len(args.models) > 1:
            print(f"{chr(10) if number else ''}{path}")
        summarize(modelfile.load(path, allow_modules=args.allow_module))
        options = options_of(path, args.allow_module)
        if options:
            print(f"\ntrained with {options}")


def options_of(path: str, allow_modules: Collection[str] = ()) -> str:
    """The options of train.py that changed the experiment in a model file: --seed and --set."""
    about = modelfile.experiment_of(path, allow_modules)
    seed, settings = about.get("seed"), about.get("settings")
    words = [] if seed is None else [f"--seed {seed}"]
    words += [f"--set {setting}" for setting in settings] if isinstance(settings, list) else []
    return " ".join(words)


def summarize(model: Any) -> None:
    """Print the summary of one model."""
    networks = networks_of(model)
    counts = trained_by(model)
    trained = "" if counts is None else f", trained for {in_words(counts)}"
    print(f"{type(model).__name__} of {size_of(model):,} parameters{trained}")
    for player, network in networks.items():
        print(f"\n{player}: {size_of(network):,} parameters")
        print(f"  takes {shape_of(network.get_input_space())}")
        for layer in network.layers:
            print(
                f"  {layer.layer_name}: {type(layer).__name__}, "
                f"puts out {shape_of(layer.get_output_space())}"
            )
            for param in layer.get_params():
                print("    " + described(param))


def size_of(model: Any) -> int:
    """The number of parameters, each number counted."""
    return sum(param.get_value(borrow=True).size for param in model.get_params())


def shape_of(space: Space) -> str:
    """A description of `space`."""
    if isinstance(space, Conv2DSpace):
        rows, cols = space.shape
        axes = ", ".join(map(str, space.axes))
        return f"images of {rows} x {cols}, {space.num_channels} channels, axes ({axes})"
    return f"vectors of {space.get_total_dimension():,}"


def described(param: Any) -> str:
    """A parameter's name, shape and statistics."""
    value = np.asarray(param.get_value(borrow=True), dtype=np.float64)
    shape = " x ".join(map(str, value.shape)) or "1"
    found = (value.min(), value.mean(), value.max(), value.std(), np.linalg.norm(value))
    numbers = "  ".join(f"{name} {number:.4g}" for name, number in zip(STATISTICS, found))
    return f"{param.name} ({shape}): {numbers}"


def command() -> int:
    """`main` as a command: its errors become messages and an exit status."""
    return cli.run(main)


if __name__ == "__main__":
    sys.exit(command())
