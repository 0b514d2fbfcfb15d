"""Batch gradient descent: against least squares, and by what each option must do."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from saved_state import after

from adversarial.config.yaml_parse import load
from adversarial.costs.cost import Cost, DefaultDataSpecsMixin, SumOfCosts
from adversarial.costs.default import Default, WeightDecay
from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
from adversarial.models.mlp import MLP, Linear
from adversarial.train import Train
from adversarial.training_algorithms.bgd import BGD
from adversarial.training_algorithms.schedules import ExponentialDecay
from adversarial.training_algorithms.sgd import SGD
from adversarial.training_algorithms.training_algorithm import TrainingDiverged

pytestmark = pytest.mark.usefixtures("either_engine", "fast_compile")


def network(**kwargs):
    return MLP([Linear(dim=2, layer_name="y", irange=0.1, **kwargs)], nvis=6)


def loss(model, data):
    W, b = model.get_param_values()
    return ((data.X @ W + b - data.y) ** 2).sum(axis=1).mean()


def least_squares(data):
    X = np.hstack([data.X, np.ones((len(data.X), 1))])
    return (np.square(X @ np.linalg.lstsq(X, data.y, rcond=None)[0] - data.y)).sum(axis=1).mean()


def ready(data, model=None, **kwargs):
    model = model or network()
    algorithm = BGD(**{**dict(batch_size=23), **kwargs})
    algorithm.setup(model, data)
    return algorithm


@pytest.mark.parametrize("mode", [None, "exhaustive"])
def test_conjugate_searches_find_the_least_squares(mode, data):
    algorithm = ready(data, conjugate=1, line_search_mode=mode, updates_per_batch=80)
    algorithm.train(data)
    best = least_squares(data)
    assert loss(algorithm.model, data) == pytest.approx(best, rel=2e-2)


def test_conjugate_directions_need_fewer_searches():
    """Along a valley, where the gradient goes to and fro."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(40, 6)) * [10, 1, 1, 1, 1, 0.3]
    data = DenseDesignMatrix(X=X, y=X @ rng.normal(size=(6, 2)))
    losses = []
    for conjugate in (False, True):
        algorithm = ready(
            data,
            batch_size=40,
            conjugate=conjugate,
            updates_per_batch=10,
            line_search_mode="exhaustive",
        )
        algorithm.train(data)
        losses.append(loss(algorithm.model, data))
    assert losses[1] < losses[0] / 3


def test_a_search_takes_the_best_of_its_steps(data):
    """By hand: the normalised gradient, five steps along it, the lowest loss."""
    model = network()
    W, b = model.get_param_values()
    error = 2 * (data.X @ W + b - data.y) / 23
    gW, gb = data.X.T @ error, error.sum(axis=0)
    length = np.sqrt((gW**2).sum() + (gb**2).sum())
    candidates = []
    for alpha in (0.0, 0.02, 0.3, 5.0):
        V, c = W - alpha * gW / length, b - alpha * gb / length
        candidates.append((((data.X @ V + c - data.y) ** 2).sum(axis=1).mean(), alpha, V, c))
    _, alpha, V, c = min(candidates, key=lambda found: found[0])
    algorithm = ready(data, model, init_alpha=[0.02, 0.3, 5.0], updates_per_batch=1)
    algorithm.train(data)
    found = model.get_param_values()
    np.testing.assert_allclose(found[0], V, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found[1], c, rtol=1e-4, atol=1e-6)
    assert algorithm.ave_step_size.get_value() == pytest.approx(0.01 * alpha, rel=1e-4)
    assert algorithm.ave_grad_size.get_value() == pytest.approx(0.01 * length, rel=1e-4)


@pytest.mark.parametrize(
    "kwargs",
    [
        {},
        dict(conjugate=True, reset_conjugate=False, reset_alpha=False),
        dict(line_search_mode="exhaustive"),
        dict(scale_step=0.5),
    ],
)
def test_no_minibatch_ends_with_a_higher_loss(kwargs, data):
    """Of several: each is better where it has just been."""
    algorithm = ready(data, batch_size=8, updates_per_batch=3, **kwargs)
    whole = algorithm._on_minibatch

    def watched(indices):
        before = algorithm._value(indices)
        whole(indices)
        assert algorithm._value(indices) < before

    algorithm._on_minibatch = watched
    algorithm.train(data)
    assert algorithm.monitor.get_batches_seen() == 3


def test_norms_are_kept_during_the_search(data):
    model = network(max_col_norm=0.2)
    algorithm = ready(data, model, updates_per_batch=5)
    algorithm.train(data)
    assert np.linalg.norm(model.layers[0].get_weights(), axis=0).max() <= 0.2 + 1e-5


def test_monitored_and_resumed(data, tmp_path):
    """Three epochs, or one and then two: the same bits."""

    def training():
        cost = SumOfCosts([Default(), WeightDecay(0.001)])
        algorithm = BGD(
            cost=cost,
            batch_size=6,
            conjugate=1,
            reset_conjugate=False,
            reset_alpha=False,
            updates_per_batch=2,
            monitoring_dataset={"train": data},
        )
        return Train(data, network(), algorithm, save_path=str(tmp_path / "m.pkl"), save_freq=1)

    whole, first, second = training(), training(), training()
    whole.main_loop(max_epochs=3)
    first.main_loop(max_epochs=1)
    second.resume(after(first))
    second.main_loop(max_epochs=3)
    np.testing.assert_array_equal(second.model.get_param_vector(), whole.model.get_param_vector())
    channels = whole.model.monitor.channels
    assert list(channels["train_objective"].epoch_record) == [0, 1, 2, 3]
    assert {"ave_step_size", "ave_grad_size", "ave_grad_mult"} <= set(channels)
    assert "learning_rate" not in channels


class NoValue(DefaultDataSpecsMixin, Cost):
    supervised = True

    def expr(self, model, data):
        return None

    def get_gradients(self, model, data):
        return Default().get_gradients(model, data)


def test_what_is_wrong(data):
    for wrong, message in [
        (dict(line_search_mode="all"), "line_search_mode must be .* not 'all'"),
        (dict(updates_per_batch=0), "updates_per_batch must be at least 1, not 0"),
        (dict(init_alpha=[0.1, 0.01]), "init_alpha must be positive and rise"),
    ]:
        with pytest.raises(ValueError, match=message):
            BGD(**wrong)
    with pytest.raises(ValueError, match="given neither to BGD nor to the model"):
        ready(data, batch_size=None)
    with pytest.raises(ValueError, match="NoValue has no value, which line searches need"):
        ready(data, cost=NoValue())
    with pytest.raises(AttributeError, match="learning_rate"):
        ExponentialDecay(1.1, 0.1)(ready(data))
    broken = copy.deepcopy(data)
    broken.y[3] = np.nan
    with pytest.raises((TrainingDiverged, ValueError)):
        ready(broken).train(broken)


def test_the_tutorial_of_2014_names_it():
    algorithm = load("""
        !obj:pylearn2.training_algorithms.bgd.BGD { batch_size: 10, line_search_mode: 'exhaustive',
            conjugate: 1, updates_per_batch: 10, termination_criterion:
            !obj:pylearn2.termination_criteria.MonitorBased { channel_name: "valid_y_misclass" } }
    """)
    assert type(algorithm) is BGD and isinstance(algorithm, SGD) and algorithm.conjugate == 1
