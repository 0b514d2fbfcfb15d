"""`VectorSpace`: batches are matrices, one example a row."""

from __future__ import annotations

from typing import Any

from adversarial.space.arrays import cast
from adversarial.space.base import Batch, Dtype, SimplyTypedSpace, check_positive_int


class VectorSpace(SimplyTypedSpace):
    """Points are vectors of `dim` numbers; a batch has shape (batch, dim).

    Parameters
    ----------
    dim : int
        Length of a vector.
    sparse : bool
        Must be false, as sparse matrices are not implemented.
    dtype : str or None
        See `SimplyTypedSpace`.
    **kwargs
        As `Space` takes them.

    Raises
    ------
    TypeError, ValueError
        If `dim` is not a positive integer; ValueError if `sparse` is true.

    Examples
    --------
    >>> VectorSpace(784).get_origin_batch(100).shape
    (100, 784)
    """

    def __init__(self, dim: int, sparse: bool = False, dtype: Dtype = "floatX", **kwargs: Any):
        super().__init__(dtype, **kwargs)
        if sparse:
            raise ValueError(
                f"VectorSpace(sparse={sparse!r}) is not implemented: use dense vectors"
            )
        self.dim = check_positive_int("dim of VectorSpace", dim)
        self.sparse = False

    def __str__(self) -> str:
        return f"VectorSpace(dim={self.dim}, dtype={self.dtype})"

    def _key(self) -> tuple:
        return self.dim, self.dtype

    def get_total_dimension(self) -> int:
        return self.dim

    def _batch_shape(self, batch_size: int | None) -> tuple:
        return batch_size, self.dim

    def _to_vector(self, is_numeric: bool, batch: Batch) -> Batch:
        return batch

    def _from_vector(self, is_numeric: bool, matrix: Batch) -> Batch:
        return cast(matrix, self.dtype)
