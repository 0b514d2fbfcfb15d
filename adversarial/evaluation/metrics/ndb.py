"""Number of statistically different bins: are all regions of the data visited as often?"""

from __future__ import annotations

import warnings

import numpy as np
from scipy.cluster.vq import kmeans2, vq
from scipy.stats import norm

from adversarial.evaluation.embedding import embed
from adversarial.evaluation.metric import Result, metric

BINS = 100  # as in the paper
LEAST_PER_BIN = 10  # for the normal approximation of a share
SIGNIFICANCE = 0.05
# K-means of so many examples takes 10 s at MNIST's size; the bins are no better with more.
MOST_EXAMPLES = 20_000
BOOTSTRAPS = 200


@metric(unit="")
def ndb(samples: np.ndarray, training: np.ndarray) -> Result:
    """Share of the data's K-means bins that samples fill significantly more or less (0.05 is best).

    Training examples are divided into 100 bins by K-means, in pixels. A bin with shares p of the
    samples and q of the examples differs if |p - q| / s > 1.96, where

        s^2 = r (1 - r) (1 / n + 1 / m)

    and r is the share of both together. Of as good samples as data, 5 % of the bins differ.

    Parameters
    ----------
    samples : (n, dimension) array
    training : (m, dimension) array
        At most 20,000 of the examples are used, chosen at random.

    Returns
    -------
    Result
        NDB / K, with its standard deviation when the counts are drawn again; `details` has K, the
        number of different bins, the empty ones, and the Jensen-Shannon divergence of the shares in
        nats.

    Raises
    ------
    ValueError
        Where there are fewer than 20 samples or examples, a number is not finite, or all examples
        are the same.

    References
    ----------
    E. Richardson and Y. Weiss, "On GANs and GMMs", NeurIPS 2018, section 3.

    Examples
    --------
    >>> points = np.random.RandomState(0).rand(2000, 2)
    >>> upper = points[points[:, 1] > 0.5]
    >>> ndb(upper, points).value > 0.7 > 0.3 > ndb(points[:1000], points[1000:]).value
    True
    """
    made, real = embed(samples, training, least=2 * LEAST_PER_BIN)
    rng = np.random.RandomState(0)
    if len(real) > MOST_EXAMPLES:
        real = real[rng.permutation(len(real))[:MOST_EXAMPLES]]
    made, real = made.astype(np.float32), real.astype(np.float32)
    wanted = min(BINS, min(len(real), len(made)) // LEAST_PER_BIN)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of bins that became empty: they keep their last centre
        centres, _ = kmeans2(real, wanted, iter=20, minit="points", seed=rng)
    # `kmeans2` also returns bins of the examples, but those of the centres before its last step.
    counts = np.stack(
        [np.bincount(vq(each, centres)[0], minlength=wanted) for each in (made, real)]
    )
    sizes = np.array([len(made), len(real)])
    different = _different(counts, sizes)
    again = np.stack([rng.multinomial(n, c / n, BOOTSTRAPS) for c, n in zip(counts, sizes)], axis=1)
    spread = np.array([_different(each, sizes).mean() for each in again]).std(ddof=1)
    shares = counts / sizes[:, None]
    mean = shares.mean(axis=0)
    logs = np.log(np.divide(shares, mean, where=shares > 0, out=np.ones_like(shares)))
    details = {
        "K": wanted,
        "different": int(different.sum()),
        "empty": int((counts[0] == 0).sum()),
        "Jensen-Shannon": float((shares * logs).sum() / 2),
    }
    return Result(float(different.mean()), float(spread), details)


def _different(counts: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Whether each bin's two counts (2, K) have significantly different shares."""
    pooled = counts.sum(axis=0) / sizes.sum()
    error = np.sqrt(pooled * (1 - pooled) * (1 / sizes).sum())
    gap = np.abs(counts[0] / sizes[0] - counts[1] / sizes[1])
    return gap > norm.isf(SIGNIFICANCE / 2) * error
