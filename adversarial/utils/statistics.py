"""Means and standard errors over trainings with different seeds, as text and as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def mean_and_error(values: Sequence[float]) -> tuple[float, float]:
    """(mean, standard error of the mean). The error of a single value is nan.

    >>> mean_and_error([1.0, 3.0])
    (2.0, 1.0)
    """
    if not len(values):
        return math.nan, math.nan
    if len(values) < 2:
        return float(np.mean(values)), math.nan
    with np.errstate(invalid="ignore"):  # an infinite value: the error is nan
        return float(np.mean(values)), float(np.std(values, ddof=1) / math.sqrt(len(values)))


def format_mean(values: Sequence[float], digits: int = 4) -> str:
    """Mean +- standard error as text, or the value itself if there is only one.

    >>> format_mean([1.0, 3.0], digits=1)
    '2.0 +- 1.0'
    """
    mean, error = mean_and_error(values)
    return f"{mean:.{digits}f}" + ("" if math.isnan(error) else f" +- {error:.{digits}f}")


def significant_mean(values: Sequence[float]) -> str:
    """As `format_mean`, with as many digits as the standard error justifies: its first two.

    >>> significant_mean([180.123, 182.456]), significant_mean([0.00123]), significant_mean([])
    ('181.3 +- 1.2', '0.00123', '')
    """
    mean, error = mean_and_error(values)
    if math.isnan(mean) and not len(values):
        return ""
    if not math.isfinite(error) or not math.isfinite(mean) or error == 0:
        return f"{mean:.6g}" + ("" if math.isnan(error) else f" +- {error:.2g}")
    digits = max(0, 1 - math.floor(math.log10(error)))
    if digits > 8 or abs(mean) >= 1e9:
        return f"{mean:.6g} +- {error:.2g}"
    return f"{mean:.{digits}f} +- {error:.{digits}f}"


def to_json(result: Any) -> str:
    """`result` as JSON; nan and infinity become null, NumPy's numbers and arrays Python's."""
    return json.dumps(_without_nan(result), indent=1)


def _without_nan(value: Any) -> Any:
    if isinstance(value, (np.generic, np.ndarray)):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
