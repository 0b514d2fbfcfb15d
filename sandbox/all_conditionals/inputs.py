"""Common options of measure.py and show.py, and the images that the options name."""

from __future__ import annotations

import argparse
import math
from typing import Any

import numpy as np

from adversarial.evaluation.compatibility import check_compatible, image_shape
from adversarial.evaluation.sampling import generator_of
from adversarial.scripts import cli
from adversarial.scripts.inputs.datasets import dataset_in, examples_of, training_set
from adversarial.space.conv2d import SIDES
from adversarial.viewer.samples import View
from sandbox.all_conditionals.masks import KINDS
from sandbox.data import get_test_set


def add_options(parser: argparse.ArgumentParser, completions: int) -> None:
    """Add the common options; `completions` is the default of `--completions`."""
    add = parser.add_argument
    add(
        "--kinds",
        nargs="+",
        choices=KINDS,
        metavar="KIND",
        help=f"kinds of masks: {', '.join(KINDS)} (all)",
    )
    add(
        "--side",
        choices=SIDES,
        metavar="SIDE",
        help="the model was trained by InpaintingAdversaryCost and fills this half: "
        + ", ".join(SIDES),
    )
    add(
        "--completions",
        type=cli.positive_int,
        default=completions,
        metavar="N",
        help=f"completions of each image ({completions})",
    )
    add(
        "--dataset",
        metavar="FILE",
        help="YAML file of the images to complete (the test set of the training set)",
    )
    add(
        "--training",
        type=cli.positive_int,
        default=10000,
        metavar="N",
        help="search the first N training images for the nearest (10000)",
    )
    add("--seed", type=cli.seed, default=0, help="for masks and completions (0)")
    cli.add_allow_module(parser)
    cli.add_engine_option(parser)


def kinds_of(args: argparse.Namespace) -> list[str]:
    """The kinds of masks to measure. ValueError if --kinds contradicts --side."""
    if args.side is None:
        return args.kinds or list(KINDS)
    if args.kinds not in (None, [args.side]):
        raise ValueError(f"--side {args.side}: this model fills no other mask; leave out --kinds")
    return [args.side]


def images_for(model: Any, path: str, args: argparse.Namespace) -> tuple[np.ndarray, np.ndarray]:
    """(images to complete, the whole training set), each (n, rows, columns, channels).

    `path` is the model file.
    """
    training = training_set(model, args.allow_module, path)
    if args.dataset:
        examples = dataset_in(args.dataset, args.allow_module)
    else:
        try:
            examples = get_test_set(training)
        except ValueError as error:
            raise ValueError(f"{error}: give --dataset") from None
    view = _view_of(model)
    images, seen = _images(examples, view), _images(training, view)
    if args.dataset:
        rows, own = examples_of(examples), examples_of(training)
        check_compatible(model, "the model", rows, examples, args.dataset, own, own.shape[1])
    return images, seen


def _view_of(model: Any) -> View:
    """The shape of the images that a model completes."""
    generator = generator_of(model)
    space = getattr(generator, "images", None) or generator.get_input_space()
    shape = image_shape(space)
    if shape is None:
        raise ValueError(f"a {type(model).__name__} does not complete images: its input is {space}")
    return View(shape)


def _images(dataset: Any, view: View) -> np.ndarray:
    rows = examples_of(dataset)
    shape = image_shape(dataset) or view.shape
    if shape != view.shape or rows.shape[1] != math.prod(view.shape):
        raise ValueError(
            f"the model completes images of shape {view.shape}, not "
            f"{shape if shape != view.shape else rows.shape[1:]}"
        )
    return view.images(rows)
