"""Limit on the memory of the arrays that a YAML file makes by NumPy, checked before they are made.

`proxy.make_objects` calls `ArrayBudget.spend` before each call. A line such as
`!obj:numpy.zeros { shape: 1000000000000 }` would otherwise end in a killed process.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

# Bytes of all arrays of a YAML file together; large arrays belong in data sets, not in YAML.
MAX_ARRAYS = 1 << 28

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


class ArrayBudget:
    """The bytes of MAX_ARRAYS that are left for the arrays of one YAML file."""

    def __init__(self) -> None:
        self.left = float(MAX_ARRAYS)

    def spend(self, target: Callable[..., Any], arguments: dict[str, Any]) -> None:
        """Subtract the size of the array that `target(**arguments)` makes.

        Functions and arguments that this module does not know cost nothing; NumPy judges them.

        Raises
        ------
        ValueError
            Where the array is larger than what is left.

        Examples
        --------
        >>> ArrayBudget().spend(np.zeros, {"shape": [100000, 100000]})
        Traceback (most recent call last):
        ...
        ValueError: an array of 8e+10 bytes: all arrays of a YAML together may take 256 MiB at most
        """
        if target is not np.array and target not in _COUNTS:
            return
        # Checked for each leaf: aliases can repeat a list or an array very often.
        count: float = 0
        item, size = 0, 0.0
        for leaf in _leaves([value for name, value in arguments.items() if name != "dtype"]):
            if isinstance(leaf, np.ndarray):
                count, item = count + leaf.size, max(item, leaf.itemsize)
            else:
                # Each element of an array of texts takes as much as the longest one.
                longest = 4 * len(leaf) if isinstance(leaf, (str, bytes)) else 0
                count, item = count + 1, max(item, longest)
            self._check(size := count * max(item, 1))
        try:
            item = max(item, np.dtype(arguments.get("dtype") or float).itemsize)
            if target is not np.array:
                count = _COUNTS[target](**arguments)
            size = max(size, float(count) * item)
        except OverflowError:
            size = math.inf
        except (TypeError, ValueError, ArithmeticError):
            pass
        self._check(size)
        if size > 0:
            self.left -= size

    def _check(self, size: float) -> None:
        if size > self.left:
            raise ValueError(
                f"an array of {size:.3g} bytes: all arrays of a YAML together may take "
                f"{MAX_ARRAYS >> 20} MiB at most"
            )


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _leaves(item)
    else:
        yield value
