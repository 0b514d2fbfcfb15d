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
    """The maximum over each window of images (batch, channels, rows, columns).

    Windows of `pool_shape`, `pool_stride` apart, that reach over the edge count what they cover
    of an image of `image_shape` (rows, columns).  `try_dnn` is accepted and unused.
    """
    images = check_shape(bc01, (None, None, *image_shape))
    return backend.max_pool(images, pool_shape, pool_stride)


def mean_pool(
    bc01: Any, pool_shape: Sequence[int], pool_stride: Sequence[int], image_shape: Sequence[int]
) -> Any:
    """The mean over what each window covers; otherwise as `max_pool`."""
    images = check_shape(bc01, (None, None, *image_shape))
    return backend.mean_pool(images, pool_shape, pool_stride)


def pool_dnn(
    bc01: Any, pool_shape: Sequence[int], pool_stride: Sequence[int], mode: str = "max"
) -> Any:
    """Pooling as cuDNN does it: without the windows that reach over the edge.

    `mode` is 'max', 'average_inc_pad' or 'average_exc_pad'; the latter two are the same here.
    """
    pools = {
        "max": backend.max_pool,
        "average_inc_pad": backend.mean_pool,
        "average_exc_pad": backend.mean_pool,
    }
    if mode not in pools:
        raise ValueError(f"mode must be one of {', '.join(pools)}, not {mode!r}")
    rows, columns = (
        (size - pool) // stride * stride + pool
        for size, pool, stride in zip(bc01.shape[2:], pool_shape, pool_stride)
    )
    return pools[mode](bc01[:, :, :rows, :columns], pool_shape, pool_stride)
