"""Ways to fill the holes of images: by a model, by the mean image, by the nearest example.

Images are arrays (n, rows, columns, channels); masks (n, rows, columns, 1), 1 where the image is
seen. What is seen is never changed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Optional

import aesara.tensor as at
import numpy as np

from adversarial import backend
from adversarial.evaluation.sampling import fresh_streams, generator_of
from sandbox.all_conditionals.masks import RandomMasks
from sandbox.all_conditionals.model import ConditionalsPair

BLOCK_ELEMENTS = 2**23  # one block of distances: 32 MiB

Fill = Callable[[np.ndarray, np.ndarray], np.ndarray]


def draw_masks(kind: str, shape: tuple[int, int], n: int, seed: int = 0) -> np.ndarray:
    """`n` masks of one kind of `masks.KINDS`: the same for the same seed."""
    return backend.function([], RandomMasks(shape, {kind: 1}, seed).draw(n))()


def painter(model: Any, side: Optional[str] = None, seed: int = 0) -> Fill:
    """G as a function of (images, masks): each image is completed with a z of its own, each time.

    With a `side`, `model` is one of `InpaintingAdversaryCost` that paints this half, whatever the
    masks say.  ValueError where the model is of the other sort.
    """
    if side is not None and isinstance(model, ConditionalsPair):
        raise ValueError(f"a ConditionalsPair paints no {side} half in particular: no --side")
    if side is None and not isinstance(model, ConditionalsPair):
        raise ValueError(
            f"a {type(model).__name__} does not complete images under any mask; give a "
            "ConditionalsPair, or --side for a model that paints one half"
        )
    generator = generator_of(model)
    images, masks = at.tensor4("images"), at.tensor4("masks")
    with fresh_streams(generator, seed):
        if side is None:
            completed = generator.complete(at.concatenate([images, masks], axis=3))[0][..., :-1]
        else:
            completed, _ = generator.inpainting_sample_and_noise(images, side=side)
        fill = backend.function([images, masks], completed)
    return lambda *given: fill(*(np.asarray(values, images.dtype) for values in given))


def completions(fill: Fill, images: np.ndarray, masks: np.ndarray, count: int) -> np.ndarray:
    """`count` completions of each image: (count, n, rows, columns, channels).

    ValueError where they are not finite.
    """
    made = np.stack([fill(images, masks) for _ in range(count)])
    if not np.isfinite(made).all():
        raise ValueError("completions contain NaN or infinite values: the model has diverged")
    return made


def mean_fill(training: np.ndarray, images: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Holes show the mean of the `training` images."""
    mean = training.mean(axis=0, dtype=np.float64).astype(images.dtype)
    return np.where(masks, images, mean)


def nearest_fill(training: np.ndarray, images: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Holes show the `training` image that is nearest, in Euclidean distance, where it is seen.

    Of equally near ones the first, so the first of all where nothing is seen.
    """
    if len(training) == 0:
        raise ValueError("no training examples to search")
    seen = np.broadcast_to(masks, images.shape).reshape(len(images), -1).astype(images.dtype)
    rows = images.reshape(len(images), -1) * seen
    examples = training.reshape(len(training), -1)
    best = np.full(len(images), np.inf, images.dtype)
    found = np.zeros(len(images), np.intp)
    step = max(1, BLOCK_ELEMENTS // max(len(images), examples.shape[1]))
    for start in range(0, len(examples), step):
        block = examples[start : start + step]
        # sum over the seen pixels of (t - x)^2, less that of x^2, which is the same for every t.
        distances = seen @ np.square(block).T - 2 * (rows @ block.T)
        nearest = distances.argmin(axis=1)
        values = distances[np.arange(len(images)), nearest]
        closer = values < best
        best[closer] = values[closer]
        found[closer] = start + nearest[closer]
    return np.where(masks, images, training[found])
