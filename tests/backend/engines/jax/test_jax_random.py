"""The streams on JAX: bit by bit those of NumPy, and so of C."""

from __future__ import annotations

import aesara
import aesara.tensor as at
import numpy as np
import pytest

pytest.importorskip("jax", reason="JAX, the second engine, is not installed")

from adversarial import backend  # noqa: E402


@pytest.fixture(autouse=True)
def on_jax(monkeypatch):
    from adversarial.backend import engines

    monkeypatch.setattr(engines, "_chosen", None)
    engines.choose("jax")


def in_numpy(variable, state):
    node = variable.owner
    values = [state] + [aesara.get_scalar_constant_value(x) if x.ndim == 0 else x.data
                        for x in node.inputs[1:]]  # fmt: skip
    cell = [None]
    node.op.perform(node, values, [cell])
    return cell[0]


def test_jax_equals_numpy_bit_by_bit():
    random = backend.RandomStreams((2014, 6, 10), "test")
    draws = []
    for size in (1, 65, 2049, 4001):
        draws += [random.uniform(size), random.uniform(size, -3.0, 0.7), random.normal(size),
                  random.normal(size, 5.0, 0.3), random.binomial(size),
                  random.binomial(size, 0.8)]  # fmt: skip
    draws += [random.normal((3, 5, 7)), random.binomial(()), random.uniform(0),
              random.binomial(999, 0), random.binomial(999, 1.0)]  # fmt: skip
    state = random.state.get_value()
    state[2:] = [2**32 - 1, 7]
    random.state.set_value(state)
    for draw, value in zip(draws, backend.function([], draws)()):
        expected = in_numpy(draw, state)
        assert value.dtype == expected.dtype and value.shape == expected.shape
        np.testing.assert_array_equal(value, expected, err_msg=str(draw.owner.op))
    assert random.state.get_value().tolist() == [*state[:2].tolist(), 0, 8]


def test_symbolic_chances():
    random, p = backend.RandomStreams(3), at.scalar("p")
    mask = random.binomial(20000, p)
    run = backend.function([p], mask)
    state = random.state.get_value()
    for chance in (0.0, 0.25, 1.0):  # exact in float32
        random.state.set_value(state)
        node = mask.owner
        cell = [None]
        node.op.perform(node, [state, np.array([20000]), chance, 0.0], [cell])
        np.testing.assert_array_equal(run(chance), cell[0])


def test_wrong_shapes_are_refused():
    random, n = backend.RandomStreams(3), at.lvector("n")
    with pytest.raises(ValueError, match=r"cannot have the shape \(-1,\)"):
        backend.function([n], random.uniform(n.shape - 1))([])
