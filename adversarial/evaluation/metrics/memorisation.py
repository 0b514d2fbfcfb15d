"""Memorisation: are samples nearer to training examples than to test examples of the same number?

A sample of a generator that learnt the distribution is as likely to have a training example as
nearest neighbour as a test example, if there are equally many of both.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.stats import mannwhitneyu, norm

from adversarial.evaluation.embedding import Embedding, embed_one, some
from adversarial.evaluation.metric import Result, metric
from adversarial.evaluation.nearest_neighbors import k_nearest


@metric(unit="")
def memorisation(
    samples: np.ndarray, training: np.ndarray, test: np.ndarray, features: Embedding
) -> Result:
    """Share of samples nearer to training than to test examples, in features (0.5 is best).

    Equally many training and test examples are compared; of the larger set, some are chosen at
    random. Copies of all training examples have a share of 1. The test of the difference is a
    permutation test: if nothing is memorised, each example might as well be in the other set. Then
    the share is 1/2 on average, and has the variance

        2 m / (2 m - 1) sum_j (c_j - c)^2 / (4 n^2)

    over 2 m examples, c_j of n samples being nearest to example j, and c = n / (2 m).

    Parameters
    ----------
    samples : (n, dimension) array
    training, test : (number, dimension) arrays
    features : function from rows to features

    Returns
    -------
    Result
        The share, and the standard deviation that it has if nothing is memorised; `details` has the
        one-sided `p-value`, the number of examples of each set, the medians of both distances, and
        `C_T`: the standardized Mann-Whitney statistic of the distances from samples and from test
        examples to training examples. C_T below -3 means copying; far above 3, that samples lie
        away from all data, as of an underfitted model.

    Raises
    ------
    ValueError
        Where there are fewer than 2 rows, a number is not finite, or all training and test examples
        are the same.

    References
    ----------
    C. Meehan, K. Chaudhuri and S. Dasgupta, "A Non-Parametric Test to Detect Data-Copying in
    Generative Models", AISTATS 2020, section 3.1 (C_T, here with a single cell).

    Examples
    --------
    >>> rng = np.random.RandomState(0)
    >>> training, test = rng.rand(100, 5), rng.rand(100, 5)
    >>> memorisation(training, training, test, lambda rows: rows).value
    1.0
    >>> 0.3 < memorisation(rng.rand(100, 5), training, test, lambda rows: rows).value < 0.7
    True
    """
    return _compare(samples, training, test, features)


@metric(unit="")
def memorisation_pixels(samples: np.ndarray, training: np.ndarray, test: np.ndarray) -> Result:
    """Share of samples nearer to training than to test examples, in pixels (0.5 is best).

    As `memorisation`, with the numbers of samples and data themselves as features.

    Parameters
    ----------
    samples : (n, dimension) array
    training, test : (number, dimension) arrays

    Returns
    -------
    Result
        As `memorisation`.

    Raises
    ------
    ValueError
        As `memorisation`.

    References
    ----------
    As `memorisation`.

    Examples
    --------
    >>> training, test = np.array([[0.0], [1.0]]), np.array([[0.5], [1.5]])
    >>> memorisation_pixels(np.array([[0.1], [0.9], [1.4]]), training, test).value
    0.6666666666666666
    """
    return _compare(samples, training, test, None)


def _compare(
    samples: np.ndarray, training: np.ndarray, test: np.ndarray, features: Embedding | None
) -> Result:
    m = min(len(training), len(test))
    training, test = (some(rows, m) for rows in (training, test))
    made, seen, unseen = (
        # float32 halves the time of pixels; distances are computed anew, from the differences.
        embed_one(rows, what, features).astype(np.float64 if features else np.float32)
        for rows, what in ((samples, "samples"), (training, "training examples"), (test, "data"))
    )
    if (seen == seen[0]).all() and (unseen == seen[0]).all():
        what = "training and test examples" if features is None else "features of the data"
        raise ValueError(f"all {what} are the same, so nothing can be compared with them")
    (near_seen, to_seen), (near_unseen, to_unseen) = (
        (found[:, 0], distances[:, 0])
        for found, distances in (k_nearest(rows, made) for rows in (seen, unseen))
    )
    # Ties, as of an example that is in both sets, count as a half.
    nearer = np.where(to_seen == to_unseen, 0.5, to_seen < to_unseen)
    n, share = len(made), float(nearer.mean())
    loads = np.concatenate(
        [
            np.bincount(near_seen, nearer, minlength=m),
            np.bincount(near_unseen, 1 - nearer, minlength=m),
        ]
    )
    variance = 2 * m / (2 * m - 1) * ((loads - loads.mean()) ** 2).sum() / (4 * n**2)
    error = math.sqrt(variance)
    held_out = k_nearest(seen, unseen)[1][:, 0]
    details: dict[str, Any] = {
        "p-value": float(norm.sf((share - 0.5) / error)) if error else 1.0,
        "examples": m,
        "median to training": float(np.median(to_seen)),
        "median to test": float(np.median(to_unseen)),
        "C_T": _standardized(to_seen, held_out),
    }
    return Result(share, error, details)


def _standardized(x: np.ndarray, y: np.ndarray) -> float:
    """The Mann-Whitney statistic of x against y, as a standard normal number."""
    u = mannwhitneyu(x, y, alternative="two-sided", method="asymptotic").statistic
    n, m = len(x), len(y)
    return float((u - n * m / 2) / math.sqrt(n * m * (n + m + 1) / 12))
