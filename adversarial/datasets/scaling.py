"""Scales of data: [0, 1], [-1, 1], standardized, or as it is.

`OwnData` fits a `Scaling` to the training part and applies it to all parts. The scale of the data
decides the last layer of the generator: Sigmoid for [0, 1], Tanh for [-1, 1], else Linear.

>>> rows = np.array([[0, 10], [5, 20], [10, 30]])
>>> scaling = fit([0, 1], Statistics.of([rows]), rows.dtype)
>>> scaling.apply(rows).tolist()
[[0.0, 0.0], [0.5, 0.5], [1.0, 1.0]]
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Optional, Union

import numpy as np

STANDARDIZE = "standardize"
Scale = Union[str, Sequence[float], None]
# The types whose range is that of the data, whatever values occur in it.
BOUNDED = {"bool": (0.0, 1.0), "uint8": (0.0, 255.0), "uint16": (0.0, 65535.0)}
# float32 holds whole numbers up to 2**24 exactly, so these may be converted first.
_EXACT = ("bool", "uint8", "int8", "uint16", "int16", "float16", "float32")


@dataclass(frozen=True)
class Statistics:
    """Minimum, maximum, mean and variance of each column.

    Parameters
    ----------
    low, high, mean, variance : float64 array (columns,)

    Examples
    --------
    >>> Statistics.of([np.array([[1.0, 5.0], [3.0, 5.0]])]).variance.tolist()
    [1.0, 0.0]
    """

    low: np.ndarray
    high: np.ndarray
    mean: np.ndarray
    variance: np.ndarray

    @classmethod
    def of(cls, parts: Iterable[np.ndarray]) -> Statistics:
        """The statistics of the rows of several arrays (n, columns), as if they were one.

        Means and variances are merged as in Chan, Golub and LeVeque (1979), without cancellation.

        >>> Statistics.of([np.array([[1.0]]), np.array([[2.0], [3.0]])]).mean
        array([2.])
        """
        count = 0
        low = high = mean = squares = np.zeros(())
        for part in parts:
            rows = np.asarray(part, np.float64)
            size, own_low, own_high = len(rows), rows.min(axis=0), rows.max(axis=0)
            # The mean of equal numbers is rounded; their variance must be 0.
            own_mean = np.where(own_low == own_high, own_low, rows.mean(axis=0))
            own_squares = np.square(rows - own_mean).sum(axis=0)
            if count == 0:
                low, high, mean, squares = own_low, own_high, own_mean, own_squares
            else:
                low = np.minimum(low, own_low)
                high = np.maximum(high, own_high)
                gap = own_mean - mean
                squares = squares + own_squares + gap**2 * (count * size / (count + size))
                mean = mean + gap * (size / (count + size))
            count += size
        return cls(low, high, mean, squares / max(count, 1))

    def of_channels(self, channels: int) -> Statistics:
        """The same of images: one range for all pixels, mean and variance of each channel.

        A column is a pixel; the columns of a channel are neighbours.
        """
        means = self.mean.reshape(channels, -1)
        mean = means.mean(axis=1)
        variance = (self.variance.reshape(channels, -1) + (means - mean[:, None]) ** 2).mean(axis=1)
        size, each = len(self.mean), len(self.mean) // channels
        return Statistics(
            np.full(size, self.low.min()),
            np.full(size, self.high.max()),
            np.repeat(mean, each),
            np.repeat(variance, each),
        )


@dataclass(frozen=True)
class Scaling:
    """x becomes (x - low) / span * (high end - low end) + low end; without `span`, x stays.

    Attributes
    ----------
    low, span : float, or float64 array of shape (columns,); None where data stays as it is
    ends : (float, float), optional
        None of standardized data.

    Examples
    --------
    >>> Scaling(low=0.0, span=10.0, ends=(-1.0, 1.0)).apply(np.array([[0, 5, 10]])).tolist()
    [[-1.0, 0.0, 1.0]]
    """

    low: Any = None
    span: Any = None
    ends: Optional[tuple[float, float]] = None

    def apply(self, rows: np.ndarray) -> np.ndarray:
        """Rows (n, columns) of any type of number in this scale, float32."""
        if self.span is None:
            with np.errstate(over="ignore"):  # refused by who reads the rows, with their place
                return rows.astype(np.float32)
        exact = np.float32 if rows.dtype.name in _EXACT and np.ndim(self.low) == 0 else np.float64
        scaled = np.subtract(rows, self.low, dtype=exact)
        scaled /= np.asarray(self.span, exact)
        if self.ends not in (None, (0.0, 1.0)):
            scaled *= self.ends[1] - self.ends[0]
            scaled += self.ends[0]
        return scaled.astype(np.float32, copy=False)

    def undo(self, rows: np.ndarray) -> np.ndarray:
        """Scaled rows as they were before, float64."""
        rows = np.asarray(rows, np.float64)
        if self.span is None:
            return rows
        if self.ends is not None:
            rows = (rows - self.ends[0]) / (self.ends[1] - self.ends[0])
        return rows * self.span + self.low


def check_scale(scale: Any, data_range: Any = None) -> None:
    """ValueError unless `scale` and `data_range` have the forms that `fit` takes."""
    if not (scale is None or scale == STANDARDIZE or _is_interval(scale)):
        raise ValueError(
            "scale must be [0, 1], [-1, 1] or two other numbers, the smaller one first; "
            f"{STANDARDIZE}, for mean 0 and standard deviation 1; or null, which leaves the data "
            f"as it is; not {scale!r:.200}"
        )
    if data_range is not None and not _is_interval(data_range):
        raise ValueError(
            "data_range must be two numbers, those that the ends of the scale stand for, the "
            f"smaller one first, not {data_range!r:.200}"
        )
    if data_range is not None and (scale is None or scale == STANDARDIZE):
        raise ValueError("data_range goes with a scale of two numbers, such as [0, 1], only")


def needs_statistics(scale: Scale, dtype: np.dtype, data_range: Any = None) -> bool:
    """Whether `fit` reads the training part."""
    if scale is None or scale == STANDARDIZE:
        return scale is not None
    return data_range is None and dtype.name not in BOUNDED


def fit(
    scale: Scale,
    found: Statistics | None,
    dtype: np.dtype,
    data_range: Sequence[float] | None = None,
) -> Scaling:
    """The scaling of data.

    Parameters
    ----------
    scale : two numbers, 'standardize' or None
        Two numbers are the ends of the range that the data gets.
    found : Statistics, optional
        Of the training part, where `needs_statistics`.
    dtype : numpy.dtype
        Of the data as it is stored: 8 bits are from 0 to 255, 16 bits from 0 to 65535.
    data_range : two numbers, optional
        What becomes the ends of the range; by default that of `dtype`, or the smallest and largest
        number of `found`. A column whose numbers are all the same becomes the lower end.

    Examples
    --------
    >>> fit([-1, 1], None, np.dtype("uint8")).apply(np.array([[0, 255]], "uint8")).tolist()
    [[-1.0, 1.0]]
    """
    if scale is None:
        return Scaling()
    if scale == STANDARDIZE:
        assert found is not None
        deviation = np.sqrt(found.variance)
        # A deviation that is only a rounding error, as of the equal pixels of a channel, would blow
        # the column up. A true one may be small: Unix times of a minute are 1e-8 apart.
        constant = deviation <= 1e-13 * np.maximum(np.abs(found.mean), 1e-30)
        return Scaling(found.mean, np.where(constant, 1.0, deviation))
    ends = (float(scale[0]), float(scale[1]))
    if data_range is None:
        data_range = BOUNDED.get(dtype.name)
    if data_range is not None:
        return Scaling(float(data_range[0]), float(data_range[1]) - float(data_range[0]), ends)
    assert found is not None
    span = found.high - found.low
    return Scaling(found.low, np.where(span > 0, span, 1.0), ends)


def _is_interval(value: Any) -> bool:
    return (
        isinstance(value, (list, tuple))
        and len(value) == 2
        and all(
            isinstance(end, (int, float, np.integer, np.floating)) and not isinstance(end, bool)
            for end in value
        )
        and bool(np.isfinite(value).all())
        and value[0] < value[1]
    )
