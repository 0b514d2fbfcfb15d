"""Bins of the data: the test of shares is SciPy's, and known proportions give known bins."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2_contingency

from adversarial.evaluation.metrics import ndb as module
from adversarial.evaluation.metrics.ndb import ndb


def clusters(*counts):
    """Tight clusters far apart, so that K-means finds them."""
    rng = np.random.RandomState(0)
    return np.concatenate([rng.randn(n, 2) * 0.01 + 10 * i for i, n in enumerate(counts)])


def test_the_test_of_two_shares_is_scipys():
    rng = np.random.RandomState(0)
    sizes = np.array([400, 300])
    counts = np.stack(
        [rng.multinomial(400, [0.2] * 5), rng.multinomial(300, [0.3, 0.1] + [0.2] * 3)]
    )
    expected = [
        chi2_contingency([column, sizes - column], correction=False)[1] < 0.05
        for column in counts.T
    ]
    assert module._different(counts, sizes).tolist() == expected
    assert 0 < sum(expected) < 5


def test_bins_that_differ_are_counted():
    training = clusters(100, 100, 100, 100, 100, 100, 100, 100)
    found = ndb(clusters(100, 100, 100, 100, 100, 100, 198, 2), training)
    assert found.details["K"] == 80
    even = ndb(clusters(50, 50, 50, 50, 50, 50, 50, 50), training)
    dropped = ndb(clusters(200, 200, 0, 0, 0, 0, 200, 200), training)
    assert even.value < found.value < dropped.value
    assert even.details["Jensen-Shannon"] < dropped.details["Jensen-Shannon"]
    assert dropped.details["empty"] >= 30
    assert dropped.value == dropped.details["different"] / 80
    assert 0 < even.uncertainty < 0.2


def test_data_differ_in_one_bin_of_twenty():
    rng = np.random.RandomState(0)
    values = [ndb(rng.rand(2000, 3), rng.rand(2000, 3)).value for _ in range(4)]
    assert np.mean(values) == pytest.approx(0.05, abs=0.03)


@pytest.mark.parametrize(("n", "dimension"), [(2000, 10), (3000, 30)])
def test_samples_and_examples_are_put_into_the_same_bins(n, dimension):
    """K-means has not converged after its 20 steps, and the last one moves the centres, too."""
    points = np.random.RandomState(0).rand(n, dimension)
    found = ndb(points, points)
    assert found.value == found.details["different"] == found.details["empty"] == 0
    assert found.details["Jensen-Shannon"] == 0


def test_large_training_sets_are_sampled(monkeypatch):
    monkeypatch.setattr(module, "MOST_EXAMPLES", 50)
    assert ndb(clusters(200, 200), clusters(300, 300)).details["K"] == 5


def test_bad_input_is_named():
    points = np.random.RandomState(0).rand(40, 2)
    with pytest.raises(ValueError, match="19 samples are too few: at least 20"):
        ndb(points[:19], points)
    with pytest.raises(ValueError, match="samples contain NaN"):
        ndb(points * np.nan, points)
    with pytest.raises(ValueError, match="the 40 rows of data are all the same"):
        ndb(points, np.ones_like(points))
