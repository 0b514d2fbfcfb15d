"""Draw samples of a trained model as a picture.

    python show_samples.py mnist.pkl                # a grid of samples
    python show_samples.py mnist.pkl --nearest      # with nearest training examples, as Figure 2
    python show_samples.py mnist.pkl --interpolate  # along lines in z space, as Figure 3
    python show_samples.py mnist_inpainting.pkl --inpaint right  # halves of images painted by G

`viewer.samples` draws the pictures. Each kind has a file name of its own.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from adversarial import modelfile
from adversarial.scripts import cli
from adversarial.scripts.inputs.datasets import examples_for, examples_of
from adversarial.space.conv2d import SIDES
from adversarial.viewer import samples
from adversarial.viewer.grid import present


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = cli.Parser(description="Draw samples of a trained model as a picture.")
    add = parser.add_argument
    add("model", help="model file (.pkl)")
    cli.add_picture(
        parser,
        "beside the model: STEM_samples.png, STEM_nearest.png, "
        "STEM_interpolated.png or STEM_inpainted_SIDE.png",
    )
    add("--rows", type=cli.positive_int, default=10, help="rows of images (10)")
    add("--cols", type=cli.positive_int, help="samples in a row (10; of --inpaint, 4)")
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--nearest",
        action="store_true",
        help="end each row with the training example nearest to its last sample, "
        "framed; loads the training set",
    )
    what.add_argument(
        "--interpolate",
        action="store_true",
        help="each row is G along a line between two points of z space",
    )
    what.add_argument(
        "--inpaint",
        choices=SIDES,
        metavar="SIDE",
        help="examples, framed; without their half SIDE; and with this half painted by the model. "
        f"SIDE is {', '.join(SIDES)}, as in the training",
    )
    add(
        "--dataset",
        metavar="FILE",
        help="YAML file of the examples for --nearest and --inpaint (the training set)",
    )
    add("--seed", type=cli.natural, default=0, help="for the samples (0)")
    add("--scale", type=cli.positive_int, default=2, help="screen pixels for each of the model (2)")
    cli.add_allow_module(parser)
    cli.add_engine_option(parser)
    args = parser.parse_args(argv)
    if args.cols is None:
        args.cols = 4 if args.inpaint else 10
    if args.interpolate and args.cols < 2:
        parser.error("--interpolate needs at least --cols 2")
    if args.dataset and not (args.nearest or args.inpaint):
        parser.error("--dataset needs --nearest or --inpaint")
    return args


def ending(args: argparse.Namespace) -> str:
    """The end of the picture's file name, after the model's name."""
    if args.inpaint:
        return f"_inpainted_{args.inpaint}.png"
    kind = "nearest" if args.nearest else "interpolated" if args.interpolate else "samples"
    return f"_{kind}.png"


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    cli.choose_engine(args)
    out = cli.output_path(args.out, args.model, ending(args))
    model = modelfile.load(args.model, allow_modules=args.allow_module)
    size: dict[str, Any] = {"rows": args.rows, "cols": args.cols, "seed": args.seed}
    if args.nearest or args.inpaint:
        dataset = examples_for(model, args.model, args.dataset, args.allow_module)
        size["dataset"] = dataset
        examples = examples_of(dataset)
    if args.nearest:
        sheet = samples.nearest_sheet(model, examples, **size)
    elif args.inpaint:
        sheet = samples.inpainting_sheet(model, examples, args.inpaint, **size)
    elif args.interpolate:
        sheet = samples.walk_sheet(model, **size)
    else:
        sheet = samples.sample_sheet(model, **size)
    sheet.save(out, args.scale)
    present(out, args.show)


def command() -> int:
    """`main` as a command: its errors become messages and an exit status."""
    return cli.run(main)


if __name__ == "__main__":
    sys.exit(command())
