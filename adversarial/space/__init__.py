"""What a batch of data looks like: the shapes and types that models and datasets agree on.

A `Space` names the layout of a minibatch, checks that a batch has it, makes symbolic
variables of it, and rewrites a batch from one layout to another (``format_as``):

=================  ==========================================================
`VectorSpace`      (batch, dim) matrices
`Conv2DSpace`      stacks of images, with the four axes in any order
`IndexSpace`       (batch, dim) integer labels, which become one-hot vectors
`CompositeSpace`   tuples of batches of other spaces
`NullSpace`        no data at all: the only batch is None
=================  ==========================================================

Conversions go through the vector form, so every space needs to know only that. Between images and
the rows of a data set it is `format_data` that converts.
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
