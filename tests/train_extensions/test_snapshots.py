from __future__ import annotations

import numpy as np
import pytest

from adversarial.models.mlp import MLP, Linear
from adversarial.monitor import Monitor
from adversarial.train_extensions.snapshots import Snapshots
from adversarial.utils import serial


@pytest.fixture
def model():
    model = MLP([Linear(dim=1, layer_name="y", irange=0.0)], nvis=1)
    Monitor.get_monitor(model)
    return model


def run(extension, model, epochs):
    """`epochs` epochs, in each of which the weight grows by 1."""
    W = model.get_params()[0]
    extension.on_monitor(model, None, None)
    for _ in range(epochs):
        W.set_value(W.get_value() + 1)
        model.monitor.report_epoch()
        extension.on_monitor(model, None, None)


def test_each_file_holds_the_model_as_it_was(model, tmp_path):
    run(Snapshots([2, 0, 7], tmp_path / "m_{epoch}.pkl"), model, 4)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m_0.pkl", "m_2.pkl"]
    for epoch in (0, 2):
        then = serial.load(tmp_path / f"m_{epoch}.pkl")
        assert then.get_params()[0].get_value() == epoch
        assert then.monitor.get_epochs_seen() == epoch


def test_epochs_may_be_numbers_of_numpy(model, tmp_path):
    run(Snapshots(np.arange(0, 5, 2), tmp_path / "m_{epoch}.pkl"), model, 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m_0.pkl", "m_2.pkl"]


def test_a_failure_to_write_is_a_warning(model, tmp_path, caplog):
    run(Snapshots([1], tmp_path / "no" / "{epoch}.pkl"), model, 2)
    assert "could not save" in caplog.text and "1.pkl" in caplog.text


@pytest.mark.parametrize(
    "epochs, path, message",
    [
        ([1, -2], "{epoch}.pkl", "whole numbers of at least 0, not -2"),
        ([1.5], "{epoch}.pkl", "not 1.5"),
        (["1"], "{epoch}.pkl", "not '1'"),
        ([True], "{epoch}.pkl", "not True"),
        ([1], "a.pkl", r"save_path needs {epoch} in the file's name, not 'a.pkl'"),
        ([1], "{epoch}/a.pkl", "in the file's name"),
    ],
)
def test_wrong_arguments(epochs, path, message):
    with pytest.raises(ValueError, match=message):
        Snapshots(epochs, path)
