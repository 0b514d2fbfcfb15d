"""Functions that Aesara compiled by itself share variables with those on JAX."""

from __future__ import annotations

import aesara
import aesara.tensor as at
import numpy as np
import pytest

from adversarial import backend
from adversarial.backend import engines


@pytest.fixture(autouse=True)
def on_jax(monkeypatch):
    pytest.importorskip("jax")
    monkeypatch.setattr(engines, "_chosen", None)
    backend.choose("jax")


@pytest.mark.parametrize("waits", [True, False])
def test_each_finds_what_the_other_has_made(waits, monkeypatch, fast_compile):
    from adversarial.backend.engines.jax import function as jax_function

    monkeypatch.setitem(jax_function.QUEUE_LENGTHS, "cpu", 8 if waits else 1)
    w, other = backend.shared(np.arange(3.0)), backend.shared(np.ones(3))
    x = at.fvector()
    users = aesara.function([x], (x * w).sum())
    users_step = aesara.function([], [], updates=[(w, w * 10), (other, other + 1)])
    step = backend.function([], [], updates=[(w, w + other)])
    ones = np.ones(3, "float32")
    assert users(ones) == 3
    step()
    assert users(ones) == 6
    step()
    step()
    users_step()  # w was 3, 4, 5
    assert users(ones) == 120
    step()
    np.testing.assert_array_equal(w.get_value(), [32, 42, 52])
    assert users(ones) == 126
