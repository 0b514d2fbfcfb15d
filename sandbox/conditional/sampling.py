"""Samples of conditional models by class, for measure.py and show.py."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from adversarial import modelfile
from adversarial.evaluation.sampling import draw_noise, draw_samples, generator_of, samples_at
from adversarial.viewer.samples import Sheet, to_unit, view_of
from sandbox.conditional import ConditionalGenerator
from sandbox.data import check_finite


def load_model(path: str, allow_modules: Collection[str] = ()) -> Any:
    """The model in a file.

    Raises
    ------
    ValueError
        If its generator is not conditional; the message names the file.
    """
    model = modelfile.load(path, allow_modules=allow_modules)
    try:
        conditional_generator_of(model)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return model


def load_generator(path: str, allow_modules: Collection[str] = ()) -> ConditionalGenerator:
    """The generator of a model file; errors as in `load_model`."""
    return conditional_generator_of(load_model(path, allow_modules))


def conditional_generator_of(model: Any) -> ConditionalGenerator:
    """The generator of a model; ValueError if it is not conditional."""
    generator = generator_of(model)
    if not isinstance(generator, ConditionalGenerator):
        raise ValueError(f"the generator, a {type(generator).__name__}, is not conditional")
    return generator


def samples_by_class(generator: ConditionalGenerator, n: int, seed: int = 0) -> np.ndarray:
    """`n` samples of each class: array (classes, n, dimension)."""
    n_classes = generator.n_classes
    in_turn = generator.given_classes(np.arange(n_classes))
    samples = draw_samples(in_turn, n * n_classes, seed, batch_size=10 * n_classes)
    return samples.reshape(n, n_classes, -1).swapaxes(0, 1)


def class_sheet(
    model: Any, classes: Sequence[int], cols: int, seed: int = 0, same_z: bool = False
) -> Sheet:
    """A grid of samples with a row for each class.

    Parameters
    ----------
    model : ConditionalPair or ConditionalGenerator
    classes : sequence of int
    cols : int
    seed : int
        For z.
    same_z : bool
        Whether all samples of a column have the same z.

    Raises
    ------
    ValueError
        If the generator is not conditional, or samples are not finite.
    """
    generator = conditional_generator_of(model)
    rows = len(classes)
    z = draw_noise(generator, cols if same_z else rows * cols, seed)
    z = np.tile(z, (rows, 1)) if same_z else z
    samples = samples_at(generator.given_classes(np.repeat(classes, cols)), z)
    check_finite("samples", samples)
    return Sheet(to_unit(view_of(model).images(samples)), rows, cols)
