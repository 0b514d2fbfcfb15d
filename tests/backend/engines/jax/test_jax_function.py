"""What stays on the device between calls, and calls that wait for others."""

from __future__ import annotations

import copy

import aesara.tensor as at
import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="JAX, the second engine, is not installed")

from adversarial import backend  # noqa: E402
from adversarial.backend import function, shared  # noqa: E402
from adversarial.backend.engines.jax import function as jax_function  # noqa: E402
from adversarial.backend.engines.jax.function import queue  # noqa: E402


@pytest.fixture(autouse=True)
def on_jax(monkeypatch):
    from adversarial.backend import engines

    monkeypatch.setattr(engines, "_chosen", None)
    engines.choose("jax")


@pytest.fixture
def four_at_once(monkeypatch):
    monkeypatch.setitem(jax_function.QUEUE_LENGTHS, "cpu", 4)


def stepper(rate=0.5):
    """total <- total + rate * x, counted; tells the new sum by name."""
    x = at.vector("x")
    total, lr, count = shared(np.zeros(2), "total"), shared(rate, "lr"), shared(0, "count")
    new = total + lr * x
    run = function([x], {"sum": new.sum(), "count": count + 1},
                   updates=[(total, new), (count, count + 1)])  # fmt: skip
    return run, total, lr, count


def test_values_are_read_and_set_as_ever():
    run, total, lr, count = stepper()
    assert run([1, 2])["sum"] == 1.5
    value = total.get_value()
    assert type(value) is np.ndarray and value.dtype == backend.floatX
    value[:] = 9  # a copy
    assert total.get_value(borrow=True).tolist() == [0.5, 1.0]
    assert count.get_value().dtype == "int64"
    total.set_value(np.array([5, 5], backend.floatX))
    lr.set_value(np.array(1, backend.floatX))
    found = run([1, 1])
    assert found["sum"] == 12 and found["count"] == 2 and found["count"].dtype == "int64"
    assert copy.deepcopy(total).get_value().tolist() == [6, 6]


def test_updates_take_the_place_of_what_they_replace():
    run, total, _, _ = stepper()
    run([1, 2])
    old = total.container.array
    run([1, 2])
    assert isinstance(total.container.array, jax.Array) and old.is_deleted()


def test_a_copy_on_the_host_does_not_change_with_the_next_step():
    run, total, _, _ = stepper()
    run([1, 2])
    kept = total.get_value(borrow=True)
    run([1, 2])
    assert kept.tolist() == [0.5, 1.0] and total.get_value().tolist() == [1, 2]


def test_data_are_brought_to_the_device_once():
    data, i = shared(np.arange(12.0).reshape(6, 2)), at.lvector("i")
    run = function([i], data[i])
    run([0])
    before = data.container.array
    assert run([5, 1]).tolist() == [[10, 11], [2, 3]]
    assert data.container.array is before
    data.set_value(np.zeros((6, 2), backend.floatX))
    assert run([5]).tolist() == [[0, 0]]


def test_calls_wait_until_there_are_enough(four_at_once):
    run, total, _, _ = stepper()
    several, made = run._several, []
    run._several = lambda *args: made.append(len(args[2][0])) or several(*args)
    found = [run([i, 0]) for i in range(3)]
    assert len(queue.calls) == 3 and not any(call.is_made for call in found)
    found.append(run([3, 0]))
    assert made == [4] and not queue.calls and all(backend.is_made(call) for call in found)
    assert [float(call["sum"]) for call in found] == [0, 0.5, 1.5, 3]
    assert total.get_value().tolist() == [3, 0]


def test_whoever_looks_has_them_made(four_at_once):
    run, total, lr, count = stepper()
    other = function([], total * 2)
    run([1, 0])
    assert total.get_value().tolist() == [0.5, 0] and not queue.calls
    assert run([1, 0])["count"] == 2 and not queue.calls
    run([1, 0])
    assert other().tolist() == [3, 0]
    run([1, 0])
    total.set_value(np.zeros(2, backend.floatX))
    assert count.get_value() == 4 and total.get_value().tolist() == [0, 0]


def test_numbers_set_in_between_hold_from_the_next_call_on(four_at_once):
    run, total, lr, _ = stepper(rate=1.0)
    argument = np.ones(2, backend.floatX)
    for rate in (1, 10, 100, 1000):
        lr.set_value(np.array(rate, backend.floatX))
        run(argument)
        argument = argument * 1
    assert lr.get_value() == 1000
    assert total.get_value().tolist() == [1111, 1111]


def test_arguments_may_be_overwritten_while_they_wait(four_at_once):
    run, total, _, _ = stepper(rate=1.0)
    argument = np.ones(2, backend.floatX)
    run(argument)
    argument[:] = 7
    assert total.get_value().tolist() == [1, 1]


def test_another_shape_or_function_does_not_wait(four_at_once):
    run, total, _, _ = stepper()
    x = at.vector("x")
    total_of_all = shared(0.0)
    add = function([x], updates=[(total_of_all, total_of_all + x.sum())])
    add([1, 2])
    add([3])
    assert len(queue.calls) == 1
    run([0, 0])
    assert queue.function is run
    assert total_of_all.get_value() == 6


def test_what_functions_give():
    x = at.matrix("x")
    ones = np.ones((2, 3), backend.floatX)
    assert function([x], x.sum())(ones) == 6
    mixed = function([x], [x.sum(), x, x.shape[0], x.mean(), at.gt(x[0, 0], 0)])(ones)
    assert [value.dtype for value in mixed] == [backend.floatX] * 2 + [
        "int64",
        backend.floatX,
        "bool",
    ]
    assert mixed[0] == 6 and mixed[1].shape == (2, 3) and mixed[2] == 2 and mixed[4]
    named = function([x], {"b": x.sum(), "a": x})(ones)
    assert named["b"] == 6 and named["a"].shape == (2, 3)
    assert function([x])(ones) == []  # as Aesara has it
    assert function([], [])() == []
    assert function([x], x)(x=ones).shape == (2, 3)


@pytest.mark.parametrize(
    "args, kwargs, message",
    [
        ((1, 2), {}, "takes 1 arguments, but 2"),
        ((), {}, "argument x is missing"),
        ((), {"y": 1}, "no argument 'y'"),
        (("text",), {}, "text|string|convert"),
    ],
)
def test_wrong_arguments(args, kwargs, message):
    x = at.scalar("x")
    with pytest.raises((TypeError, ValueError), match=message):
        function([x], x * 2)(*args, **kwargs)


def test_modes_of_the_other_engine_are_refused():
    x = at.scalar("x")
    assert function([x], x * 2, mode="FAST_RUN")(3) == 6
    with pytest.raises(ValueError, match="does not support mode DebugMode"):
        function([x], x * 2, mode="DebugMode")
