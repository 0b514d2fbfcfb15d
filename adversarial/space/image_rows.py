"""How an image lies in a row of a data set: the one place that says so.

A row of a design matrix holds an image channel after channel, as the files of CIFAR-10 do. Within
a network the vector of an image is another one, pixel after pixel (`Conv2DSpace`, as in 2014). The
difference shows only in images of several channels, and only where what leaves one network meets
data or another network. Whatever draws, scores or passes on data or samples therefore converts
them by `format_data`; view converters have the same order.

    an image of 1 x 2 pixels, (r0 g0 b0) (r1 g1 b1)
    as a row of a data set          r0 r1 g0 g1 b0 b1
    as Conv2DSpace flattens it      r0 g0 b0 r1 g1 b1
"""

from __future__ import annotations

import numpy as np

from adversarial.space.arrays import cast, reshape_examples
from adversarial.space.base import Batch, Space
from adversarial.space.conv2d import Conv2DSpace
from adversarial.space.vector import VectorSpace

ROW_AXES = ("b", "c", 0, 1)


def format_data(batch: Batch, space: Space, target: Space) -> Batch:
    """A batch of data or samples of `space` as a batch of `target`; numeric or symbolic.

    Between images and vectors these are rows of a data set; else it is `Space.format_as`.

    Raises
    ------
    ValueError
        If the two spaces hold points of different sizes.
    TypeError
        If `batch` is of neither kind, or no conversion exists.
    """
    numeric = isinstance(batch, np.ndarray)
    flattens = isinstance(space, Conv2DSpace) and isinstance(target, VectorSpace)
    if not flattens and not (isinstance(space, VectorSpace) and isinstance(target, Conv2DSpace)):
        return space.np_format_as(batch, target) if numeric else space.format_as(batch, target)
    # Refuses what does not fit.
    (space.np_validate if numeric else space.validate)(batch)
    length = target.get_total_dimension()
    if space.get_total_dimension() != length:
        raise ValueError(f"cannot format {space} as {target}: points of different sizes")
    if flattens:
        stored = Conv2DSpace.convert(batch, space.axes, ROW_AXES)
        rows = reshape_examples(stored, (space.num_channels, *space.shape), (length,))
        return cast(rows, target.dtype)
    stored = reshape_examples(batch, (length,), (target.num_channels, *target.shape))
    return cast(Conv2DSpace.convert(stored, ROW_AXES, target.axes), target.dtype)


def depends_on_order(space: Space) -> bool:
    """Whether an image of `space` is another row than it is a vector within a network."""
    return isinstance(space, Conv2DSpace) and space.num_channels > 1 and max(space.shape) > 1
