"""`WindowAndFlip`: random windows of images, some of them mirrored, new ones in each epoch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real
from typing import Any, Optional

import numpy as np

from adversarial.datasets.view_converter import AXES
from adversarial.models.mlp.sizes import int_pair
from adversarial.space import Conv2DSpace
from adversarial.train_extensions import TrainExtension
from adversarial.utils.budget import spend
from adversarial.utils.checks import check_list
from adversarial.utils.rng import make_np_rng

_PER_NUMBER = 10  # nanoseconds to pad and cut a number


class WindowAndFlip(TrainExtension):
    """Augments images with random crops and mirror images.

    All windows are cut when this object is made, since networks are compiled for images of that
    size; the windows of `randomize` are cut again after each monitoring.

    Parameters
    ----------
    window_shape : (int, int)
        Rows and columns.
    randomize : list of DenseDesignMatrix, optional
        Data sets that get random windows, new ones in each epoch.
    randomize_once : list of DenseDesignMatrix, optional
        Data sets that get random windows, the same in all epochs.
    center : list of DenseDesignMatrix, optional
        Data sets that get the window in the middle, neither padded nor mirrored.
    rng : RandomState, int or tuple of int
        The generator, or its seed.
    pad_randomized : int
        Pixels of zeros on each side of the images of `randomize` and `randomize_once`.
    flip : bool
        Mirror each random window left to right with probability 1/2.

    Raises
    ------
    ValueError
        If an image is smaller than the window, `window_shape` is not two positive integers,
        `pad_randomized` is negative, or a data set holds no images.
    TypeError
        If data sets are not in a list.

    References
    ----------
    Goodfellow, Warde-Farley, Mirza, Courville and Bengio, "Maxout Networks", 2013, section 5.2
    (CIFAR-10).

    Examples
    --------
    >>> from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
    >>> images = np.arange(16.0).reshape(1, 4, 4, 1)
    >>> train, test = DenseDesignMatrix(topo_view=images), DenseDesignMatrix(topo_view=images)
    >>> windows = WindowAndFlip((2, 2), randomize=[train], center=[test], pad_randomized=1)
    >>> test.X.tolist(), train.X.shape
    ([[5.0, 6.0, 9.0, 10.0]], (1, 4))
    """

    # The uncut images are made again from the YAML when a training is resumed.
    new_at_start = ("_original",)

    def __init__(
        self,
        window_shape: Sequence[int],
        randomize: Optional[list] = None,
        randomize_once: Optional[list] = None,
        center: Optional[list] = None,
        rng: Any = (2013, 2, 20),
        pad_randomized: int = 0,
        flip: bool = True,
    ) -> None:
        self._shape = int_pair("WindowAndFlip", "window_shape", window_shape)
        is_number = isinstance(pad_randomized, Real)
        if not (is_number and pad_randomized >= 0 and pad_randomized % 1 == 0):
            raise ValueError(
                f"pad_randomized must be a whole number of at least 0, not {pad_randomized!r}"
            )
        self._pad = int(pad_randomized)
        for name, datasets in (
            ("randomize", randomize),
            ("randomize_once", randomize_once),
            ("center", center),
        ):
            check_list(name, datasets or [])
        self._flip = bool(flip)
        self._rng = make_np_rng(list(rng) if isinstance(rng, tuple) else rng)
        self._randomize = list(randomize or [])
        once = list(randomize_once or [])
        for dataset in center or []:
            images = _images(dataset)
            places = [(size - window) // 2 for size, window in zip(images.shape[1:3], self._shape)]
            self._put(dataset, images, np.tile(places, (len(images), 1)))
        originals = [self._padded(_images(dataset)) for dataset in [*self._randomize, *once]]
        # For each data set of `randomize`, an array with (row, column, whether to mirror) of each
        # image. It is saved, so that a training that is resumed has the same images.
        self._drawn: list[np.ndarray] = []
        for dataset, images in zip(once, originals[len(self._randomize) :]):
            self._put(dataset, images, self._draw(images))
        self._original = originals[: len(self._randomize)]
        self.on_monitor(None, None, None)

    def _padded(self, images: np.ndarray) -> np.ndarray:
        count, rows, columns, channels = images.shape
        numbers = count * (rows + 2 * self._pad) * (columns + 2 * self._pad) * channels
        spend(
            f"{count} images of {rows} x {columns}, with pad_randomized {self._pad}",
            images.itemsize * numbers,
            _PER_NUMBER * numbers,
        )
        width = ((0, 0), (self._pad, self._pad), (self._pad, self._pad), (0, 0))
        return np.pad(images, width)

    def _draw(self, images: np.ndarray) -> np.ndarray:
        self._check(images)
        ends = [size - window + 1 for size, window in zip(images.shape[1:3], self._shape)]
        drawn = [self._rng.randint(end, size=len(images)) for end in ends]
        return np.stack([*drawn, self._rng.randint(2, size=len(images)) * self._flip], axis=1)

    def _check(self, images: np.ndarray) -> None:
        if any(size < window for size, window in zip(images.shape[1:3], self._shape)):
            raise ValueError(f"images of {images.shape[1:3]} have no window of {self._shape}")

    def _put(self, dataset: Any, images: np.ndarray, drawn: np.ndarray) -> None:
        """Let `dataset` hold the windows of `images` (n, rows, columns, channels) at `drawn`."""
        self._check(images)
        numbers = len(images) * math.prod(self._shape) * images.shape[3]
        size = images.itemsize * numbers
        spend(f"{len(images)} windows of {self._shape}", size, _PER_NUMBER * numbers, size)
        views = np.lib.stride_tricks.sliding_window_view(images, (1, *self._shape, 1))
        # A copy, (n, channels, 1, rows, columns, 1), without its axes of length 1.
        windows = views[np.arange(len(images)), drawn[:, 0], drawn[:, 1]][:, :, 0, :, :, 0]
        if drawn.shape[1] > 2:
            mirrored = drawn[:, 2].astype(bool)
            windows[mirrored] = windows[mirrored][..., ::-1]
        axes = tuple(dataset.view_converter.axes)
        turned = Conv2DSpace.convert_numpy(windows, ("b", "c", 0, 1), axes)
        dataset.set_topological_view(turned, axes)

    def on_monitor(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Draw the windows of the next epoch."""
        self._drawn = [self._draw(images) for images in self._original]
        self.on_resume(model, dataset, algorithm)

    def on_resume(self, model: Any, dataset: Any, algorithm: Any) -> None:
        """Cut the windows that were drawn."""
        for each, images, drawn in zip(self._randomize, self._original, self._drawn):
            self._put(each, images, drawn)


def _images(dataset: Any) -> np.ndarray:
    """All examples of `dataset` as images (n, rows, columns, channels)."""
    if getattr(dataset, "view_converter", None) is None:
        raise ValueError(
            f"WindowAndFlip cuts windows of images, and {type(dataset).__name__} holds none: it "
            "needs a data set with a view_converter"
        )
    axes = tuple(dataset.view_converter.axes)
    return Conv2DSpace.convert_numpy(dataset.get_topological_view(), axes, AXES)
