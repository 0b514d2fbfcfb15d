"""Scales of data, against NumPy and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from adversarial.datasets.scaling import Statistics, check_scale, fit, needs_statistics

ROWS = np.random.RandomState(0).normal(5, 3, (50, 4))


def fitted(scale, rows=ROWS, **options):
    return fit(scale, Statistics.of([rows]), rows.dtype, **options)


@given(st.lists(st.integers(1, 20), min_size=1, max_size=6), st.integers(0, 100))
def test_statistics_of_parts_are_those_of_the_whole(sizes, seed):
    rng = np.random.RandomState(seed)
    parts = [1e6 + rng.normal(size=(size, 3)) for size in sizes]
    whole = np.concatenate(parts)
    found = Statistics.of(iter(parts))
    np.testing.assert_array_equal(found.low, whole.min(axis=0))
    np.testing.assert_array_equal(found.high, whole.max(axis=0))
    np.testing.assert_allclose(found.mean, whole.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.variance, whole.var(axis=0), rtol=1e-6, atol=1e-9)


def test_of_channels():
    images = np.random.RandomState(1).normal(size=(20, 3, 4, 5))  # planar: n, c, rows, columns
    found = Statistics.of([images.reshape(20, -1)]).of_channels(3)
    np.testing.assert_allclose(found.mean[::20], images.mean(axis=(0, 2, 3)))
    np.testing.assert_allclose(found.variance[::20], images.var(axis=(0, 2, 3)))
    assert set(found.low) == {images.min()} and set(found.high) == {images.max()}


@pytest.mark.parametrize("ends", [(0, 1), (-1, 1), (-3.5, 2)])
def test_ranges_against_scikit_learn(ends):
    expected = MinMaxScaler(ends).fit_transform(ROWS)
    scaled = fitted(ends).apply(ROWS)
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled, expected, atol=1e-6)
    assert (scaled.min(axis=0) == ends[0]).all() and (scaled.max(axis=0) == ends[1]).all()


def test_standardized_against_scikit_learn():
    scaled = fitted("standardize").apply(ROWS)
    np.testing.assert_allclose(scaled, StandardScaler().fit_transform(ROWS), atol=1e-6)


def test_as_it_is_and_back():
    np.testing.assert_array_equal(fitted(None).apply(ROWS), ROWS.astype(np.float32))
    for scale in (None, "standardize", (0, 1), (-1, 1)):
        scaling = fitted(scale)
        np.testing.assert_allclose(scaling.undo(scaling.apply(ROWS)), ROWS, atol=1e-5)


def test_whole_numbers_of_8_and_16_bits_have_the_range_of_their_type():
    small = np.array([[10, 200]], np.uint8)
    np.testing.assert_array_equal(
        fit((0, 1), None, small.dtype).apply(small), np.divide(small, 255, dtype=np.float32)
    )
    large = np.array([[0, 65535]], np.uint16)
    assert fit((-1, 1), None, large.dtype).apply(large).tolist() == [[-1, 1]]
    assert fit((0, 1), None, small.dtype, [0, 200]).apply(small)[0, 1] == 1
    assert not needs_statistics((0, 1), small.dtype)
    assert needs_statistics((0, 1), np.dtype("int32"))
    assert not needs_statistics((0, 1), np.dtype("int32"), [0, 9])


def test_large_whole_numbers_keep_their_differences():
    rows = np.array([[2**40], [2**40 + 1], [2**40 + 2]])
    assert fitted((0, 1), rows).apply(rows).ravel().tolist() == [0, 0.5, 1]


def test_a_column_that_never_changes():
    rows = np.array([[3.0, 0.1], [3.0, 0.1], [3.0, 0.1]])
    assert fitted((0, 1), rows).apply(rows).tolist() == [[0, 0]] * 3
    assert fitted((-1, 1), rows).apply(rows).tolist() == [[-1, -1]] * 3
    np.testing.assert_allclose(fitted("standardize", rows).apply(rows), 0, atol=1e-6)


@pytest.mark.parametrize("mean", [1.6e9, -1.6e9, 101325.0, 0.1, 0.0])
def test_a_column_that_changes_little_is_standardized(mean):
    step = np.spacing(abs(mean) + 1) * 1e4
    rows = mean + step * np.arange(60.0)[:, None]
    parts = np.array_split(rows, 7)
    scaled = fit("standardize", Statistics.of(parts), rows.dtype).apply(rows)
    np.testing.assert_allclose(
        scaled[:, 0], (np.arange(60) - 29.5) / np.arange(60).std(), rtol=0.01
    )


@pytest.mark.parametrize("value", [0.1, 1e9 / 3, -1e-20])
def test_a_channel_that_never_changes(value):
    images = np.random.RandomState(0).normal(size=(1000, 2, 3, 7))
    images[:, 1] = value
    rows = images.reshape(1000, -1)
    found = Statistics.of(np.array_split(rows, 3)).of_channels(2)
    scaled = fit("standardize", found, rows.dtype).apply(rows)
    np.testing.assert_allclose(scaled[:, :21].std(), 1, rtol=1e-5)
    np.testing.assert_allclose(scaled[:, 21:], 0, atol=1e-6)


@pytest.mark.parametrize(
    "scale",
    ["unit", [1, 0], [0, 0], [0, float("inf")], [0], [0, 1, 2], 1, ["0", "1"], [False, True]],
)
def test_no_scale(scale):
    with pytest.raises(ValueError, match="scale must be"):
        check_scale(scale)


def test_data_range():
    for wrong in ([1, 0], 5, [0, None]):
        with pytest.raises(ValueError, match="data_range must be two numbers"):
            check_scale([0, 1], wrong)
    for scale in (None, "standardize"):
        with pytest.raises(ValueError, match="data_range goes with"):
            check_scale(scale, [0, 1])
