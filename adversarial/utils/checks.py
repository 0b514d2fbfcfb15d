"""Whether what a user put together has parts of the right kinds."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any


def check_part(what: str, part: Any, method: str) -> None:
    """TypeError unless `part` is an object with that method, which tells its kind."""
    if isinstance(part, type) or not hasattr(part, method):
        raise TypeError(f"{what} cannot be {part!r:.80}, which has no method {method}")


def check_finite(**values: Any) -> None:
    """ValueError for a number that is infinite or NaN, alone or in a dict, by its name.

    What it multiplies would be, too, minutes later. What is no number is left to others.

    >>> check_finite(target_scale=float("nan"))      # doctest: +SKIP
    ValueError: target_scale must be finite, not nan
    """
    for name, value in values.items():
        for item in value.values() if isinstance(value, dict) else [value]:
            if isinstance(item, Real) and not math.isfinite(item):
                raise ValueError(f"{name} must be finite, not {item!r}")
