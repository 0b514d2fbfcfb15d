"""Statistics over units and examples: C against NumPy, and NumPy against its definition."""

from __future__ import annotations

import aesara.tensor as at
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adversarial import backend
from adversarial.backend.ops.unit_statistics import OVER_EXAMPLES, OVER_UNITS
from adversarial.models.channels import unit_channels

WITHOUT_C = "FAST_COMPILE"


def by_definition(state):
    over = {"max": np.max, "mean": np.mean, "min": np.min, "range": np.ptp}
    return {(x, u): over[u](over[x](state, axis=0)) for x in OVER_EXAMPLES for u in OVER_UNITS}


def compiled(dtype, mode=None):
    state = at.matrix(dtype=dtype)
    values = backend.unit_statistics(state)
    function = backend.function([state], list(values.values()), mode=mode)
    return lambda x: dict(zip(values, function(x)))


@pytest.fixture(scope="module", params=["float32", "float64"])
def measure(request):
    return request.param, compiled(request.param)


@settings(max_examples=60)
@given(rows=st.integers(1, 70), columns=st.integers(1, 300), seed=st.integers(0, 2**32 - 1))
def test_c_is_the_definition(measure, rows, columns, seed):
    dtype, function = measure
    state = np.random.RandomState(seed).normal(size=(rows, columns)).astype(dtype)
    found, expected = function(state), by_definition(state)
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-5, atol=1e-6, err_msg=name)


def test_matrices_that_are_not_contiguous(measure):
    dtype, function = measure
    state = np.random.RandomState(0).normal(size=(8, 12)).astype(dtype)
    for view in (state[::2, ::3], state.T):
        expected = by_definition(view)
        found = function(view)
        for name in expected:
            np.testing.assert_allclose(found[name], expected[name], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("row", [0, 2])
def test_nan_is_not_lost(measure, row):
    dtype, function = measure
    state = np.ones((4, 200), dtype)
    state[row, 150] = np.nan
    assert all(np.isnan(value) for value in function(state).values())


def test_infinity_is_a_maximum(measure):
    dtype, function = measure
    found = function(np.array([[1, 2], [np.inf, 3]], dtype))
    assert found["max", "max"] == np.inf and found["max", "min"] == 3
    assert found["min", "max"] == 2 and found["range", "max"] == np.inf


@pytest.mark.parametrize("shape", [(0, 3), (3, 0)])
def test_nothing_has_no_statistics(measure, shape):
    dtype, function = measure
    with pytest.raises(ValueError, match=f"no statistics of {shape[0]} examples of {shape[1]}"):
        function(np.zeros(shape, dtype))


def test_the_numpy_twin_is_the_definition():
    function = compiled("float32", WITHOUT_C)
    state = np.random.RandomState(1).normal(size=(9, 7)).astype("float32")
    found, expected = function(state), by_definition(state)
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-6)


def test_only_matrices_of_floating_point():
    with pytest.raises(TypeError, match="UnitStatistics"):
        backend.unit_statistics(at.imatrix())
    with pytest.raises(TypeError, match="UnitStatistics"):
        backend.unit_statistics(at.fvector())


@pytest.mark.parametrize("over", [(0, 2, 3), (1, 2, 3)])
def test_positions_of_images_count_as_examples(over):
    images = at.ftensor4()
    channels = unit_channels(images, over)
    function = backend.function([images], list(channels.values()), mode=WITHOUT_C)
    value = np.random.RandomState(2).normal(size=(4, 3, 5, 6)).astype("float32")
    found = dict(zip(channels, function(value)))
    assert found["max_x_mean_u"] == pytest.approx(value.max(axis=over).mean(), rel=1e-6)
    assert found["mean_x_min_u"] == pytest.approx(value.mean(axis=over).min(), rel=1e-5)
    assert found["range_x_max_u"] == pytest.approx(np.ptp(value, axis=over).max(), rel=1e-6)
