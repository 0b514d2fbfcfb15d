"""Draw images, their visible pixels, and completions by a model, the mean and the nearest image.

python -m sandbox.all_conditionals.show MODEL.pkl
python -m sandbox.all_conditionals.show cifar10.pkl --side right
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import numpy as np

from adversarial import modelfile
from adversarial.scripts import cli
from adversarial.viewer.grid import present
from adversarial.viewer.samples import HOLE, Sheet, to_unit
from sandbox.all_conditionals import fill, inputs


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = cli.Parser(
        description="Draw a row for each image: the image, framed; its visible pixels; completions "
        "by the model, by the mean training image and by the nearest training image."
    )
    add = parser.add_argument
    add("model", help="model file (.pkl)")
    cli.add_picture(parser, "beside the model: STEM_completions.png")
    add(
        "--rows",
        type=cli.positive_int,
        default=16,
        help="number of images, chosen at random; the kinds of masks alternate (16)",
    )
    add("--scale", type=cli.positive_int, default=2, help="screen pixels per image pixel (2)")
    inputs.add_options(parser, completions=6)
    return parser.parse_args(argv)


def sheet_of(
    model_fill: fill.Fill,
    images: np.ndarray,
    masks: np.ndarray,
    training: np.ndarray,
    completions: int,
    searched: int,
) -> Sheet:
    """A row for each image: image, visible pixels, `completions`, mean image, nearest image."""
    made = fill.completions(model_fill, images, masks, completions)
    ways = [
        fill.mean_fill(training, images, masks),
        fill.nearest_fill(training[:searched], images, masks),
    ]
    columns = [to_unit(column, like=training) for column in [images, images, *made, *ways]]
    columns[1] = np.where(masks, columns[1], HOLE)
    rows = np.stack(columns, axis=1)
    sheet = rows.reshape(-1, *images.shape[1:])
    return Sheet(sheet, len(images), len(columns), np.arange(len(sheet)) % len(columns) == 0)


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    cli.choose_engine(args)
    out = cli.output_path(args.out, args.model, "_completions.png", args.overwrite)
    kinds = inputs.kinds_of(args)
    model = modelfile.load(args.model, allow_modules=args.allow_module)
    model_fill = fill.model_fill(model, args.side, args.seed)
    images, training = inputs.images_for(model, args.model, args)
    chosen = np.random.RandomState(args.seed).permutation(len(images))[: args.rows]
    images = images[chosen]
    of_kind = [fill.draw_masks(kind, images.shape[1:3], len(images), args.seed) for kind in kinds]
    masks = np.stack([of_kind[i % len(kinds)][i] for i in range(len(images))])
    sheet_of(model_fill, images, masks, training, args.completions, args.training).save(
        out, args.scale
    )
    present(out, args.show)


if __name__ == "__main__":
    sys.exit(cli.run(main))
