"""`IndexSpace`: batches are integer labels."""

from __future__ import annotations

from typing import Any

import aesara.tensor as at
import numpy as np

from adversarial.space.arrays import cast, declare_shape, reshape_examples, static_shape
from adversarial.space.base import Batch, Dtype, SimplyTypedSpace, Space, check_positive_int
from adversarial.space.vector import VectorSpace


class IndexSpace(SimplyTypedSpace):
    """Points are `dim` labels, each in 0 ... `max_labels` - 1; a batch has shape (batch, dim).

    Formatted as a `VectorSpace`, labels become one-hot vectors. With 5 labels, the point (0, 2)

    - *concatenated*, in a VectorSpace of `dim * max_labels`: 1 0 0 0 0  0 0 1 0 0;
    - *merged*, in a VectorSpace of `max_labels`: 1 0 1 0 0.

    A symbolic label that is out of range becomes a vector of zeros; a numeric one is refused.

    Parameters
    ----------
    max_labels : int
        Number of different labels.
    dim : int
        Labels in one point.
    dtype : str or None
        An integer type; see `SimplyTypedSpace`.
    **kwargs
        As `Space` takes them.

    Raises
    ------
    TypeError, ValueError
        If sizes are not positive integers or `dtype` is not an integer type.

    Examples
    --------
    >>> labels = IndexSpace(max_labels=4, dim=1)
    >>> labels.np_format_as(np.array([[2], [0]]), VectorSpace(4))
    array([[0., 0., 1., 0.],
           [1., 0., 0., 0.]], dtype=float32)
    """

    def __init__(self, max_labels: int, dim: int, dtype: Dtype = "int64", **kwargs: Any):
        super().__init__(dtype, **kwargs)
        self.max_labels = check_positive_int("max_labels of IndexSpace", max_labels)
        self.dim = check_positive_int("dim of IndexSpace", dim)
        if self.dtype is not None and not _is_integer(self.dtype):
            raise ValueError(f"dtype of IndexSpace must be an integer type, got {dtype!r}")

    def __str__(self) -> str:
        return f"IndexSpace(max_labels={self.max_labels}, dim={self.dim}, dtype={self.dtype})"

    def _key(self) -> tuple:
        return self.max_labels, self.dim, self.dtype

    def get_total_dimension(self) -> int:
        return self.dim

    def _batch_shape(self, batch_size: int | None) -> tuple:
        return batch_size, self.dim

    def _validate_impl(self, is_numeric: bool, batch: Batch) -> None:
        super()._validate_impl(is_numeric, batch)
        if not _is_integer(batch.dtype):
            raise TypeError(f"{self} takes integer labels, got a batch of dtype {batch.dtype}")
        if is_numeric and batch.size:
            low, high = batch.min(), batch.max()
            if low < 0 or high >= self.max_labels:
                raise ValueError(
                    f"{self} takes labels 0 to {self.max_labels - 1}, got labels {low} to {high}"
                )

    def _check_sizes(self, space: Space) -> None:
        if isinstance(space, VectorSpace):
            if space.dim not in (self.max_labels, self.dim * self.max_labels):
                raise ValueError(
                    f"cannot format {self} as {space}: its dim must be {self.max_labels} "
                    f"(merged one-hot vectors) or {self.dim * self.max_labels} (concatenated)"
                )
        elif isinstance(space, IndexSpace):
            if (space.dim, space.max_labels) != (self.dim, self.max_labels):
                raise ValueError(f"cannot format {self} as {space}: other labels")
        else:
            raise TypeError(f"cannot format {self} as {space}: only as VectorSpace or IndexSpace")

    def _format_as_impl(self, is_numeric: bool, batch: Batch, space: Any) -> Batch:
        if isinstance(space, IndexSpace):
            return cast(batch, space.dtype)
        labels = np.arange(self.max_labels, dtype="int64")
        if is_numeric:
            hot = batch[:, :, None] == labels
        else:
            hot = at.eq(batch.dimshuffle(0, 1, "x"), labels)
        if space.dim == self.max_labels:
            vectors = hot.any(axis=1)
        else:
            vectors = reshape_examples(hot, (self.dim, self.max_labels), (space.dim,))
        # Booleans cannot be computed with, so a space without a dtype gets floatX.
        return cast(vectors, self._clean_dtype_arg(space.dtype or "floatX"))

    def _undo_format_as_impl(self, is_numeric: bool, batch: Batch, space: Any) -> Batch:
        if isinstance(space, IndexSpace):
            return cast(batch, self.dtype)
        if space.dim != self.dim * self.max_labels:
            raise ValueError(
                f"cannot undo the formatting of {self} as {space}: merged one-hot vectors do not "
                "keep the order of their labels"
            )
        hot = reshape_examples(batch, (space.dim,), (self.dim, self.max_labels))
        return cast(declare_shape(hot.argmax(axis=2), static_shape(hot)[:2]), self.dtype)


def _is_integer(dtype: Any) -> bool:
    return np.issubdtype(np.dtype(dtype), np.integer)
