#!/usr/bin/env python
"""Draw samples of a trained model as a picture.

    python show_samples.py mnist.pkl                # a grid of samples
    python show_samples.py mnist.pkl --nearest      # beside the nearest training examples: Figure 2
    python show_samples.py mnist.pkl --interpolate  # walks through z space: Figure 3
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from PIL import Image

from adversarial.config import yaml_parse
from adversarial.utils import cli, serial
from adversarial.viewer import samples
from adversarial.viewer.grid import show_image


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Draw samples of a trained model as a picture.")
    add = parser.add_argument
    add("model", help="model file (.pkl)")
    add("--out", metavar="IMAGE", help="picture to write (beside the model: STEM_samples.png)")
    add("--show", action="store_true", help="open a window, too, where there is a display")
    add("--rows", type=cli.positive_int, default=10, help="rows of images (10)")
    add("--cols", type=cli.positive_int, default=10, help="samples in a row (10)")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--nearest", action="store_true",
                      help="end each row with the training example nearest to its last sample, "
                      "framed; loads the training set")
    what.add_argument("--interpolate", action="store_true",
                      help="each row walks along a line between two points of z space")
    add("--seed", type=cli.natural, default=0, help="for the samples (0)")
    add("--scale", type=cli.positive_int, default=2, help="screen pixels for each of the model (2)")
    add("--allow-module", action="append", default=[], metavar="NAME",
        help="let the model file use classes of this module")
    args = parser.parse_args(argv)
    if args.interpolate and args.cols < 2:
        parser.error("--interpolate needs at least --cols 2")
    if args.out is None:
        args.out = os.path.splitext(args.model)[0] + "_samples.png"
    return args


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    folder = os.path.dirname(args.out) or "."
    if not os.path.isdir(folder):
        raise ValueError(f"cannot write {args.out}: there is no folder {folder}")
    model = serial.load(args.model, allow_modules=args.allow_module)
    size = {"rows": args.rows, "cols": args.cols, "seed": args.seed}
    if args.nearest:
        training = training_examples(model, args.allow_module)
        sheet = samples.nearest_sheet(model, training, **size)
    elif args.interpolate:
        sheet = samples.walk_sheet(model, **size)
    else:
        sheet = samples.sample_sheet(model, **size)
    sheet.save(args.out, args.scale)
    print(args.out)
    if args.show:
        with Image.open(args.out) as image:
            show_image(image)


def training_examples(model: Any, allow_modules: Collection[str] = ()) -> np.ndarray:
    """The training set, as rows, that the model file says the model was trained on."""
    source = getattr(model, "dataset_yaml_src", None)
    if not source:
        raise ValueError(
            "the model file does not say which data set the model was trained on "
            "(those that train.py saves do)"
        )
    dataset = yaml_parse.load(source, allow_modules=allow_modules)
    if not hasattr(dataset, "get_design_matrix"):
        raise ValueError(f"the model's training set, a {type(dataset).__name__}, has no rows")
    return dataset.get_design_matrix()


if __name__ == "__main__":
    sys.exit(cli.run(main))
