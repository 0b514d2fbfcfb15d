"""How much memory an array that a YAML asks NumPy for would take, known before it is made."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

MAX_ARRAY = 1 << 28  # bytes; data of any size comes from data sets, not from a YAML

# For each constructor, how many elements its arguments make.
_COUNTS: dict[Callable[..., Any], Callable[..., float]] = {
    np.zeros: lambda shape=0, **_: math.prod(np.atleast_1d(shape).tolist()),
    np.ones: lambda shape=0, **_: math.prod(np.atleast_1d(shape).tolist()),
    np.full: lambda shape=0, **_: math.prod(np.atleast_1d(shape).tolist()),
    np.eye: lambda N=0, M=None, **_: N * (N if M is None else M),
    np.arange: lambda start=0, stop=None, step=1, **_: (
        (start if stop is None else stop - start) / step
    ),
    np.linspace: lambda num=50, **_: num,
    np.logspace: lambda num=50, **_: num,
}


def check_size(target: Callable[..., Any], arguments: dict[str, Any]) -> None:
    """ValueError where `target(**arguments)` would make an array of more than MAX_ARRAY bytes.

    Whatever of `target` or its arguments is not understood is left for NumPy to judge.
    """
    if target is not np.array and target not in _COUNTS:
        return
    leaves = [leaf for name, value in arguments.items() if name != "dtype"
              for leaf in _leaves(value)]
    try:
        count = float(len(leaves) if target is np.array else _COUNTS[target](**arguments))
        item = np.dtype(arguments.get("dtype") or float).itemsize
    except (TypeError, ValueError, ArithmeticError):
        return
    # The longest text decides how much place each element gets.
    longest = max((len(leaf) for leaf in leaves if isinstance(leaf, (str, bytes))), default=0)
    size = count * max(item, 4 * longest)
    if size > MAX_ARRAY:
        raise ValueError(
            f"an array of {size:.3g} bytes: a YAML may ask for {MAX_ARRAY >> 20} MiB at most"
        )


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _leaves(item)
    else:
        yield value
