"""The birthday paradox: how many different images a generator makes, from how often two are alike.

Among n draws from N equally likely images, n (n - 1) / 2 / N pairs are expected to be the same. So
the number of pairs divided by that of pairs that are alike estimates N.
"""

from __future__ import annotations

import math

import numpy as np

from adversarial.evaluation.embedding import embed
from adversarial.evaluation.metric import Result, metric
from adversarial.evaluation.nearest_neighbors import distance_blocks

# Two images are alike if they are nearer than this share of the pairs of test examples; but at
# least so many pairs decide. The test set's own support size is 1 / ALIKE by this definition.
ALIKE = 1e-4
LEAST_PAIRS = 10


@metric(unit="images")
def support_size(samples: np.ndarray, test: np.ndarray) -> Result:
    """Birthday-paradox estimate of how many different images are generated (more is better).

    N = n (n - 1) / 2 / (number of pairs of samples that are alike). The paper lets people judge
    which images are duplicates. Here two are alike if they are as near to each other, in pixels, as
    the nearest ten-thousandth of the pairs of test examples. So a size of 10,000 is that of the
    data; blurred samples have less, noisy ones more.

    Parameters
    ----------
    samples : (n, dimension) array
    test : (m, dimension) array

    Returns
    -------
    Result
        N, with its standard error over samples; `details` has the number of pairs that are alike,
        the distance below which they are, the size of the `data`, and `batch`, the number of
        samples among which two are alike with probability 1/2. A note says where no pair is alike:
        N is then the number of pairs, a lower bound.

    Raises
    ------
    ValueError
        Where there are fewer than 5 samples or test examples, a number is not finite, or all test
        examples are the same.

    References
    ----------
    S. Arora, A. Risteski and Y. Zhang, "Do GANs Learn the Distribution? Some Theory and Empirics",
    ICLR 2018, section 3 (also S. Arora and Y. Zhang, arXiv 1706.08224).

    Examples
    --------
    >>> rng = np.random.RandomState(0)
    >>> sixty = rng.rand(60, 9)  # a generator that makes 60 images
    >>> 50 < support_size(sixty[rng.randint(60, size=500)], rng.rand(500, 9)).value < 70
    True
    """
    made, real = embed(samples, test, least=5)
    made, real = made.astype(np.float32), real.astype(np.float32)
    pairs_of_data = len(real) * (len(real) - 1) // 2
    alike_of_data = max(min(LEAST_PAIRS, pairs_of_data), round(ALIKE * pairs_of_data))
    limit = _smallest(real, alike_of_data)
    pairs = len(made) * (len(made) - 1) // 2
    partners = np.zeros(len(made), np.int64)
    for start, block in distance_blocks(made, made):
        own = np.arange(start, start + block.shape[1])
        block[own, own - start] = np.inf
        partners += (block <= limit).sum(axis=1)
    alike = int(partners.sum()) // 2
    size = pairs / max(1, alike)
    # The number of pairs is a U-statistic, whose variance is 4 / n that of a point's own share.
    error = 2 * partners.std(ddof=1) / (len(made) - 1) / math.sqrt(len(made)) * size**2
    details = {
        "pairs alike": alike,
        "distance": math.sqrt(limit),
        "data": pairs_of_data / alike_of_data,
        "batch": math.sqrt(2 * math.log(2) * size),
    }
    notes = () if alike else ("no two samples are alike: the size is a lower bound",)
    return Result(float(size), float(error) if alike else math.nan, details, notes)


def _smallest(rows: np.ndarray, count: int) -> float:
    """The squared distance below which `count` pairs of different rows are, rounding errors aside.

    Every pair is in the distances twice.
    """
    least = np.full(2 * count, np.inf, np.float32)
    for start, block in distance_blocks(rows, rows):
        own = np.arange(start, start + block.shape[1])
        block[own, own - start] = np.inf
        near = np.concatenate([least, block[block < least.max()]])
        least = np.partition(near, 2 * count - 1)[: 2 * count]
    # A copy's distance of 0 is a rounding error of the squared norms.
    rounding = 1e-6 * float(np.einsum("nd,nd->n", rows, rows).max())
    return max(float(least.max()), rounding)
