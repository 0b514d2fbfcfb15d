"""Maxout and the finite check on JAX, against NumPy, with infinities and NaN."""

from __future__ import annotations

import aesara.tensor as at
import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="JAX, the second engine, is not installed")

from adversarial.backend import function  # noqa: E402
from adversarial.backend.ops.all_finite import all_finite  # noqa: E402
from adversarial.backend.ops.maxout import Maxout  # noqa: E402

LARGEST = np.finfo("float32").max


@pytest.fixture(autouse=True)
def on_jax(monkeypatch):
    from adversarial.backend import engines

    monkeypatch.setattr(engines, "_chosen", None)
    engines.choose("jax")


@pytest.mark.parametrize("shape", [(), (5,), (40, 50), (1, 33), (33, 1), (3, 4, 5, 6)])
def test_one_value_that_is_not_finite_is_noticed_wherever_it_is(shape):
    x = at.TensorType("float32", (None,) * len(shape))("x")
    is_finite = function([x], all_finite([x]))
    values = np.full(shape, LARGEST, "float32")
    values.flat[::2] *= -1
    assert is_finite(values) == 1
    places = {0, values.size // 2, values.size - 1}
    for place in places:
        for bad in (np.inf, -np.inf, np.nan):
            spoilt = values.copy()
            spoilt.flat[place] = bad
            assert is_finite(spoilt) == 0, (place, bad)


def test_an_array_without_values_is_finite():
    x = at.fmatrix("x")
    assert function([x], all_finite([x]))(np.zeros((0, 3), "float32")) == 1


def test_maxout_takes_the_first_maximum_or_the_first_nan():
    z = np.random.RandomState(0).randint(-2, 3, size=(50, 40)).astype("float32")
    z[3, 7] = z[6] = np.nan
    z[4, ::3], z[5] = np.inf, -np.inf
    x = at.fmatrix("x")
    best, which = function([x], Maxout(5)(x))(z)
    pieces = z.reshape(50, 8, 5)
    # NumPy's argmax takes NaN for the greatest, and the first of equal values.
    np.testing.assert_array_equal(which, pieces.argmax(axis=2))
    np.testing.assert_array_equal(best, pieces.max(axis=2))
