"""The classifier two-sample test: can a classifier tell samples from data?

The classifier is the nearest neighbour, tested by leaving one point out at a time: exact, without
training, and without a choice of an architecture.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.stats import norm

from adversarial.evaluation.embedding import Embedding, embed, some
from adversarial.evaluation.metric import Result, metric
from adversarial.evaluation.nearest_neighbors import k_nearest


@metric(unit="")
def two_sample(samples: np.ndarray, test: np.ndarray, features: Embedding) -> Result:
    """Accuracy of telling samples from data by the nearest neighbour, in features (0.5 is best).

    Of equally many samples and test examples, each point is classified by the nearest other point.
    0.5: nothing tells them apart. 1: all samples are recognized. Below 0.5: samples lie on top of
    the test examples, as copies of them do.

    Parameters
    ----------
    samples : (n, dimension) array
    test : (m, dimension) array; min(n, m) of both, drawn at random, are compared
    features : function from rows to features

    Returns
    -------
    Result
        The accuracy, with its standard error over points; `details` has the accuracies on samples
        and on test examples, and the p-value of the hypothesis that the distributions are equal.

    Raises
    ------
    ValueError
        Where a number is not finite, or the features of the test examples are all the same.

    References
    ----------
    D. Lopez-Paz and M. Oquab, "Revisiting Classifier Two-Sample Tests", ICLR 2017, section 2; Q. Xu
    et al., "An empirical study on evaluation metrics of generative adversarial networks", 2018,
    for the nearest neighbour.

    Examples
    --------
    >>> points = np.random.RandomState(0).randn(200, 2)
    >>> two_sample(points[:100] + 9, points[100:], lambda rows: rows).value
    1.0
    """
    return _leave_one_out(*embed(samples, test, features))


@metric(unit="")
def two_sample_pixels(samples: np.ndarray, test: np.ndarray) -> Result:
    """Accuracy of telling samples from data by the nearest neighbour, in pixels (0.5 is best).

    As `two_sample`, with the numbers of samples and data themselves as features.

    Parameters
    ----------
    samples : (n, dimension) array
    test : (m, dimension) array

    Returns
    -------
    Result
        As `two_sample`.

    Raises
    ------
    ValueError
        As `two_sample`.

    References
    ----------
    As `two_sample`.

    Examples
    --------
    >>> points = np.random.RandomState(0).randn(200, 2)
    >>> 0.4 < two_sample_pixels(points[:100], points[100:]).value < 0.6
    True
    """
    return _leave_one_out(*embed(samples, test))


def _leave_one_out(made: np.ndarray, real: np.ndarray) -> Result:
    n = min(len(made), len(real))
    # float32 halves the time; which of two points is nearer rarely depends on the last digits.
    points = np.concatenate([some(made, n), some(real, n)]).astype(np.float32)
    nearest = k_nearest(points, points, leave_out_own=True)[0][:, 0]
    right = (nearest < n) == (np.arange(2 * n) < n)
    accuracy = float(right.mean())
    error = math.sqrt(accuracy * (1 - accuracy) / (2 * n))
    # Under the hypothesis, accuracy is normal about 1/2 with variance 1 / (4 * 2n).
    p_value = float(norm.sf((accuracy - 0.5) * 2 * math.sqrt(2 * n)))
    details = {
        "on samples": float(right[:n].mean()),
        "on data": float(right[n:].mean()),
        "p-value": p_value,
    }
    return Result(accuracy, error, details)
