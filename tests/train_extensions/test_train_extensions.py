from __future__ import annotations

import numpy as np
import pytest

from adversarial.backend import shared
from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
from adversarial.models.mlp import MLP, Linear
from adversarial.train import Train
from adversarial.train_extensions import ChannelSmoother, SharedSetter, TrainExtension
from adversarial.training_algorithms.sgd import SGD
from adversarial.utils import serial


def test_base_extension_does_nothing(model, algorithm):
    extension = TrainExtension()
    assert extension.setup(model, None, algorithm) is None
    assert extension.on_monitor(model, None, algorithm) is None
    assert extension.on_save(model, None, algorithm) is None


def test_shared_setter_sets_after_the_given_epochs(model, monitored):
    knob, other = shared(1.0, name="knob"), shared(np.zeros(2), name="other")
    model.record(objective=1.0)
    setter = SharedSetter([[0, knob, 2], [3, knob, 5.5], [3, other, [1, 2]]])
    seen = monitored(setter, 4, lambda: (float(knob.get_value()), list(other.get_value())))
    assert [knob_value for knob_value, _ in seen] == [2, 2, 2, 5.5, 5.5]
    assert [other_value for _, other_value in seen] == [[0, 0]] * 3 + [[1, 2]] * 2
    assert model.monitor.channels["knob"].val is knob
    assert model.monitor.channels["knob"].dataset == "data"


def test_shared_setter_counts_from_its_own_first_epoch(model, monitored):
    model.monitor.epochs = 10
    knob = shared(1.0, name="knob")
    assert monitored(SharedSetter([[1, knob, 7]]), 2, knob.get_value) == [1, 7, 7]


def test_shared_setter_goes_on_after_a_restart(model, algorithm, monitored, tmp_path):
    knob = shared(1.0, name="knob")
    setter = SharedSetter([[3, knob, 7]])
    monitored(setter, 2)
    serial.save(str(tmp_path / "setter.pkl"), [knob, setter])
    knob, setter = serial.load(str(tmp_path / "setter.pkl"))
    setter.on_monitor(model, None, algorithm)
    assert knob.get_value() == 1
    model.monitor.epochs += 1
    setter.on_monitor(model, None, algorithm)
    assert knob.get_value() == 7


def test_channels_restored_from_a_file_come_to_life_again(model, algorithm):
    knob = shared(1.0, name="knob")
    model.record(cost=4.0, knob=1.0, smooth=4.0)
    for name in ("knob", "smooth"):
        model.monitor.channels[name].val = None
        model.monitor.channels[name].dataset = None
    for extension in (SharedSetter([[3, knob, 7]]), ChannelSmoother("cost", "smooth")):
        extension.setup(model, None, algorithm)
    assert model.monitor.channels["knob"].val is knob
    assert model.monitor.channels["knob"].val_record == [1.0]
    assert model.monitor.channels["smooth"].val == -1.0
    assert model.monitor.channels["smooth"].dataset == "data"


def test_shared_setter_leaves_a_measured_channel_as_it_is(model, algorithm):
    model.record(knob=1.0)
    SharedSetter([[3, shared(1.0, name="knob"), 7]]).setup(model, None, algorithm)
    assert model.monitor.channels["knob"].val == "symbol"


@pytest.mark.parametrize(
    ("entry", "message"), [([1, 2], r"not \[1, 2\]"), ([1, "knob", 2], "not 'knob'")]
)
def test_shared_setter_mistakes(entry, message):
    with pytest.raises(ValueError, match=message):
        SharedSetter([entry])


def test_channel_smoother_publishes_the_mean_of_the_last_values(model, algorithm):
    model.record(cost=4.0)
    smoother = ChannelSmoother("cost", "smooth_cost", k=2)
    smoother.setup(model, None, algorithm)
    model.record(smooth_cost=-1.0)
    smoother.on_monitor(model, None, algorithm)
    for value in (2.0, 1.0):
        model.record(cost=value, smooth_cost=-1.0)
        smoother.on_monitor(model, None, algorithm)
    assert model.monitor.channels["smooth_cost"].val_record == [4.0, 3.0, 1.5]


def test_channel_smoother_mistakes(model, algorithm):
    model.record(cost=4.0)
    with pytest.raises(ValueError, match="k must be .* not 0"):
        ChannelSmoother("cost", "smooth", k=0)
    with pytest.raises(ValueError, match="no channel 'cots'; did you mean 'cost'"):
        ChannelSmoother("cots", "smooth").setup(model, None, algorithm)
    with pytest.raises(ValueError, match="a channel named 'cost' exists already"):
        ChannelSmoother("cost", "cost").setup(model, None, algorithm)


def test_channel_smoother_in_two_trainings_of_one_model(data, fast_compile):
    """Each training sets its extensions up; the record goes on."""
    model = MLP([Linear(2, "y", irange=0.1)], nvis=6)
    smoother = ChannelSmoother("objective", "smooth", k=1)
    for _ in range(2):
        algorithm = SGD(0.1, batch_size=23, monitoring_dataset=data)
        Train(data, model, algorithm, extensions=[smoother]).main_loop(max_epochs=1)
    channels = model.monitor.channels
    assert len(channels["smooth"].val_record) == 4
    assert list(channels["smooth"].val_record) == list(channels["objective"].val_record)


def test_shared_setter_in_two_trainings_on_other_data(data, fast_compile):
    """The channel is of the data that are monitored now."""
    model, knob = MLP([Linear(2, "y", irange=0.1)], nvis=6), shared(1.0, "knob")
    first = SGD(0.1, batch_size=23, monitoring_dataset={"valid": data})
    Train(data, model, first).main_loop(max_epochs=1)
    other = DenseDesignMatrix(X=data.X[:7], y=data.y[:7])
    second = SGD(0.1, batch_size=23, monitoring_dataset={"test": other})
    setter = SharedSetter([(1, knob, 7)])
    Train(data, model, second, extensions=[setter]).main_loop(max_epochs=2)
    assert list(model.monitor.channels["knob"].val_record) == [1, 1, 7]
