"""Sheets of samples, as the paper's figures show them: from a model alone, or beside its data.

`show_samples`, `show_examples` and the extension `SampleGrid` draw these. A sheet is made in three
steps: rows of a design matrix (samples or examples), `View` (rows to images), `to_unit` (values to
[0, 1]).
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from adversarial.datasets.view_converter import AXES, DefaultViewConverter
from adversarial.evaluation.compatibility import ImageShape, image_shape
from adversarial.evaluation.nearest_neighbors import nearest_neighbors
from adversarial.evaluation.sampling import (
    draw_noise,
    draw_samples,
    generator_of,
    inpaint,
    sample_space,
    samples_at,
)
from adversarial.space import Space, VectorSpace
from adversarial.space.conv2d import half_of
from adversarial.viewer.grid import check_pixels, save_grid

HOLE = 0.25  # darker than the grey between images


@dataclass(frozen=True)
class Sheet:
    """A grid of images to be drawn.

    Attributes
    ----------
    images : (n, height, width, channels), values in [0, 1], row by row; channels is 1 or 3
    rows, cols : int
    framed : (n,) booleans, optional; marks the training examples among samples

    Examples
    --------
    >>> Sheet(np.zeros((4, 28, 28, 1)), rows=2, cols=2).save("black.png")
    """

    images: np.ndarray
    rows: int
    cols: int
    framed: np.ndarray | None = None

    def save(self, path: str | os.PathLike[str], scale: int = 1) -> None:
        """Write the sheet as a picture, enlarged by the factor `scale`; see `save_grid`."""
        save_grid(self.images, path, self.rows, self.cols, frame=self.framed, scale=scale)


def sample_sheet(
    model: Any, rows: int = 10, cols: int = 10, seed: int = 0, z: np.ndarray | None = None
) -> Sheet:
    """`rows` x `cols` samples, not selected; or G at the points `z`, at most so many."""
    view = _view_of_grid(model, rows, cols)
    samples = draw_samples(model, rows * cols, seed) if z is None else samples_at(model, z)
    return Sheet(to_unit(view.images(finite(samples))), rows, cols)


def nearest_sheet(
    model: Any,
    training: np.ndarray,
    rows: int = 10,
    cols: int = 10,
    seed: int = 0,
    dataset: Any = None,
) -> Sheet:
    """Figure 2: `cols` samples a row, then the training example nearest to the last of them.

    Parameters
    ----------
    model : AdversaryPair or Generator
    training : (n, dimension), the training examples
    rows, cols, seed : int
    dataset : optional
        The data set of `training`; it tells the shape of the images if the model does not.

    Returns
    -------
    A sheet of `cols` + 1 columns; the last one has the nearest examples by Euclidean distance,
    framed.
    """
    view = _view_of_grid(model, rows, cols + 1, dataset)
    samples = finite(draw_samples(model, rows * cols, seed)).reshape(rows, cols, -1)
    found = training[nearest_neighbors(training, samples[:, -1])]
    sheet = np.concatenate([samples, found[:, None]], axis=1, dtype=samples.dtype)
    images = to_unit(view.images(sheet.reshape(rows * (cols + 1), -1)), like=training)
    framed = np.arange(len(images)) % (cols + 1) == cols
    return Sheet(images, rows, cols + 1, framed)


def walk_sheet(model: Any, rows: int = 10, cols: int = 10, seed: int = 0) -> Sheet:
    """Figure 3: each row is G along a line between two points of z space, in equal steps."""
    if cols < 2:
        raise ValueError(f"a walk has two ends, so it needs at least 2 columns, got {cols}")
    view = _view_of_grid(model, rows, cols)
    start, end = np.split(draw_noise(model, 2 * rows, seed)[:, None], 2)
    along = np.linspace(0, 1, cols, dtype=start.dtype)[None, :, None]
    # This form, unlike start + along * (end - start), hits both ends exactly.
    z = (1 - along) * start + along * end
    samples = finite(samples_at(model, z.reshape(rows * cols, -1)))
    return Sheet(to_unit(view.images(samples)), rows, cols)


def inpainting_sheet(
    model: Any,
    examples: np.ndarray,
    side: str,
    rows: int = 10,
    cols: int = 4,
    seed: int = 0,
    dataset: Any = None,
) -> Sheet:
    """Three images for each of `rows` x `cols` examples, drawn at random from `examples`.

    They are the example, framed; the example with its half `side` grey; and the same with this
    half painted by G.

    Parameters
    ----------
    model : AdversaryPair or Generator whose generator takes images
    examples : (n, dimension)
    side : the half that G paints, one of `space.conv2d.SIDES`
    rows, cols, seed : int
    dataset : optional; the data set of `examples`

    Raises
    ------
    ValueError
        Where the generator takes no images, or `dataset` has images of another shape.
    """
    space = generator_of(model).get_input_space()
    shape = image_shape(space)
    if shape is None:
        raise ValueError(f"inpainting needs a generator that takes images; this one takes {space}")
    view = View(shape)
    known = image_shape(dataset)
    if known not in (None, shape):
        raise ValueError(f"a model of images of {shape} cannot complete images of {known}")
    chosen = np.random.RandomState(seed).permutation(len(examples))[: rows * cols]
    whole = view.images(examples[chosen])
    painted = finite(inpaint(model, whole, side, seed))
    whole, painted = (to_unit(images, like=examples) for images in (whole, painted))
    masked = whole.copy()
    half = (slice(None), *half_of(shape[:2], side))
    masked[half] = HOLE
    images = np.stack([whole, masked, painted], axis=1).reshape(-1, *whole.shape[1:])
    framed = np.arange(len(images)) % 3 == 0
    return Sheet(images, -(-len(chosen) // cols), 3 * cols, framed)


def example_sheet(dataset: Any, rows: int = 10, cols: int = 10, seed: int = 0) -> Sheet:
    """`rows` x `cols` examples of a data set, or all if it has fewer, chosen at random.

    Raises
    ------
    ValueError
        Where the examples are no images.

    Examples
    --------
    >>> from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
    >>> example_sheet(DenseDesignMatrix(topo_view=np.zeros((12, 5, 5, 1)))).images.shape
    (12, 5, 5, 1)
    """
    examples = dataset.get_design_matrix()
    view = view_of_space(VectorSpace(examples.shape[1]), dataset, "examples")
    chosen = np.random.RandomState(seed).permutation(len(examples))[: rows * cols]
    images = to_unit(view.images(examples[chosen]), like=examples)
    return Sheet(images, -(-len(chosen) // cols), cols)


class View:
    """How rows of a design matrix become images.

    Parameters
    ----------
    shape : (rows, columns, channels)
        A row of the matrix holds one channel after the other, each row by row.

    Examples
    --------
    >>> View((28, 28, 1)).images(np.zeros((5, 784))).shape
    (5, 28, 28, 1)
    """

    def __init__(self, shape: ImageShape) -> None:
        self.shape = shape
        self._converter = DefaultViewConverter(shape, AXES)

    def images(self, rows: np.ndarray) -> np.ndarray:
        """`rows` (n, dimension) as images (n, height, width, channels)."""
        return self._converter.design_mat_to_topo_view(rows)


def view_of(model: Any, dataset: Any = None) -> View:
    """The view of a model's samples; see `view_of_space`."""
    return view_of_space(sample_space(model), model, dataset=dataset)


def _view_of_grid(model: Any, rows: int, cols: int, dataset: Any = None) -> View:
    """The view of a model's samples, if a grid of `rows` x `cols` is no larger than a picture.

    To be called before they are drawn: a model file of kilobytes can describe samples of gigabytes.
    """
    view = view_of(model, dataset)
    check_pixels(rows * view.shape[0], cols * view.shape[1])
    return view


def view_of_space(space: Space, owner: Any, what: str = "samples", dataset: Any = None) -> View:
    """The view of points of `space`: the shape of their images, from what is known about it.

    The first that is known counts: the space itself, if it holds images; the view converter of
    `owner`, which training leaves in a model, and of `dataset`; the images that the networks of
    `owner` take. If nothing is known, a square of grey or of colour pixels is assumed.

    Parameters
    ----------
    space : Space
    owner : a model or a data set
    what : str
        What messages call the points.
    dataset : optional

    Raises
    ------
    ValueError
        Where the points are no images, or contradict what is known of the data.

    Examples
    --------
    >>> from adversarial.space import VectorSpace
    >>> view_of_space(VectorSpace(784), owner=None).shape
    (28, 28, 1)
    """
    dimension = space.get_total_dimension()
    of_data = [shape for shape in map(image_shape, (owner, dataset)) if shape is not None]
    known = [image_shape(space), *of_data, *_shapes_taken_by(owner)]
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


def _shapes_taken_by(model: Any) -> list[ImageShape | None]:
    """The shapes of the images that D and the inferer take, which both look at samples."""
    networks = (getattr(model, name, None) for name in ("discriminator", "inferer"))
    return [image_shape(network.get_input_space()) for network in networks if network is not None]


def to_unit(images: np.ndarray, like: np.ndarray | None = None) -> np.ndarray:
    """`images` (n, ...) scaled to [0, 1], black to white.

    Data with negative values, such as contrast-normalised CIFAR-10, lies around 0: each image is
    divided by its greatest absolute value, as in 2014, and 0 becomes middle grey. Other data is
    divided by its greatest value if that is above 1.

    Parameters
    ----------
    images : (n, ...)
    like : array, optional
        The data that the images resemble, whose range decides in place of that of `images`.

    Examples
    --------
    >>> to_unit(np.array([[-2.0, 0.0, 1.0]]))
    array([[0.  , 0.5 , 0.75]])
    >>> to_unit(np.array([[0.0, 51.0, 255.0]]))
    array([[0. , 0.2, 1. ]])
    """
    judge = images if like is None else like
    if judge.size and judge.min() < 0:
        peaks = np.abs(images).max(axis=tuple(range(1, images.ndim)), keepdims=True)
        return images / np.where(peaks > 0, peaks, 1) / 2 + 0.5
    return np.clip(images / max(1.0, judge.max(initial=0)), 0, 1)


def finite(samples: np.ndarray) -> np.ndarray:
    """`samples`; ValueError if a number in them is not finite."""
    if not np.isfinite(samples).all():
        raise ValueError("samples contain NaN or infinite values: the model has diverged")
    return samples
