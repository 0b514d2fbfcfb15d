"""The two-sample test equals scikit-learn's nearest neighbours with one point left out."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.model_selection import LeaveOneOut, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier

from adversarial.evaluation.metrics.two_sample import two_sample, two_sample_pixels


def same(rows):
    return rows


@pytest.mark.parametrize("shift", [0.0, 0.4])
def test_accuracy_is_that_of_scikit_learn(shift):
    rng = np.random.RandomState(0)
    samples, data = rng.randn(150, 3) + shift, rng.randn(170, 3)
    found = two_sample(samples, data, same)
    drawn = data[np.random.RandomState(0).permutation(170)[:150]]
    rows, labels = np.concatenate([samples, drawn]), np.arange(300) < 150
    classifier = KNeighborsClassifier(n_neighbors=1)
    right = cross_val_predict(classifier, rows, labels, cv=LeaveOneOut()) == labels
    assert found.value == right.mean()
    assert found.details["on samples"] == right[:150].mean()
    assert found.details["on data"] == right[150:].mean()
    assert found.uncertainty == pytest.approx(right.std() / 300**0.5)
    exact = binomtest(int(right.sum()), 300, alternative="greater").pvalue
    assert found.details["p-value"] == pytest.approx(exact, abs=0.03)
    assert two_sample_pixels(samples, data) == found


def test_copies_of_test_examples_are_never_told_apart():
    data = np.random.RandomState(0).randn(50, 3)
    assert two_sample_pixels(data, data).value == 0
    assert two_sample_pixels(data + 50, data).value == 1


def test_bad_input_is_named():
    data = np.random.RandomState(0).randn(50, 3)
    with pytest.raises(ValueError, match="samples contain NaN"):
        two_sample_pixels(np.full((50, 3), np.nan), data)
    with pytest.raises(ValueError, match="1 samples are too few"):
        two_sample_pixels(data[:1], data)
    with pytest.raises(ValueError, match="features of the 50 rows of data are all the same"):
        two_sample(data, data, np.ones_like)
