"""Sheets of samples as the paper's figures show them, from a model alone or beside its data."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from adversarial.datasets.view_converter import AXES, DefaultViewConverter
from adversarial.evaluation.matching import shape_of_rows
from adversarial.evaluation.nearest import nearest
from adversarial.evaluation.sampling import (
    draw_noise,
    draw_samples,
    generator_of,
    inpaint,
    samples_at,
)
from adversarial.space import Conv2DSpace, Space
from adversarial.space.conv2d import half_of
from adversarial.viewer.grid import save_grid

HOLE = 0.25  # a darker grey than that between images


@dataclass(frozen=True)
class Sheet:
    """`rows` x `cols` images, row by row: (n, height, width, channels), values in [0, 1].

    `framed` (n,) marks the training examples among samples.
    """

    images: np.ndarray
    rows: int
    cols: int
    framed: np.ndarray | None = None

    def save(self, path: str | os.PathLike[str], scale: int = 1) -> None:
        save_grid(self.images, path, self.rows, self.cols, frame=self.framed, scale=scale)


def sample_sheet(model: Any, rows: int = 10, cols: int = 10, seed: int = 0) -> Sheet:
    """Samples, not chosen by anyone."""
    samples = _finite(draw_samples(model, rows * cols, seed))
    return Sheet(to_unit(view_of(model).images(samples)), rows, cols)


def nearest_sheet(
    model: Any,
    training: np.ndarray,
    rows: int = 10,
    cols: int = 10,
    seed: int = 0,
    dataset: Any = None,
) -> Sheet:
    """Figure 2: after `cols` samples, each row ends with the example of `training` (n, dimension)
    that is nearest, in Euclidean distance, to the sample beside it, framed.

    `dataset`, whose rows `training` are, may know what they look like where the model does not.
    """
    view = view_of(model, dataset)
    samples = _finite(draw_samples(model, rows * cols, seed)).reshape(rows, cols, -1)
    found = training[nearest(training, samples[:, -1])]
    sheet = np.concatenate([samples, found[:, None]], axis=1, dtype=samples.dtype)
    images = to_unit(view.images(sheet.reshape(rows * (cols + 1), -1)), like=training)
    framed = np.arange(len(images)) % (cols + 1) == cols
    return Sheet(images, rows, cols + 1, framed)


def walk_sheet(model: Any, rows: int = 10, cols: int = 10, seed: int = 0) -> Sheet:
    """Figure 3: each row walks in `cols` equal steps along a line between two points of z space."""
    if cols < 2:
        raise ValueError(f"a walk has two ends, so it needs at least 2 columns, got {cols}")
    start, end = np.split(draw_noise(model, 2 * rows, seed)[:, None], 2)
    along = np.linspace(0, 1, cols, dtype=start.dtype)[None, :, None]
    # This form, unlike start + along * (end - start), hits both ends exactly.
    z = (1 - along) * start + along * end
    samples = _finite(samples_at(model, z.reshape(rows * cols, -1)))
    return Sheet(to_unit(view_of(model).images(samples)), rows, cols)


def inpainting_sheet(
    model: Any,
    examples: np.ndarray,
    side: str,
    rows: int = 10,
    cols: int = 4,
    seed: int = 0,
    dataset: Any = None,
) -> Sheet:
    """In each row, `cols` of `examples` (n, dimension), chosen at random.

    Each is shown as it is, framed; without its half `side`, which is grey; and as G completes it.
    Raises ValueError where `dataset`, whose rows they are, has images of another shape.
    """
    space = generator_of(model).get_input_space()
    if not isinstance(space, Conv2DSpace):
        raise ValueError(f"inpainting needs a generator that takes images; this one takes {space}")
    view = View((*space.shape, space.num_channels))
    known = shape_of_rows(dataset)
    if known not in (None, view.shape):
        raise ValueError(f"a model of images of {view.shape} cannot complete images of {known}")
    chosen = np.random.RandomState(seed).permutation(len(examples))[: rows * cols]
    whole = view.images(examples[chosen])
    painted = _finite(inpaint(model, whole, side, seed))
    whole, painted = (to_unit(images, like=examples) for images in (whole, painted))
    masked = whole.copy()
    masked[(slice(None), *half_of(space.shape, side))] = HOLE
    images = np.stack([whole, masked, painted], axis=1).reshape(-1, *whole.shape[1:])
    framed = np.arange(len(images)) % 3 == 0
    return Sheet(images, -(-len(chosen) // cols), 3 * cols, framed)


class View:
    """How rows of a design matrix become images: (rows, columns, channels), channel-major."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self.shape = shape
        self._converter = DefaultViewConverter(shape, AXES)

    def images(self, rows: np.ndarray) -> np.ndarray:
        """`rows` (n, dimension) as images (n, height, width, channels)."""
        return self._converter.design_mat_to_topo_view(rows)


def view_of(model: Any, dataset: Any = None) -> View:
    """What a model's samples look like; see `view_of_space`."""
    return view_of_space(generator_of(model).get_output_space(), model, dataset=dataset)


def view_of_space(space: Space, owner: Any, what: str = "samples", dataset: Any = None) -> View:
    """What the points of `space` look like.

    The space itself knows it where it holds images; else `owner`, a model or a data set: training
    leaves the data's view converter in a model, and its networks may take images; else `dataset`.
    Only where nothing is known is a square of grey pixels, or of colour ones, assumed.

    Raises ValueError, which calls the points `what`, where they are no images, or contradict what
    is known of the data.
    """
    dimension = space.get_total_dimension()
    of_data = [shape for shape in map(shape_of_rows, (owner, dataset)) if shape is not None]
    known = [_shape_of(space), *of_data, *_shapes_taken_by(owner)]
    fitting = [shape for shape in known if shape is not None and math.prod(shape) == dimension]
    if fitting:
        if fitting[0][2] not in (1, 3):
            raise ValueError(
                f"{what} of {fitting[0][2]} channels cannot be shown: pictures have 1 or 3"
            )
        return View(fitting[0])
    if of_data:
        raise ValueError(
            f"{what} of {dimension} numbers cannot be shown: the data are images of "
            + " x ".join(map(str, of_data[0]))
        )
    for channels in (1, 3):
        side = math.isqrt(dimension // channels)
        if side > 1 and side * side * channels == dimension:
            return View((side, side, channels))
    raise ValueError(
        f"{what} of {dimension} numbers cannot be shown: they are no square image, grey or in "
        f"colour, and the {'data set' if what == 'examples' else 'model'} does not say what shape "
        "they have"
    )


def _shape_of(space: Any) -> tuple[int, int, int] | None:
    return (*space.shape, space.num_channels) if isinstance(space, Conv2DSpace) else None


def _shapes_taken_by(model: Any) -> list[tuple[int, int, int] | None]:
    """Of the images that networks of a pair take: samples are what D and the inferer look at."""
    networks = (getattr(model, name, None) for name in ("discriminator", "inferer"))
    return [_shape_of(network.get_input_space()) for network in networks if network is not None]


def to_unit(images: np.ndarray, like: np.ndarray | None = None) -> np.ndarray:
    """`images` (n, ...) brought into [0, 1], black to white.

    Values around zero, such as those of contrast-normalised CIFAR-10, are divided by the greatest
    absolute value of their image, as in 2014, and 0 becomes middle grey. Others are left as they
    are, or divided by the greatest of all where that is above 1. `like` decides which they are,
    if given: data that the images are to look like.
    """
    judge = images if like is None else like
    if judge.size and judge.min() < 0:
        peaks = np.abs(images).max(axis=tuple(range(1, images.ndim)), keepdims=True)
        return images / np.where(peaks > 0, peaks, 1) / 2 + 0.5
    return np.clip(images / max(1.0, judge.max(initial=0)), 0, 1)


def _finite(samples: np.ndarray) -> np.ndarray:
    if not np.isfinite(samples).all():
        raise ValueError("samples contain NaN or infinite values: the model has diverged")
    return samples
