"""Figures of several trainings, one a seed, as their mean and its standard error."""

from __future__ import annotations

import math
from collections.abc import Sequence

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
