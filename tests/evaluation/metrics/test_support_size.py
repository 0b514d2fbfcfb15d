"""The birthday paradox: generators of a known number of images; pairs equal SciPy's."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from adversarial.evaluation import nearest_neighbors
from adversarial.evaluation.metrics.support_size import support_size


@pytest.mark.parametrize("number", [10, 100, 1000])
def test_a_generator_of_so_many_images(number):
    rng = np.random.RandomState(number)
    images = rng.rand(number, 20)
    found = support_size(images[rng.randint(number, size=1000)], rng.rand(1000, 20))
    assert abs(found.value - number) < 4 * found.uncertainty + 0.1 * number
    assert found.details["batch"] == pytest.approx(math.sqrt(2 * math.log(2) * found.value))


def test_pairs_are_those_of_scipy(monkeypatch):
    rng = np.random.RandomState(0)
    samples, test = 0.8 * rng.rand(300, 3), rng.rand(200, 3)
    monkeypatch.setattr(nearest_neighbors, "BLOCK_ELEMENTS", 5000)  # several blocks
    found = support_size(samples, test)
    limit = np.sort(pdist(test))[10 - 1]  # a ten-thousandth would be fewer than 10 pairs
    alike = int((pdist(samples) <= limit * (1 + 1e-6)).sum())
    assert found.details["distance"] == pytest.approx(limit, rel=1e-4)
    assert found.details["pairs alike"] == alike > 10
    assert found.value == pytest.approx(300 * 299 / 2 / alike)
    assert found.details["data"] == pytest.approx(200 * 199 / 2 / 10)
    assert support_size(test, test).value == pytest.approx(found.details["data"])


def test_the_standard_error_is_the_deviation_of_repetitions():
    rng = np.random.RandomState(0)
    images, test = rng.rand(50, 9), rng.rand(100, 9)
    tries = [support_size(images[rng.randint(50, size=400)], test) for _ in range(200)]
    deviation = np.std([each.value for each in tries])
    # Each sample's own count is a sample as well, which makes the error too large, never too small.
    assert 0.8 * deviation < np.mean([each.uncertainty for each in tries]) < 3 * deviation


def test_no_pair_alike_is_a_lower_bound():
    rng = np.random.RandomState(0)
    found = support_size(1000 * rng.rand(50, 3), rng.rand(100, 3))
    assert found.value == 50 * 49 / 2 and math.isnan(found.uncertainty)
    assert found.notes == ("no two samples are alike: the size is a lower bound",)


def test_bad_input_is_named():
    points = np.random.RandomState(0).rand(40, 2)
    with pytest.raises(ValueError, match="4 samples are too few: at least 5"):
        support_size(points[:4], points)
    with pytest.raises(ValueError, match="data contain NaN"):
        support_size(points, points * np.nan)
    with pytest.raises(ValueError, match="the 40 rows of data are all the same"):
        support_size(points, np.ones_like(points))
