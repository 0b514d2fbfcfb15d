"""Updates of weights on JAX come after all that reads the old weights, and give the same values."""

from __future__ import annotations

import re
from collections import OrderedDict

import aesara.tensor as at
import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="JAX, the second engine, is not installed")

from adversarial.backend import function, shared  # noqa: E402
from adversarial.backend.engines.jax import ordering  # noqa: E402
from adversarial.training_algorithms.learning_rule import Momentum  # noqa: E402

SIZES = (30, 600, 500)


@pytest.fixture(autouse=True)
def on_jax(monkeypatch):
    from adversarial.backend import engines

    monkeypatch.setattr(engines, "_chosen", None)
    engines.choose("jax")


def step_of_two_layers(bias):
    """(the compiled step, its parameters, an input); the lower bias begins at `bias`."""
    rng = np.random.RandomState(0)
    x = at.fmatrix("x")
    params, h = [], x
    for below, above in zip(SIZES, SIZES[1:]):
        W = shared(rng.normal(size=(below, above)).astype("float32") / 10, "W")
        b = shared(np.full(above, bias if below == SIZES[0] else 0, "float32"), "b")
        h = at.tanh(at.dot(h, W) + b)
        params += [W, b]
    gradients = OrderedDict(zip(params, at.grad(at.square(h - 1).sum(), params)))
    updates = Momentum(0.5).get_updates(0.01, gradients, {})
    run = function([x], updates=updates)
    return run, params, rng.normal(size=(7, SIZES[0])).astype("float32")


def values(run, params, x):
    run(x)
    run(x)
    return [param.get_value() for param in params]


@pytest.mark.parametrize("bias", [0.5, -1e30, np.inf, np.nan])
def test_values_are_those_without_the_order(monkeypatch, bias):
    ordered = values(*step_of_two_layers(bias))
    monkeypatch.setattr(ordering, "update_last", lambda fgraph: None)
    for got, expected in zip(ordered, values(*step_of_two_layers(bias))):
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


def test_the_upper_weights_are_not_copied(monkeypatch):
    def copies():
        run, _, x = step_of_two_layers(0.5)
        state = [run.shared[i].on_device() for i in run.updated]
        small = [run.shared[i].get() for i in run.numbers] + [x]
        program = run._single.lower(state, [], small).compile().as_text()
        return len(re.findall(rf"= f32\[{SIZES[1]},{SIZES[2]}\]\S* copy\(", program))

    assert copies() == 0
    monkeypatch.setattr(ordering, "update_last", lambda fgraph: None)
    assert copies() > 0
