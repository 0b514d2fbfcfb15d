"""The functions of `pylearn2.utils` for Theano variables, which scripts of 2014 import."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

import aesara.tensor as at
import numpy as np
from aesara.gradient import disconnected_grad

from adversarial import backend

py_integer_types = (int, np.integer)
py_float_types = (float, np.floating)
wraps = functools.wraps


def sharedX(  # noqa: N802
    value: Any, name: str | None = None, borrow: bool = False, dtype: Any = None
) -> Any:
    """A shared variable of type `dtype` (floatX, also for integers)."""
    return backend.shared(value, name=name, borrow=borrow, dtype=dtype or backend.floatX)


def constantX(value: Any) -> Any:  # noqa: N802
    """A symbolic constant of type floatX."""
    return at.constant(np.asarray(value, dtype=backend.floatX))


def as_floatX(variable: Any) -> Any:  # noqa: N802
    """`variable`, a number, an array or a symbolic variable, converted to floatX."""
    if isinstance(variable, (int, float, np.generic)):
        return np.dtype(backend.floatX).type(variable)
    if isinstance(variable, np.ndarray):
        return variable.astype(backend.floatX, copy=False)
    return at.cast(variable, backend.floatX)


def block_gradient(x: Any) -> Any:
    """`x`, treated as a constant by gradients."""
    return disconnected_grad(x)


def safe_zip(*args: Iterable[Any]) -> list[tuple]:
    """`list(zip(*args))`; ValueError where the lengths differ."""
    lists = [list(arg) for arg in args]
    if len({len(items) for items in lists}) > 1:
        lengths = ", ".join(str(len(items)) for items in lists)
        raise ValueError(f"safe_zip takes sequences of one length, not of {lengths}")
    return list(zip(*lists))


safe_izip = safe_zip
