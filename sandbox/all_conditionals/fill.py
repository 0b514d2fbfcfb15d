"""Ways to fill the hidden pixels of images: by a model, the mean image, or the nearest example.

Images are arrays (n, rows, columns, channels). Masks are arrays (n, rows, columns, 1), 1 where a
pixel is visible and 0 where it is hidden. Visible pixels are never changed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Optional

import aesara.tensor as at
import numpy as np

from adversarial import backend
from adversarial.evaluation.sampling import fresh_streams, generator_of
from sandbox.all_conditionals.masks import RandomMasks
from sandbox.all_conditionals.model import Completer, ConditionalsPair
from sandbox.data import check_finite

BLOCK_ELEMENTS = 2**23  # of a block of distances: 32 MiB

Fill = Callable[[np.ndarray, np.ndarray], np.ndarray]


def draw_masks(kind: str, shape: Sequence[int], n: int, seed: int = 0) -> np.ndarray:
    """`n` random masks of one kind of `masks.KINDS`; the same seed gives the same masks."""
    return backend.function([], RandomMasks(shape, {kind: 1}, seed).draw(n))()


def model_fill(model: Any, side: Optional[str] = None, seed: int = 0) -> Fill:
    """The generator as a function of (images, masks) that completes each image with a new z.

    Parameters
    ----------
    model : ConditionalsPair, or with `side` a model of `InpaintingAdversaryCost`
    side : str, optional
        The half that the model fills, whatever the masks say: left, right, top or bottom.
    seed : int
        For z.

    Raises
    ------
    ValueError
        If `side` is given for a ConditionalsPair, or is missing for another model.
    """
    if side is not None and isinstance(model, ConditionalsPair):
        raise ValueError("a ConditionalsPair completes images under any mask: leave out --side")
    if side is None and not isinstance(model, ConditionalsPair):
        raise ValueError(
            f"a {type(model).__name__} does not complete images under any mask: give --side if it "
            "fills one half, or a model file of a ConditionalsPair"
        )
    generator = generator_of(model)
    images, masks = at.tensor4("images"), at.tensor4("masks")
    with fresh_streams(generator, seed):
        if side is None:
            assert isinstance(generator, Completer)  # `ConditionalsPair` checks
            completed = generator.complete(at.concatenate([images, masks], axis=3))[0][..., :-1]
        else:
            completed, _ = generator.inpainting_sample_and_noise(images, side=side)
        fill = backend.function([images, masks], completed)
    return lambda *given: fill(*(np.asarray(values, images.dtype) for values in given))


def completions(fill: Fill, images: np.ndarray, masks: np.ndarray, count: int) -> np.ndarray:
    """`count` completions of each image: array (count, n, rows, columns, channels).

    Raises
    ------
    ValueError
        If a completion is not finite.
    """
    made = np.stack([fill(images, masks) for _ in range(count)])
    check_finite("completions", made)
    return made


def mean_fill(training: np.ndarray, images: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Hidden pixels become those of the mean of the `training` images."""
    mean = training.mean(axis=0, dtype=np.float64).astype(images.dtype)
    return np.where(masks, images, mean)


def nearest_fill(training: np.ndarray, images: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Hidden pixels become those of the `training` image nearest on the visible pixels.

    The distance is Euclidean. Of equally near images the first one is taken: the very first if no
    pixel is visible.
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
        # (t - x)^2 summed over visible pixels, without the sum of x^2, which is equal for all t.
        distances = seen @ np.square(block).T - 2 * (rows @ block.T)
        nearest = distances.argmin(axis=1)
        values = distances[np.arange(len(images)), nearest]
        closer = values < best
        best[closer] = values[closer]
        found[closer] = start + nearest[closer]
    return np.where(masks, images, training[found])
