"""Memorisation: against scikit-learn's neighbours, and with the error of exchanged examples."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import mannwhitneyu, norm
from sklearn.neighbors import NearestNeighbors

from adversarial.evaluation.metrics.memorisation import memorisation, memorisation_pixels


def same(rows):
    return rows


def distances(rows, queries):
    return NearestNeighbors(n_neighbors=1).fit(rows).kneighbors(queries)[0][:, 0]


def test_values_are_those_of_scikit_learn():
    rng = np.random.RandomState(0)
    samples, training, test = rng.rand(80, 4), rng.rand(60, 4), rng.rand(60, 4)
    found = memorisation(samples, training, test, same)
    to_seen, to_unseen = distances(training, samples), distances(test, samples)
    assert found.value == (to_seen < to_unseen).mean()
    assert found.details["median to training"] == pytest.approx(np.median(to_seen))
    assert found.details["median to test"] == pytest.approx(np.median(to_unseen))
    expected = mannwhitneyu(to_seen, distances(training, test), alternative="less").pvalue
    assert norm.cdf(found.details["C_T"]) == pytest.approx(expected, abs=0.01)
    assert memorisation_pixels(samples, training, test).value == found.value


def test_the_error_is_that_of_examples_exchanged_at_random():
    """Few examples, each the neighbour of many samples: the binomial error would be too small."""
    rng = np.random.RandomState(0)
    samples, both = rng.rand(500, 2), rng.rand(60, 2)
    shares = []
    for _ in range(400):
        order = rng.permutation(60)
        found = memorisation(samples, both[order[:30]], both[order[30:]], same)
        shares.append(found.value)
    assert np.mean(shares) == pytest.approx(0.5, abs=0.02)
    assert found.uncertainty == pytest.approx(np.std(shares), rel=0.15)
    assert found.uncertainty > 1.5 * (0.25 / 500) ** 0.5


def test_copies_are_found_even_if_the_training_set_is_larger():
    rng = np.random.RandomState(0)
    training, test = rng.rand(1000, 5), rng.rand(200, 5)
    copies = memorisation(training[:500], training, test, same)
    assert copies.value > 0.55 and copies.details["p-value"] < 1e-3
    assert copies.details["examples"] == 200
    fresh = memorisation(rng.rand(500, 5), training, test, same)
    assert fresh.details["p-value"] > 0.01
    exact = memorisation(training[:200], training[:200], test, same)
    assert exact.value == 1 and exact.details["C_T"] < -10
    assert exact.details["median to training"] == 0
    far = memorisation(rng.rand(500, 5) + 2, training, test, same)
    assert far.details["C_T"] > 10


def test_examples_in_both_sets_count_as_a_half():
    rows = np.random.RandomState(0).rand(50, 3)
    assert memorisation_pixels(rows, rows, rows).value == 0.5


def test_bad_input_is_named():
    rows = np.random.RandomState(0).rand(50, 3)
    with pytest.raises(ValueError, match="1 training examples are too few"):
        memorisation_pixels(rows, rows[:1], rows)
    with pytest.raises(ValueError, match="samples contain NaN"):
        memorisation_pixels(rows * np.nan, rows, rows)
    with pytest.raises(ValueError, match="all training and test examples are the same"):
        memorisation_pixels(rows, np.ones((9, 3)), np.ones((9, 3)))
    with pytest.raises(ValueError, match="all features of the data are the same"):
        memorisation(rows, rows, rows, np.ones_like)
