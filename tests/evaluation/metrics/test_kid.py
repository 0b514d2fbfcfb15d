"""The kernel distance equals loops over pairs, torch-fidelity's, and 0 on average for data."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from adversarial.evaluation.metrics.kid import kid, kid_pixels, squared_mmd


def same(rows):
    return rows


def points(seed, n, dimension=5):
    return np.random.RandomState(seed).rand(n, dimension)


def test_mmd_is_that_of_loops_over_pairs():
    x, y = points(0, 7), points(1, 6)

    def mean_over(pairs):
        return np.mean([(a @ b / 5 + 1) ** 3 for a, b in pairs])

    expected = (
        mean_over(itertools.permutations(x, 2))
        + mean_over(itertools.permutations(y, 2))
        - 2 * mean_over(itertools.product(x, y))
    )
    assert squared_mmd(x, y) == pytest.approx(expected)


def test_blocks_are_disjoint_and_their_mean_is_the_value():
    x, y = points(0, 2500), points(1, 2050) ** 2
    found = kid(x, y, same)
    assert found.details == {"blocks": 10, "block size": 205}
    x, y = (each[np.random.RandomState(0).permutation(len(each))] for each in (x, y))
    values = [squared_mmd(x[i : i + 205], y[i : i + 205]) for i in range(0, 2050, 205)]
    assert found.value == pytest.approx(np.mean(values))
    assert found.uncertainty == pytest.approx(np.std(values, ddof=1) / 10**0.5)
    assert kid_pixels(points(0, 2500), points(1, 2050) ** 2) == found


def test_data_may_be_sorted():
    """As by class, in a data set of folders: the first 1,000 examples are not the others."""
    x, y = points(0, 3000), points(1, 4000)
    y = y[np.argsort(y[:, 0])]
    found = kid(x, y, same)
    assert abs(found.value) < 4 * found.uncertainty < 0.05
    assert squared_mmd(x[:1000], y[:1000]) > 0.1


def test_mmd_is_that_of_torch_fidelity():
    theirs = pytest.importorskip("torch_fidelity.metric_kid")
    x, y = points(0, 300), points(1, 300) + 0.1
    expected = theirs.mmd2(
        *(
            theirs.kernel_poly(
                a, b, kid_kernel_poly_degree=3, kid_kernel_poly_gamma=None, kid_kernel_poly_coef0=1
            )
            for a, b in ((x, x), (x, y), (y, y))
        )
    )
    assert squared_mmd(x, y) == pytest.approx(expected, rel=1e-5)


def test_it_is_unbiased_and_its_error_that_of_repetitions():
    rng = np.random.RandomState(0)
    tries = [kid_pixels(rng.rand(400, 3), rng.rand(400, 3)) for _ in range(200)]
    values = np.array([each.value for each in tries])
    assert abs(values.mean()) < 3 * values.std() / 200**0.5
    error = np.mean([each.uncertainty for each in tries])
    assert error == pytest.approx(values.std(), rel=0.2)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="3 samples are too few: at least 4"):
        kid(points(0, 3), points(1, 9), same)
    assert kid_pixels(points(0, 4), points(1, 4)).details == {"blocks": 2, "block size": 2}
    with pytest.raises(ValueError, match="samples contain NaN"):
        kid_pixels(np.full((9, 5), np.nan), points(1, 9))
    with pytest.raises(ValueError, match="the features of the 9 rows of data are all the same"):
        kid(points(0, 9), points(1, 9), np.ones_like)
