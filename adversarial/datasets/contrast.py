"""Global contrast normalization, of `CIFAR10` and of the preprocessor of that name."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

BLOCK = 8192  # rows transformed at a time, to bound the memory


def global_contrast_normalize(
    X: np.ndarray,
    scale: float = 1.0,
    subtract_mean: bool = True,
    use_std: bool = False,
    sqrt_bias: float = 0.0,
    min_divisor: float = 1e-8,
    batch_size: int | None = None,
) -> np.ndarray:
    """Global contrast normalization: each row scaled to the same Euclidean norm, as a new array.

    Each row is divided by ``sqrt(sqrt_bias + sum of squares) / scale``.

    Parameters
    ----------
    X : array of shape (n, dim)
    scale : float
        The norm of the results, where `sqrt_bias` is 0.
    subtract_mean : bool
        Whether to subtract from each row its own mean first.
    use_std : bool
        Whether the unbiased variance of a row takes the place of its sum of squares.
    sqrt_bias : float
    min_divisor : float
        Rows whose divisor is smaller are not divided.
    batch_size : int, optional
        Rows transformed at a time.

    Examples
    --------
    >>> global_contrast_normalize(np.array([[1.0, 7.0]]), subtract_mean=False, scale=5).round(2)
    array([[0.71, 4.95]])
    """
    if scale < min_divisor:
        raise ValueError(f"scale {scale!r} is below min_divisor {min_divisor!r}")
    if batch_size is not None and batch_size < 0:
        raise ValueError(f"batch_size must be a number of rows, not {batch_size!r}")
    if X.ndim != 2:
        raise ValueError(f"expected a matrix with a row for each image, not shape {X.shape}")
    result = np.empty(X.shape, X.dtype if np.issubdtype(X.dtype, np.floating) else np.float32)
    for rows in row_blocks(len(X), batch_size or BLOCK):
        block = X[rows].astype(result.dtype)
        mean = block.mean(axis=1, keepdims=True)
        if subtract_mean:
            block -= mean
        if use_std:
            spread = block.var(axis=1, ddof=min(1, X.shape[1] - 1), keepdims=True)
        else:
            spread = (block**2).sum(axis=1, keepdims=True)
        divisor = np.sqrt(sqrt_bias + spread) / scale
        divisor[divisor < min_divisor] = 1
        np.divide(block, divisor, out=result[rows])
    return result


def row_blocks(count: int, size: int = BLOCK) -> Iterator[slice]:
    """Slices of at most `size` rows that together are all `count` rows."""
    return (slice(start, min(start + size, count)) for start in range(0, count, size))
