"""The training example nearest to each sample: the paper's check against memorising (Figure 2)."""

from __future__ import annotations

import numpy as np

BLOCK_ELEMENTS = 2**23  # one block of distances: 32 MiB


def nearest(training: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """For each row of `queries` (q, d), the index of the row of `training` (n, d) nearest to it.

    Nearest in Euclidean distance; of equal ones, the first. Distances are compared in float32
    (float64 where an input is), on blocks of training rows, so memory stays bounded.

    Raises ValueError where the shapes do not fit, or a value is not finite.
    """
    training, queries = np.asarray(training), np.asarray(queries)
    for name, rows in (("training", training), ("queries", queries)):
        if rows.ndim != 2:
            raise ValueError(f"{name} must be a matrix with an example a row, got {rows.shape}")
    if training.shape[1] != queries.shape[1]:
        raise ValueError(
            f"samples of {queries.shape[1]} numbers cannot be compared with training examples of "
            f"{training.shape[1]}"
        )
    if len(training) == 0:
        raise ValueError("no training examples to search")
    if not np.isfinite(queries).all():
        raise ValueError("samples contain NaN or infinite values (has the model diverged?)")
    if len(queries) == 0:
        return np.zeros(0, np.intp)
    dtype = np.result_type(training.dtype, queries.dtype, np.float32)
    # Rounding grows with the norms, so both sides are taken from a point in the data's midst.
    centre = queries.mean(axis=0, dtype=np.float64).astype(dtype)
    queries = queries - centre
    best = np.full(len(queries), np.inf, dtype)
    found = np.zeros(len(queries), np.intp)
    step = max(1, BLOCK_ELEMENTS // max(len(queries), training.shape[1], 1))
    for start in range(0, len(training), step):
        rows = training[start : start + step] - centre
        # ||q - t||^2 less ||q||^2, which is the same for every t.
        distances = np.einsum("nd,nd->n", rows, rows) - 2.0 * (queries @ rows.T)
        candidates = distances.argmin(axis=1)
        values = distances[np.arange(len(queries)), candidates]
        closer = values < best
        best[closer] = values[closer]
        found[closer] = candidates[closer] + start
    return found
