"""Figures of several trainings, one a seed: their mean and its standard error, as text and JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def mean_and_error(values: Sequence[float]) -> tuple[float, float]:
    """The mean, and the sample deviation / sqrt(n): nan for a single value."""
    if len(values) < 2:
        return float(np.mean(values)), math.nan
    return float(np.mean(values)), float(np.std(values, ddof=1) / math.sqrt(len(values)))


def shown(values: Sequence[float], digits: int = 4) -> str:
    """Mean +- standard error, or the only value."""
    mean, error = mean_and_error(values)
    return f"{mean:.{digits}f}" + ("" if math.isnan(error) else f" +- {error:.{digits}f}")


def to_json(result: Any) -> str:
    """`result` as JSON, which has no nan: it becomes null."""
    return json.dumps(_without_nan(result), indent=1)


def _without_nan(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value
