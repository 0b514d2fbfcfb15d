"""Compiles graphs to functions, and makes the shared variables that keep values between calls."""

from __future__ import annotations

from typing import Any

import aesara
import numpy as np
from aesara.tensor.sharedvar import TensorSharedVariable

from adversarial.backend import engines


def function(
    inputs: Any,
    outputs: Any = None,
    updates: Any = None,
    givens: Any = None,
    name: str | None = None,
    mode: Any = None,
    **options: Any,
) -> Any:
    """Compile a graph with the engine in use; the only caller of `aesara.function`.

    Inputs that the graph does not use are allowed, and intermediate arrays are kept from one call
    to the next.

    Parameters
    ----------
    inputs, outputs, updates, givens, name, mode
        The arguments of `aesara.function`, which also has those of `options`.

    Raises
    ------
    CompilerMissing
        When `mode` needs C code, as the default mode does, and there is no C++ compiler.
    ValueError
        When the engine in use does not support `mode`.

    Examples
    --------
    >>> x = shared([1.0, 2.0], name="x")
    >>> step = function([], x.sum(), updates={x: 2 * x})
    >>> step(), x.get_value()
    (array(3., dtype=float32), array([2., 4.], dtype=float32))
    """
    options.setdefault("on_unused_input", "ignore")
    return engines.engine().compile(
        inputs, outputs, mode, updates=updates, givens=givens, name=name, **options
    )


def is_made(outputs: Any) -> bool:
    """Whether the call that returned the mapping `outputs` has been executed.

    The JAX engine queues calls that only update shared variables. Reading an output or an updated
    variable executes the queue.
    """
    return getattr(outputs, "is_made", True)


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
    name : name of the variable
    borrow : whether the variable may use the memory of `value`, if no conversion is needed
    dtype : type of the variable, in place of the default
    shape : static shape of the variable's type, in place of that of `value`; None for an axis
        whose length may change

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


def assign(variable: TensorSharedVariable, value: Any) -> None:
    """Set a shared variable to `value`, converted to the variable's own type.

    >>> x = shared(1.0, name="x")
    >>> assign(x, 2)
    >>> x.get_value()
    array(2., dtype=float32)
    """
    variable.set_value(np.asarray(value, dtype=variable.dtype))
