"""Checks of the objects and numbers that a constructor is given."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any


def check_part(what: str, part: Any, method: str) -> None:
    """TypeError unless `part` is an object with the method `method`, which all of its kind have."""
    if isinstance(part, type) or not hasattr(part, method):
        raise TypeError(f"{what} cannot be {part!r:.80}, which has no method {method}")


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
