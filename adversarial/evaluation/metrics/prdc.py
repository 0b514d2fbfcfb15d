"""Precision and recall, density and coverage: the quality of samples apart from their diversity.

`evaluation.manifolds` has the balls that all four count; the features are a classifier's.
"""

from __future__ import annotations

import math

import numpy as np

from adversarial.evaluation.embedding import Embedding, embed
from adversarial.evaluation.manifolds import Balls, balls
from adversarial.evaluation.metric import Result, metric

# As in the papers: 3 for precision and recall, 5 for density and coverage.
K_IMPROVED = 3
K_NAEEM = 5


@metric(unit="")
def precision(samples: np.ndarray, test: np.ndarray, features: Embedding) -> Result:
    """Share of samples that lie within the data's manifold: quality (1 is best).

    precision = (1 / n) sum_i [sample i is in a ball around some test example], where the ball of
    an example reaches to its third nearest neighbour among the test examples.

    Parameters
    ----------
    samples : (n, dimension) array
    test : (m, dimension) array
    features : function from rows to features

    Returns
    -------
    Result
        The share, with its standard error over samples for these test examples; `details` has k.

    Raises
    ------
    ValueError
        Where there are fewer than 4 samples or examples, a number is not finite, or the features of
        the test examples are all the same.

    References
    ----------
    T. Kynkäänniemi, T. Karras, S. Laine, J. Lehtinen and T. Aila, "Improved Precision and Recall
    Metric for Assessing Generative Models", NeurIPS 2019, equations 1 and 2.

    Examples
    --------
    >>> digits = np.random.RandomState(0).rand(100, 2)
    >>> precision(np.concatenate([digits[:30], digits[:10] + 5]), digits, lambda rows: rows).value
    0.75
    """
    return _share(_balls_of(samples, test, features, K_IMPROVED).precise, K_IMPROVED)


@metric(unit="")
def recall(samples: np.ndarray, test: np.ndarray, features: Embedding) -> Result:
    """Share of data that lie within the samples' manifold: diversity (1 is best).

    As `precision`, with samples and test examples exchanged.

    Parameters
    ----------
    samples, test, features
        As for `precision`.

    Returns
    -------
    Result
        The share, with its standard error over test examples for these samples; `details` has k.

    Raises
    ------
    ValueError
        As `precision`.

    References
    ----------
    As `precision`.

    Examples
    --------
    >>> digits = np.random.RandomState(0).rand(100, 2)
    >>> recall(digits, digits, lambda rows: rows).value
    1.0
    """
    return _share(_balls_of(samples, test, features, K_IMPROVED).recalled, K_IMPROVED)


@metric(unit="")
def density(samples: np.ndarray, test: np.ndarray, features: Embedding) -> Result:
    """How densely data surround samples: quality, less sensitive to outliers (1 for data).

    density = 1 / (k n) sum_i (number of test examples whose ball has sample i in it), with k = 5.
    Samples that avoid the rare kinds of examples have a density above 1.

    Parameters
    ----------
    samples, test, features
        As for `precision`.

    Returns
    -------
    Result
        The mean, with its standard error over samples for these test examples; `details` has k.

    Raises
    ------
    ValueError
        Where there are fewer than 6 samples or examples; else as `precision`.

    References
    ----------
    M. F. Naeem, S. J. Oh, Y. Uh, Y. Choi and J. Yoo, "Reliable Fidelity and Diversity Metrics for
    Generative Models", ICML 2020, equation 4.

    Examples
    --------
    >>> digits = np.random.RandomState(0).rand(100, 2)
    >>> density(digits + 5, digits, lambda rows: rows).value
    0.0
    """
    counts = _balls_of(samples, test, features, K_NAEEM).counts / K_NAEEM
    error = counts.std(ddof=1) / math.sqrt(len(counts))
    return Result(float(counts.mean()), float(error), {"k": K_NAEEM})


@metric(unit="")
def coverage(samples: np.ndarray, test: np.ndarray, features: Embedding) -> Result:
    """Share of data that have a sample nearby: diversity, robust to outliers among samples.

    coverage = (1 / m) sum_j [some sample is in the ball of test example j], with k = 5. It grows
    with the number of samples; of as many samples as examples, 1 - 2^-k = 0.97 is expected at best.

    Parameters
    ----------
    samples, test, features
        As for `precision`.

    Returns
    -------
    Result
        The share, with its standard error over test examples for these samples; `details` has k.

    Raises
    ------
    ValueError
        As `density`.

    References
    ----------
    Naeem et al. (see `density`), equation 5.

    Examples
    --------
    >>> digits = np.random.RandomState(0).rand(100, 2)
    >>> coverage(digits[:50], digits, lambda rows: rows).value > 0.9
    True
    """
    return _share(_balls_of(samples, test, features, K_NAEEM).covered, K_NAEEM)


def _balls_of(samples: np.ndarray, test: np.ndarray, features: Embedding, k: int) -> Balls:
    made, real = embed(samples, test, features)
    return balls(made, real, k)


def _share(hits: np.ndarray, k: int) -> Result:
    share = float(hits.mean())
    return Result(share, math.sqrt(share * (1 - share) / len(hits)), {"k": k})
