"""Nearest neighbours among training examples: Figure 2's check that G does not memorise them.

Metrics that compare samples with data call `k_nearest` for their distances.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

BLOCK_ELEMENTS = 2**23  # one block of distances: 32 MiB in float32
# Examples of fewer numbers can be nearer to each other than float32 distances are exact: of 20,000
# normal numbers, the nearest found was 12 % too far away on average.
FEW_NUMBERS = 16


def nearest_neighbors(training: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """The index of the training example nearest to each query, by Euclidean distance.

    Distances are computed in float32 (float64 if an input is, or an example has few numbers), on
    blocks of training examples, so that memory stays bounded.

    Parameters
    ----------
    training : (n, d) array, or `ScaledRows` of a file
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
    return _search(training, queries, 1, leave_out_own=False)[:, 0]


def k_nearest(
    training: np.ndarray, queries: np.ndarray, k: int = 1, leave_out_own: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """The k training examples nearest to each query, and their Euclidean distances.

    Parameters
    ----------
    training : (n, d) array, or `ScaledRows` of a file
    queries : (q, d) array
    k : int
    leave_out_own : bool
        Query i is example i of `training`, and is not its own neighbour.

    Returns
    -------
    indices : (q, k) array, the nearest first
    distances : (q, k) array of float64, computed from the differences: copies have distance 0

    Raises
    ------
    ValueError
        Where the shapes do not fit, a query is not finite, or there are fewer than k examples.

    Examples
    --------
    >>> points = np.array([[0.0], [1.0], [5.0]])
    >>> k_nearest(points, points, leave_out_own=True)
    (array([[1],
           [0],
           [1]]), array([[1.],
           [1.],
           [4.]]))
    """
    found = _search(training, queries, k, leave_out_own)
    distances = np.empty(found.shape)
    step = max(1, BLOCK_ELEMENTS // max(1, np.shape(queries)[1]))
    for start in range(0, len(queries), step):
        rows = slice(start, start + step)
        for place in range(k):
            gaps = np.subtract(training[found[rows, place]], queries[rows], dtype=np.float64)
            distances[rows, place] = np.sqrt(np.einsum("nd,nd->n", gaps, gaps))
    order = np.argsort(distances, axis=1, kind="stable")
    return np.take_along_axis(found, order, 1), np.take_along_axis(distances, order, 1)


def distance_blocks(training: np.ndarray, queries: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Squared Euclidean distances from all queries to blocks of training examples.

    Parameters
    ----------
    training : (n, d) array, or `ScaledRows` of a file
    queries : (q, d) array

    Yields
    ------
    (index of the block's first example, (q, examples of the block) array)

    Examples
    --------
    >>> [(start, block)] = distance_blocks(np.array([[0.0], [3.0]]), np.array([[1.0]]))
    >>> start, block.tolist()
    (0, [[1.0, 4.0]])
    """
    least = np.float64 if queries.shape[1] < FEW_NUMBERS else np.float32
    dtype = np.result_type(training.dtype, queries.dtype, least)
    # Rounding errors grow with the norms, so both sides are centred first.
    centre = queries.mean(axis=0, dtype=np.float64).astype(dtype)
    queries = queries - centre
    norms = np.einsum("nd,nd->n", queries, queries)[:, None]
    step = max(1, BLOCK_ELEMENTS // max(len(queries), training.shape[1], 1))
    for start in range(0, len(training), step):
        rows = training[start : start + step] - centre
        block = queries @ rows.T
        block *= -2.0
        block += np.einsum("nd,nd->n", rows, rows)
        block += norms
        yield start, np.maximum(block, 0, out=block)


def _search(training: np.ndarray, queries: np.ndarray, k: int, leave_out_own: bool) -> np.ndarray:
    """The indices (q, k) of the k nearest examples, in no order where k is not 1."""
    queries = np.asarray(queries)
    if not hasattr(training, "parts"):  # rows in a file are read block by block
        training = np.asarray(training)
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
    if len(training) - leave_out_own < k:
        raise ValueError(
            f"{len(training)} examples are too few for {k} nearest neighbours: at least "
            f"{k + leave_out_own} are needed"
        )
    if not np.isfinite(queries).all():
        raise ValueError("samples contain NaN or infinite values (has the model diverged?)")
    found = np.zeros((len(queries), k), np.intp)
    if len(queries) == 0:
        return found
    best = np.full(found.shape, np.inf)
    for start, block in distance_blocks(training, queries):
        if leave_out_own:
            own = np.arange(start, start + block.shape[1])
            block[own, own - start] = np.inf
        if k == 1:
            candidates = block.argmin(axis=1)[:, None]
        elif block.shape[1] > k:
            candidates = np.argpartition(block, k - 1, axis=1)[:, :k]
        else:
            candidates = np.broadcast_to(np.arange(block.shape[1]), block.shape)
        values = np.take_along_axis(block, candidates, 1)
        if k == 1:
            closer = values < best
            best[closer], found[closer] = values[closer], candidates[closer] + start
            continue
        both = np.concatenate([best, values], axis=1)
        chosen = np.argpartition(both, k - 1, axis=1)[:, :k]
        best = np.take_along_axis(both, chosen, 1)
        found = np.take_along_axis(np.concatenate([found, candidates + start], axis=1), chosen, 1)
    return found
