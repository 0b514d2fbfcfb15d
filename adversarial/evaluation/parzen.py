"""Log-likelihood under a Parzen window density on a model's samples, as in Table 1 of the paper.

The density of a point x of d dimensions is a mixture of Gaussians of width sigma, one centred at
each sample s_i:

    log p(x) = logmeanexp_i(-||x - s_i||^2 / (2 sigma^2)) - d log(sigma sqrt(2 pi))      nats,

after Breuleux, Bengio and Vincent, "Quickly generating representative samples from an RBM-derived
process" (Neural Computation 23, 2011), the estimator that section 5 of arXiv 1406.2661 names.

The squared distances are computed once for all sigmas, as float32 matrix products on blocks of
rows. Float32 alone is not precise enough: a narrow sigma magnifies rounding errors (5e-5 in a
squared distance of 30 is 2.5e-3 nats at sigma 0.1). So the few distances that determine log p,
those of the samples nearest to x, are computed again in float64; see `ParzenEstimator`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from threadpoolctl import threadpool_limits

from adversarial.utils.processors import available_processors

# The error in log p(x) that one distance may cause.
TOLERANCE_NATS = 1e-4
# The rounding error of a float32 product of vectors x, s is taken as so many eps * |x| * |s|.
ROUNDING_UNITS = 8.0
# With more imprecise distances a row, a float64 matrix product is faster than one by one.
MOST_REPAIRS_A_ROW = 32
# exp of less than this would be a denormal number, which takes ten times as long as a normal one
# and is negligible beside the largest term, 1.
SMALLEST_EXPONENT = np.float32(-80.0)
# The square of a width, and 80 times it, as float32, which would else be 0 or infinite.
_FLOAT32 = np.finfo(np.float32)
SMALLEST_SQUARE, GREATEST_SQUARE = float(_FLOAT32.tiny), float(_FLOAT32.max) / 100
SPARSE = 0.2  # with a greater share of terms that count, exp of all terms is faster
BLOCK_ELEMENTS = 2**23  # distances in memory, of all threads together: 32 MiB
MOST_WORKERS = 8  # with more threads, each one's block is too small for a fast product
CACHE_ELEMENTS = 2**17  # elements that one pass works on, so that they stay in cache: 512 KiB


@dataclass(frozen=True)
class ParzenScore:
    """Mean log-likelihood of `n` points and its standard error, std / sqrt(n), in nats."""

    sigma: float
    mean: float
    standard_error: float
    n: int

    @classmethod
    def of(cls, log_likelihoods: np.ndarray, sigma: float) -> ParzenScore:
        """The score of points by their log-likelihoods (n,), in nats."""
        n = log_likelihoods.size
        if n == 0:
            raise ValueError("no points to score")
        error = float(log_likelihoods.std() / math.sqrt(n))
        return cls(float(sigma), float(log_likelihoods.mean()), error, n)


@dataclass(frozen=True)
class FoldedScore:
    """Scores of several folds: their mean, and the standard error across folds, in nats."""

    folds: tuple[ParzenScore, ...]

    @property
    def mean(self) -> float:
        """The mean of the folds' means, in nats."""
        return float(np.mean([fold.mean for fold in self.folds]))

    @property
    def standard_error(self) -> float:
        """Sample deviation of the folds' means / sqrt(number of folds); NaN for a single fold."""
        if len(self.folds) < 2:
            return math.nan
        means = [fold.mean for fold in self.folds]
        return float(np.std(means, ddof=1) / math.sqrt(len(means)))


class ParzenEstimator:
    """The Parzen window density on samples, for any width.

    Precision: every distance is computed in float32, on data and samples centred at the samples'
    mean, since rounding errors grow with the norms. Let w_i be sample i's share of p(x): an error e
    in d_i = ||x - s_i||^2 changes log p(x) by w_i * e / (2 sigma^2). Where that may exceed
    TOLERANCE_NATS, d_i is computed again, in float64 and without cancellation.

    Parameters
    ----------
    samples : (m, d) array

    Raises
    ------
    ValueError
        Where `samples` is not a non-empty, finite matrix.

    Examples
    --------
    >>> estimator = ParzenEstimator(np.zeros((1, 1)))
    >>> estimator.log_likelihoods(np.array([[1.0]]), [1.0])  # -1/2 - log sqrt(2 pi)
    array([[-1.41893853]])

    References
    ----------
    Breuleux, Bengio and Vincent (2011), Neural Computation 23(8).
    """

    def __init__(self, samples: np.ndarray) -> None:
        self.samples = _matrix(samples, "samples")
        if len(self.samples) == 0:
            raise ValueError("a Parzen window density needs at least one sample, got none")
        self.mean = self.samples.mean(axis=0, dtype=np.float64)
        self._centred = self._centre(self.samples)
        half_norms = 0.5 * _squared_norms(self._centred)
        self._half_norms32 = half_norms.astype(np.float32)
        self._longest = math.sqrt(2.0 * half_norms.max())

    def log_likelihoods(
        self,
        data: np.ndarray,
        sigmas: Sequence[float] | np.ndarray,
        block: int | None = None,
        progress: Callable[[int], object] | None = None,
    ) -> np.ndarray:
        """log p(x) of each row of data, for each sigma.

        Parameters
        ----------
        data : (n, d) array
        sigmas : (k,) widths, positive and finite
        block : int, optional
            Rows that one thread computes at a time. By default, as many as keep the distances of
            all threads within 32 MiB.
        progress : function, optional
            Called after each block with the number of rows in it.

        Returns
        -------
        (k, n) float64 array, in nats
        """
        data = _matrix(data, "data")
        if data.shape[1] != self.samples.shape[1]:
            raise ValueError(
                f"data and samples differ in dimension: {data.shape[1]} and {self.samples.shape[1]}"
            )
        sigmas = check_sigmas(sigmas)
        m, d = self.samples.shape
        workers = min(available_processors(), MOST_WORKERS)
        if block is None:
            block = max(1, BLOCK_ELEMENTS // (m * workers))
        elif block < 1:
            raise ValueError(f"block must be at least 1 row, got {block}")
        blocks = [slice(i, min(i + block, len(data))) for i in range(0, len(data), block)]
        result = np.empty((len(sigmas), len(data)))

        def score(rows: slice) -> int:
            self._score_block(data[rows], sigmas, result[:, rows])
            return rows.stop - rows.start

        # One thread a core, each with its own block and single-threaded products. With
        # multithreaded products, NumPy's other passes would leave all cores but one idle.
        with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(workers) as pool:
            for done in pool.map(score, blocks):
                if progress is not None:
                    progress(done)
        result -= math.log(m) + d * np.log(sigmas * math.sqrt(2.0 * math.pi))[:, None]
        return result

    def _score_block(self, data: np.ndarray, sigmas: np.ndarray, out: np.ndarray) -> None:
        """Write logsumexp_i(-||x - s_i||^2 / (2 sigma^2)) of each row x and sigma into `out`."""
        centred = self._centre(data)
        half_norms = 0.5 * _squared_norms(centred)
        products = centred @ self._centred.T
        window = self._doubtful_window(math.sqrt(2.0 * half_norms.max()), sigmas)
        step = max(1, CACHE_ELEMENTS // products.shape[1])
        scratch = np.empty_like(products[:step])
        for start in range(0, len(data), step):
            rows = slice(start, start + step)
            closeness = products[rows]
            peaks = self._closeness(data[rows], closeness, half_norms[rows], window)
            work = scratch[: len(closeness)]
            for sigma, logs in zip(sigmas, out[:, rows]):
                logs[:] = np.log(_sums_of_exp(closeness, sigma**2, work)) + peaks / sigma**2

    def _closeness(
        self,
        data: np.ndarray,
        products: np.ndarray,
        half_norms: np.ndarray,
        window: float,
    ) -> np.ndarray:
        """Turn `products` x.s, in place, into -||x - s||^2 / 2 minus its row's maximum.

        The maxima are returned. Every entry within `window` of its row's maximum is made exact.
        """
        products -= self._half_norms32
        tops = products.max(axis=1)
        products -= tops[:, None]
        peaks = tops - half_norms
        if window <= 0.0:
            return peaks
        near = np.flatnonzero(products >= np.float32(-window))
        if near.size > MOST_REPAIRS_A_ROW * len(data) or not np.isfinite(tops).all():
            # From data and samples as they are: to centre them in float32 rounds them.
            centred = np.subtract(data, self.mean, dtype=np.float64)
            samples, half_norms_of_samples = self._in_float64
            exact = centred @ samples.T
            exact -= half_norms_of_samples
            tops = exact.max(axis=1)
            np.subtract(exact, tops[:, None], out=products)
            return tops - 0.5 * _squared_norms(centred)
        row, column = np.divmod(near, products.shape[1])
        gaps = np.subtract(data[row], self.samples[column], dtype=np.float64)
        exact = -0.5 * _squared_norms(gaps)
        # Each row has its nearest sample here, maybe another one than float32 products found.
        peaks = np.maximum.reduceat(exact, np.flatnonzero(np.diff(row, prepend=-1)))
        np.put(products, near, exact - peaks[row])
        return peaks

    def _doubtful_window(self, longest: float, sigmas: np.ndarray) -> float:
        """How far below its row's maximum an entry's rounding error may still matter.

        An entry `gap` below the maximum has w <= exp(-gap / sigma^2). An error e matters while
        w * e / sigma^2 > tolerance, that is while gap < sigma^2 log(e / (tolerance * sigma^2)). The
        greatest gap over all sigmas is returned, and 2 e more: of two entries that are so close,
        either may be the greater.
        """
        error = ROUNDING_UNITS * float(np.finfo(np.float32).eps) * longest * self._longest
        if error == 0.0:
            return 0.0
        squares = sigmas**2
        return float(np.max(squares * np.log(error / (TOLERANCE_NATS * squares)))) + 2.0 * error

    def _centre(self, rows: np.ndarray) -> np.ndarray:
        return np.subtract(rows, self.mean, dtype=np.float64).astype(np.float32)

    @cached_property
    def _in_float64(self) -> tuple[np.ndarray, np.ndarray]:
        """The centred samples, and half of their squared norms."""
        centred = np.subtract(self.samples, self.mean, dtype=np.float64)
        return centred, 0.5 * _squared_norms(centred)


def _sums_of_exp(closeness: np.ndarray, square: float, work: np.ndarray) -> np.ndarray:
    """sum_i exp(closeness_i / square) of each row; `work` is as large as `closeness`."""
    flat = closeness.reshape(-1)
    square = min(max(square, SMALLEST_SQUARE), GREATEST_SQUARE)
    near = np.flatnonzero(flat > SMALLEST_EXPONENT * np.float32(square))
    # With a narrow window, most samples are too far away to count.
    if near.size < SPARSE * flat.size:
        terms = np.exp(flat[near] / np.float32(square))
        return np.bincount(near // closeness.shape[1], terms, minlength=len(closeness))
    np.multiply(closeness, np.float32(1.0 / square), out=work)
    np.maximum(work, SMALLEST_EXPONENT, out=work)
    np.exp(work, out=work)
    return work.sum(axis=1)


def log_likelihoods(
    data: np.ndarray,
    samples: np.ndarray,
    sigmas: Sequence[float] | np.ndarray,
    block: int | None = None,
    progress: Callable[[int], object] | None = None,
) -> np.ndarray:
    """`ParzenEstimator(samples).log_likelihoods(data, sigmas)`: (len(sigmas), n), nats."""
    return ParzenEstimator(samples).log_likelihoods(data, sigmas, block, progress)


def parzen_log_likelihood(
    data: np.ndarray,
    samples: np.ndarray,
    sigma: float,
    block: int | None = None,
    progress: Callable[[int], object] | None = None,
) -> np.ndarray:
    """log p(x) in nats of each row of `data` (n, d), given `samples` (m, d): shape (n,).

    Examples
    --------
    >>> x = np.array([[0.0]])
    >>> parzen_log_likelihood(x, samples=np.array([[-1.0], [1.0]]), sigma=1.0)
    array([-1.41893853])
    """
    return log_likelihoods(data, samples, [sigma], block, progress)[0]


def cross_validate_sigma(
    samples: np.ndarray | ParzenEstimator,
    valid: np.ndarray,
    sigmas: Sequence[float] | np.ndarray,
    progress: Callable[[int], object] | None = None,
) -> tuple[float, list[tuple[float, float]]]:
    """The sigma of greatest mean log-likelihood on `valid` (n, d), and all (sigma, mean) pairs."""
    if len(valid) == 0:
        raise ValueError("no validation examples to choose sigma by")
    estimator = samples if isinstance(samples, ParzenEstimator) else ParzenEstimator(samples)
    means = estimator.log_likelihoods(valid, sigmas, progress=progress).mean(axis=1)
    table = [(float(sigma), float(mean)) for sigma, mean in zip(sigmas, means)]
    return max(table, key=lambda pair: pair[1])[0], table


def running_estimate(
    batches: Iterable[np.ndarray], data: np.ndarray, sigma: float
) -> Iterator[tuple[int, ParzenScore]]:
    """Yield, after each batch of samples, their number so far and the score of `data` by them.

    Memory does not grow with the number of samples.
    """
    seen = 0
    total = np.full(len(data), -np.inf)
    for batch in batches:
        scores = parzen_log_likelihood(data, batch, sigma)
        total = np.logaddexp(total, scores + math.log(len(batch)))
        seen += len(batch)
        yield seen, ParzenScore.of(total - math.log(seen), sigma)


def _matrix(values: np.ndarray, name: str) -> np.ndarray:
    values = np.asarray(values)
    if values.ndim != 2:
        raise ValueError(f"{name} must be a matrix with a point a row, got shape {values.shape}")
    if values.dtype.kind not in "fiub":
        raise TypeError(f"{name} must be real numbers, got dtype {values.dtype}")
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        hint = " (has the model diverged?)" if name == "samples" else ""
        raise ValueError(f"{name} contain NaN or infinite values{hint}")
    return values


def check_sigmas(sigmas: Sequence[float] | np.ndarray) -> np.ndarray:
    """`sigmas` as float64; ValueError unless they are widths: a list, positive and finite."""
    sigmas = np.asarray(sigmas, np.float64)
    if sigmas.ndim != 1 or sigmas.size == 0:
        raise ValueError(f"sigmas must be a non-empty list of widths, got shape {sigmas.shape}")
    if not (np.isfinite(sigmas).all() and (sigmas > 0).all()):
        raise ValueError(f"sigma must be positive and finite, got {sigmas.tolist()}")
    return sigmas


def _squared_norms(rows: np.ndarray) -> np.ndarray:
    """Squared length of each row, summed in float64."""
    rows = rows.astype(np.float64, copy=False)
    return np.einsum("nd,nd->n", rows, rows)
