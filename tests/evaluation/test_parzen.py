from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from scipy.special import logsumexp

from adversarial.evaluation import parzen
from adversarial.evaluation.parzen import (
    FoldedScore,
    ParzenEstimator,
    ParzenScore,
    cross_validate_sigma,
    log_likelihoods,
    parzen_log_likelihood,
    running_estimate,
)


def textbook(data, samples, sigma):
    """The formula, point by point, in Python floats."""
    result = []
    for x in data:
        total = 0.0
        for s in samples:
            squared = sum((float(a) - float(b)) ** 2 for a, b in zip(x, s))
            total += math.exp(-squared / (2 * sigma**2))
        d = len(x)
        result.append(math.log(total / len(samples)) - d * math.log(sigma * math.sqrt(2 * math.pi)))
    return np.array(result)


def direct(data, samples, sigma):
    """The formula in float64, distances by subtraction."""
    data, samples = data.astype(np.float64), samples.astype(np.float64)
    squared = np.array([((samples - x) ** 2).sum(axis=1) for x in data])
    m, d = samples.shape
    return (
        logsumexp(-squared / (2 * sigma**2), axis=1)
        - math.log(m)
        - d * math.log(sigma * math.sqrt(2 * math.pi))
    )


def digits(n, seed):
    """Images much like MNIST's in their statistics: strokes of ink on 784 pixels, in [0, 1]."""
    rng = np.random.RandomState(seed)
    rows, cols = np.mgrid[0:28, 0:28]
    images = np.zeros((n, 28, 28))
    for _ in range(6):
        y, x = rng.uniform(6, 22, (2, n, 1, 1))
        images += np.exp(-((rows - y) ** 2 + (cols - x) ** 2) / 6.0)
    return np.clip(2.0 * images - 0.4, 0, 1).reshape(n, 784).astype(np.float32)


def test_textbook_formula():
    rng = np.random.RandomState(0)
    data, samples = rng.randn(7, 3), rng.randn(11, 3)
    for sigma in (0.3, 1.0, 2.5):
        np.testing.assert_allclose(
            parzen_log_likelihood(data, samples, sigma), textbook(data, samples, sigma), atol=2e-5
        )


def test_one_sample_is_a_gaussian():
    x = np.array([[0.5, -1.0, 2.0]])
    expected = -0.5 * (x**2).sum() / 0.49 - 3 * math.log(0.7 * math.sqrt(2 * math.pi))
    assert parzen_log_likelihood(x, np.zeros((1, 3)), 0.7) == pytest.approx([expected], abs=1e-6)


def test_it_is_a_density():
    samples = np.random.RandomState(1).randn(20, 1)
    x = np.linspace(-8, 8, 4001)[:, None]
    density = np.exp(parzen_log_likelihood(x, samples, 0.4))
    assert density.sum() * (x[1, 0] - x[0, 0]) == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("sigma", np.logspace(-1, 0, 4))
def test_every_example_to_a_tenth_of_a_millinat_at_the_size_of_mnist(sigma):
    data, samples = digits(60, 0), digits(2000, 1)
    error = parzen_log_likelihood(data, samples, sigma) - direct(data, samples, sigma)
    assert np.abs(error).max() < 1e-4


def test_agrees_with_scikit_learn():
    neighbors = pytest.importorskip("sklearn.neighbors")
    data, samples = digits(40, 0), digits(1000, 1)
    for sigma in (0.1, 0.3, 1.0):
        # One leaf, for with a tree of several scikit-learn's bounds cancel catastrophically in
        # many dimensions (hundreds of nats off; its issue 7492).
        kde = neighbors.KernelDensity(bandwidth=sigma, leaf_size=len(samples))
        expected = kde.fit(samples.astype(np.float64)).score_samples(data.astype(np.float64))
        error = parzen_log_likelihood(data, samples, sigma) - expected
        assert np.abs(error).max() < 1e-3


HARD_CASES = {
    "far from the origin": (digits(20, 0) + np.float64(1000), digits(200, 1) + np.float64(1000)),
    "samples all the same": (digits(20, 0), np.repeat(digits(1, 1), 200, axis=0)),
    "samples almost the same": (
        digits(20, 0),
        digits(1, 1) + 1e-3 * np.random.RandomState(0).randn(200, 784),
    ),
    "data among the samples": (digits(20, 0), digits(200, 0)),
    "norms as after contrast normalisation": (55 * digits(20, 0), 55 * digits(200, 1)),
}


@pytest.mark.parametrize("case", HARD_CASES)
def test_precision_of_hard_cases(case):
    data, samples = HARD_CASES[case]
    for sigma in (0.1, 1.0):
        error = parzen_log_likelihood(data, samples, sigma) - direct(data, samples, sigma)
        assert np.abs(error).max() < 1e-3


def test_float32_alone_would_not_do(monkeypatch):
    """Without computing near distances again, errors exceed 0.001 nats."""
    data, samples = digits(100, 0), digits(2000, 1)
    monkeypatch.setattr(ParzenEstimator, "_doubtful_window", lambda *args: 0.0)
    error = parzen_log_likelihood(data, samples, 0.1) - direct(data, samples, 0.1)
    assert np.abs(error).max() > 1e-3


def test_far_away_points_stay_finite():
    data, samples = np.full((1, 784), 100.0), np.zeros((3, 784))
    result = parzen_log_likelihood(data, samples, 0.1)
    assert result == pytest.approx(direct(data, samples, 0.1), rel=1e-12)


@pytest.mark.parametrize("sigma", [1e-30, 1e-23, 1e-20, 1e-4, 1e25])
@pytest.mark.parametrize("copies", [2, 40])
def test_windows_narrower_than_the_error_of_a_distance(sigma, copies):
    """Exponents were above 0 and overflowed, or belonged to another sample than the nearest."""
    rng = np.random.RandomState(0)
    samples = np.repeat(rng.rand(30, 6), copies, axis=0)
    samples += 1e-3 * rng.randn(*samples.shape)
    data = samples[::copies] + 1e-3 * rng.randn(30, 6)
    result = parzen_log_likelihood(data, samples, sigma)
    np.testing.assert_allclose(result, direct(data, samples, sigma), rtol=1e-8)


@pytest.mark.parametrize("sigma", [0.1, 0.2])
def test_pixels_from_0_to_255(sigma):
    samples = 255 * digits(100, 1)
    data = (samples + 0.3 * np.random.RandomState(0).randn(100, 784)).astype(np.float32)
    result = parzen_log_likelihood(data, samples, sigma)
    np.testing.assert_allclose(result, direct(data, samples, sigma), atol=1e-4)


@pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")
def test_numbers_whose_squares_are_beyond_float32():
    samples, data = 1e20 * digits(10, 1), 1e20 * digits(10, 0)
    result = parzen_log_likelihood(data, samples, 1e18)
    np.testing.assert_allclose(result, direct(data, samples, 1e18), rtol=1e-6)


def test_blocks_do_not_change_the_result_and_report_progress():
    data, samples = digits(50, 0), digits(300, 1)
    whole = log_likelihoods(data, samples, [0.2, 0.5])
    done = []
    parts = log_likelihoods(data, samples, [0.2, 0.5], block=7, progress=done.append)
    np.testing.assert_allclose(parts, whole, atol=1e-4)
    assert done == [7] * 7 + [1]


def test_more_samples_than_one_pass_holds(monkeypatch):
    monkeypatch.setattr(parzen, "CACHE_ELEMENTS", 64)
    data, samples = digits(30, 0), digits(100, 1)
    np.testing.assert_allclose(
        parzen_log_likelihood(data, samples, 0.2), direct(data, samples, 0.2), atol=1e-4
    )


def test_integers_and_other_orders_of_memory():
    rng = np.random.RandomState(0)
    data, samples = rng.randint(0, 3, (5, 4)), np.asfortranarray(rng.randint(0, 3, (6, 4)))
    np.testing.assert_allclose(
        parzen_log_likelihood(data.astype(np.uint8), samples, 1.0),
        textbook(data, samples, 1.0),
        atol=1e-5,
    )


def test_no_data():
    assert log_likelihoods(np.zeros((0, 4)), np.zeros((2, 4)), [1.0, 2.0]).shape == (2, 0)


@pytest.mark.parametrize(
    "data, samples, sigmas, message",
    [
        (np.zeros((2, 3)), np.zeros((2, 4)), [1.0], "differ in dimension: 3 and 4"),
        (np.zeros(3), np.zeros((2, 3)), [1.0], "data must be a matrix"),
        (np.zeros((2, 3)), np.zeros((0, 3)), [1.0], "at least one sample"),
        (np.zeros((2, 3)), np.full((2, 3), np.nan), [1.0], "samples .*the model diverged"),
        (np.full((2, 3), np.inf), np.zeros((2, 3)), [1.0], "data contain NaN or infinite values$"),
        (np.zeros((2, 3)), np.zeros((2, 3)), [0.0], "sigma must be positive"),
        (np.zeros((2, 3)), np.zeros((2, 3)), [np.nan], "sigma must be positive"),
        (np.zeros((2, 3)), np.zeros((2, 3)), [], "non-empty"),
    ],
)
def test_bad_values_are_named(data, samples, sigmas, message):
    with pytest.raises(ValueError, match=message):
        log_likelihoods(data, samples, sigmas)


def test_bad_block_and_bad_type():
    with pytest.raises(ValueError, match="block must be at least 1"):
        parzen_log_likelihood(np.zeros((2, 3)), np.zeros((2, 3)), 1.0, block=0)
    with pytest.raises(TypeError, match="real numbers"):
        parzen_log_likelihood(np.zeros((2, 3), complex), np.zeros((2, 3)), 1.0)


def test_cross_validation_takes_the_best_mean():
    rng = np.random.RandomState(0)
    samples, valid = rng.randn(400, 2), rng.randn(200, 2)
    sigmas = np.logspace(-2, 1, 7)
    best, table = cross_validate_sigma(samples, valid, sigmas)
    means = [direct(valid, samples, sigma).mean() for sigma in sigmas]
    assert best == sigmas[int(np.argmax(means))]
    assert sigmas[0] < best < sigmas[-1]
    np.testing.assert_allclose([pair[0] for pair in table], sigmas)
    np.testing.assert_allclose([pair[1] for pair in table], means, atol=1e-3)
    assert cross_validate_sigma(ParzenEstimator(samples), valid, sigmas)[0] == best
    with pytest.raises(ValueError, match="no validation examples"):
        cross_validate_sigma(samples, valid[:0], sigmas)


def test_score_is_mean_and_standard_error():
    values = np.array([1.0, 2.0, 4.0, 9.0])
    score = ParzenScore.of(values, 0.2)
    assert (score.sigma, score.mean, score.n) == (0.2, 4.0, 4)
    assert score.standard_error == pytest.approx(np.sqrt(((values - 4) ** 2).mean()) / 2)
    with pytest.raises(ValueError, match="no points"):
        ParzenScore.of(values[:0], 0.2)


def test_folds_have_a_standard_error_across_them():
    folds = tuple(ParzenScore(0.1, mean, 7.0, 10) for mean in (10.0, 12.0, 17.0))
    score = FoldedScore(folds)
    assert score.mean == 13.0
    assert score.standard_error == pytest.approx(math.sqrt((9 + 1 + 16) / 2 / 3))
    assert math.isnan(FoldedScore(folds[:1]).standard_error)


def test_running_estimate_ends_where_all_samples_at_once_do():
    data, samples = digits(20, 0), digits(90, 1)
    batches = [samples[:1], samples[1:50], samples[50:]]
    steps = list(running_estimate(batches, data, 0.2))
    assert [seen for seen, _ in steps] == [1, 50, 90]
    for seen, score in steps:
        expected = direct(data, samples[:seen], 0.2)
        assert score.mean == pytest.approx(expected.mean(), abs=1e-3)
        assert score.standard_error == pytest.approx(expected.std() / math.sqrt(20), abs=1e-3)


def test_memory_does_not_grow_with_the_number_of_distances():
    """15,000 x 20,000 distances would be 1.1 GiB; the process stays far below that."""
    code = (
        "import resource, numpy as np\n"
        "from adversarial.evaluation.parzen import parzen_log_likelihood\n"
        "rng = np.random.RandomState(0)\n"
        "data, samples = (rng.rand(n, 8).astype('float32') for n in (15000, 20000))\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "parzen_log_likelihood(data, samples, .2)\n"
        "after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "print((after - before) / 1024)\n"
    )
    pytest.importorskip("resource")
    if sys.platform != "linux":
        pytest.skip("the unit of ru_maxrss is Linux's")
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(child.stdout) < 300
