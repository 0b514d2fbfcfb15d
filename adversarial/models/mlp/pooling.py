"""Pooling functions under their 2014 names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adversarial import backend
from adversarial.space.arrays import check_shape


def max_pool(
    bc01: Any,
    pool_shape: Sequence[int],
    pool_stride: Sequence[int],
    image_shape: Sequence[int],
    try_dnn: bool = True,
) -> Any:
    """The maximum over each window of images.

    Parameters
    ----------
    bc01 : symbolic batch (batch, channels, rows, columns)
    pool_shape, pool_stride : (rows, columns)
        Size of a window, and pixels from one window to the next. Windows that reach over the edge
        pool the pixels that they cover.
    image_shape : (rows, columns)
        Of the images.
    try_dnn : bool
        Accepted, as in 2014, and unused.

    Returns
    -------
    symbolic batch
        With ceil((rows - pool) / stride) + 1 rows, and columns likewise.

    Examples
    --------
    >>> image = backend.shared([[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]])
    >>> backend.function([], max_pool(image, (2, 2), (2, 2), (2, 3)))()
    array([[[[5., 6.]]]], dtype=float32)
    """
    images = check_shape(bc01, (None, None, *image_shape))
    return backend.max_pool(images, pool_shape, pool_stride)


def mean_pool(
    bc01: Any, pool_shape: Sequence[int], pool_stride: Sequence[int], image_shape: Sequence[int]
) -> Any:
    """The mean over the pixels that each window covers; otherwise as `max_pool`.

    Examples
    --------
    >>> image = backend.shared([[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]])
    >>> backend.function([], mean_pool(image, (2, 2), (2, 2), (2, 3)))()
    array([[[[3. , 4.5]]]], dtype=float32)
    """
    images = check_shape(bc01, (None, None, *image_shape))
    return backend.mean_pool(images, pool_shape, pool_stride)
