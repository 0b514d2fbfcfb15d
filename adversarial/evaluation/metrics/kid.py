"""The kernel distance of samples and data (KID), in a classifier's features and in pixels."""

from __future__ import annotations

import math

import numpy as np

from adversarial.evaluation.embedding import Embedding, embed, some
from adversarial.evaluation.metric import Result, metric

# As in the paper, a block has 1000 points; with fewer points in all, there are this many blocks.
BLOCK, BLOCKS = 1000, 10


@metric(unit="")
def kid(samples: np.ndarray, test: np.ndarray, features: Embedding) -> Result:
    """Kernel distance to data in the classifier's features: KID, unbiased (0 is best).

    The squared maximum mean discrepancy for the kernel k(x, y) = (x.y / d + 1)^3, where d is the
    number of features:

        MMD^2 = mean k(x_i, x_j) over i != j  +  the same of y  -  2 mean k(x_i, y_j)

    It is unbiased, so that it may be negative, and values of different numbers of samples can be
    compared. It is the mean over blocks of 1,000 samples and 1,000 test examples, drawn at random.

    Parameters
    ----------
    samples : (n, dimension) array
    test : (m, dimension) array
    features : function from rows to features

    Returns
    -------
    Result
        The mean over blocks, with its standard error over blocks; `details` has their number and
        size.

    Raises
    ------
    ValueError
        Where there are fewer than 4 samples or examples, a number is not finite, or the features of
        the test examples are all the same.

    References
    ----------
    M. Bińkowski, D. J. Sutherland, M. Arbel and A. Gretton, "Demystifying MMD GANs", ICLR 2018,
    section 4; A. Gretton et al., "A Kernel Two-Sample Test", JMLR 13 (2012), equation 3.

    Examples
    --------
    >>> points = np.random.RandomState(0).randn(4000, 2)
    >>> found = kid(points[:2000], points[2000:], lambda rows: rows)
    >>> abs(found.value) < 4 * found.uncertainty, found.details["blocks"]
    (True, 10)
    """
    return _kernel_distance(*embed(samples, test, features, least=4))


@metric(unit="")
def kid_pixels(samples: np.ndarray, test: np.ndarray) -> Result:
    """Kernel distance to data in pixels, unbiased, without a classifier (0 is best).

    As `kid`, with the numbers of samples and data themselves as features.

    Parameters
    ----------
    samples : (n, dimension) array
    test : (m, dimension) array

    Returns
    -------
    Result
        As `kid`.

    Raises
    ------
    ValueError
        As `kid`.

    References
    ----------
    As `kid`.

    Examples
    --------
    >>> points = np.random.RandomState(0).randn(4000, 2)
    >>> kid_pixels(points[:2000] + 1, points[2000:]).value > 1
    True
    """
    return _kernel_distance(*embed(samples, test, least=4))


def _kernel_distance(made: np.ndarray, real: np.ndarray) -> Result:
    fewest = min(len(made), len(real))
    size = min(BLOCK, max(2, fewest // BLOCKS))
    count = fewest // size
    made, real = (some(rows, count * size) for rows in (made, real))
    values = np.array(
        [
            squared_mmd(made[i * size : (i + 1) * size], real[i * size : (i + 1) * size])
            for i in range(count)
        ]
    )
    error = values.std(ddof=1) / math.sqrt(count)
    return Result(float(values.mean()), float(error), {"blocks": count, "block size": size})


def squared_mmd(x: np.ndarray, y: np.ndarray) -> float:
    """The unbiased estimate of MMD^2 of two matrices of points, (n, d) and (m, d).

    Examples
    --------
    >>> squared_mmd(np.array([[0.0], [0.0]]), np.array([[1.0], [1.0]]))
    7.0
    """
    d = x.shape[1]

    def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return (a @ b.T / d + 1) ** 3

    value = -2 * kernel(x, y).mean()
    for points in (x, y):
        k = kernel(points, points)
        n = len(points)
        value += (k.sum() - np.trace(k)) / (n * (n - 1))
    return float(value)
