"""Precision, recall, density and coverage from balls around points, in one pass over distances.

The support of a distribution is estimated by balls around its points, each as large as the distance
to the point's k-th nearest neighbour (Kynkäänniemi et al., 2019, equation 1). A sample is precise
where it is in a ball of data. Data is recalled where it is in a ball of samples. `metrics/prdc.py`
has the four metrics; they share one pass, since distances take most of the time.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from adversarial.evaluation.metric import Unavailable
from adversarial.evaluation.nearest_neighbors import distance_blocks, k_nearest


@dataclass(frozen=True)
class Balls:
    """What is in which balls, for n samples and m rows of data.

    Attributes
    ----------
    precise : (n,) booleans
        Whether a sample is in a ball of data.
    counts : (n,) integers
        In how many balls of data a sample is.
    recalled : (m,) booleans
        Whether a row of data is in a ball of samples.
    covered : (m,) booleans
        Whether the ball of a row of data has a sample in it.
    """

    precise: np.ndarray
    counts: np.ndarray
    recalled: np.ndarray
    covered: np.ndarray


# `distance_blocks` rounds: its squared distances err by less than this fraction of the sum of both
# points' squared norms.
_ROUNDING = 1e-12
# The last results by digests of the points: four metrics ask for two of these.
_KEPT = 4
_kept: dict[tuple[bytes, bytes, int], Balls] = {}


def balls(samples: np.ndarray, data: np.ndarray, k: int) -> Balls:
    """Find out what is in which balls.

    Parameters
    ----------
    samples : (n, d) array of float64
    data : (m, d) array of float64
    k : int
        The neighbour that decides how large a ball is.

    Raises
    ------
    Unavailable
        Where there are not more than k samples, or rows of data.

    Examples
    --------
    >>> points = np.array([[0.0], [1.0], [2.0]])
    >>> balls(np.array([[0.5], [9.0]]), points, k=1).precise
    array([ True, False])
    """
    for what, rows in (("samples", samples), ("rows of data", data)):
        if len(rows) <= k:
            raise Unavailable(
                f"{len(rows)} {what} are too few for {k} nearest neighbours: at least {k + 1} "
                "are needed"
            )
    key = (_digest(samples), _digest(data), k)
    if key not in _kept:
        found = _balls(samples, data, k)
        while len(_kept) >= _KEPT:
            del _kept[next(iter(_kept))]
        _kept[key] = found
    return _kept[key]


def _digest(rows: np.ndarray) -> bytes:
    return hashlib.sha256(np.ascontiguousarray(rows).data).digest()


def _balls(samples: np.ndarray, data: np.ndarray, k: int) -> Balls:
    of_samples, of_data = (
        k_nearest(rows, rows, k, leave_out_own=True)[1][:, -1] ** 2 for rows in (samples, data)
    )
    # Points at the radius are in the ball (equation 1 has <=): if points repeat, radii are 0.
    centre = samples.mean(axis=0)  # as in `distance_blocks`
    rounding_samples, rounding_data = (
        _ROUNDING * ((rows - centre) ** 2).sum(axis=1) for rows in (samples, data)
    )
    counts = np.zeros(len(samples), np.int64)
    recalled, covered = np.zeros(len(data), bool), np.zeros(len(data), bool)
    for start, block in distance_blocks(data, samples):
        rows = slice(start, start + block.shape[1])
        block -= rounding_samples[:, None]
        block -= rounding_data[rows]
        inside = block <= of_data[rows]
        counts += inside.sum(axis=1)
        covered[rows] = inside.any(axis=0)
        recalled[rows] = (block <= of_samples[:, None]).any(axis=0)
    return Balls(counts > 0, counts, recalled, covered)
