"""Precision, recall, density and coverage equal those of the package `prdc` and of loops."""

from __future__ import annotations

import numpy as np
import pytest

from adversarial.evaluation import nearest_neighbors
from adversarial.evaluation.metrics.prdc import coverage, density, precision, recall

METRICS = {"precision": precision, "recall": recall, "density": density, "coverage": coverage}
NEIGHBOURS = {"precision": 3, "recall": 3, "density": 5, "coverage": 5}


def same(rows):
    return rows


def points(seed, n, shift=0.0):
    return np.random.RandomState(seed).randn(n, 8) + shift


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("shift", [0.0, 0.7])
def test_value_is_that_of_the_authors_package(name, shift):
    theirs = pytest.importorskip("prdc").compute_prdc
    samples, data = points(0, 300, shift), points(1, 250)
    expected = theirs(real_features=data, fake_features=samples, nearest_k=NEIGHBOURS[name])
    found = METRICS[name](samples, data, same)
    assert found.value == pytest.approx(expected[name], abs=1e-9)
    assert found.details == {"k": NEIGHBOURS[name]} and 0 < found.uncertainty < 0.1


def test_values_are_those_of_loops():
    samples, data = points(2, 40, 0.5), points(3, 30)

    def radius(i, rows, k):
        return sorted(np.linalg.norm(rows - rows[i], axis=1))[k]

    def gap(i, j):
        return np.linalg.norm(samples[i] - data[j])

    n, m = range(len(samples)), range(len(data))
    precise = [any(gap(i, j) < radius(j, data, 3) for j in m) for i in n]
    recalled = [any(gap(i, j) < radius(i, samples, 3) for i in n) for j in m]
    counts = [sum(gap(i, j) < radius(j, data, 5) for j in m) / 5 for i in n]
    covered = [any(gap(i, j) < radius(j, data, 5) for i in n) for j in m]
    for name, expected in zip(METRICS, (precise, recalled, counts, covered)):
        found = METRICS[name](samples, data, same)
        assert found.value == pytest.approx(np.mean(expected)), name
        ddof = 1 if name == "density" else 0
        error = np.std(expected, ddof=ddof) / len(expected) ** 0.5
        assert found.uncertainty == pytest.approx(error), name


@pytest.mark.parametrize("scale", [1, 0.1, 1e6 / 3])
def test_points_that_repeat_are_in_balls_of_radius_zero(scale):
    """Equation 1 of Kynkäänniemi et al. has <=: a ball of radius 0 holds copies of its point."""
    rng = np.random.RandomState(0)
    samples, data = (scale * rng.randint(0, 2, (400, 4)) for _ in range(2))
    for name in METRICS:
        found = METRICS[name](samples, data, same).value
        # Each point has about 400 / 16 copies, so density counts 25 for k = 5.
        assert found == pytest.approx(5, abs=0.5) if name == "density" else found == 1, name
    other = samples + np.array([scale, 0, 0, 0])  # half of them are where no data are
    assert precision(other, data, same).value == pytest.approx((samples[:, 0] == 0).mean())


def test_blocks_do_not_matter(monkeypatch):
    samples, data = points(4, 60, 0.3), points(5, 50)
    whole = [each(samples, data, same).value for each in METRICS.values()]
    monkeypatch.setattr(nearest_neighbors, "BLOCK_ELEMENTS", 500)
    monkeypatch.setattr("adversarial.evaluation.manifolds._kept", {})
    assert [each(samples, data, same).value for each in METRICS.values()] == whole


def test_arrays_that_have_changed_in_place_are_not_taken_for_the_old_ones():
    samples, data = points(6, 60), points(7, 60)
    before = precision(samples, data, same).value
    samples += 100
    assert precision(samples, data, same).value == 0 < before


@pytest.mark.parametrize("name", METRICS)
def test_bad_input_is_named(name):
    k = NEIGHBOURS[name]
    compute = METRICS[name]
    message = f"{k} samples are too few for {k} nearest neighbours: at least {k + 1}"
    with pytest.raises(ValueError, match=message):
        compute(points(0, k), points(1, 20), same)
    with pytest.raises(ValueError, match=f"{k} rows of data are too few for {k} nearest"):
        compute(points(0, 20), points(1, k), same)
    compute(points(0, k + 1), points(1, k + 1), same)
    with pytest.raises(ValueError, match="samples contain NaN or infinite values .has the model"):
        compute(np.full((20, 8), np.nan), points(1, 20), same)
    with pytest.raises(ValueError, match="features of the 20 rows of data are all the same"):
        compute(points(0, 20), points(1, 20), lambda rows: 0 * rows)
