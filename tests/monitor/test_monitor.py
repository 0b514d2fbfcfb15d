"""Channels and their records."""

from __future__ import annotations

import time
from array import array

import aesara.tensor as at
import numpy as np
import pytest
from aesara.compile.ops import as_op

from adversarial.backend import RandomStreams, floatX, shared
from adversarial.costs.default import Default
from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
from adversarial.datasets.view_converter import DefaultViewConverter
from adversarial.models.mlp import MLP, Linear
from adversarial.monitor import (
    Monitor,
    MonitorChannel,
    get_channel,
    measurement,
    push_monitor,
    read_channel,
)
from adversarial.space import CompositeSpace, Conv2DSpace, VectorSpace
from adversarial.train import Train
from adversarial.training_algorithms.learning_rule import Momentum
from adversarial.training_algorithms.sgd import SGD
from adversarial.utils import serial
from adversarial.utils.iteration import RandomSliceSubsetIterator, SequentialSubsetIterator

pytestmark = pytest.mark.usefixtures("fast_compile")

FEATURES = (VectorSpace(6), "features")


@pytest.fixture
def model():
    return MLP([Linear(dim=2, layer_name="h", irange=1.0)], nvis=6)


@pytest.fixture
def monitor(model, data):
    """A monitor of `data` in batches of 5, the last of which has 3 examples."""
    monitor = Monitor.get_monitor(model)
    monitor.add_dataset(data, batch_size=5)
    return monitor


def add(monitor, data, name, of):
    """The channel of `of(rows)`."""
    rows = at.matrix("rows")
    monitor.add_channel(name, rows, of(rows), data, data_specs=FEATURES)


def last(model, name):
    return read_channel(model, name)


def counted():
    """(an Op that passes a scalar on, the list of the values it saw)."""
    seen = []

    @as_op(itypes=[at.TensorType(floatX, ())], otypes=[at.TensorType(floatX, ())])
    def look(value):
        seen.append(float(value))
        return np.asarray(value)

    return look, seen


def test_uneven_batches_weigh_what_they_hold(model, monitor, data):
    add(monitor, data, "mean", lambda rows: rows.mean())
    add(monitor, data, "max", lambda rows: rows.max())
    monitor()
    assert last(model, "mean") == pytest.approx(data.X.mean(), rel=1e-5)
    batches = np.split(data.X, range(5, 23, 5))
    of_maxima = sum(len(batch) * batch.max() for batch in batches) / 23
    assert last(model, "max") == pytest.approx(of_maxima, rel=1e-5)


def test_what_never_changes_is_computed_once(model, monitor, data):
    """Channels of data or random draws are computed on each of the five batches."""
    constant, draw, of_data = counted(), counted(), counted()
    weight = shared(3.0)
    rng = RandomStreams(1)
    monitor.add_channel("constant", None, constant[0](2 * weight), data)
    monitor.add_channel("draw", None, draw[0](rng.normal((100,)).mean()), data)
    add(monitor, data, "data", lambda rows: of_data[0](rows.mean()))
    monitor()
    assert constant[1] == [6.0]
    assert len(set(draw[1])) == 5 and len(of_data[1]) == 5
    assert last(model, "draw") == pytest.approx(
        np.average(draw[1], weights=[5, 5, 5, 5, 3]), rel=1e-5
    )
    weight.set_value(4.0)
    monitor()
    assert constant[1] == [6.0, 8.0]
    assert list(model.monitor.channels["constant"].val_record) == [6, 8]


def test_records(model, monitor, data):
    add(monitor, data, "mean", lambda rows: rows.mean())
    monitor()
    for size in (5, 5, 3):
        monitor.report_batch(size)
    monitor.report_epoch()
    monitor()
    channel = monitor.channels["mean"]
    assert list(channel.epoch_record) == [0, 1]
    assert list(channel.batch_record) == [0, 3]
    assert list(channel.example_record) == [0, 13]
    assert len(channel.val_record) == 2 and 0 <= channel.time_record[0] <= channel.time_record[1]
    assert (monitor.get_epochs_seen(), monitor.get_batches_seen(), monitor.get_examples_seen()) == (
        1,
        3,
        13,
    )
    assert "mean, 2 values" in repr(channel)


def test_channels_of_the_model_and_its_cost(model, data):
    monitor = Monitor.get_monitor(model)
    assert Monitor.get_monitor(model) is monitor
    other = DenseDesignMatrix(X=data.X[:9], y=data.y[:9])
    monitor.setup(
        {"train": data, "valid": other}, Default(), batch_size=5, extra_costs={"again": Default()}
    )
    monitor()
    W, b = model.get_param_values()
    for name, part in (("train", data), ("valid", other)):
        out = part.X @ W + b
        loss = ((out - part.y) ** 2).sum(axis=1).mean()
        assert last(model, name + "_objective") == pytest.approx(loss, rel=1e-5)
        assert last(model, name + "_again_objective") == pytest.approx(loss, rel=1e-5)
        assert last(model, name + "_h_mean_x_mean_u") == pytest.approx(out.mean(), rel=1e-4)
        assert last(model, name + "_h_col_norms_max") == pytest.approx(
            np.linalg.norm(W, axis=0).max(), rel=1e-5
        )


def test_a_single_dataset_has_no_prefix(model, data):
    Monitor.get_monitor(model).setup(data, Default(), batch_size=5)
    assert {"objective", "h_col_norms_max"} <= set(model.monitor.channels)


def test_as_many_batches_as_asked_for(model, data):
    monitor = Monitor.get_monitor(model)
    monitor.add_dataset(data, batch_size=4, num_batches=2)
    add(monitor, data, "mean", lambda rows: rows.mean())
    monitor()
    assert last(model, "mean") == pytest.approx(data.X[:8].mean(), rel=1e-5)
    assert (monitor.batch_size, monitor.num_batches) == ([4], [2])


@pytest.mark.parametrize(
    ("mode", "num_batches", "total"),
    [
        ("sequential", None, 23),
        ("sequential", 2, 10),
        (SequentialSubsetIterator, 2, 10),
        ("random_uniform", 3, 15),
        (RandomSliceSubsetIterator, 7, 35),
    ],
)
def test_progress_says_of_how_many_examples(
    model, data, mode, num_batches, total, caplog, monkeypatch
):
    monkeypatch.setattr(measurement, "SECONDS_BETWEEN_LINES", 0.0)
    monitor = Monitor.get_monitor(model)
    monitor.add_dataset(data, mode, batch_size=5, num_batches=num_batches, seed=1)
    add(monitor, data, "mean", lambda rows: rows.mean())
    with caplog.at_level("INFO", "adversarial.monitor.measurement"):
        monitor()
    lines = [line for line in caplog.messages if line.startswith("measuring: ")]
    assert lines[0] == f"measuring: 5 of {total} examples of DenseDesignMatrix"
    assert lines[-1].startswith(f"measuring: {total} of {total} ")


def test_random_batches_are_the_same_at_each_monitoring(model, data):
    monitor = Monitor.get_monitor(model)
    monitor.add_dataset(data, mode="random_uniform", batch_size=4, num_batches=2)
    add(monitor, data, "mean", lambda rows: rows.mean())
    for _ in range(2):
        monitor()
    first, second = monitor.channels["mean"].val_record
    assert first == second != pytest.approx(data.X[:8].mean(), rel=1e-5)


def test_prerequisites(model, monitor, data):
    """Called once for each batch, before the channels that need them are computed."""
    calls, kept = [], shared(0.0)

    def remember(rows):
        calls.append(len(rows))
        kept.set_value(np.asarray(rows.max(), dtype=floatX))

    for name in ("a", "b"):
        monitor.add_channel(name, None, kept * 1, data, prereqs=[remember])
    monitor()
    assert calls == [5, 5, 5, 5, 3]
    maxima = [batch.max() for batch in np.split(data.X, range(5, 23, 5))]
    assert last(model, "b") == pytest.approx(np.average(maxima, weights=calls), rel=1e-5)


def test_wrong_channels(model, monitor, data):
    other = DenseDesignMatrix(X=data.X)
    monitor.add_channel("a", None, shared(1.0), data)
    with pytest.raises(ValueError, match="'a' exists already"):
        monitor.add_channel("a", None, shared(1.0), data)
    with pytest.raises(ValueError, match="'b' is not a scalar but has 2 axes"):
        monitor.add_channel("b", None, at.matrix(), data)
    with pytest.raises(ValueError, match="not monitored"):
        monitor.add_channel("b", None, shared(1.0), other)
    with pytest.raises(ValueError, match="monitored already"):
        monitor.add_dataset(data, batch_size=5)
    monitor.add_channel("b", None, shared(1.0))  # there is only one data set
    monitor.add_dataset(other, batch_size=5)
    with pytest.raises(ValueError, match="'c': say which"):
        monitor.add_channel("c", None, shared(1.0))
    with pytest.raises(ValueError, match="shuffled"):
        monitor.add_dataset(DenseDesignMatrix(X=data.X), mode="sequentiel")


def test_channels_may_come_later(model, monitor, data):
    monitor.add_channel("a", None, shared(1.0))
    monitor()
    monitor.add_channel("b", None, shared(2.0))
    monitor()
    assert list(monitor.channels["a"].val_record) == [1, 1]
    assert list(monitor.channels["b"].val_record) == [2]


def test_one_mode_for_all():
    monitor = Monitor(None)
    monitor.set_theano_function_mode("FAST_COMPILE")
    monitor.set_theano_function_mode("FAST_COMPILE")
    with pytest.raises(ValueError, match="FAST_COMPILE, not FAST_RUN"):
        monitor.set_theano_function_mode("FAST_RUN")


# Files


@pytest.fixture
def restored(model, monitor, data, tmp_path):
    """The model as a file gives it back, after two monitorings and an epoch between them."""
    add(monitor, data, "mean", lambda rows: rows.mean())
    monitor()
    monitor.report_batch(23)
    monitor.report_epoch()
    monitor()
    path = tmp_path / "model.pkl"
    serial.save(path, model)
    return serial.load(path)


def test_records_are_saved_and_graphs_are_not(model, restored):
    old, new = model.monitor, restored.monitor
    assert new.model is restored
    assert new.get_epochs_seen() == 1 and new.get_examples_seen() == 23
    for record in ("val", "epoch", "batch", "example", "time"):
        name = record + "_record"
        values = getattr(new.channels["mean"], name)
        assert type(values) is array
        assert values == getattr(old.channels["mean"], name)
    channel = new.channels["mean"]
    assert channel.val is None and channel.graph_input is None and channel.dataset is None
    new()  # nothing to measure, nothing breaks
    assert len(channel.val_record) == 2


def test_a_restored_channel_goes_on(restored, data):
    monitor = restored.monitor
    monitor.add_dataset(data, batch_size=5)
    add(monitor, data, "mean", lambda rows: 2 * rows.mean())
    monitor.report_epoch()
    monitor()
    record = monitor.channels["mean"]
    assert list(record.epoch_record) == [0, 1, 2]
    assert record.val_record[2] == pytest.approx(2 * record.val_record[1], rel=1e-5)
    assert list(record.time_record) == sorted(record.time_record)


RECORDS = [name + "_record" for name in ("val", "epoch", "batch", "example", "time")]


@pytest.mark.parametrize("kind", [list, np.array])
def test_channels_of_earlier_versions(kind):
    """Their files have lists and NumPy's arrays."""
    old = MonitorChannel.__new__(MonitorChannel)
    old.__setstate__({"name": "a", "val": None, **dict.fromkeys(RECORDS, kind([1, 2]))})
    np.testing.assert_array_equal(old.vector("val_record"), [1, 2])
    new = MonitorChannel(None, None, "a", None, None, old_channel=old)
    assert [getattr(new, name) for name in RECORDS] == [array("d", [1, 2])] * 5
    new.epoch_record.append(3)
    assert len(new.batch_record) == len(old.epoch_record) == 2


@pytest.mark.parametrize("bad", [[[1.0]], ["a"], {}, None, 3, np.array(["a"])])
def test_records_that_are_no_numbers(bad):
    channel = MonitorChannel.__new__(MonitorChannel)
    with pytest.raises(ValueError, match="example_record of a monitor channel"):
        channel.__setstate__({**dict.fromkeys(RECORDS, []), "example_record": bad})


@pytest.mark.parametrize("bad", [[1.0, [2.0]], np.zeros((2, 2)), [1, 2**70]])
def test_records_that_are_no_numbers_further_on(bad):
    channel = MonitorChannel(None, None, "a", None, None)
    channel.batch_record = bad
    with pytest.raises(ValueError, match="batch_record of a monitor channel"):
        channel.vector("batch_record")
    with pytest.raises(ValueError, match="batch_record of a monitor channel"):
        MonitorChannel(None, None, "a", None, None, old_channel=channel)


# Pushing


@pytest.mark.parametrize("experience", [False, True])
@pytest.mark.parametrize("records", [False, True])
def test_push_monitor(experience, records, model, monitor, data):
    monitor.add_channel("a", None, shared(7.0))
    monitor.report_batch(23)
    monitor.report_epoch()
    monitor()
    pushed = push_monitor(model, "pretraining", experience, records)
    assert pushed is model and model.pretraining is monitor
    assert read_channel(model, "a", "pretraining") == 7
    new = Monitor.get_monitor(model)
    assert new is not monitor
    seen = (new.get_epochs_seen(), new.get_batches_seen(), new.get_examples_seen())
    assert seen == ((1, 1, 23) if experience or records else (0, 0, 0))
    new.add_dataset(data, batch_size=5)
    new.add_channel("a", None, shared(8.0))
    new()
    # Of the same moment as the last one of before, whose place it takes.
    assert list(new.channels["a"].val_record) == [8]
    new.report_epoch()
    new()
    assert list(new.channels["a"].val_record) == [8, 8]
    assert list(monitor.channels["a"].val_record) == [7]
    with pytest.raises(ValueError, match="'pretraining'"):
        push_monitor(model, "pretraining")


def test_a_model_without_a_monitor_has_none_to_put_aside(model, monitor):
    push_monitor(model, "first")
    for _ in range(2):  # the attribute is not taken by the first try
        with pytest.raises(ValueError, match="no monitor"):
            push_monitor(model, "second", save_records=True)


def test_records_of_two_trainings_are_one_curve(data, monkeypatch):
    """Two epochs, then one more: 0 1 2 3, for channels of both and of one of the trainings."""
    clock, now = [0.0], time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: now() + clock[0])
    model = MLP([Linear(dim=2, layer_name="y", irange=0.1)], nvis=6)

    def train(epochs, **kwargs):
        algorithm = SGD(0.01, batch_size=5, monitoring_dataset=data, **kwargs)
        Train(data, model, algorithm).main_loop(max_epochs=epochs)

    train(2, learning_rule=Momentum(0.5))
    clock[0] += 3600
    push_monitor(model, "first", transfer_experience=True, save_records=True)
    train(1)
    first, both = model.first.channels, model.monitor.channels
    for name in ("objective", "y_col_norms_max", "learning_rate"):
        assert list(both[name].epoch_record) == [0, 1, 2, 3]
        assert list(both[name].batch_record) == [0, 5, 10, 15]
        assert both[name].time_record[1] < 3600 < both[name].time_record[2]
        assert list(both[name].val_record[:2]) == list(first[name].val_record[:2])
        assert len(first[name].val_record) == len(first[name].time_record) == 3
    assert both["objective"].val_record[2] == pytest.approx(first["objective"].val_record[2])
    assert list(both["momentum"].epoch_record) == [0, 1, 2]
    serial.from_string(serial.to_string(model))


def test_several_data_sets_at_once(model, monitor):
    rows = [np.random.RandomState(n).normal(size=(n, 6)) for n in (6, 8)]
    sets = [DenseDesignMatrix(X=X) for X in rows]
    monitor.add_dataset(
        sets,
        mode=["sequential", "shuffled_sequential"],
        batch_size=[4, 3],
        num_batches=[1, None],
        seed=[None, 7],
    )
    x = at.matrix()
    for name, dataset in zip("ab", sets):
        monitor.add_channel(name, x, x.sum(axis=1).mean(), dataset)
    monitor()
    found = [monitor.channels[name].val_record[0] for name in "ab"]
    expected = [rows[0][:4].sum(axis=1).mean(), rows[1].sum(axis=1).mean()]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    more = [DenseDesignMatrix(X=rows[0]) for _ in range(2)]
    with pytest.raises(ValueError, match="mode has 1 values for 2 data sets"):
        monitor.add_dataset(more, mode=["sequential"])
    monitor.add_dataset(more, batch_size=2)
    with pytest.raises(ValueError, match="monitored already"):
        monitor.add_dataset(more, batch_size=2)


def test_get_channel(model, data):
    """The value, as in 2014, from a monitor that the model does not keep."""
    W, b = model.get_param_values()
    error = ((data.X @ W + b - data.y) ** 2).sum(axis=1).mean()
    assert get_channel(model, data, "objective", Default(), 5) == pytest.approx(error, rel=1e-5)
    assert getattr(model, "monitor", None) is None
    own = Monitor.get_monitor(model)
    model.layers[0].set_weights(0 * W)
    value = get_channel(model, data, "objective", Default(), batch_size=5)
    assert value == pytest.approx((data.y**2).sum(axis=1).mean(), rel=1e-5)
    assert model.monitor is own and not own.channels
    with pytest.raises(ValueError, match="no channel 'objectiv'; did you mean 'objective'"):
        get_channel(model, data, "objectiv", Default(), 5)


def test_a_channel_of_a_graph_of_the_users_own(monitor, data, model):
    """The variables of `ipt` stand for a batch as `data_specs` lays it out, however nested."""
    X, Y, Z = at.matrix("X"), at.dmatrix("Y"), at.tensor4("Z")
    monitor.add_channel("mean", ipt=X, val=X.mean(), dataset=data, data_specs=FEATURES)
    monitor.add_channel("default", ipt=X, val=X.max(axis=1).mean(), dataset=data)
    both = CompositeSpace([VectorSpace(2), VectorSpace(6)]), ("targets", "features")
    product = at.dot(Y.T, X).sum() / X.shape[0]
    monitor.add_channel("product", ipt=(Y, X), val=product, dataset=data, data_specs=both)
    images = Conv2DSpace((3, 2), num_channels=1, axes=("c", 0, 1, "b")), "features"
    data.view_converter = DefaultViewConverter((3, 2, 1))
    monitor.add_channel("corner", ipt=Z, val=Z[0, 2, 1].mean(), dataset=data, data_specs=images)
    monitor()
    features, targets = data.X.astype("float64"), data.y.astype("float64")
    assert last(model, "mean") == pytest.approx(features.mean(), rel=1e-5)
    assert last(model, "default") == pytest.approx(features.max(axis=1).mean(), rel=1e-5)
    expected = (targets.sum(axis=1) * features.sum(axis=1)).sum() / len(features)
    assert last(model, "product") == pytest.approx(expected, rel=1e-4)
    assert last(model, "corner") == pytest.approx(features[:, 5].mean(), rel=1e-5)


def test_graphs_of_the_users_own_that_cannot_be(monitor, data):
    X, Y = at.matrix("X"), at.matrix("Y")
    with pytest.raises(ValueError, match="'a' depends on Y, which ipt does not name"):
        monitor.add_channel("a", X, (X + Y).mean(), data, data_specs=FEATURES)
    with pytest.raises(ValueError, match="'a' depends on X"):
        monitor.add_channel("a", None, X.mean(), data)
    with pytest.raises(ValueError, match="'a': ipt holds 2 variables, .* 1"):
        monitor.add_channel("a", (X, Y), X.mean(), data, data_specs=FEATURES)
    with pytest.raises(ValueError, match="'a': V in ipt has 1 axes, .* 2"):
        V = at.vector("V")
        monitor.add_channel("a", V, V.mean(), data, data_specs=FEATURES)
