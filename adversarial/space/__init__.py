"""The layout of minibatches: what models and data sets agree on.

A `Space` describes a minibatch. It checks that a batch has this form, makes symbolic variables for
such batches, and converts batches to another space (``format_as``):

=================  ==========================================================
`VectorSpace`      (batch, dim) matrices
`Conv2DSpace`      stacks of images, with the four axes in any order
`IndexSpace`       (batch, dim) integer labels, which become one-hot vectors
`CompositeSpace`   tuples of batches of other spaces
`NullSpace`        no data: the only batch is None
=================  ==========================================================

A conversion goes through the vector form of a batch, so that a space needs to know that form only.
`format_data` converts between images and rows of a data set, which hold an image in another order.

Examples
--------
>>> import numpy as np
>>> images = Conv2DSpace((2, 2), num_channels=1)
>>> images.np_format_as(np.zeros((5, 2, 2, 1), "float32"), VectorSpace(4)).shape
(5, 4)
"""

from __future__ import annotations

from adversarial.space.base import (
    SimplyTypedSpace,
    Space,
    is_numeric_batch,
    is_symbolic_batch,
)
from adversarial.space.composite import CompositeSpace
from adversarial.space.conv2d import Conv2DSpace
from adversarial.space.image_rows import format_data
from adversarial.space.index import IndexSpace
from adversarial.space.null import NullSpace
from adversarial.space.vector import VectorSpace

__all__ = [
    "CompositeSpace",
    "Conv2DSpace",
    "IndexSpace",
    "NullSpace",
    "SimplyTypedSpace",
    "Space",
    "VectorSpace",
    "format_data",
    "is_numeric_batch",
    "is_symbolic_batch",
]
