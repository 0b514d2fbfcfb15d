"""What rows in a file have in common with a NumPy array: sizes, extremes, means and deviations.

`source.ScaledRows` and the rows of `pytables` are design matrices that are not in memory. Whatever
asks a design matrix for its mean asks them, too; they read the file some thousand rows at a time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from adversarial.datasets.scaling import Statistics


class FileRows:
    """Base of matrices (n, columns) that read a file.

    A subclass defines `shape`, `dtype` and `parts`.

    Examples
    --------
    >>> class Twice(FileRows):
    ...     shape, dtype = (4, 1), np.dtype("float32")
    ...     def parts(self):
    ...         return (np.array([[i], [i + 1.0]], "float32") for i in (0, 2))
    >>> Twice().mean(axis=0), Twice().std().round(2), Twice().nbytes
    (array([1.5], dtype=float32), 1.12, 16)
    """

    dtype: np.dtype
    shape: tuple[int, ...]

    def parts(self) -> Iterator[np.ndarray]:
        """All rows, some thousand at a time."""
        raise NotImplementedError(f"{type(self).__name__} does not say how its rows are read")

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def itemsize(self) -> int:
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        return self.size * self.itemsize

    def _statistics(self) -> Statistics:
        return Statistics.of(self.parts())

    # `np.min(rows)`, `np.mean(rows)` and the like call these with `out`.

    def min(self, axis: int | None = None, out: Any = None) -> Any:
        """The smallest number of all rows, or of each column (axis 0)."""
        if axis not in (0, None) or out is not None:
            return np.asarray(self).min(axis, out)
        low = self._statistics().low.astype(self.dtype)
        return low if axis == 0 else low.min()

    def max(self, axis: int | None = None, out: Any = None, initial: float = -math.inf) -> Any:
        """The largest number of all rows, or of each column (axis 0); at least `initial`."""
        if axis not in (0, None) or out is not None:
            return np.asarray(self).max(axis, out, initial=initial)
        high = self._statistics().high.astype(self.dtype)
        return np.maximum(initial, high) if axis == 0 else max(initial, high.max())

    def mean(
        self, axis: int | None = None, dtype: Any = None, out: Any = None, keepdims: bool = False
    ) -> Any:
        """The mean of all numbers, or of each column (axis 0)."""
        if axis not in (0, None) or out is not None:
            return np.asarray(self).mean(axis, dtype, out, keepdims)
        return self._moments(axis, dtype, keepdims)[0]

    def std(
        self,
        axis: int | None = None,
        dtype: Any = None,
        out: Any = None,
        ddof: int = 0,
        keepdims: bool = False,
    ) -> Any:
        """The standard deviation of all numbers, or of each column (axis 0)."""
        if axis not in (0, None) or out is not None or ddof:
            return np.asarray(self).std(axis, dtype, out, ddof, keepdims)
        return self._moments(axis, dtype, keepdims)[1]

    def _moments(self, axis: int | None, dtype: Any, keepdims: bool) -> tuple[Any, Any]:
        found = self._statistics()
        if axis is None:
            found = found.of_channels(1)
        moments = found.mean, np.sqrt(found.variance)
        if axis is None:
            moments = moments[0][:1], moments[1][:1]
        shape = (1, -1) if keepdims else (-1,) if axis == 0 else ()
        kind = np.dtype(dtype or (self.dtype if self.dtype.kind == "f" else np.float64))
        mean, deviation = (moment.astype(kind).reshape(shape)[()] for moment in moments)
        return mean, deviation
