"""How a row of a data set holds an image, and conversions between such rows and images.

A row of a design matrix holds an image channel after channel, as the files of CIFAR-10 do. A vector
within a network holds it pixel after pixel, as `Conv2DSpace` had it in 2014. The two orders differ
for images of several channels only:

    an image of 1 x 2 pixels        (r0 g0 b0) (r1 g1 b1)
    as a row of a data set          r0 r1 g0 g1 b0 b1
    as Conv2DSpace flattens it      r0 g0 b0 r1 g1 b1

So data and samples that pass from a data set to a network, or from one network to another, are
converted by `format_data`. View converters of data sets have the same order, `ROW_AXES`.
"""

from __future__ import annotations

import numpy as np

from adversarial.space.arrays import cast, reshape_examples
from adversarial.space.base import Batch, Space
from adversarial.space.conv2d import Conv2DSpace
from adversarial.space.vector import VectorSpace

ROW_AXES = ("b", "c", 0, 1)


def format_data(batch: Batch, space: Space, target: Space) -> Batch:
    """Convert a batch of data or samples from `space` to `target`.

    Vectors that become images, or come of them, are rows of a data set. Any other conversion is
    `Space.format_as`.

    Parameters
    ----------
    batch : array or symbolic batch
    space, target : Space

    Raises
    ------
    ValueError
        If the two spaces hold points of different sizes.
    TypeError
        If `batch` is of neither kind, or no conversion exists.

    Examples
    --------
    >>> image = np.array([[[["r0", "g0"], ["r1", "g1"]]]])
    >>> space = Conv2DSpace((1, 2), num_channels=2, dtype=None)
    >>> format_data(image, space, VectorSpace(4, dtype=None)).tolist()
    [['r0', 'r1', 'g0', 'g1']]
    """
    if isinstance(space, Conv2DSpace) and isinstance(target, VectorSpace):
        _check(batch, space, target)
        stored = Conv2DSpace.convert(batch, space.axes, ROW_AXES)
        rows = reshape_examples(stored, (space.num_channels, *space.shape), (target.dim,))
        return cast(rows, target.dtype)
    if isinstance(space, VectorSpace) and isinstance(target, Conv2DSpace):
        _check(batch, space, target)
        stored = reshape_examples(batch, (space.dim,), (target.num_channels, *target.shape))
        return cast(Conv2DSpace.convert(stored, ROW_AXES, target.axes), target.dtype)
    if isinstance(batch, np.ndarray):
        return space.np_format_as(batch, target)
    return space.format_as(batch, target)


def _check(batch: Batch, space: Space, target: Space) -> None:
    if isinstance(batch, np.ndarray):
        space.np_validate(batch)
    else:
        space.validate(batch)
    if space.get_total_dimension() != target.get_total_dimension():
        raise ValueError(f"cannot format {space} as {target}: points of different sizes")


def depends_on_order(space: Space) -> bool:
    """Whether an image of `space` is another row of a data set than vector within a network.

    Examples
    --------
    >>> depends_on_order(Conv2DSpace((28, 28), num_channels=1))
    False
    """
    return isinstance(space, Conv2DSpace) and space.num_channels > 1 and max(space.shape) > 1
