"""The Fréchet distance equals SciPy's square root of a matrix, and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import sqrtm

from adversarial.evaluation.metrics.fid import fid, fid_pixels


def same(rows):
    return rows


def points(seed, n, dimension=6):
    rng = np.random.RandomState(seed)
    return rng.randn(n, dimension) @ rng.randn(dimension, dimension) + rng.randn(dimension)


def test_value_is_that_of_scipys_square_root():
    samples, data = points(0, 400), points(1, 300)
    c, d = np.cov(samples.T), np.cov(data.T)
    shift = samples.mean(axis=0) - data.mean(axis=0)
    expected = shift @ shift + np.trace(c + d - 2 * sqrtm(c @ d).real)
    found = fid(samples, data, same)
    assert found.value == pytest.approx(expected, rel=1e-8)
    assert found.details["of the means"] == pytest.approx(shift @ shift)
    assert fid_pixels(samples, data) == found
    doubled = fid(samples, data, lambda rows: 2 * rows)
    assert doubled.value == pytest.approx(4 * expected, rel=1e-8)


def test_value_is_that_of_torch_fidelity():
    torch = pytest.importorskip("torch")
    theirs = pytest.importorskip("torch_fidelity.metric_fid")
    samples, data = points(0, 400), points(1, 300)
    statistics = [
        theirs.fid_features_to_statistics(torch.from_numpy(rows)) for rows in (samples, data)
    ]
    expected = theirs.fid_statistics_to_metric(*statistics, verbose=False)
    expected = expected["frechet_inception_distance"]
    assert fid(samples, data, same).value == pytest.approx(expected, rel=1e-5)


def test_diagonal_covariances_have_a_closed_form():
    """Of independent numbers, the distance is that of means and of deviations."""
    signs = np.array([[a, b, c] for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)], float)
    wide, scale = np.array([1.0, 2.0, 3.0]), (8 / 7) ** 0.5  # unbiased covariance of 8 points
    found = fid_pixels(signs * wide + 1.0, signs)
    assert found.value == pytest.approx(3 + scale**2 * ((wide - 1) ** 2).sum())


def test_pixels_that_never_vary_do_no_harm():
    samples, data = points(2, 200), points(3, 200)
    border = np.zeros((200, 4))
    bordered = [np.concatenate([rows, border], axis=1) for rows in (samples, data)]
    with_border, without = fid_pixels(*bordered), fid_pixels(samples, data)
    assert with_border.value == pytest.approx(without.value, rel=1e-6)
    assert with_border.uncertainty == pytest.approx(without.uncertainty, rel=1e-4)
    assert fid_pixels(data, data).value == pytest.approx(0, abs=1e-6)
    collapsed = fid_pixels(np.ones((50, 6)), data)  # a normal distribution of width zero
    expected = ((1 - data.mean(axis=0)) ** 2).sum() + np.trace(np.cov(data.T))
    assert collapsed.value == pytest.approx(expected)


def test_the_standard_error_is_the_deviation_of_repetitions():
    rng = np.random.RandomState(0)
    tries = [fid_pixels(rng.randn(800, 3) + 1.0, 2 * rng.randn(600, 3)) for _ in range(200)]
    deviation = np.std([each.value for each in tries])
    assert np.mean([each.uncertainty for each in tries]) == pytest.approx(deviation, rel=0.15)


def test_bad_input_is_named():
    data = points(0, 20)
    for compute in (fid_pixels, lambda *rows: fid(*rows, same)):
        with pytest.raises(ValueError, match="1 samples are too few: at least 2"):
            compute(data[:1], data)
        with pytest.raises(ValueError, match="data contain NaN"):
            compute(data, np.where(data > 1, np.inf, data))
    with pytest.raises(ValueError, match="the 20 rows of data are all the same"):
        fid_pixels(data, np.ones_like(data))
    with pytest.raises(ValueError, match="features of the 20 rows of data are all the same: is"):
        fid(data, data, np.zeros_like)
    with pytest.raises(ValueError, match="samples of 6 numbers .* data of 5"):
        fid_pixels(data, data[:, :5])
    with pytest.raises(ValueError, match=r"the features of 20 samples have the shape \(20,\)"):
        fid(data, data, lambda rows: rows[:, 0])
    with pytest.raises(ValueError, match="the features of samples contain NaN"):
        fid(data, data, lambda rows: np.full_like(rows, np.nan))
