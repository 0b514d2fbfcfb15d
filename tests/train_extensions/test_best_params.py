from __future__ import annotations

import logging

import numpy as np
import pytest

from adversarial.backend import floatX, shared
from adversarial.train_extensions.best_params import KeepBestParams, MonitorBasedSaveBest
from adversarial.utils import serial


class Data:
    """Five numbers, on one row each."""

    def __init__(self):
        self.X = np.array([[0.0], [1.0], [2.0], [3.0], [9.0]], dtype=floatX)

    def get_num_examples(self):
        return len(self.X)

    def symbolic_batch(self, indices, data_specs):
        assert data_specs == "specs"
        return shared(self.X)[indices]


class SquaredDistance:
    """Mean squared distance of the examples from the model's first bias."""

    def get_data_specs(self, model):
        return "specs"

    def expr(self, model, data):
        return ((data[:, 0] - model.params[1][0]) ** 2).mean()


def test_keep_best_params_keeps_those_of_the_lowest_cost(model, monitored):
    biases = [20.0, 3.5, 2.0, 8.0]

    def train(epoch):
        model.params[1].set_value(np.array([biases[epoch], epoch], dtype=floatX))

    train(0)
    keeper = KeepBestParams(model, SquaredDistance(), Data(), batch_size=2)
    seen = monitored(keeper, 3, lambda: keeper.best_cost, train)
    costs = [np.mean((Data().X - bias) ** 2) for bias in biases]
    # The batches of 2, 2 and 1 examples weigh by their size.
    np.testing.assert_allclose(seen, np.minimum.accumulate(costs), rtol=1e-5)
    weights, bias = keeper.get_best_params()
    np.testing.assert_array_equal(bias, [3.5, 1])
    np.testing.assert_array_equal(weights, model.params[0].get_value())


@pytest.mark.parametrize("change", [{"model": 3}, {"cost": None}, {"monitoring_dataset": {"v": 1}}])
def test_keep_best_params_names_a_part_of_another_kind(change, model, algorithm):
    parts = {"model": model, "cost": SquaredDistance(), "monitoring_dataset": Data(), **change}
    ((name, value),) = change.items()
    with pytest.raises(TypeError, match=f"{name} of KeepBestParams cannot be {value}, which has"):
        KeepBestParams(**parts, batch_size=2).setup(model, None, algorithm)


def test_keep_best_params_is_saved_without_its_data(model, algorithm, load, tmp_path):
    keeper = KeepBestParams(model, None, Data(), batch_size=5)
    keeper.best_cost = 3.0
    serial.save(str(tmp_path / "keeper.pkl"), keeper)
    restored = load(str(tmp_path / "keeper.pkl"))
    assert restored.best_cost == 3.0
    with pytest.raises(ValueError, match="set its dataset again"):
        restored.on_monitor(model, None, algorithm)
    restored.cost, restored.dataset = SquaredDistance(), Data()
    restored.on_monitor(model, None, algorithm)
    assert restored.best_cost == 3.0
    with pytest.raises(ValueError, match="batch_size .* is 0"):
        KeepBestParams(model, SquaredDistance(), Data(), batch_size=0)


@pytest.mark.parametrize(
    ("higher_is_better", "best"), [(False, [5.0, 4.0, 4.0, 2.0]), (True, [5.0, 5.0, 6.0, 6.0])]
)
def test_save_best_saves_each_new_best(model, monitored, load, tmp_path, higher_is_better, best):
    path = tmp_path / "best.pkl"
    values = [5.0, 4.0, 6.0, 2.0]
    model.record(ll=values[0])

    def train(epoch):
        model.record(ll=values[epoch])
        model.params[1].set_value(np.array([values[epoch], 0], dtype=floatX))

    model.params[1].set_value(np.array([values[0], 0], dtype=floatX))
    extension = MonitorBasedSaveBest("ll", str(path), higher_is_better=higher_is_better)

    def read():
        saved = load(str(path))
        assert saved.tag["MonitorBasedSaveBest"] == model.tag["MonitorBasedSaveBest"]
        return float(saved.params[1].get_value()[0])

    assert monitored(extension, 3, read, train) == best
    entry = model.tag["MonitorBasedSaveBest"]
    assert entry["best_cost"] == best[-1]
    assert entry["channel_name"] == "ll"
    # Neither the machine nor the folder, for the file may be given to others.
    assert entry["save_path"] == path.name
    assert "hostname" not in entry


def test_save_best_waits_for_its_start_epoch_and_ignores_nan(model, monitored, tmp_path):
    path = tmp_path / "best.pkl"
    values = [1.0, 2.0, 9.0, np.nan]
    model.record(ll=values[0])
    extension = MonitorBasedSaveBest("ll", str(path), start_epoch=2, tag_key="mine")
    seen = monitored(extension, 3, path.exists, lambda epoch: model.record(ll=values[epoch]))
    assert seen == [False, False, True, True]
    assert extension.best_cost == 9.0
    assert model.tag["mine"]["best_cost"] == 9.0


def test_save_best_keeps_a_copy_in_memory(model, monitored):
    model.record(ll=5.0)

    def train(epoch):
        model.record(ll=5.0 + epoch)
        model.params[1].set_value(np.ones(2, dtype=floatX))

    extension = MonitorBasedSaveBest("ll", store_best_model=True)
    monitored(extension, 2, train=train)
    assert extension.best_model is not model
    np.testing.assert_array_equal(extension.best_model.params[1].get_value(), [0, 0])


def test_save_best_goes_on_after_a_restart(model, algorithm, monitored, tmp_path):
    model.record(ll=5.0)
    extension = MonitorBasedSaveBest("ll", str(tmp_path / "best.pkl"))
    monitored(extension, 0)
    serial.save(str(tmp_path / "extension.pkl"), extension)
    restored = serial.load(str(tmp_path / "extension.pkl"))
    restored.setup(model, None, algorithm)
    model.record(ll=6.0)
    restored.on_monitor(model, None, algorithm)
    assert restored.best_cost == model.tag["MonitorBasedSaveBest"]["best_cost"] == 5.0


def test_save_best_warns_of_a_shared_tag(model, algorithm, caplog, tmp_path):
    path = str(tmp_path / "best.pkl")
    with caplog.at_level(logging.WARNING):
        MonitorBasedSaveBest("one", path).setup(model, None, algorithm)
        assert not caplog.records
        MonitorBasedSaveBest("two", path).setup(model, None, algorithm)
    assert "belongs to channel one" in caplog.text


def test_save_best_mistakes(model, algorithm):
    with pytest.raises(ValueError, match="save_path, store_best_model or both"):
        MonitorBasedSaveBest("ll")
    model.record(valid_ll=1.0)
    with pytest.raises(ValueError, match="no channel 'valid_l'; did you mean 'valid_ll'"):
        MonitorBasedSaveBest("valid_l", store_best_model=True).on_monitor(model, None, algorithm)
