"""`Space`, the base of all spaces, and `SimplyTypedSpace`, of those whose batch is one array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Callable

import aesara
import numpy as np

from adversarial import backend
from adversarial.modelfile import Persistent
from adversarial.space.arrays import check_array, describe, is_numeric_batch, is_symbolic_batch

# A batch is an ndarray, an Aesara variable, None (NullSpace) or a nested tuple of these.
Batch = Any
Dtype = Any

_DTYPES = tuple(t.dtype for t in aesara.scalar.all_types)


class Space(Persistent):
    """The layout of a batch of points.

    A batch is *numeric* (ndarray) or *symbolic* (Aesara variable). Methods with ``np_`` in their
    name take numeric batches, the methods of the same name without it symbolic ones.

    Two spaces are equal if every batch of one is a batch of the other, without conversion.

    Parameters
    ----------
    validate_callbacks, np_validate_callbacks : list of callable, optional
        Functions of a batch, called before `validate` or `np_validate` checks it. Functions cannot
        be saved, so neither can a space that has any.

    Examples
    --------
    >>> from adversarial.space import Conv2DSpace, VectorSpace
    >>> images, vectors = Conv2DSpace((2, 3), num_channels=1), VectorSpace(6)
    >>> images.get_total_dimension(), images == vectors, vectors == VectorSpace(6)
    (6, False, True)
    >>> images.np_format_as(images.get_origin_batch(10), vectors).shape
    (10, 6)
    """

    def __init__(
        self,
        validate_callbacks: Sequence[Callable[[Batch], None]] | None = None,
        np_validate_callbacks: Sequence[Callable[[Batch], None]] | None = None,
    ):
        self.validate_callbacks = list(validate_callbacks or ())
        self.np_validate_callbacks = list(np_validate_callbacks or ())

    # -- identity ---------------------------------------------------------------------------

    def _key(self) -> tuple:
        """The values that make two spaces of one class equal."""
        raise NotImplementedError(f"{type(self).__name__} does not implement _key")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash((type(self), self._key()))

    def __repr__(self) -> str:
        return str(self)

    @property
    def dtype(self) -> Dtype:
        """NumPy name of the element type; None accepts any; a tuple for composite spaces."""
        raise NotImplementedError(f"{type(self).__name__} does not implement dtype")

    # -- making batches ---------------------------------------------------------------------

    def get_batch_axis(self) -> int:
        """The axis of a batch that counts examples."""
        return 0

    def get_total_dimension(self) -> int:
        """The number of values in one point, which is the length of its vector form."""
        raise NotImplementedError(f"{type(self).__name__} does not implement get_total_dimension")

    def get_origin(self) -> Batch:
        """One point of zeros, without a batch axis."""
        raise NotImplementedError(f"{type(self).__name__} does not implement get_origin")

    def get_origin_batch(self, batch_size: int, dtype: Dtype = None) -> Batch:
        """A numeric batch of `batch_size` points of zeros."""
        raise NotImplementedError(f"{type(self).__name__} does not implement get_origin_batch")

    def make_shared_batch(
        self, batch_size: int, name: str | None = None, dtype: Dtype = None
    ) -> Batch:
        """A shared variable, or nested tuple of shared variables, that holds `get_origin_batch`.

        Parameters
        ----------
        batch_size : int
        name : str, optional
        dtype : str, optional
            By default the space's, else floatX.
        """
        origin = self.get_origin_batch(batch_size, dtype)
        return backend.shared(origin, name=name, dtype=origin.dtype)

    def make_aesara_batch(
        self, name: str | None = None, dtype: Dtype = None, batch_size: int | None = None
    ) -> Batch:
        """A symbolic input for batches of this space.

        Parameters
        ----------
        name : str, optional
        dtype : str, optional
            By default the space's.
        batch_size : int, optional
            By default the batch axis is open.
        """
        raise NotImplementedError(f"{type(self).__name__} does not implement make_aesara_batch")

    def make_theano_batch(
        self, name: str | None = None, dtype: Dtype = None, batch_size: int | None = None
    ) -> Batch:
        """`make_aesara_batch` under its 2014 name."""
        return self.make_aesara_batch(name=name, dtype=dtype, batch_size=batch_size)

    get_aesara_batch = get_theano_batch = make_batch_theano = make_theano_batch

    def get_batch(self, data: Batch, start: int, end: int) -> Batch:
        """Examples `start` to `end` (excluded) of a batch of this space."""
        raise NotImplementedError(f"{type(self).__name__} does not implement get_batch")

    # -- checking batches -------------------------------------------------------------------

    def validate(self, batch: Batch) -> None:
        """Check that the symbolic `batch` belongs to this space.

        Only what is known before a function runs can be checked: kind, rank, static shape.

        Raises
        ------
        TypeError
            If it is of another kind or type.
        ValueError
            If its shape differs.
        """
        self._validate(False, batch)

    def np_validate(self, batch: Batch) -> None:
        """Check that the numeric `batch` belongs to this space; raises as `validate` does."""
        self._validate(True, batch)

    def _validate(self, is_numeric: bool, batch: Batch) -> None:
        if is_numeric:
            self._check_is_numeric(batch)
        else:
            self._check_is_symbolic(batch)
        for callback in self.np_validate_callbacks if is_numeric else self.validate_callbacks:
            callback(batch)
        self._validate_impl(is_numeric, batch)

    def _validate_impl(self, is_numeric: bool, batch: Batch) -> None:
        raise NotImplementedError(f"{type(self).__name__} does not implement _validate_impl")

    @staticmethod
    def _check_is_numeric(batch: Batch) -> None:
        if not is_numeric_batch(batch):
            raise TypeError(f"expected a numeric batch (ndarray), got {describe(batch)}")

    @staticmethod
    def _check_is_symbolic(batch: Batch) -> None:
        if not is_symbolic_batch(batch):
            raise TypeError(f"expected a symbolic batch (Aesara variable), got {describe(batch)}")

    def batch_size(self, batch: Batch) -> Any:
        """Number of examples in a symbolic batch, as a symbolic integer."""
        return self._batch_size(False, batch)

    def np_batch_size(self, batch: Batch) -> int:
        """Number of examples in a numeric batch."""
        return self._batch_size(True, batch)

    def _batch_size(self, is_numeric: bool, batch: Batch) -> Any:
        self._validate(is_numeric, batch)
        return self._batch_size_impl(is_numeric, batch)

    def _batch_size_impl(self, is_numeric: bool, batch: Batch) -> Any:
        raise NotImplementedError(f"{type(self).__name__} does not implement _batch_size_impl")

    # -- converting batches -----------------------------------------------------------------

    def format_as(self, batch: Batch, space: Space) -> Batch:
        """Convert the symbolic `batch` of this space to `space`.

        Raises
        ------
        ValueError
            If the two spaces hold points of different sizes.
        TypeError
            If `batch` is not symbolic, or no conversion between the two kinds exists.
        """
        return self._format_as(False, batch, space)

    def np_format_as(self, batch: Batch, space: Space) -> Batch:
        """`format_as` for a numeric batch. May return `batch` itself or a view of it."""
        return self._format_as(True, batch, space)

    def undo_format_as(self, batch: Batch, space: Space) -> Batch:
        """The inverse of ``format_as(..., space)``: a batch of this space, from `batch` of `space`.

        The result has the value of the original batch, but is another variable. Digits that a
        change of dtype lost are not restored.
        """
        return self._undo_format_as(False, batch, space)

    def undo_np_format_as(self, batch: Batch, space: Space) -> Batch:
        """`undo_format_as` for a numeric batch."""
        return self._undo_format_as(True, batch, space)

    def _format_as(self, is_numeric: bool, batch: Batch, space: Space) -> Batch:
        self._validate(is_numeric, batch)
        self._check_sizes(space)
        return self._format_as_impl(is_numeric, batch, space)

    def _undo_format_as(self, is_numeric: bool, batch: Batch, space: Space) -> Batch:
        space._validate(is_numeric, batch)
        self._check_sizes(space)
        return self._undo_format_as_impl(is_numeric, batch, space)

    def _check_sizes(self, space: Space) -> None:
        """ValueError unless points of this space and of `space` are of the same size."""
        mine, other = self.get_total_dimension(), space.get_total_dimension()
        if mine != other:
            raise ValueError(
                f"cannot format {self} as {space}: points of {mine} numbers against {other}"
            )

    def _format_as_impl(self, is_numeric: bool, batch: Batch, space: Space) -> Batch:
        return space._from_vector(is_numeric, self._to_vector(is_numeric, batch))

    def _undo_format_as_impl(self, is_numeric: bool, batch: Batch, space: Space) -> Batch:
        return space._format_as_impl(is_numeric, batch, self)

    def _to_vector(self, is_numeric: bool, batch: Batch) -> Batch:
        """A batch of this space as a matrix (batch, total dimension)."""
        raise TypeError(f"{self} has no vector form")

    def _from_vector(self, is_numeric: bool, matrix: Batch) -> Batch:
        """The inverse of `_to_vector`, in this space's dtype."""
        raise TypeError(f"{self} cannot be made from vectors")

    # -- dtype arguments --------------------------------------------------------------------

    def _clean_dtype_arg(self, dtype: Dtype) -> Dtype:
        """The NumPy name of `dtype`, which may also be 'floatX'.

        Raises
        ------
        TypeError
            If it is not None, 'floatX' or an element type that Aesara knows.
        """
        if isinstance(dtype, np.dtype):
            dtype = str(dtype)
        if isinstance(dtype, str) and dtype == "floatX":
            return backend.floatX
        if dtype is None or (isinstance(dtype, str) and dtype in _DTYPES):
            return dtype
        raise TypeError(
            f"unknown dtype {dtype!r}; expected None, 'floatX' or one of {', '.join(_DTYPES)}"
        )


class SimplyTypedSpace(Space):
    """A space whose batches are single arrays.

    A subclass defines `_batch_shape`; checks, origins and symbolic inputs follow from it.

    Parameters
    ----------
    dtype : str or None
        NumPy name of the element type, 'floatX' for the backend's, or None for a space that takes
        batches of any type and converts none.
    **kwargs
        As `Space` takes them.

    Raises
    ------
    TypeError
        If there is no such element type.

    Examples
    --------
    >>> class Points(SimplyTypedSpace):
    ...     def _batch_shape(self, batch_size):
    ...         return batch_size, 2
    >>> Points().get_origin_batch(3)
    array([[0., 0.], [0., 0.], [0., 0.]], dtype=float32)
    >>> Points().make_aesara_batch("x").type.shape
    (None, 2)
    """

    def __init__(self, dtype: Dtype = "floatX", **kwargs: Any):
        super().__init__(**kwargs)
        self._dtype = super()._clean_dtype_arg(dtype)

    @property
    def dtype(self) -> Dtype:
        return self._dtype

    @dtype.setter
    def dtype(self, new_dtype: Dtype) -> None:
        self._dtype = super()._clean_dtype_arg(new_dtype)

    def _clean_dtype_arg(self, dtype: Dtype) -> str:
        """As in `Space`, but None stands for this space's own dtype."""
        dtype = self._dtype if dtype is None else super()._clean_dtype_arg(dtype)
        if dtype is None:
            raise TypeError(f"{self} has no dtype of its own: give the `dtype` argument")
        return dtype

    def _batch_shape(self, batch_size: int | None) -> tuple:
        """The shape of a batch, with `batch_size` on the batch axis; None leaves that open."""
        raise NotImplementedError(f"{type(self).__name__} does not implement _batch_shape")

    def get_origin(self) -> np.ndarray:
        axis = self.get_batch_axis()
        shape = self._batch_shape(1)
        return np.zeros(shape[:axis] + shape[axis + 1 :], dtype=self._clean_dtype_arg(None))

    def get_origin_batch(self, batch_size: int, dtype: Dtype = None) -> np.ndarray:
        shape = self._batch_shape(check_positive_int("batch_size", batch_size))
        return np.zeros(shape, dtype=self._clean_dtype_arg(dtype))

    def make_aesara_batch(
        self, name: str | None = None, dtype: Dtype = None, batch_size: int | None = None
    ) -> aesara.Variable:
        if batch_size is not None:
            batch_size = check_positive_int("batch_size", batch_size)
        shape = self._batch_shape(batch_size)
        return aesara.tensor.tensor(self._clean_dtype_arg(dtype), shape=shape, name=name)

    def get_batch(self, data: Batch, start: int, end: int) -> Batch:
        return data[(slice(None),) * self.get_batch_axis() + (slice(start, end),)]

    def _batch_size_impl(self, is_numeric: bool, batch: Batch) -> Any:
        return batch.shape[self.get_batch_axis()]

    def _validate_impl(self, is_numeric: bool, batch: Batch) -> None:
        check_array(batch, self._batch_shape(None), self)
        real = self.dtype is not None and not self.dtype.startswith("complex")
        if real and str(batch.dtype).startswith("complex"):
            raise TypeError(f"{self} cannot hold a batch of dtype {batch.dtype}")


def check_positive_int(name: str, value: Any) -> int:
    """`value` as an int.

    Raises
    ------
    TypeError, ValueError
        If it is no integer, or less than one; `name` is what the message calls it.
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    if value < 1:
        raise ValueError(f"{name} must be at least 1, got {value!r}")
    return int(value)
