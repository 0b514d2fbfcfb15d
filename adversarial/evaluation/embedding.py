"""Points that metrics compare: samples and data as float64 rows, checked, in pixels or features.

A metric that compares distributions calls `embed` for its samples and for its data. Both then are
matrices of one width with finite numbers. FID in features and FID in pixels are one function of
such matrices.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Optional

import numpy as np

from adversarial.evaluation.metric import Unavailable

Rows = np.ndarray
Embedding = Callable[[Rows], Rows]


def embed(
    samples: Rows, data: Rows, features: Optional[Embedding] = None, least: int = 2
) -> tuple[Rows, Rows]:
    """`samples` and `data` in the space where they are compared.

    Parameters
    ----------
    samples : (n, d) array
    data : (m, d) array
    features : function from rows (n, d) to features (n, k), optional
        Without it, samples and data are compared as they are.
    least : int
        The fewest rows that the metric needs of each.

    Returns
    -------
    (n, k) and (m, k) arrays of float64

    Raises
    ------
    Unavailable
        Where there are too few rows.
    ValueError
        Where the widths differ, a number is not finite, or all of `data`
        are the same.

    Examples
    --------
    >>> embed(np.zeros((3, 2)), np.eye(2))[0].shape
    (3, 2)
    >>> embed(np.zeros((3, 2)), np.ones((4, 2)))
    Traceback (most recent call last):
    ...
    ValueError: the 4 rows of data are all the same, so nothing can be compared with them
    """
    made = embed_one(samples, "samples", features, least)
    real = embed_one(data, "data", features, least)
    if made.shape[1] != real.shape[1]:
        raise ValueError(
            f"samples of {made.shape[1]} numbers cannot be compared with data of {real.shape[1]}"
        )
    if (real == real[0]).all():
        if features is None:
            raise ValueError(
                f"the {len(real)} rows of data are all the same, so nothing can be compared with "
                "them"
            )
        raise ValueError(
            f"the features of the {len(real)} rows of data are all the same: is the classifier "
            "trained, and on data of this scale?"
        )
    return made, real


def some(rows: Rows, number: int) -> Rows:
    """`number` of the rows in random order, the same at each call: data may be sorted by class.

    Examples
    --------
    >>> sorted(some(np.arange(4)[:, None], 4).ravel().tolist())
    [0, 1, 2, 3]
    """
    return rows[np.random.RandomState(0).permutation(len(rows))[:number]]


def embed_one(rows: Rows, what: str, features: Optional[Embedding] = None, least: int = 2) -> Rows:
    """`rows` as float64, or their features, checked as `embed` does; messages call them `what`.

    Raises
    ------
    Unavailable
        Where there are fewer rows than `least`.
    ValueError
        Where a number is not finite.
    """
    rows = np.asarray(rows)
    if rows.ndim != 2:
        raise ValueError(f"{what} must be a matrix with an example a row, got shape {rows.shape}")
    if len(rows) < least:
        counted = "rows of data" if what == "data" else what
        raise Unavailable(f"{len(rows)} {counted} are too few: at least {least} are needed")
    if not np.isfinite(rows).all():
        hint = " (has the model diverged?)" if what == "samples" else ""
        raise ValueError(f"{what} contain NaN or infinite values{hint}")
    if features is None:
        return rows.astype(np.float64)
    found = np.asarray(features(rows), np.float64)
    if found.ndim != 2 or len(found) != len(rows):
        raise ValueError(
            f"the features of {len(rows)} {what} have the shape {found.shape}, not ({len(rows)}, k)"
        )
    if not np.isfinite(found).all():
        raise ValueError(f"the features of {what} contain NaN or infinite values")
    return found
