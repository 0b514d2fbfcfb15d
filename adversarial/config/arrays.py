"""What the arrays that a YAML file asks NumPy for take, known before they are made.

`proxy` calls `spend_for` before each call that a YAML file describes. NumPy makes arrays of any
size from a few words, and an array of whatever lists and arrays it is given.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from adversarial.utils.budget import spend

# For each NumPy function, the number of elements of its result, from its arguments.
_COUNTS: dict[Callable[..., Any], Callable[..., float]] = {
    np.zeros: lambda shape=0, **_: math.prod(np.atleast_1d(shape).tolist()),
    np.ones: lambda shape=0, **_: math.prod(np.atleast_1d(shape).tolist()),
    np.full: lambda shape=0, **_: math.prod(np.atleast_1d(shape).tolist()),
    np.eye: lambda N=0, M=None, **_: N * (N if M is None else M),
    np.arange: lambda start=0, stop=None, step=1, **_: (
        (start if stop is None else stop - start) / step
    ),
    np.linspace: lambda num=50, start=0, stop=0, **_: num * np.broadcast(start, stop).size,
    np.logspace: lambda num=50, start=0, stop=0, base=0, **_: (
        num * np.broadcast(start, stop, base).size
    ),
}
# These compute with copies of the array; in copies.
_COPIES = {np.linspace: 2, np.logspace: 3}
# An element that is a Python object: a pointer, and a number.
_OBJECT = 40
# Nanoseconds for each element of an array, the slowest of the above.
_PER_ELEMENT = 20
# Nanoseconds to look once at an element that is there: for a mean, or whether it is finite.
_PER_LOOK = 0.5


def spend_for(target: Callable[..., Any], arguments: dict[str, Any]) -> None:
    """Spend what the arrays take that `target(**arguments)` makes of its arguments.

    Whatever of `target` or its arguments is not understood is left for NumPy to judge.

    Raises
    ------
    Fault
        Where the budget of the file does not have that.
    """
    looked_at = sum(array.size for array in _held(arguments))
    spend(f"{looked_at} numbers to look at", time=_PER_LOOK * looked_at)
    for name, value in arguments.items():
        if isinstance(value, list):
            _spend_for_list(name, value)
    if target is not np.array and target not in _COUNTS:
        return
    count, longest = _measured([value for name, value in arguments.items() if name != "dtype"])
    try:
        dtype = np.dtype(arguments.get("dtype") or float)
        item = max(longest, _OBJECT if dtype.hasobject else dtype.itemsize)
        if target is not np.array:
            count = _COUNTS[target](**arguments)
        size = float(count) * item
    except OverflowError:
        count = size = math.inf
    except (TypeError, ValueError, ArithmeticError):
        return
    briefly = _COPIES.get(target, 0) * size
    spend(f"an array of {size:.3g} bytes", size, _PER_ELEMENT * count, briefly)


def _spend_for_list(name: str, items: list) -> None:
    """Spend the array that a constructor may make of a list, if there are arrays in it."""
    if not any(isinstance(leaf, np.ndarray) for leaf in _leaves(items)):
        return  # no larger than the list
    count, item = _measured(items)
    size = float(count * max(item, 8))
    spend(f"an array of {size:.3g} bytes ({name})", briefly=size, time=_PER_ELEMENT * count)


def _measured(value: Any) -> tuple[float, int]:
    """How many elements an array of `value` would have, and the bytes that the longest takes."""
    count: float = 0
    item = 0
    for leaf in _leaves(value):
        if isinstance(leaf, np.ndarray):
            count, item = count + leaf.size, max(item, leaf.itemsize)
        else:
            # Each element of an array of texts takes as much as the longest one.
            longest = 4 * len(leaf) if isinstance(leaf, (str, bytes)) else 0
            count, item = count + 1, max(item, longest)
    return count, item


def _held(arguments: dict[str, Any]) -> Iterator[np.ndarray]:
    """The arrays among the arguments, and in data sets and other objects, as often as named."""
    for leaf in _leaves(arguments):
        parts = [leaf]
        for part in getattr(leaf, "__dict__", {}).values():
            parts += part.values() if isinstance(part, dict) else [part]
        for part in parts:
            for array in part if isinstance(part, tuple) else (part,):
                if isinstance(array, np.ndarray):
                    yield array


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _leaves(item)
    else:
        yield value
