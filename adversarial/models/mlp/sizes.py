"""Checks of the sizes that layers are given: numbers of units, shapes and strides of windows."""

from __future__ import annotations

from typing import Any

import numpy as np

from adversarial.utils.budget import spend

# Bytes that a minibatch of a hundred examples takes for each number of an example, as float32.
_PER_NUMBER = 400


def spend_for_batches(what: str, numbers: Any) -> None:
    """Spend the memory of a minibatch whose examples have so many `numbers`, or are of a space.

    Raises
    ------
    Fault
        A ValueError that begins with `what`, if the file that describes it may not take so much.
    """
    if hasattr(numbers, "get_total_dimension"):
        numbers = numbers.get_total_dimension()
    spend(f"{what} ({numbers} numbers for each example)", _PER_NUMBER * numbers)


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
