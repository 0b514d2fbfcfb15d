"""Draw examples of a data set, which a YAML file describes or a model was trained on.

python -m adversarial.scripts.show_examples yaml/mnist.yaml --out digits.png
python -m adversarial.scripts.show_examples yaml/mnist.pkl --rows 5 --cols 20
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from adversarial.scripts import cli
from adversarial.scripts.inputs.datasets import dataset_in, examples_of
from adversarial.viewer.grid import present
from adversarial.viewer.samples import example_sheet


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = cli.Parser(description="Draw examples of a data set, chosen at random.")
    add = parser.add_argument
    add("source", help="YAML file of a data set or an experiment, or a model file (.pkl)")
    add("--rows", type=cli.positive_int, default=10, help="rows of images (10)")
    add("--cols", type=cli.positive_int, default=10, help="images in a row (10)")
    add("--seed", type=cli.seed, default=0, help="for the choice (0)")
    add("--scale", type=cli.positive_int, default=2, help="screen pixels for each pixel (2)")
    cli.add_picture(parser, "beside the source: STEM_examples.png")
    cli.add_allow_module(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    out = cli.output_path(args.out, args.source, "_examples.png", args.overwrite)
    dataset = dataset_in(args.source, args.allow_module)
    count = len(examples_of(dataset))
    sheet = example_sheet(dataset, args.rows, args.cols, args.seed)
    sheet.save(out, args.scale)
    print(f"{len(sheet.images)} of {count:,} examples of {type(dataset).__name__}")
    present(out, args.show)


def command() -> int:
    """`main` as a command: its errors become messages and an exit status."""
    return cli.run(main)


if __name__ == "__main__":
    sys.exit(command())
