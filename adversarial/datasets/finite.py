"""Refusal of numbers that no training can use: complex, NaN, infinity, too large for float32."""

from __future__ import annotations

import numpy as np

# Not a float: NumPy 2 would compare float16 numbers with it as float16, in which it is infinite.
LARGEST = np.float64(np.finfo("float32").max)


def check_real_array(array: np.ndarray, name: str) -> None:
    """Refuse an array of complex numbers, texts or dates, which NumPy would convert to others.

    Examples
    --------
    >>> check_real_array(np.array([1j]), "X")
    Traceback (most recent call last):
    ...
    ValueError: X holds complex128, not real numbers: 1j
    """
    if array.dtype.kind not in "biufO":
        first = f": {array.flat[0].item()!r:.80}" if array.size else ""
        raise ValueError(f"{name} holds {array.dtype}, not real numbers{first}")


def check_finite_array(array: np.ndarray, name: str) -> None:
    """Refuse an array that holds NaN, infinity or a number beyond float32.

    Parameters
    ----------
    array : numpy.ndarray
        Examples along the first axis; other types than floating point pass.
    name : str
        What the message calls it: "X of the training data set".

    Raises
    ------
    ValueError
        Naming the row and the column of the first such number, and what can be done.

    Examples
    --------
    >>> check_finite_array(np.array([[0.0, np.inf]]), "X")
    Traceback (most recent call last):
    ...
    ValueError: X holds 1 number that is not finite: row 0, column 1 is inf
    Leave such rows out, or replace the numbers before the data set is made.
    """
    if array.dtype.kind != "f" or not array.size:
        return
    # Both carry NaN along, and need no memory.
    if -LARGEST <= array.min() and array.max() <= LARGEST:
        return
    rows = np.asarray(array).reshape(len(array), -1)
    bad = ~(np.abs(rows) <= LARGEST)
    row, column = np.argwhere(bad)[0]
    value, count = rows[row, column], int(bad.sum())
    numbers = f"{count} number{'' if count == 1 else 's'}"
    verb = "is" if count == 1 else "are"
    if np.isfinite(rows[bad]).all():
        raise ValueError(
            f"{name} holds {numbers} that {verb} too large for float32, in which all is computed: "
            f"row {row}, column {column} is {value:g}\n"
            "Scale the data (divide by its largest value, or standardize its columns)."
        )
    raise ValueError(
        f"{name} holds {numbers} that {verb} not finite: row {row}, column {column} is {value}\n"
        "Leave such rows out, or replace the numbers before the data set is made."
    )
