"""Array operations of spaces, each for ndarrays and for Aesara variables."""

from __future__ import annotations

from typing import Any

import aesara.tensor as at
import numpy as np
from aesara.graph.basic import Variable


def is_symbolic_batch(batch: Any) -> bool:
    """Whether `batch` is an Aesara variable, None, or a nested tuple of these."""
    if isinstance(batch, tuple):
        return all(is_symbolic_batch(part) for part in batch)
    return batch is None or isinstance(batch, Variable)


def is_numeric_batch(batch: Any) -> bool:
    """Whether `batch` is an ndarray, None, or a nested tuple of these."""
    if isinstance(batch, tuple):
        return all(is_numeric_batch(part) for part in batch)
    return batch is None or isinstance(batch, np.ndarray)


def describe(batch: Any) -> str:
    """A short description of `batch` for error messages, without its values.

    Examples
    --------
    >>> describe((np.zeros((2, 3)), None))
    '(ndarray of shape (2, 3), dtype float64, None of type NoneType)'
    """
    if isinstance(batch, tuple):
        return "(" + ", ".join(describe(part) for part in batch) + ")"
    if isinstance(batch, np.ndarray):
        return f"ndarray of shape {batch.shape}, dtype {batch.dtype}"
    if isinstance(batch, Variable):
        return f"variable {batch.name or '(unnamed)'} of type {batch.type}"
    return f"{batch!r:.60} of type {type(batch).__name__}"


def static_shape(batch: Any) -> tuple:
    """The shape of a batch, with None for a length that is known only when the graph runs."""
    return batch.type.shape if isinstance(batch, Variable) else batch.shape


def check_array(batch: Any, shape: tuple, owner: object) -> None:
    """Check that `batch` is an array of a shape.

    Of a symbolic batch only the lengths that are known now can be checked.

    Parameters
    ----------
    batch : array or symbolic batch
    shape : tuple
        None stands for any length.
    owner : Space
        Named in messages.

    Raises
    ------
    TypeError
        If it is not an array, or not a tensor variable.
    ValueError
        If its rank or a known length differs.

    Examples
    --------
    >>> check_array(np.zeros((2, 3)), (None, 4), "VectorSpace(4)")
    Traceback (most recent call last):
    ValueError: VectorSpace(4) takes batches of shape (batch, 4), got ndarray of shape (2, 3), ...
    """
    if isinstance(batch, Variable):
        is_array = isinstance(batch.type, at.TensorType)
    else:
        is_array = isinstance(batch, np.ndarray)
    if not is_array:
        raise TypeError(f"{owner} takes a single array as a batch, got {describe(batch)}")
    actual = static_shape(batch)
    differ = len(actual) != len(shape) or any(
        have is not None and want is not None and have != want for have, want in zip(actual, shape)
    )
    if differ:
        wanted = ", ".join("batch" if want is None else str(want) for want in shape)
        raise ValueError(f"{owner} takes batches of shape ({wanted}), got {describe(batch)}")


def check_shape(batch: Any, shape: tuple) -> Any:
    """`batch` with the static type `shape`; lengths that are not known now are checked later."""
    return batch if _is_known(batch, shape) else at.specify_shape(batch, shape)


def declare_shape(batch: Any, shape: tuple) -> Any:
    """`batch` with the static type `shape`, which the caller knows it to have.

    Aesara does not infer lengths through slices, joins and argmax. A declaration costs nothing at
    run time, unlike `check_shape`. At most one length may be None.
    """
    if _is_known(batch, shape):
        return batch
    return batch.reshape(tuple(-1 if length is None else length for length in shape))


def _is_known(batch: Any, shape: tuple) -> bool:
    known = static_shape(batch)
    return all(have is not None or want is None for have, want in zip(known, shape))


def reshape_examples(batch: Any, old: tuple, new: tuple) -> Any:
    """Reshape each example from `old` to `new`, two shapes of equally many numbers.

    The new shape is constant, with -1 for an open batch axis, so that rewrites see through it and
    JAX can compile it. The old shape is checked first; otherwise -1 would hide a wrong one.

    Examples
    --------
    >>> reshape_examples(np.zeros((5, 2, 3)), (2, 3), (6,)).shape
    (5, 6)
    """
    length = static_shape(batch)[0]
    batch = check_shape(batch, (length, *old))
    return batch.reshape((-1 if length is None else length, *new))


def cast(batch: Any, dtype: str | None) -> Any:
    """`batch` in `dtype`; `batch` itself if it has that type, or `dtype` is None."""
    if dtype is None or str(batch.dtype) == dtype:
        return batch
    return at.cast(batch, dtype) if isinstance(batch, Variable) else batch.astype(dtype)
