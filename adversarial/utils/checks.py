"""Checks of the objects and numbers that a constructor is given."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from numbers import Real
from typing import Any, Optional

import numpy as np


def check_part(what: str, part: Any, method: str) -> None:
    """TypeError unless `part` is an object with the method `method`, which all of its kind have."""
    if isinstance(part, type) or not hasattr(part, method):
        raise TypeError(f"{what} cannot be {part!r:.80}, which has no method {method}")


def check_list(name: str, value: Any) -> None:
    """TypeError unless the argument `name` is a list, or something else that holds several values.

    Examples
    --------
    >>> check_list("epochs", 3)
    Traceback (most recent call last):
    ...
    TypeError: epochs must be a list, not 3
    """
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
        raise TypeError(f"{name} must be a list, not {value!r:.80}")


def check_name(what: str, name: str) -> None:
    """ValueError if `name` cannot be in a line of a table: it is empty, or has control characters.

    Line breaks are control characters. `what` says what is called so.

    Examples
    --------
    >>> check_name("layer_name", "h\\n0")
    Traceback (most recent call last):
    ...
    ValueError: layer_name 'h\\n0': a name has no line breaks or other control characters
    """
    if not name:
        raise ValueError(f"{what} is empty")
    if not name.isprintable():
        raise ValueError(
            f"{what} {name!r:.80}: a name has no line breaks or other control characters"
        )


def check_finite(**values: Any) -> None:
    """ValueError that names an argument that is infinite or NaN, or a dict with such a value.

    Such a number would make the parameters NaN minutes later. Values that are no numbers pass.

    Examples
    --------
    >>> check_finite(target_scale=float("nan"))
    Traceback (most recent call last):
    ...
    ValueError: target_scale must be finite, not nan
    """
    for name, value in values.items():
        for item in value.values() if isinstance(value, dict) else [value]:
            if isinstance(item, Real) and not math.isfinite(item):
                raise ValueError(f"{name} must be finite, not {item!r}")


def bad_hyperparameter(owner: Any, path: str, value: Any) -> Optional[str]:
    """What is wrong with `value`, which an attribute of `owner` has or is to have; None if nothing.

    Asked of objects of this program that were not made by their constructors, or were changed since
    (those in a model file, for example). An attribute is a hyperparameter if the constructor has an
    argument of its name. Hyperparameters are finite, and probabilities are from 0 to 1.

    Parameters
    ----------
    owner : object
    path : str
        Leads to the value, by the attribute's name at its end: `algorithm.learning_rate`,
        `cost.input_include_probs['h0']`.
    value : object
        Numbers, 0-d arrays and lists or dicts of these are looked at.
    """
    name = re.sub(r"\[.*", "", path.rpartition(".")[2])
    if type(owner).__module__.partition(".")[0] not in ("adversarial", "sandbox"):
        return None
    arguments = _constructor_arguments(type(owner))
    if name not in arguments and f"init_{name}" not in arguments:
        return None
    for number in _numbers(value):
        if not math.isfinite(number):
            return f"is {number}, and must be finite"
        if re.search(r"include_probs?$", name) and not 0 <= number <= 1:
            return f"is {number}, and a probability is from 0 to 1"
    return None


def _constructor_arguments(cls: type) -> set[str]:
    names: set[str] = set()
    for base in cls.__mro__[:-1]:
        if "__init__" in vars(base):
            names.update(inspect.signature(vars(base)["__init__"]).parameters)
    return names


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, (list, tuple, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _numbers(item)
    elif isinstance(value, (float, np.floating)) or (
        isinstance(value, np.ndarray) and value.ndim == 0 and value.dtype.kind == "f"
    ):
        yield float(value)
