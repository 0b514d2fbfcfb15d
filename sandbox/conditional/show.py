"""Draw samples of a conditional model, one class per row.

python -m sandbox.conditional.show sandbox/conditional/experiment.pkl
python -m sandbox.conditional.show MODEL.pkl --same-z    # each column has the same z
python -m sandbox.conditional.show MODEL.pkl --classes 4 7
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from adversarial.scripts import cli
from adversarial.viewer.grid import present
from sandbox.conditional.sampling import class_sheet, conditional_generator_of, load_model


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = cli.Parser(description="Draw samples of a conditional model, one class per row.")
    add = parser.add_argument
    add("model", help="model file (.pkl)")
    add("--classes", type=cli.natural, nargs="+", metavar="C", help="draw only these classes (all)")
    add("--cols", type=cli.positive_int, default=10, help="samples per row (10)")
    add("--same-z", action="store_true", help="use the same z in all rows of a column")
    add("--seed", type=cli.seed, default=0, help="for z (0)")
    add("--scale", type=cli.positive_int, default=2, help="screen pixels per image pixel (2)")
    cli.add_picture(
        parser, "beside the model: STEM_classes.png, with --same-z STEM_classes_same_z.png"
    )
    cli.add_allow_module(parser)
    cli.add_engine_option(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    cli.choose_engine(args)
    ending = "_classes_same_z.png" if args.same_z else "_classes.png"
    out = cli.output_path(args.out, args.model, ending, args.overwrite)
    model = load_model(args.model, args.allow_module)
    classes = (
        range(conditional_generator_of(model).n_classes) if args.classes is None else args.classes
    )
    with cli.blaming(args.model):
        sheet = class_sheet(model, classes, args.cols, args.seed, args.same_z)
    sheet.save(out, args.scale)
    present(out, args.show)


if __name__ == "__main__":
    sys.exit(cli.run(main))
