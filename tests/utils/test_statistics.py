"""Means over seeds, their errors, and JSON that other programs can read."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from adversarial.utils.statistics import (
    format_mean,
    mean_and_error,
    significant_mean,
    to_json,
)


def test_mean_and_standard_error():
    values = np.random.RandomState(0).randn(7)
    mean, error = mean_and_error(values)
    assert mean == pytest.approx(sum(values) / 7)
    assert error == pytest.approx(math.sqrt(sum((values - mean) ** 2) / 6 / 7))
    assert mean_and_error([1.0, 3.0]) == (2.0, 1.0)


def test_a_single_value_has_no_error():
    mean, error = mean_and_error([1.5])
    assert mean == 1.5 and math.isnan(error)
    assert format_mean([1.5], 1) == "1.5" and format_mean([1.0, 3.0], 2) == "2.00 +- 1.00"


def test_json_without_nan():
    result = {"a": [1.0, math.nan], "b": {"c": (math.nan, "nan")}, "d": None}
    assert json.loads(to_json(result), parse_constant=pytest.fail) == {
        "a": [1.0, None],
        "b": {"c": [None, "nan"]},
        "d": None,
    }


def test_json_of_numpys_numbers():
    result = {"a": np.float32(0.5), "b": [np.int64(3), np.bool_(True)], "c": np.array([1, np.nan])}
    assert json.loads(to_json(result)) == {"a": 0.5, "b": [3, True], "c": [1.0, None]}


@pytest.mark.parametrize(
    "values, text",
    [
        ([], ""),
        ([2.5], "2.5"),
        ([1.0, 1.0], "1 +- 0"),
        ([180.123, 182.456], "181.3 +- 1.2"),
        ([0.001, 0.0012], "0.00110 +- 0.00010"),
        ([1e6, 3e6], "2000000 +- 1000000"),
        ([1e-12, 3e-12], "2e-12 +- 1e-12"),
        ([1e20, 3e20], "2e+20 +- 1e+20"),
        ([1.0, math.nan], "nan"),
        ([1.0, math.inf], "inf"),
    ],
)
def test_as_many_digits_as_the_error_justifies(values, text):
    assert significant_mean(values) == text
