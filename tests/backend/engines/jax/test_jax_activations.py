"""Maxout on JAX, against NumPy, with infinities and NaN."""

from __future__ import annotations

import aesara.tensor as at
import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="JAX, the second engine, is not installed")

from adversarial.backend import function  # noqa: E402
from adversarial.backend.ops.maxout import Maxout  # noqa: E402


@pytest.fixture(autouse=True)
def on_jax(monkeypatch):
    from adversarial.backend import engines

    monkeypatch.setattr(engines, "_chosen", None)
    engines.choose("jax")


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
