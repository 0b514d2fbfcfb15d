"""What measure and show share: their options, and the images that these name."""

from __future__ import annotations

import argparse
import math
from typing import Any

import numpy as np

from adversarial.evaluation.matching import check_match, image_shape
from adversarial.evaluation.sampling import generator_of
from adversarial.scripts.inputs import dataset_in, examples_of, training_set
from adversarial.space.conv2d import SIDES
from adversarial.utils import cli
from adversarial.viewer.samples import View
from sandbox.all_conditionals.masks import KINDS


def add_options(parser: argparse.ArgumentParser, completions: int) -> None:
    """The options of both; `completions` is the default of one."""
    add = parser.add_argument
    add(
        "--kinds",
        nargs="+",
        choices=KINDS,
        metavar="KIND",
        help=f"what is hidden: {', '.join(KINDS)} (all)",
    )
    add(
        "--side",
        choices=SIDES,
        metavar="SIDE",
        help="the model is one of InpaintingAdversaryCost and paints this half: "
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
    add("--seed", type=cli.natural, default=0, help="for masks and completions (0)")
    cli.add_allow_module(parser)
    cli.add_engine_option(parser)


def kinds_of(args: argparse.Namespace) -> list[str]:
    """What is hidden, in turn. ValueError for a model of one half and any other kind."""
    if args.side is None:
        return args.kinds or list(KINDS)
    if args.kinds not in (None, [args.side]):
        raise ValueError(f"a model that paints the {args.side} half paints nothing else")
    return [args.side]


def images_for(model: Any, args: argparse.Namespace) -> tuple[np.ndarray, np.ndarray]:
    """(images to complete, the whole training set), each (n, rows, columns, channels)."""
    training = training_set(model, args.allow_module)
    if args.dataset:
        examples = dataset_in(args.dataset, args.allow_module)
    elif hasattr(training, "get_test_set"):
        examples = training.get_test_set()
    else:
        raise ValueError(
            f"the training set, a {type(training).__name__}, has no test set: give --dataset"
        )
    view = _view_of(model)
    images, seen = _images(examples, view), _images(training, view)
    if args.dataset:
        rows, own = examples_of(examples), examples_of(training)
        check_match(model, "the model", rows, examples, args.dataset, own, own.shape[1])
    return images, seen


def _view_of(model: Any) -> View:
    """What the images that a model completes look like."""
    generator = generator_of(model)
    space = getattr(generator, "images", None) or generator.get_input_space()
    shape = image_shape(space)
    if shape is None:
        raise ValueError(f"a {type(model).__name__} does not complete images: it takes {space}")
    return View(shape)


def _images(dataset: Any, view: View) -> np.ndarray:
    rows = examples_of(dataset)
    shape = image_shape(dataset) or view.shape
    if shape != view.shape or rows.shape[1] != math.prod(view.shape):
        raise ValueError(
            f"a model of images of {view.shape} cannot complete images of "
            f"{shape if shape != view.shape else rows.shape[1:]}"
        )
    return view.images(rows)
