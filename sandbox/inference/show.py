"""Draw test digits, their reconstructions from the inferred z, and their nearest samples.

python -m sandbox.inference.show sandbox/inference/experiment.pkl
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any, Optional

import numpy as np

from adversarial.evaluation.nearest_neighbors import nearest_neighbors
from adversarial.evaluation.sampling import draw_samples
from adversarial.scripts import cli
from adversarial.viewer.grid import present
from adversarial.viewer.samples import Sheet, to_unit, view_of
from sandbox.data import check_finite
from sandbox.inference import Inference
from sandbox.inference.inputs import add_options, examples, load


def parse(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    parser = cli.Parser(
        description="Draw groups of three images: a test digit, framed; its reconstruction, which "
        "is G's output for the inferred value; the nearest sample."
    )
    add = parser.add_argument
    add("model", help="model file (.pkl) of a pair with an inferer")
    cli.add_picture(parser, "beside the model: STEM_inferred.png")
    add("--rows", type=cli.positive_int, default=10, help="rows of images (10)")
    add("--cols", type=cli.positive_int, default=5, help="groups of three per row (5)")
    add("--scale", type=cli.positive_int, default=2, help="screen pixels per image pixel (2)")
    add_options(parser)
    return parser.parse_args(argv)


def sheet_of(
    model: Any,
    inference: Inference,
    test: np.ndarray,
    rows: int,
    cols: int,
    samples: int,
    seed: int = 0,
) -> Sheet:
    """`rows` x `cols` groups of three images, for the first examples of `test`."""
    digits = test[: rows * cols]
    drawn = draw_samples(model, samples, seed)
    _, reconstructed = inference.of_images(digits)
    threes = np.stack([digits, reconstructed, drawn[nearest_neighbors(drawn, digits)]], axis=1)
    check_finite("inferred values", threes)
    images = to_unit(view_of(model).images(threes.reshape(3 * len(digits), -1)), like=test)
    return Sheet(images, -(-len(digits) // cols), 3 * cols, np.arange(len(images)) % 3 == 0)


def main(argv: Optional[Sequence[str]] = None) -> None:
    args = parse(argv)
    out = cli.output_path(args.out, args.model, "_inferred.png", args.overwrite)
    cli.choose_engine(args)
    model, inference = load(args.model, args.layer, args.allow_module)
    _, test = examples(model, args.model, args.allow_module)
    sheet = sheet_of(model, inference, test, args.rows, args.cols, args.samples, args.seed)
    sheet.save(out, args.scale)
    present(out, args.show)


if __name__ == "__main__":
    sys.exit(cli.run(main))
