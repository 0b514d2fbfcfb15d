"""Common options of measure.py and show.py, and the models and data that they name."""

from __future__ import annotations

import argparse
from collections.abc import Collection
from typing import Any, Optional

import numpy as np

from adversarial import modelfile
from adversarial.scripts import cli
from adversarial.scripts.inputs.datasets import examples_of, training_set
from sandbox.data import get_test_set
from sandbox.inference import Inference


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the common options."""
    add = parser.add_argument
    add(
        "--layer",
        type=cli.natural,
        metavar="N",
        help="the inferer predicts layer N of G, as the cost's infer_layer (z)",
    )
    add(
        "--samples",
        type=cli.positive_int,
        default=10000,
        metavar="N",
        help="search the nearest sample to each example among N samples (10000)",
    )
    add("--seed", type=cli.seed, default=0, help="for the samples (0)")
    cli.add_allow_module(parser)
    cli.add_engine_option(parser)


def load(
    path: str, layer: Optional[int], allow_modules: Collection[str] = ()
) -> tuple[Any, Inference]:
    """The model in a file, and its inference.

    Raises
    ------
    ValueError
        If the model has no inferer; the message names the file.
    """
    model = modelfile.load(path, allow_modules=allow_modules)
    with cli.blaming(path):
        try:
            return model, Inference(model, layer)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error


def examples(
    model: Any, path: str, allow_modules: Collection[str] = ()
) -> tuple[np.ndarray, np.ndarray]:
    """(training examples, test examples), as rows, of the data set of the model in file `path`."""
    training = training_set(model, allow_modules, path)
    return examples_of(training), examples_of(get_test_set(training))
