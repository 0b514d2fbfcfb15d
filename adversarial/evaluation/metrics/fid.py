"""The Fréchet distance of samples and data, in a classifier's features (FID) and in pixels.

Both distributions are replaced by normal distributions with their means and covariances, between
which the 2-Wasserstein distance has a closed form. The standard error is the delta method's: the
distance is differentiated by both distributions, and the derivative evaluated at each point.
"""

from __future__ import annotations

import math

import numpy as np

from adversarial.evaluation.embedding import Embedding, embed
from adversarial.evaluation.metric import Result, metric

# Eigenvalues below this fraction of the largest are rounding errors of zero, as of pixels that are
# black in all images.
RANK = 1e-10


@metric(unit="")
def fid(samples: np.ndarray, test: np.ndarray, features: Embedding) -> Result:
    """Fréchet distance to data in the classifier's features: FID, but not Inception's (0 is best).

    d^2 = |m_1 - m_2|^2 + tr(C_1 + C_2 - 2 (C_1 C_2)^(1/2)), where m and C are the means and
    covariances of features. It is biased upwards by about tr(C) (1 / n + 1 / m); compare values of
    one number of samples only.

    Parameters
    ----------
    samples : (n, dimension) array
    test : (m, dimension) array
    features : function from rows to features

    Returns
    -------
    Result
        d^2, with its standard error over samples and test examples; `details` has the part of the
        means. A note says where a covariance is of no full rank for lack of samples or examples.

    Raises
    ------
    ValueError
        Where a number is not finite, or the features of the test examples are all the same.

    References
    ----------
    M. Heusel, H. Ramsauer, T. Unterthiner, B. Nessler and S. Hochreiter, "GANs Trained by a Two
    Time-Scale Update Rule Converge to a Local Nash Equilibrium", NIPS 2017, equation 6.

    Examples
    --------
    >>> points = np.array([[0.0, 0.0], [0.0, 2.0], [2.0, 0.0], [2.0, 2.0]])
    >>> round(fid(points + 3.0, points, lambda rows: rows).value, 6)
    18.0
    """
    return frechet(*embed(samples, test, features))


@metric(unit="squared units of the data")
def fid_pixels(samples: np.ndarray, test: np.ndarray) -> Result:
    """Fréchet distance to data in pixels, without a classifier (0 is best).

    As `fid`, with the numbers of samples and data themselves as features.

    Parameters
    ----------
    samples : (n, dimension) array
    test : (m, dimension) array

    Returns
    -------
    Result
        As `fid`.

    Raises
    ------
    ValueError
        Where a number is not finite, or the test examples are all the same.

    References
    ----------
    As `fid`.

    Examples
    --------
    >>> points = np.array([[0.0, 0.0], [0.0, 2.0], [2.0, 0.0], [2.0, 2.0]])
    >>> round(fid_pixels(2.0 * points - 1.0, points).value, 3)  # the deviation doubles
    2.667
    """
    return frechet(*embed(samples, test))


def frechet(made: np.ndarray, real: np.ndarray) -> Result:
    """The Fréchet distance of two matrices of points, (n, k) and (m, k); see `fid`.

    Examples
    --------
    >>> points = np.random.RandomState(0).randn(100, 3)
    >>> round(frechet(points + 2.0, points).value, 6)
    12.0
    """
    shift = made.mean(axis=0) - real.mean(axis=0)
    c_made, c_real = (np.cov(rows, rowvar=False).reshape(len(shift), -1) for rows in (made, real))
    # tr (C_1 C_2)^(1/2) = tr (A C_1 A)^(1/2) with A = C_2^(1/2), which is symmetric.
    values, vectors = np.linalg.eigh(c_real)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    values, vectors = np.linalg.eigh(root @ c_made @ root)
    values = np.where(values > RANK**2 * max(values[-1], 0), values, 0)
    mixed = np.sqrt(values).sum()
    distance = shift @ shift + np.trace(c_made) + np.trace(c_real) - 2 * mixed
    # The derivative of tr (C_1 C_2)^(1/2) by C_1 is half of the matrix T that transports samples
    # to data, T = A (A C_1 A)^(-1/2) A; by C_2 it is half of the inverse of T.
    inverse = np.divide(1, np.sqrt(values), where=values > RANK * values[-1], out=0 * values)
    half = root @ vectors
    to_real = (half * inverse) @ half.T
    to_made = _pseudo_inverse(to_real)
    variance = 0.0
    for rows, sign, transport in ((made, 1, to_real), (real, -1, to_made)):
        gaps = rows - rows.mean(axis=0)
        change = 2 * sign * (gaps @ shift) + np.einsum("ni,ni->n", gaps, gaps)
        change -= np.einsum("ni,ni->n", gaps @ transport, gaps)
        variance += change.var(ddof=1) / len(rows)
    details = {"of the means": float(shift @ shift)}
    notes = []
    fewest, what = min((len(made), "samples"), (len(real), "test examples"))
    if fewest <= len(shift):
        notes.append(
            f"{fewest:,} {what} are too few for a covariance of {len(shift):,} numbers, so the "
            "value is biased: compare it only with values of as many"
        )
    return Result(max(0.0, float(distance)), math.sqrt(variance), details, tuple(notes))


def _pseudo_inverse(matrix: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(matrix)
    kept = values > math.sqrt(RANK) * max(values[-1], 0)
    return (vectors[:, kept] / values[kept]) @ vectors[:, kept].T
