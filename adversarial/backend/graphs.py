"""From graphs to functions, and the values they keep between calls."""

from __future__ import annotations

import contextlib
import errno
import functools
import gc
import os
import warnings
from collections.abc import Iterator
from typing import Any

import aesara
import numpy as np
from aesara.tensor.sharedvar import TensorSharedVariable

from adversarial.backend import blas, compiler, config, engine, kept, linking, rewrites

_WITHOUT_C = ("FAST_COMPILE", "JAX", "NUMBA")
# How to rewrite for C, and without it; of no meaning for JAX.
_FOR_EITHER = (None, "FAST_RUN", "FAST_COMPILE", "JAX")
# A full or read-only disk, a spent quota.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


def function(
    inputs: Any,
    outputs: Any = None,
    updates: Any = None,
    givens: Any = None,
    name: str | None = None,
    **kw: Any,
) -> Any:
    """Compile a graph; the only door to `aesara.function`, whose arguments it takes.

    Inputs that the graph does not use are allowed, and intermediate arrays are kept from one
    call to the next.  The engine is that of `engine.chosen`.

    Raises
    ------
    CompilerMissing
        When `mode` asks for C code (the default does) and none can be compiled here.
    ValueError
        When the engine is JAX and `mode` one that only the C engine has.
    """
    mode = kw.get("mode")
    kw.setdefault("on_unused_input", "ignore")
    if engine.chosen() == "jax":
        from adversarial.backend import jax

        if not isinstance(mode, jax.JaxMode) and mode not in _FOR_EITHER:
            raise ValueError(f"mode {mode} is one of the C engine: choose --backend c, or no mode")
        kw["mode"] = mode if isinstance(mode, jax.JaxMode) else jax.mode()
        # Aesara would compile C to compute with constants.
        with _without_collecting(), aesara.config.change_flags(cxx=""):
            return aesara.function(inputs, outputs, updates=updates, givens=givens, name=name, **kw)
    if mode is None or (isinstance(mode, str) and mode not in _WITHOUT_C):
        _check_machine()
        mode = linking.with_parallel_build(rewrites.without_unwanted(mode))
    kw["mode"] = kept.keeping(mode)
    with _naming_folder(), _without_collecting():
        return aesara.function(inputs, outputs, updates=updates, givens=givens, name=name, **kw)


@contextlib.contextmanager
def _naming_folder() -> Iterator[None]:
    """OSError that names the folder of compiled code where it is full or cannot be written."""
    try:
        yield
    except Exception as error:
        number = getattr(error, "errno", None)
        # What g++ says comes as text.
        if number not in _NO_ROOM and not any(os.strerror(code) in str(error) for code in _NO_ROOM):
            raise
        reason = os.strerror(number) if number in _NO_ROOM else "no room, or not writable"
        raise OSError(
            f"compiled code cannot be written to {aesara.config.compiledir}: {reason}\n"
            "Make room there (and in the folder of temporary files), or name another folder: "
            "AESARA_FLAGS=base_compiledir=FOLDER."
        ) from error


@contextlib.contextmanager
def _without_collecting() -> Iterator[None]:
    """Rewriting makes objects by the million; the search for garbage is a tenth of its time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def is_made(outputs: Any) -> bool:
    """Whether the call that gave `outputs`, a mapping, has been made.

    On JAX a call that only moves shared variables may wait for more of its kind; reading what it
    gave, or what it moves, has it made.
    """
    return getattr(outputs, "is_made", True)


@functools.cache
def _check_machine() -> None:
    """Refuse a machine without a compiler; warn, once, about one without a fast BLAS."""
    setup = config.configure()
    compiler.require(aesara.config.cxx, setup.cxx_by_user)
    if setup.blas.slow:
        warnings.warn(blas.SLOW, RuntimeWarning, stacklevel=3)


def shared(
    value: Any,
    name: str | None = None,
    borrow: bool = False,
    dtype: Any = None,
    shape: tuple | None = None,
) -> TensorSharedVariable:
    """A shared variable whose type states the shape of `value`, which lets rewrites do more.

    Parameters
    ----------
    value : array or number; floating point becomes floatX, integers and booleans keep their type
    name : of the variable
    borrow : whether the array itself may be kept, where it needs no conversion
    dtype : of the variable, instead
    shape : that the type states instead, with None for a length that may change

    Raises
    ------
    TypeError
        When `value` is not numeric.
    """
    array = np.asarray(value, dtype=dtype)
    if dtype is None and array.dtype.kind == "f":
        array = array.astype(aesara.config.floatX, copy=False)
    elif array.dtype.kind not in "iubf" + ("" if dtype is None else "c"):
        raise TypeError(f"a shared variable holds numbers, not {type(value).__name__}: {value!r}")
    return aesara.shared(array, name=name, borrow=borrow, shape=shape or array.shape)
