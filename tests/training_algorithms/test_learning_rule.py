from __future__ import annotations

from collections import OrderedDict
from types import SimpleNamespace

import numpy as np
import pytest

from adversarial.backend import floatX, function, shared
from adversarial.training_algorithms.learning_rule import (
    AdaDelta,
    AdaGrad,
    Adam,
    LearningRule,
    Momentum,
    RMSProp,
)
from adversarial.utils import serial

LR = 0.05
SCALERS = (1.0, 0.25)
RULES = [
    lambda: Momentum(0.7),
    lambda: Momentum(0.7, nesterov_momentum=True),
    AdaDelta,
    lambda: AdaGrad(max_scaling=2.0),
    lambda: RMSProp(decay=0.8, max_scaling=2.0),
]
IDS = ["momentum", "nesterov", "adadelta", "adagrad", "rmsprop"]


class Problem:
    """Minimise sum of (w - 1)^4 / 4 over two parameters of the same name."""

    def __init__(self):
        rng = np.random.default_rng(3)
        self.starts = [rng.normal(size=(3, 2)).astype(floatX), rng.normal(size=4).astype(floatX)]
        self.params = [shared(start, name="W") for start in self.starts]
        self.learning_rate = shared(LR, name="learning_rate")

    def compile(self, rule):
        grads = OrderedDict((param, (param - 1) ** 3) for param in self.params)
        scalers = {self.params[1]: np.float64(SCALERS[1])}
        updates = rule.get_updates(self.learning_rate, grads, scalers)
        return function([], updates=updates, mode="FAST_COMPILE")

    def values(self):
        return [param.get_value() for param in self.params]


def momentum_loop(w, lr, steps, momentum=0.7, nesterov=False):
    inc = np.zeros_like(w)
    for _ in range(steps):
        grad = (w - 1) ** 3
        inc = momentum * inc - lr * grad
        w = w + (momentum * inc - lr * grad if nesterov else inc)
    return w


def adadelta_loop(w, lr, steps, rho=0.95):
    square_grad = square_step = np.zeros_like(w)
    for _ in range(steps):
        grad = (w - 1) ** 3
        square_grad = rho * square_grad + (1 - rho) * grad**2
        step = -np.sqrt(square_step + lr) / np.sqrt(square_grad + lr) * grad
        square_step = rho * square_step + (1 - rho) * step**2
        w = w + step
    return w


def adagrad_loop(w, lr, steps, max_scaling=2.0):
    total = np.zeros_like(w)
    for _ in range(steps):
        grad = (w - 1) ** 3
        total = total + grad**2
        w = w - lr * grad / np.maximum(1 / max_scaling, np.sqrt(total))
    return w


def rmsprop_loop(w, lr, steps, decay=0.8, max_scaling=2.0):
    square = np.zeros_like(w)
    for _ in range(steps):
        grad = (w - 1) ** 3
        square = decay * square + (1 - decay) * grad**2
        w = w - lr * grad / np.maximum(np.sqrt(square), 1 / max_scaling)
    return w


def nesterov_loop(w, lr, steps):
    return momentum_loop(w, lr, steps, nesterov=True)


LOOPS = [momentum_loop, nesterov_loop, adadelta_loop, adagrad_loop, rmsprop_loop]


@pytest.mark.parametrize(("make_rule", "loop"), list(zip(RULES, LOOPS)), ids=IDS)
def test_rule_follows_its_formula(make_rule, loop):
    problem = Problem()
    step = problem.compile(make_rule())
    for _ in range(7):
        step()
    for value, start, scaler in zip(problem.values(), problem.starts, SCALERS):
        expected = loop(start.astype("float64"), LR * scaler, 7)
        assert np.abs(expected - start).max() > 0.01
        np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-6)
        assert value.dtype == floatX


@pytest.mark.parametrize("make_rule", [*RULES, Adam], ids=[*IDS, "adam"])
def test_restored_rule_goes_on_exactly(make_rule, tmp_path):
    straight, stopped = Problem(), Problem()
    step = straight.compile(make_rule())
    for _ in range(6):
        step()

    rule = make_rule()
    step = stopped.compile(rule)
    for _ in range(3):
        step()
    serial.save(str(tmp_path / "rule.pkl"), rule)
    restored = serial.load(str(tmp_path / "rule.pkl"))
    kept = {name: value.get_value() for name, value in restored.accumulators.items()}
    again = Problem()
    for param, value in zip(again.params, stopped.values()):
        param.set_value(value)
    step = again.compile(restored)
    assert list(restored.accumulators) == list(kept)
    assert all(np.abs(value).max() > 0 for value in kept.values())
    for _ in range(3):
        step()
    for one, other in zip(straight.values(), again.values()):
        np.testing.assert_array_equal(one, other)


def test_momentum_is_read_at_each_step():
    problem = Problem()
    rule = Momentum(0.0)
    step = problem.compile(rule)
    step()
    np.testing.assert_allclose(
        problem.values()[0], problem.starts[0] - LR * (problem.starts[0] - 1) ** 3, rtol=1e-5
    )
    before = problem.values()[0]
    rule.momentum.set_value(np.asarray(0.9, dtype=floatX))
    step()
    plain = before - LR * (before - 1) ** 3
    expected = plain + 0.9 * (before - problem.starts[0])
    np.testing.assert_allclose(problem.values()[0], expected, rtol=1e-5, atol=1e-6)


def test_parameters_of_one_name_have_their_own_accumulators():
    problem = Problem()
    rule = Momentum(0.5)
    problem.compile(rule)
    assert list(rule.accumulators) == ["vel_W", "vel_W#2"]
    # A second function over the same parameters, such as one for a part of them, shares them.
    part = OrderedDict([(problem.params[1], problem.params[1] * 2)])
    updates = rule.get_updates(problem.learning_rate, part)
    assert list(rule.accumulators) == ["vel_W", "vel_W#2"]
    assert rule.accumulators["vel_W#2"] in updates


def test_accumulators_of_another_model_are_refused(tmp_path):
    rule = Momentum(0.5)
    Problem().compile(rule)
    serial.save(str(tmp_path / "rule.pkl"), rule)
    restored = serial.load(str(tmp_path / "rule.pkl"))
    other = shared(np.zeros((5, 5), dtype=floatX), name="W")
    with pytest.raises(ValueError, match=r"vel_W.*\(3, 2\).*\(5, 5\)"):
        restored.get_updates(LR, {other: other * 2})


def test_gradient_of_another_dtype_is_refused():
    param = shared(np.zeros(2, dtype="float32"), name="b")
    with pytest.raises(TypeError, match="gradient of b is float64"):
        Momentum(0.5).get_updates(LR, {param: (param * 2).astype("float64")})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Momentum(1.0), "init_momentum .* not 1.0"),
        (lambda: Momentum(-0.1), "init_momentum .* not -0.1"),
        (lambda: AdaDelta(decay=1.5), "decay .* not 1.5"),
        (lambda: AdaGrad(max_scaling=0), "max_scaling .* not 0.0"),
        (lambda: RMSProp(decay=2), "decay .* not 2.0"),
        (lambda: RMSProp(max_scaling=-1), "max_scaling .* not -1.0"),
    ],
)
def test_arguments_are_checked(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_base_rule_says_what_is_missing():
    param = shared(np.zeros(2, dtype=floatX), name="b")
    with pytest.raises(NotImplementedError, match="LearningRule does not define _update"):
        LearningRule().get_updates(LR, {param: param * 2})


class Recorder:
    def __init__(self):
        self.added = {}

    def add_channel(self, name, ipt, val, dataset=None, prereqs=None, data_specs=None):
        self.added[name] = SimpleNamespace(ipt=ipt, val=val, dataset=dataset)


@pytest.mark.parametrize("dataset", ["data", {"valid": "data"}], ids=["dataset", "dict"])
def test_momentum_channel(dataset):
    monitor, rule = Recorder(), Momentum(0.5)
    rule.add_channels_to_monitor(monitor, dataset)
    channel = monitor.added["momentum"]
    assert channel.val is rule.momentum
    assert channel.ipt is None
    assert channel.dataset == "data"


def test_rmsprop_channels():
    monitor, rule = Recorder(), RMSProp()
    Problem().compile(rule)
    rule.accumulators["mean_square_grad_W"].set_value(np.arange(6, dtype=floatX).reshape(3, 2))
    rule.add_channels_to_monitor(monitor, "data")
    assert len(monitor.added) == 6
    names = [f"mean_square_grad_W_{suffix}" for suffix in ("min", "mean", "max")]
    read = function([], [monitor.added[name].val for name in names], mode="FAST_COMPILE")
    assert [float(value) for value in read()] == [0.0, 2.5, 5.0]


def adam_loop(w, gradient, lr, steps, beta1=0.9, beta2=0.999, epsilon=1e-8, decay=0.0):
    """Adam in float64, by the formulas of its paper."""
    w = w.astype("float64")
    mean = square = np.zeros_like(w)
    for t in range(1, steps + 1):
        grad = gradient(w)
        mean = beta1 * mean + (1 - beta1) * grad
        square = beta2 * square + (1 - beta2) * grad**2
        unbiased = mean / (1 - beta1**t), square / (1 - beta2**t)
        w = w - lr * decay * w - lr * unbiased[0] / (np.sqrt(unbiased[1]) + epsilon)
    return w


ADAMS = pytest.mark.parametrize(
    "options",
    [{}, {"beta1": 0.5}, {"beta1": 0.0, "beta2": 0.9}, {"decay": 0.1}, {"epsilon": 1e-2}],
)
START = np.random.default_rng(3).normal(size=(5, 4))


def trained_by_adam(options, dtype, steps=100):
    param = shared(START, name="W", dtype=dtype)
    ours = {"weight_decay" if name == "decay" else name: v for name, v in options.items()}
    step = function([], updates=Adam(**ours).get_updates(1e-3, {param: (param - 1) ** 3}))
    for _ in range(steps):
        step()
    assert param.get_value().dtype == dtype
    return param.get_value()


@ADAMS
def test_adam_is_that_of_the_paper(options, either_engine):
    expected = adam_loop(START, lambda w: (w - 1) ** 3, 1e-3, 100, **options)
    # Each of the hundred steps rounds a parameter of about 3 to float32.
    np.testing.assert_allclose(trained_by_adam(options, "float32"), expected, atol=1e-5)
    if either_engine == "c":
        np.testing.assert_allclose(trained_by_adam(options, "float64"), expected, atol=1e-9)


@ADAMS
def test_adam_is_that_of_pytorch(options):
    torch = pytest.importorskip("torch")
    weight = torch.nn.Parameter(torch.tensor(START))
    theirs = torch.optim.AdamW(
        [weight],
        lr=1e-3,
        betas=(options.get("beta1", 0.9), options.get("beta2", 0.999)),
        eps=options.get("epsilon", 1e-8),
        weight_decay=options.get("decay", 0.0),
    )
    for _ in range(100):
        theirs.zero_grad()
        (((weight - 1) ** 4).sum() / 4).backward()
        theirs.step()
    found = trained_by_adam(options, "float64")
    np.testing.assert_allclose(found, weight.detach().numpy(), atol=1e-9)


def test_adam_scales_learning_rates_and_counts_once():
    params = [shared(np.full(2, 3.0), name="W") for _ in range(2)]
    rule = Adam()
    grads = {param: 2 * param for param in params}
    function([], updates=rule.get_updates(0.1, grads, {params[1]: 0.5}), mode="FAST_COMPILE")()
    np.testing.assert_allclose(params[0].get_value(), 2.9, rtol=1e-6)
    np.testing.assert_allclose(params[1].get_value(), 2.95, rtol=1e-6)
    assert rule.accumulators["steps_W"].get_value() == 1


def test_adam_counts_the_steps_of_each_compiled_function(either_engine):
    """Two functions with one rule, as those of two players: three steps of one for one of other."""
    rule, steps = Adam(), []
    params = [shared(START, name="W", dtype="float32") for _ in range(2)]
    for param in params:
        steps.append(function([], updates=rule.get_updates(1e-2, {param: (param - 1) ** 3})))
    for minibatch in range(1, 31):
        steps[0]()
        if minibatch % 3 == 0:
            steps[1]()
    for param, count in zip(params, (30, 10)):
        expected = adam_loop(START, lambda w: (w - 1) ** 3, 1e-2, count)
        np.testing.assert_allclose(param.get_value(), expected, atol=1e-5)


def test_adam_goes_on_from_a_file_with_one_count_for_all(tmp_path):
    """Earlier versions kept the count of all functions in `steps`, and no other."""
    straight, rule = Problem(), Adam()
    step = straight.compile(rule)
    for _ in range(3):
        step()
    rule.steps.set_value(rule.accumulators["steps_W"].get_value())
    count = rule.accumulators.pop("steps_W")
    serial.save(str(tmp_path / "rule.pkl"), rule)
    rule.accumulators["steps_W"] = count
    rule.steps.set_value(np.asarray(0, dtype=floatX))
    again = Problem()
    for param, value in zip(again.params, straight.values()):
        param.set_value(value)
    step_again = again.compile(serial.load(str(tmp_path / "rule.pkl")))
    for _ in range(3):
        step()
        step_again()
    for one, other in zip(straight.values(), again.values()):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    "options, name",
    [
        ({"beta1": 1.0}, "beta1"),
        ({"beta2": -0.1}, "beta2"),
        ({"epsilon": 0.0}, "epsilon"),
        ({"weight_decay": float("nan")}, "weight_decay"),
    ],
)
def test_adam_refuses_by_name(options, name):
    with pytest.raises(ValueError, match=name):
        Adam(**options)
