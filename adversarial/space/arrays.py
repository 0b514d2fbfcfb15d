"""The few array operations that spaces do alike on ndarrays and on Aesara variables."""

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
    """A short account of `batch` for error messages: never its whole contents."""
    if isinstance(batch, tuple):
        return "(" + ", ".join(describe(part) for part in batch) + ")"
    if isinstance(batch, np.ndarray):
        return f"ndarray of shape {batch.shape}, dtype {batch.dtype}"
    if isinstance(batch, Variable):
        return f"variable {batch.name or '(unnamed)'} of type {batch.type}"
    return f"{batch!r:.60} of type {type(batch).__name__}"


def static_shape(batch: Any) -> tuple:
    """The shape as far as it is known now, None where it is not."""
    return batch.type.shape if isinstance(batch, Variable) else batch.shape


def check_array(batch: Any, shape: tuple, owner: Any) -> None:
    """Raise unless `batch` is an array of `shape` (None: any length) as far as is known.

    Raises
    ------
    TypeError
        If it is not an array, or not a tensor variable.
    ValueError
        If its rank or a known length differs; the message names `owner`.
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
    """`batch`, certain to have `shape` from here on: checked when it runs if not known now."""
    return batch if _is_known(batch, shape) else at.specify_shape(batch, shape)


def declare_shape(batch: Any, shape: tuple) -> Any:
    """`batch`, typed with the `shape` that the caller knows it to have.

    Aesara does not follow lengths through slices, joins and argmax. To declare them costs
    nothing at run time, unlike a check. At most one length may be None.
    """
    if _is_known(batch, shape):
        return batch
    return batch.reshape(tuple(-1 if length is None else length for length in shape))


def _is_known(batch: Any, shape: tuple) -> bool:
    known = static_shape(batch)
    return all(have is not None or want is None for have, want in zip(known, shape))


def reshape_examples(batch: Any, old: tuple, new: tuple) -> Any:
    """(batch,) + `old` to (batch,) + `new`, two shapes of equally many numbers.

    The shape is given in constants, with -1 for an open batch axis: rewrites see through it
    and JAX can compile it. That is safe only because the old shape is made certain first.
    """
    length = static_shape(batch)[0]
    batch = check_shape(batch, (length, *old))
    return batch.reshape((-1 if length is None else length, *new))


def cast(batch: Any, dtype: str | None) -> Any:
    """`batch` in `dtype`: the same object if it is so already, or if `dtype` is None."""
    if dtype is None or str(batch.dtype) == dtype:
        return batch
    return at.cast(batch, dtype) if isinstance(batch, Variable) else batch.astype(dtype)
