from __future__ import annotations

import signal

import numpy as np
import pytest

from adversarial.models.mlp import MLP, Linear
from adversarial.reconfigure import Edits
from adversarial.signals import Interrupted
from adversarial.termination_criteria import EpochCounter
from adversarial.train import Train
from adversarial.train_extensions.learning_rate import (
    LinearDecayOverEpoch,
    MonitorBasedLRAdjuster,
    OneOverEpoch,
)
from adversarial.training_algorithms.bgd import BGD
from adversarial.training_algorithms.schedules import ExponentialDecay
from adversarial.training_algorithms.sgd import SGD
from adversarial.utils import serial


@pytest.fixture
def rate(algorithm):
    return lambda: float(algorithm.learning_rate.get_value())


def test_adjuster_shrinks_grows_or_leaves(model, monitored, rate):
    costs = [1.0, 2.0, 1.99, 1.0]
    model.record(valid_objective=costs[0])
    adjuster = MonitorBasedLRAdjuster(
        shrink_amt=0.5, grow_amt=3.0, dataset_name="valid", min_lr=1e-3
    )
    seen = monitored(adjuster, 3, rate, lambda epoch: model.record(valid_objective=costs[epoch]))
    # Before training nothing moves; the cost rises; falls by half a percent; falls by half.
    np.testing.assert_allclose(seen, [0.1, 0.05, 0.15, 0.15], rtol=1e-6)


def test_adjuster_stays_within_its_bounds(model, monitored, rate):
    model.record(x=1.0)
    wide = {"shrink_amt": 0.1, "grow_amt": 100.0, "channel_name": "x"}
    values = [1.0, 2.0, 1.999]
    seen = monitored(
        MonitorBasedLRAdjuster(min_lr=0.06, max_lr=0.5, **wide),
        2,
        rate,
        lambda epoch: model.record(x=values[epoch]),
    )
    np.testing.assert_allclose(seen, [0.1, 0.06, 0.5], rtol=1e-6)


def test_adjuster_finds_the_only_objective(model, algorithm):
    model.record(valid_objective=1.0, valid_other=2.0)
    adjuster = MonitorBasedLRAdjuster()
    adjuster.on_monitor(model, None, algorithm)
    assert adjuster.channel_name == "valid_objective"
    model.record(train_objective=1.0)
    with pytest.raises(ValueError, match=r"several .*\(valid_objective, train_objective\)"):
        MonitorBasedLRAdjuster().on_monitor(model, None, algorithm)
    model.monitor.channels.clear()
    with pytest.raises(ValueError, match="no channel ends in 'objective'"):
        MonitorBasedLRAdjuster().on_monitor(model, None, algorithm)
    with pytest.raises(ValueError, match="no channel 'test_objective'"):
        MonitorBasedLRAdjuster(dataset_name="test").on_monitor(model, None, algorithm)


def test_one_over_epoch(monitored, rate):
    # Halved 3 epochs after epoch 2 (counted from 1), then 3 / (3 + n).
    seen = monitored(OneOverEpoch(start=2, half_life=3, min_lr=0.04), 7, rate)
    expected = [0.1, 0.1, 0.075, 0.06, 0.05, 0.1 * 3 / 7, 0.04, 0.04]
    np.testing.assert_allclose(seen, expected, rtol=1e-6)


def test_one_over_epoch_default_half_life(monitored, rate):
    seen = monitored(OneOverEpoch(start=1), 2, rate)
    np.testing.assert_allclose(seen, [0.1, 0.1 * 2 / 3, 0.05], rtol=1e-6)


def test_one_over_epoch_counts_from_its_own_first_epoch(model, monitored, rate):
    model.monitor.epochs = 30
    np.testing.assert_allclose(monitored(OneOverEpoch(1, 1), 1, rate), [0.1, 0.05], rtol=1e-6)


def test_linear_decay_over_epoch(monitored, rate):
    # Steps of (.1 - .02) / (5 - 2 + 1) from epoch 2 (counted from 1) on.
    seen = monitored(LinearDecayOverEpoch(start=2, saturate=5, decay_factor=0.2), 6, rate)
    np.testing.assert_allclose(seen, [0.1, 0.08, 0.06, 0.04, 0.02, 0.02, 0.02], rtol=1e-6)


def test_linear_decay_over_epoch_enters_where_the_model_is(model, monitored, rate):
    model.monitor.epochs = 3
    seen = monitored(LinearDecayOverEpoch(start=2, saturate=5, decay_factor=0.2), 1, rate)
    np.testing.assert_allclose(seen, [0.04, 0.02], rtol=1e-6)


@pytest.mark.parametrize("monitor_again", [False, True])
@pytest.mark.parametrize(
    "make", [lambda: OneOverEpoch(1, 2), lambda: LinearDecayOverEpoch(1, 9, 0.1)]
)
def test_restored_schedules_go_on(model, algorithm, monitored, rate, tmp_path, make, monitor_again):
    straight = monitored(make(), 4, rate)
    model.monitor.epochs = 0
    algorithm.learning_rate.set_value(np.float32(0.1))
    extension = make()
    monitored(extension, 3, rate)
    serial.save(str(tmp_path / "extension.pkl"), extension)
    restored = serial.load(str(tmp_path / "extension.pkl"))
    restored.setup(model, None, algorithm)
    if monitor_again:
        restored.on_monitor(model, None, algorithm)
    assert rate() == straight[3]
    model.monitor.epochs += 1
    restored.on_monitor(model, None, algorithm)
    assert rate() == straight[4]


@pytest.mark.parametrize(
    "schedule, changes, expected",
    [
        (OneOverEpoch(1, half_life=2), {"half_life": 6}, 0.1 * 6 / (6 + 3)),
        (OneOverEpoch(1, half_life=2), {"min_lr": 0.09}, 0.09),
        (LinearDecayOverEpoch(1, 9, 0.1), {"saturate": 4.0}, 0.1 * 0.1),
    ],
)
def test_an_edited_schedule_holds_from_the_first_epoch_after_resuming(
    schedule, changes, expected, model, algorithm, monitored, rate
):
    monitored(schedule, 3, rate)
    vars(schedule).update(changes)
    schedule.on_edit(model, None, algorithm)
    assert rate() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    "schedule, expected",
    [(OneOverEpoch(0, half_life=3), 0.1 * 3 / (3 + 1)), (LinearDecayOverEpoch(1, 4, 0.1), 0.01)],
)
def test_a_schedule_that_an_edited_file_adds_begins_at_once(
    schedule, expected, model, algorithm, rate
):
    schedule.setup(model, None, algorithm)
    algorithm.learning_rate.set_value(np.float32(0.1))  # is restored
    model.monitor.epochs = 3
    schedule.on_edit(model, None, algorithm)
    assert rate() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("make", [lambda: OneOverEpoch(1), lambda: LinearDecayOverEpoch(1, 5, 0.1)])
def test_two_schedules_of_one_rate_are_resumed_within_an_epoch(make, data, fast_compile, tmp_path):
    """The rate is that of the schedule by the minibatch, which set it last."""
    path, rates = str(tmp_path / "m.pkl"), []

    def note(algorithm):
        rates.append(float(algorithm.learning_rate.get_value()))
        if len(rates) == 7 and stops:
            signal.raise_signal(signal.SIGINT)

    def training():
        callbacks = [ExponentialDecay(1.1, 1e-3), note]
        algorithm = SGD(0.1, batch_size=5, update_callbacks=callbacks)
        model = MLP([Linear(2, "y", irange=1.0)], nvis=6)
        return Train(data, model, algorithm, path, save_freq=1, extensions=[make()])

    stops = False
    whole = training()
    whole.main_loop(max_epochs=2)
    stops, rates[:] = True, []
    with pytest.raises(Interrupted):
        training().main_loop(max_epochs=2)
    resumed = training()
    resumed.resume(path)
    resumed.main_loop(max_epochs=2)
    np.testing.assert_array_equal(resumed.model.get_param_vector(), whole.model.get_param_vector())


@pytest.mark.parametrize("start", [1, 2])
@pytest.mark.parametrize("make", [OneOverEpoch, lambda start: LinearDecayOverEpoch(start, 5, 0.1)])
def test_a_schedule_sets_its_rate_on_resuming_if_it_was_edited(
    make, start, data, fast_compile, tmp_path
):
    """A longer training is no edit of it: the rate stays that of the schedule after it."""
    path = str(tmp_path / "m.pkl")

    def training(start, epochs):
        algorithm = SGD(
            0.1,
            batch_size=5,
            monitoring_dataset=data,
            termination_criterion=EpochCounter(epochs),
        )
        model = MLP([Linear(2, "y", irange=1.0)], nvis=6)
        halving = MonitorBasedLRAdjuster(0.0, 0.5, channel_name="objective")
        return Train(data, model, algorithm, path, save_freq=1, extensions=[make(start), halving])

    first = training(1, 2)
    first.main_loop()
    saved = float(first.algorithm.learning_rate.get_value())
    old, new = training(1, 2), training(start, 4)
    new.resume(path, Edits.between(old.roots(), new.roots()))
    new.restore_finished()
    rate = float(new.algorithm.learning_rate.get_value())
    if start == 1:
        assert rate == saved
    else:
        assert rate == pytest.approx(new.extensions[0].current_lr(), rel=1e-6) and rate > saved


def test_arguments_are_checked(model, algorithm):
    for make, message in [
        (lambda: MonitorBasedLRAdjuster(min_lr=2), "min_lr 2.0 is greater than max_lr 1.0"),
        (lambda: OneOverEpoch(-1), "start .* is -1"),
        (lambda: OneOverEpoch(1, half_life=0), "half_life .* is 0"),
        (lambda: LinearDecayOverEpoch(5, 2, 0.1), "start 5, saturate 2"),
        (lambda: LinearDecayOverEpoch(1, 2, 0), "decay_factor .* not 0.0"),
        (lambda: OneOverEpoch(1, min_lr=1).on_monitor(model, None, algorithm), "min_lr 1.0"),
    ]:
        with pytest.raises(ValueError, match=message):
            make()


@pytest.mark.parametrize(
    "extension", [MonitorBasedLRAdjuster(), OneOverEpoch(1), LinearDecayOverEpoch(1, 2, 0.1)]
)
def test_an_algorithm_without_a_learning_rate_is_refused_at_setup(model, extension):
    needs = f"{type(extension).__name__} needs an algorithm with a learning_rate"
    with pytest.raises(ValueError, match=f"{needs} .*, not BGD"):
        extension.setup(model, None, BGD(batch_size=1))
    with pytest.raises(ValueError, match=f"{needs} .*, not none at all"):
        extension.setup(model, None, None)
