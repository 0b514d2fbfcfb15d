"""The plain algorithm on a linear regression, step by step by hand."""

from __future__ import annotations

import numpy as np
import pytest

from adversarial import backend
from adversarial.backend import floatX, shared
from adversarial.costs.cost import Cost, DefaultDataSpecsMixin
from adversarial.costs.default import Default
from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
from adversarial.models.mlp import MLP, Linear
from adversarial.monitor import Monitor, read_channel
from adversarial.signals import Interrupted
from adversarial.termination_criteria import EpochCounter
from adversarial.training_algorithms.learning_rule import Momentum, RMSProp
from adversarial.training_algorithms.sgd import SGD
from adversarial.training_algorithms.training_algorithm import TrainingAlgorithm, TrainingDiverged

pytestmark = pytest.mark.usefixtures("either_engine", "fast_compile")


class Recorder(SGD):
    """Remembers the minibatches."""

    def setup(self, *args):
        self.minibatches = []
        super().setup(*args)

    def _on_minibatch(self, indices):
        self.minibatches.append(indices)
        super()._on_minibatch(indices)


def net(**kwargs):
    return MLP([Linear(dim=2, layer_name="h", irange=1.0, **kwargs)], nvis=6)


def ready(data, mlp=None, learning_rate=0.1, **kwargs):
    """An algorithm set up on a net."""
    algorithm = Recorder(learning_rate, **{**dict(batch_size=5), **kwargs})
    algorithm.setup(mlp or net(), data)
    return algorithm


def gradients(W, b, x, y):
    error = x @ W + b - y
    return 2 * x.T @ error / len(x), 2 * error.sum(axis=0) / len(x)


def values(algorithm):
    return [value.astype("float64") for value in algorithm.model.get_param_values()]


def test_plain_descent_with_learning_rate_factors(data):
    algorithm = ready(data, net(W_lr_scale=0.5, b_lr_scale=3.0), train_iteration_mode="sequential")
    W, b = values(algorithm)
    algorithm.train(data)
    for start in range(0, 23, 5):  # the last batch has 3 examples
        dW, db = gradients(W, b, data.X[start : start + 5], data.y[start : start + 5])
        W, b = W - 0.1 * 0.5 * dW, b - 0.1 * 3.0 * db
    for ours, theirs in zip(values(algorithm), (W, b)):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("how", [dict(learning_rule=Momentum(0.5)), dict(init_momentum=0.5)])
def test_momentum(how, data):
    algorithm = ready(data, train_iteration_mode="sequential", **how)
    params, moves = values(algorithm), [0.0, 0.0]
    algorithm.train(data)
    for start in range(0, 23, 5):
        found = gradients(*params, data.X[start : start + 5], data.y[start : start + 5])
        moves = [0.5 * move - 0.1 * gradient for move, gradient in zip(moves, found)]
        params = [param + move for param, move in zip(params, moves)]
    for ours, theirs in zip(values(algorithm), params):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_training_finds_the_regression(data):
    design = np.hstack([data.X, np.ones((23, 1))])
    best = np.linalg.lstsq(design, data.y, rcond=None)[0]
    algorithm = ready(data, batch_size=23, learning_rate=0.2, init_momentum=0.9)
    for _ in range(300):
        algorithm.train(data)
    W, b = values(algorithm)
    np.testing.assert_allclose(np.vstack([W, b]), best, atol=0.02)


def test_constraints_hold_after_each_step(data):
    algorithm = ready(
        data,
        net(max_col_norm=0.3),
        update_callbacks=lambda algorithm: norms.append(
            np.linalg.norm(algorithm.model.get_param_values()[0], axis=0).max()
        ),
    )
    norms = []
    algorithm.train(data)
    assert len(norms) == 5 and max(norms) <= 0.3 * (1 + 1e-5)


def test_frozen_parameters_stay(data):
    mlp = net()
    mlp.freeze([mlp.layers[0].W])
    algorithm = ready(data, mlp)
    before = mlp.layers[0].get_weights(), mlp.layers[0].get_biases()
    algorithm.train(data)
    np.testing.assert_array_equal(mlp.layers[0].get_weights(), before[0])
    assert (mlp.layers[0].get_biases() != before[1]).all()


def order(data, epochs=1, **kwargs):
    algorithm = ready(data, **kwargs)
    for _ in range(epochs):
        algorithm.train(data)
    return algorithm.minibatches


def test_each_epoch_sees_every_example_once_in_a_new_order(data):
    batches = order(data, epochs=2)
    assert [len(batch) for batch in batches] == [5, 5, 5, 5, 3] * 2
    assert all(batch.dtype == "int64" for batch in batches)
    first, second = np.concatenate(batches[:5]), np.concatenate(batches[5:])
    assert sorted(first) == sorted(second) == list(range(23))
    assert list(first) != list(second) and list(first) != list(range(23))


def test_the_seed_decides_the_order(data):
    def flat(**kwargs):
        return np.concatenate(order(data, **kwargs)).tolist()

    assert flat() == flat() == flat(seed=[2012, 10, 5])
    assert flat(seed=3) == flat(seed=3) != flat()


def test_other_orders(data):
    sequential = order(data, train_iteration_mode="sequential", batches_per_iter=3)
    assert np.concatenate(sequential).tolist() == list(range(15))
    even = order(data, train_iteration_mode="even_shuffled_sequential")
    assert [len(batch) for batch in even] == [5] * 4
    drawn = order(data, train_iteration_mode="random_uniform", batches_per_iter=10)
    assert len(drawn) == 10 and len(np.unique(np.concatenate(drawn))) < 50
    with pytest.raises(ValueError, match="shuffled"):
        SGD(0.1, train_iteration_mode="shufled_sequential")


def test_what_has_been_trained_on_is_counted(data):
    seen = []
    algorithm = ready(
        data,
        update_callbacks=[
            lambda a: seen.append((a.batches_this_epoch, a.batches_per_epoch)),
            lambda a: seen.append("second"),
        ],
    )
    algorithm.train(data)
    monitor = algorithm.model.monitor
    assert (monitor.get_batches_seen(), monitor.get_examples_seen()) == (5, 23)
    assert seen[::2] == [(i, 5) for i in range(1, 6)] and seen[1] == "second"
    algorithm.train(data)
    assert (monitor.get_batches_seen(), monitor.get_examples_seen()) == (10, 46)


def test_callbacks_may_change_the_learning_rate(data):
    def stop_at_two(algorithm):
        if algorithm.batches_this_epoch == 2:
            algorithm.learning_rate.set_value(np.zeros((), dtype=floatX))
        states.append(values(algorithm)[0])

    states = []
    ready(data, update_callbacks=stop_at_two).train(data)
    assert (states[1] != states[0]).any()
    for state in states[2:]:
        np.testing.assert_array_equal(state, states[1])


# Batch sizes


def test_the_models_batch_size_serves(data):
    mlp = net()
    mlp.set_batch_size(7)
    assert [len(batch) for batch in order(data, mlp=mlp, batch_size=None)] == [7, 7, 7, 2]


def test_sizes_may_be_numbers_of_numpy(data):
    """As those of a grid, np.arange(5, 30, 5)."""
    five = np.int64(5)
    sgd = SGD(0.1, batch_size=five, batches_per_iter=five)
    monitored = SGD(0.1, batch_size=5, monitoring_dataset=data, monitoring_batch_size=five)
    sizes = sgd.batch_size, sgd.batches_per_iter, monitored.monitoring_batch_size
    assert sizes == (5, 5, 5) and {type(size) for size in sizes} == {int}


def test_batch_sizes_that_conflict(data):
    mlp = net()
    mlp.set_batch_size(7)
    with pytest.raises(ValueError, match="SGD has batch_size 5, the model 7"):
        ready(data, mlp)
    assert ready(data, mlp, set_batch_size=1).batch_size == 5 == mlp.batch_size
    with pytest.raises(ValueError, match="batch_size is given neither to SGD nor to the model"):
        ready(data, batch_size=None)


# Divergence


def test_a_parameter_that_is_not_finite_is_named(data):
    mlp = net()
    mlp.layers[0].set_biases([np.nan, 0])
    with pytest.raises(TrainingDiverged, match="h_b is not finite"):
        ready(data, mlp)


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning", "ignore:invalid:RuntimeWarning")
def test_divergence_is_seen_at_its_minibatch(data):
    algorithm = ready(data, learning_rate=1e15)
    named = "parameter h_[Wb] is not finite after minibatch 3 of epoch 1.* lower learning_rate"
    with pytest.raises(TrainingDiverged, match=named):
        algorithm.train(data)
    assert len(algorithm.minibatches) == 3 and algorithm.batches_this_epoch == 2


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning", "ignore:invalid:RuntimeWarning")
@pytest.mark.parametrize("stop", [Interrupted(2), backend.PeerLost("gone")])
def test_divergence_is_seen_before_the_training_is_saved(stop, data, monkeypatch):
    """Where steps are queued, and one of them has diverged."""

    def end():
        if len(algorithm.minibatches) == 4:
            raise stop

    monkeypatch.setattr(backend, "is_made", lambda results: False)
    algorithm = ready(data, learning_rate=1e15)
    algorithm.between_minibatches = end
    with pytest.raises(TrainingDiverged, match="after minibatch 3 of epoch 1"):
        algorithm.train(data)


class Overflows(DefaultDataSpecsMixin, Cost):
    """Its value is infinite; its gradient is zero."""

    def expr(self, model, data, **kwargs):
        return (model.fprop(data) * 0).sum() + np.inf


def test_an_objective_that_is_not_finite_is_named(data):
    algorithm = ready(data, cost=Overflows())
    with pytest.raises(
        TrainingDiverged,
        match="the objective of the model is not finite after minibatch 1 of epoch 1",
    ):
        algorithm.train(data)


# Monitoring


def test_channels(data):
    rule = Momentum(0.5)
    other = DenseDesignMatrix(X=data.X[:9], y=data.y[:9])
    algorithm = ready(
        data,
        learning_rule=rule,
        monitoring_dataset={"train": data, "valid": other},
    )
    monitor = algorithm.model.monitor
    names = set(monitor.channels)
    assert {"learning_rate", "momentum", "train_objective", "valid_h_col_norms_max"} <= names
    assert monitor.batch_size == [5, 5] and monitor.num_batches == [None, None]
    monitor()
    assert read_channel(algorithm.model, "learning_rate") == pytest.approx(0.1)
    assert read_channel(algorithm.model, "momentum") == pytest.approx(0.5)
    W, b = values(algorithm)
    for name, part in (("train", data), ("valid", other)):
        loss = ((part.X @ W + b - part.y) ** 2).sum(axis=1).mean()
        assert read_channel(algorithm.model, name + "_objective") == pytest.approx(loss, rel=1e-4)


def test_channels_of_rules_that_learn_about_the_parameters(data):
    algorithm = ready(data, learning_rule=RMSProp(), monitoring_dataset=data)
    algorithm.train(data)
    algorithm.model.monitor()
    assert read_channel(algorithm.model, "mean_square_grad_h_W_max") > 0


def test_monitoring_by_batches(data):
    algorithm = ready(
        data,
        monitoring_dataset=data,
        monitoring_batch_size=4,
        monitoring_batches=2,
    )
    assert algorithm.model.monitor.batch_size == [4]
    assert algorithm.model.monitor.num_batches == [2]
    algorithm.model.monitor()
    W, b = values(algorithm)
    loss = ((data.X[:8] @ W + b - data.y[:8]) ** 2).sum(axis=1).mean()
    assert read_channel(algorithm.model, "objective") == pytest.approx(loss, rel=1e-4)


def test_further_costs(data):
    class Twice(Default):
        def expr(self, *args):
            return 2 * super().expr(*args)

    algorithm = ready(data, monitoring_dataset=data, monitoring_costs=[Twice()])
    algorithm.model.monitor()
    once, twice = (read_channel(algorithm.model, n) for n in ("objective", "cost_0_objective"))
    assert twice == pytest.approx(2 * once, rel=1e-5)


def test_the_mode_is_that_of_all_functions(data, monkeypatch):
    modes, function = [], backend.function

    def spy(*args, **kwargs):
        modes.append(kwargs.get("mode"))
        return function(*args, **kwargs)

    monkeypatch.setattr(backend, "function", spy)
    algorithm = ready(data, monitoring_dataset=data, theano_function_mode="FAST_COMPILE")
    algorithm.model.monitor()
    assert modes and set(modes) == {"FAST_COMPILE"}


def test_a_criterion_ends_training(data):
    algorithm = ready(data, termination_criterion=EpochCounter(max_epochs=2))
    monitor = Monitor.get_monitor(algorithm.model)
    assert ready(data).continue_learning(algorithm.model)
    going = []
    for _ in range(2):
        algorithm.train(data)
        monitor.report_epoch()
        going.append(algorithm.continue_learning(algorithm.model))
    assert going == [True, False]


# Wrong arguments


@pytest.mark.parametrize(
    "wrong, message",
    [
        (dict(learning_rate=0.0), "learning_rate .*0.0"),
        (dict(learning_rate=-0.1), "learning_rate .*-0.1"),
        (dict(batch_size=0), "batch_size .*0"),
        (dict(batch_size=2.5), "batch_size .*2.5"),
        (dict(batches_per_iter=-1), "batches_per_iter .*-1"),
        (dict(monitoring_batch_size=5), "need monitoring_dataset"),
        (dict(init_momentum=0.5, learning_rule=Momentum(0.5)), "not both"),
        (dict(theano_function_mode="FAST_COMPIL"), "'FAST_COMPIL' is no mode.* FAST_COMPILE"),
    ],
)
def test_wrong_values(wrong, message):
    with pytest.raises(ValueError, match=message):
        SGD(**{**dict(learning_rate=0.1), **wrong})


@pytest.mark.parametrize(
    "wrong, message",
    [
        (dict(cost=[Default()]), "SumOfCosts"),
        (dict(monitoring_costs=Default()), "monitoring_costs must be a list or dict of costs"),
        (dict(monitoring_costs="text"), "monitoring_costs must be a list or dict of costs"),
        (dict(monitoring_costs=[Default(), 3]), "one of the monitoring_costs cannot be 3"),
        (dict(monitoring_costs={"l2": Default}), "one of the monitoring_costs cannot be <class"),
        (dict(update_callbacks=[5]), "5, which cannot be called"),
        (dict(monitoring_dataset=3), "monitoring_dataset cannot be 3"),
        (dict(monitoring_dataset={"valid": None}), "monitoring_dataset `valid` cannot be None"),
    ],
)
def test_wrong_types(wrong, message):
    with pytest.raises(TypeError, match=message):
        SGD(0.1, **wrong)


def test_a_model_without_parameters(data):
    mlp = net()
    mlp.freeze(mlp.get_params())
    with pytest.raises(ValueError, match="<MLP> has no parameters to train"):
        ready(data, mlp)


def test_gradients_and_updates_must_be_the_models(data):
    class Foreign(Default):
        def get_gradients(self, model, data):
            gradients, updates = super().get_gradients(model, data)
            gradients[stranger] = stranger
            return gradients, updates

    class Greedy(Default):
        def get_gradients(self, model, data):
            W = model.layers[0].W
            return super().get_gradients(model, data)[0], {W: 2 * W}

    stranger = shared(np.zeros(2), "stranger")
    with pytest.raises(ValueError, match="gradient for stranger"):
        ready(data, cost=Foreign())
    with pytest.raises(ValueError, match="both update h_W"):
        ready(data, cost=Greedy())


def test_the_base_class_names_what_is_missing(data):
    algorithm = TrainingAlgorithm()
    for method in (algorithm.train, algorithm.continue_learning):
        with pytest.raises(NotImplementedError, match="TrainingAlgorithm"):
            method(data)


@pytest.mark.parametrize("nothing", [None, {}])
def test_without_monitoring_data_nothing_is_monitored(nothing, data):
    algorithm = ready(data, monitoring_dataset=nothing, learning_rule=Momentum(0.5))
    algorithm.train(data)
    algorithm.monitor()
    assert not algorithm.monitor.channels


def test_a_batch_size_that_another_algorithm_set_is_no_conflict(data):
    model = net()
    for size in (5, 7):
        algorithm = SGD(0.1, batch_size=size)
        algorithm.setup(model, data)
        assert model.batch_size == algorithm.batch_size == size
