from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from adversarial.config import yaml_parse
from adversarial.datasets.mixture import GaussianMixture


def two(**arguments):
    given = dict(means=[-1.0, 2.0], deviations=[0.5, 0.25], weights=[3, 1])
    return GaussianMixture(**{**given, **arguments})


def test_density_is_the_weighted_sum_of_bells():
    x = np.linspace(-4, 4, 33).reshape(3, 11)
    expected = 0.75 * stats.norm.pdf(x, -1, 0.5) + 0.25 * stats.norm.pdf(x, 2, 0.25)
    np.testing.assert_allclose(two(num_examples=1).density(x), expected, rtol=1e-12)
    x = np.linspace(-9, 9, 20001)
    assert np.trapz(two(num_examples=1).density(x), x) == pytest.approx(1)


def test_draws_follow_the_density():
    data = two(num_examples=20000)
    assert data.X.shape == (20000, 1) and data.X.dtype == np.float32

    def cumulative(x):
        return 0.75 * stats.norm.cdf(x, -1, 0.5) + 0.25 * stats.norm.cdf(x, 2, 0.25)

    assert stats.kstest(data.X[:, 0], cumulative).pvalue > 1e-3


def test_seed_decides_and_gaussians_weigh_alike_by_default():
    same, other = two(num_examples=50), two(num_examples=50, seed=1)
    assert (two(num_examples=50).X == same.X).all() and (other.X != same.X).any()
    assert two(weights=None).weights.tolist() == [0.5, 0.5]


def test_yaml_makes_one():
    text = "!obj:adversarial.datasets.mixture.GaussianMixture {means: [0.], deviations: [1.]}"
    assert yaml_parse.load(text).get_num_examples() == 10000


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"means": []}, "means must be a list of numbers"),
        ({"means": 1.0}, "means must be a list of numbers"),
        ({"deviations": [1.0]}, "2 means need as many deviations"),
        ({"deviations": [1.0, 0.0]}, r"deviations must be positive and finite, got \[1.0, 0.0\]"),
        ({"weights": [1.0, np.nan]}, "weights must be positive and finite"),
        ({"num_examples": 0}, "num_examples must be at least 1, got 0"),
    ],
)
def test_what_is_no_mixture(arguments, message):
    with pytest.raises(ValueError, match=message):
        two(**arguments)
