"""Draw the weights of a layer as images, and print their norms.

python -m adversarial.scripts.show_weights yaml/mnist.pkl
python -m adversarial.scripts.show_weights yaml/mnist.pkl --player generator --rows 10 --cols 20
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence

from adversarial import modelfile
from adversarial.scripts import cli
from adversarial.viewer.grid import present
from adversarial.viewer.weights import PLAYERS, SCALES, patches_of


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = cli.Parser(description="Draw the weights of a layer as images, middle grey being 0.")
    add = parser.add_argument
    add("model", help="model file (.pkl)")
    add("--player", choices=PLAYERS, help="whose layer (the discriminator's)")
    add("--layer", metavar="NAME", help="its layer_name (the first; the generator's last)")
    add(
        "--rescale",
        choices=SCALES,
        default="individual",
        help="the weight that is white: the greatest of each image, of all images, or 1 "
        "(individual)",
    )
    add("--sort", action="store_true", help="strongest first, by norm")
    add("--rows", type=cli.positive_int, help="rows of images (enough for 400 images)")
    add("--cols", type=cli.positive_int, help="images in a row (a nearly square grid)")
    add("--scale", type=cli.positive_int, default=2, help="screen pixels for each weight (2)")
    cli.add_picture(
        parser,
        "beside the model: STEM_weights.png, "
        "with the names of --player and --layer, if given: STEM_weights_h0.png",
    )
    cli.add_allow_module(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    chosen = [re.sub(r"[^\w.-]", "_", name) for name in (args.player, args.layer) if name]
    out = cli.output_path(
        args.out, args.model, "_".join(["_weights", *chosen]) + ".png", args.overwrite
    )
    model = modelfile.load(args.model, allow_modules=args.allow_module)
    patches = patches_of(model, args.player, args.layer)
    if args.sort:
        patches = patches.strongest_first()
    sheet = patches.sheet(args.rows, args.cols, args.rescale)
    sheet.save(out, args.scale)
    norms = patches.norms
    print(f"{len(sheet.images)} of {len(norms)} images, each {patches.what}")
    print(f"norms: least {norms.min():.4g}, mean {norms.mean():.4g}, greatest {norms.max():.4g}")
    present(out, args.show)


def command() -> int:
    """`main` as a command: its errors become messages and an exit status."""
    return cli.run(main)


if __name__ == "__main__":
    sys.exit(command())
