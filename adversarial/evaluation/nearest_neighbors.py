"""Nearest neighbours among training examples: Figure 2's check that G does not memorise them."""

from __future__ import annotations

import numpy as np

BLOCK_ELEMENTS = 2**23  # one block of distances: 32 MiB


def nearest_neighbors(training: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """The index of the training example nearest to each query, by Euclidean distance.

    Distances are computed in float32 (float64 if an input is), on blocks of training examples, so
    that memory stays bounded.

    Parameters
    ----------
    training : (n, d) array
    queries : (q, d) array

    Returns
    -------
    (q,) array of indices; of equally near examples, the first.

    Raises
    ------
    ValueError
        Where the shapes do not fit, or a query is not finite.

    Examples
    --------
    >>> nearest_neighbors(np.array([[0.0], [1.0], [5.0]]), np.array([[0.9], [4.0]]))
    array([1, 2])
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
    # Rounding errors grow with the norms, so both sides are centred first.
    centre = queries.mean(axis=0, dtype=np.float64).astype(dtype)
    queries = queries - centre
    best = np.full(len(queries), np.inf, dtype)
    found = np.zeros(len(queries), np.intp)
    step = max(1, BLOCK_ELEMENTS // max(len(queries), training.shape[1], 1))
    for start in range(0, len(training), step):
        rows = training[start : start + step] - centre
        # ||t||^2 - 2 q.t = ||q - t||^2 - ||q||^2, whose last term is the same for every t.
        distances = np.einsum("nd,nd->n", rows, rows) - 2.0 * (queries @ rows.T)
        candidates = distances.argmin(axis=1)
        values = distances[np.arange(len(queries)), candidates]
        closer = values < best
        best[closer] = values[closer]
        found[closer] = candidates[closer] + start
    return found
