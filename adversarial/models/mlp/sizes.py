"""Checks of the sizes that layers are given: numbers of units, shapes and strides of windows."""

from __future__ import annotations

from typing import Any

import numpy as np


def positive_size(owner: str, name: str, value: Any) -> int:
    """`value`, a number of units or channels, as an int.

    Raises
    ------
    ValueError
        If it is not an integer or not positive; the message begins with the `owner`, "layer 'h0'".

    Examples
    --------
    >>> positive_size("layer 'h0'", "dim", 1.5)
    Traceback (most recent call last):
    ValueError: layer 'h0': dim must be a positive integer, not 1.5
    """
    if not _is_integer(value) or value < 1:
        raise ValueError(f"{owner}: {name} must be a positive integer, not {value!r}")
    return int(value)


def int_pair(owner: str, name: str, value: Any, least: int = 1) -> tuple[int, int]:
    """`value`, a shape or stride (rows, columns), as a tuple of two ints.

    Raises
    ------
    ValueError
        If it is anything else, or one of them is below `least`.

    Examples
    --------
    >>> int_pair("layer 'h0'", "pool_shape", [4, 2])
    (4, 2)
    """
    numbers = tuple(value) if isinstance(value, (list, tuple, np.ndarray)) else ()
    if len(numbers) != 2 or not all(map(_is_integer, numbers)) or min(numbers) < least:
        raise ValueError(f"{owner}: {name} must be two integers from {least} up, not {value!r}")
    return (int(numbers[0]), int(numbers[1]))


def _is_integer(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)
