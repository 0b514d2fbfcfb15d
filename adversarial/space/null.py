"""`NullSpace`: the space of costs that need no data."""

from __future__ import annotations

from adversarial.space.base import Batch, Dtype, Space


class NullSpace(Space):
    """No data: the only batch is None, with no examples.

    A cost that needs no data, such as a weight decay, asks for this space and the source ''.

    Examples
    --------
    >>> NullSpace().np_batch_size(None)
    0
    """

    def __init__(self) -> None:
        super().__init__()

    def __str__(self) -> str:
        return "NullSpace()"

    def _key(self) -> tuple:
        return ()

    @property
    def dtype(self) -> str:
        """A placeholder, for the tuples of dtypes of composite spaces."""
        return "NullSpace's dtype"

    @dtype.setter
    def dtype(self, new_dtype: Dtype) -> None:
        if new_dtype != self.dtype:
            raise TypeError(f"NullSpace has no data and so no dtype, got {new_dtype!r}")

    def _clean_dtype_arg(self, dtype: Dtype) -> str:
        return self.dtype

    def get_total_dimension(self) -> int:
        return 0

    def get_origin(self) -> None:
        return None

    def get_origin_batch(self, batch_size: int, dtype: Dtype = None) -> None:
        return None

    def make_shared_batch(
        self, batch_size: int, name: str | None = None, dtype: Dtype = None
    ) -> None:
        return None

    def make_aesara_batch(
        self, name: str | None = None, dtype: Dtype = None, batch_size: int | None = None
    ) -> None:
        return None

    def get_batch(self, data: None, start: int, end: int) -> None:
        return None

    def _validate_impl(self, is_numeric: bool, batch: Batch) -> None:
        if batch is not None:
            raise TypeError(f"the only batch of NullSpace is None, got {batch!r:.60}")

    def _batch_size_impl(self, is_numeric: bool, batch: Batch) -> int:
        return 0

    def _check_sizes(self, space: Space) -> None:
        if not isinstance(space, NullSpace):
            raise TypeError(f"cannot format NullSpace as {space}: there is no data")

    def _format_as_impl(self, is_numeric: bool, batch: Batch, space: Space) -> None:
        return None
