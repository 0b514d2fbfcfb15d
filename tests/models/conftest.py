"""Convolution and pooling by SciPy and by loops, in double precision."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.signal import convolve2d, correlate2d


def correlate(images, kernels, pad=(0, 0), stride=(1, 1), by=correlate2d):
    """(b, c, 0, 1) with (filters, c, rows, columns) -> (b, filters, rows, columns)."""
    images = np.pad(images.astype("float64"), ((0, 0), (0, 0), *[(p, p) for p in pad]))
    maps = [
        [sum(by(i, k, "valid") for i, k in zip(image, kernel)) for kernel in kernels]
        for image in images
    ]
    return np.array(maps)[:, :, :: stride[0], :: stride[1]]


def convolve(images, kernels, pad=(0, 0), stride=(1, 1)):
    """The same with flipped kernels."""
    return correlate(images, kernels, pad, stride, by=convolve2d)


def pool(maps, shape, stride, how=np.max):
    """Pooling over windows from the first pixel on, until a window reaches the end of the map."""

    def starts(axis):
        found, size = [0], maps.shape[2 + axis]
        while found[-1] + shape[axis] < size:
            found.append(found[-1] + stride[axis])
        return found

    rows = [
        [how(maps[:, :, i : i + shape[0], j : j + shape[1]], axis=(2, 3)) for j in starts(1)]
        for i in starts(0)
    ]
    return np.array(rows).transpose(2, 3, 0, 1)


def slope(function, values, index, direction):
    """Derivative of a scalar `function` of arrays where argument `index` moves."""
    values = [np.asarray(value, dtype="float64") for value in values]
    step = 1e-6
    there, back = list(values), list(values)
    there[index] = values[index] + step * direction
    back[index] = values[index] - step * direction
    return (function(*there) - function(*back)) / (2 * step)


@pytest.fixture(scope="session")
def reference():
    return SimpleNamespace(correlate=correlate, convolve=convolve, pool=pool, slope=slope)
