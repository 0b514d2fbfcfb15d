"""Samples of a conditional model by class."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from adversarial import modelfile
from adversarial.evaluation.sampling import draw_noise, draw_samples, generator_of, samples_at
from adversarial.viewer.samples import Sheet, to_unit, view_of
from sandbox.conditional import ConditionalGenerator


def load_model(path: str, allow_modules: Collection[str] = ()) -> Any:
    """What the model file `path` holds; ValueError where its generator takes no classes."""
    model = modelfile.load(path, allow_modules=allow_modules)
    generator = generator_of(model)
    if not isinstance(generator, ConditionalGenerator):
        raise ValueError(f"{path}: its generator takes no class (a {type(generator).__name__})")
    return model


def load_generator(path: str, allow_modules: Collection[str] = ()) -> ConditionalGenerator:
    """The generator of the model file `path`; ValueError where it takes no classes."""
    return generator_of(load_model(path, allow_modules))


def samples_by_class(generator: ConditionalGenerator, n: int, seed: int = 0) -> np.ndarray:
    """`n` samples of each class as rows of design matrices: (classes, n, dimension)."""
    n_classes = generator.n_classes
    in_turn = generator.given_classes(np.arange(n_classes))
    samples = draw_samples(in_turn, n * n_classes, seed, batch_size=10 * n_classes)
    return samples.reshape(n, n_classes, -1).swapaxes(0, 1)


def class_sheet(
    model: Any, classes: Sequence[int], cols: int, seed: int = 0, same_z: bool = False
) -> Sheet:
    """A grid with a row for each of `classes`; with `same_z`, a column is one z in all classes.

    `model` is a ConditionalPair, which knows what samples look like, or its generator alone.
    """
    generator = generator_of(model)
    rows = len(classes)
    z = draw_noise(generator, cols if same_z else rows * cols, seed)
    z = np.tile(z, (rows, 1)) if same_z else z
    samples = samples_at(generator.given_classes(np.repeat(classes, cols)), z)
    if not np.isfinite(samples).all():
        raise ValueError("samples contain NaN or infinite values: the model has diverged")
    return Sheet(to_unit(view_of(model).images(samples)), rows, cols)
