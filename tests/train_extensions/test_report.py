from __future__ import annotations

import csv
import logging
import os
from collections import OrderedDict
from types import SimpleNamespace

import numpy as np
import pytest

from adversarial.backend import floatX
from adversarial.monitor import MonitorChannel
from adversarial.train_extensions.report import ROWS_BETWEEN_HEADERS, EpochTable, MonitorCSV
from adversarial.utils import serial

GAME = {
    "valid_objective": 2.0,
    "valid_objective_d": 0.69314,
    "valid_objective_g": 0.7001,
    "valid_gen_ll": -143.25,
    "valid_dis_on_data_y_mean_x_mean_u": 0.51,
    "valid_dis_on_samp_y_mean_x_mean_u": 0.49,
    "valid_false_negatives": 0.232,
    "valid_false_positives": 0.025,
    "learning_rate": 0.1,
    "momentum": 0.5,
    "training_seconds_this_epoch": 12.34,
    "valid_dis_on_data_h0_col_norms_max": 1234567.0,
}


class Monitor:
    """Records channels as the real one does, of 100 examples in 10 minibatches an epoch."""

    def __init__(self):
        self.channels = OrderedDict()
        self.epochs = 0

    def get_epochs_seen(self):
        return self.epochs

    def record(self, values, batches=None):
        for name, value in values.items():
            channel = self.channels.get(name)
            if channel is None:
                channel = self.channels[name] = MonitorChannel(None, "symbol", name, None, None)
            channel.val_record.append(float(np.dtype(floatX).type(value)))
            channel.epoch_record.append(self.epochs)
            channel.batch_record.append(10 * self.epochs if batches is None else batches)
            channel.example_record.append(channel.batch_record[-1] * 10)
            channel.time_record.append(0.0)


@pytest.fixture
def model():
    return SimpleNamespace(monitor=Monitor())


def measure(model, extension, **values):
    model.monitor.record(values)
    extension.on_monitor(model, None, None)
    model.monitor.epochs += 1


def read(path):
    with open(path, newline="") as stream:
        return list(csv.reader(stream))


def table(**kwargs):
    lines = []
    return EpochTable(show=lines.append, **kwargs), lines


def test_a_row_of_the_important_channels(model):
    extension, lines = table()
    measure(model, extension, **GAME)
    measure(model, extension, **GAME)
    assert [line.split() for line in lines[1:]] == [
        [
            "epoch",
            "of",
            "D",
            "of",
            "G",
            "nats",
            "data",
            "samples",
            "data",
            "samples",
            "rate",
            "tum",
            "s",
        ],
        [
            "0",
            "0.6931",
            "0.7001",
            "-143.2",
            "0.510",
            "0.490",
            "0.232",
            "0.025",
            "0.100000",
            "0.500",
            "12.3",
        ],
        [
            "1",
            "0.6931",
            "0.7001",
            "-143.2",
            "0.510",
            "0.490",
            "0.232",
            "0.025",
            "0.100000",
            "0.500",
            "12.3",
        ],
    ]
    assert len({len(line) for line in lines}) == 1, "columns are not aligned"
    assert len(lines[0]) <= 80


def test_no_value_makes_a_row_wider_than_80_columns(model):
    extension, lines = table()
    for value in (-1234567.8, 1e30, float("nan"), float("-inf")):
        measure(model, extension, **{name: value for name in GAME})
    assert {len(line) for line in lines} == {80}
    assert lines[2].split()[1:5] == ["-1e+06", "-1e+06", "-1e+06", "*****"]
    assert lines[3].split()[1] == "1e+30"


@pytest.mark.parametrize(
    "first, shown",
    [
        (("train", "valid"), "valid"),
        (("train", "test"), "test"),
        (("train", "noisy"), "noisy"),
        (("test", "train", "valid"), "valid"),
        (("train",), "train"),
    ],
)
def test_what_the_model_was_not_trained_on_is_shown(model, first, shown):
    extension, lines = table()
    values = {
        f"{name}_{channel}": i + (channel == "objective") / 2
        for i, name in enumerate(first)
        for channel in ("softmax_misclass", "objective")
    }
    measure(model, extension, **values)
    expected = values[f"{shown}_objective"], values[f"{shown}_softmax_misclass"]
    assert tuple(map(float, lines[2].split()[1:])) == expected


def test_each_column_of_the_game_chooses_its_data_set(model):
    extension, lines = table()
    measure(model, extension, train_objective_d=1, valid_objective_d=2, train_false_negatives=0.5)
    assert lines[2].split() == ["0", "2.0000", "0.500"]
    assert len({len(line) for line in lines}) == 1 and "D wrong on" in lines[0]


def test_columns_without_a_channel_are_left_out(model):
    extension, lines = table()
    measure(model, extension, valid_objective=0.25, valid_y_misclass=0.5, other=3)
    assert lines[1].split() == ["epoch", "objective", "misclass"]
    assert lines[2].split() == ["0", "0.2500", "0.5000"]


def test_the_header_comes_again(model):
    extension, lines = table()
    for _ in range(ROWS_BETWEEN_HEADERS + 1):
        measure(model, extension, **GAME)
    assert [i for i, line in enumerate(lines) if line.startswith("epoch")] == [
        1,
        ROWS_BETWEEN_HEADERS + 3,
    ]


def test_other_columns_have_another_header(model):
    extension, lines = table()
    measure(model, extension, learning_rate=0.1)
    measure(model, extension, valid_objective=2.0, learning_rate=0.1)
    measure(model, extension, valid_objective=3.0, learning_rate=0.1)
    headers = [line.split()[1:] for line in lines if line.startswith("epoch")]
    assert headers == [["rate"], ["objective", "rate"]]
    assert [line.split()[1] for line in lines[-2:]] == ["2.0000", "3.0000"]


def test_all_channels(model):
    extension, lines = table(all_channels=True)
    measure(model, extension, **GAME)
    assert lines[0] == "epoch 0"
    assert [line.split(":")[0].strip() for line in lines[1:]] == sorted(GAME)
    assert "    valid_dis_on_data_h0_col_norms_max: 1.23457e+06" in lines


def test_nothing_monitored_nothing_shown(model, tmp_path):
    extension, lines = table()
    measure(model, extension)
    assert lines == []
    measure(model, MonitorCSV(tmp_path / "m.csv"))
    assert not (tmp_path / "m.csv").exists()


def test_by_default_the_table_is_printed(model, capsys):
    measure(model, EpochTable(), **GAME)
    assert capsys.readouterr().out.count("\n") == 3


def test_csv_a_row_an_epoch_and_the_header_once(model, tmp_path):
    path = tmp_path / "m.monitor.csv"
    extension = MonitorCSV(path)
    for value in (0.1, -2.5, float("nan")):
        measure(model, extension, b=value, a=7)
    assert path.read_text() == (
        "epochs_seen,batches_seen,examples_seen,a,b\n"
        "0,0,0,7.0,0.1\n"
        "1,10,100,7.0,-2.5\n"
        "2,20,200,7.0,nan\n"
    )


def test_csv_of_a_model_without_records(model, tmp_path):
    path = tmp_path / "m.csv"
    measure(SimpleNamespace(monitor=Monitor()), MonitorCSV(path), a=1.0)
    assert MonitorCSV.is_table(path) and not MonitorCSV.wrote(path, model)


def test_csv_is_appended_to(model, tmp_path):
    path = tmp_path / "m.csv"
    extension = MonitorCSV(path)
    measure(model, extension, a=1)
    path.write_text("kept\n")
    measure(model, extension, a=2)
    assert path.read_text() == "kept\n1,10,100,2.0\n"


def test_csv_values_can_be_read_again_exactly(model, tmp_path):
    values = np.random.RandomState(0).normal(size=50).astype(floatX)
    extension = MonitorCSV(tmp_path / "m.csv")
    for value in values:
        measure(model, extension, a=value)
    again = np.array([row[3] for row in read(tmp_path / "m.csv")[1:]], dtype=floatX)
    np.testing.assert_array_equal(again, values)


def test_names_that_utf8_cannot_write(model, tmp_path):
    path = str(tmp_path / "table.csv")
    measure(model, MonitorCSV(path), **{"\ud83d_objective": 0.5})
    assert "\\ud83d_objective" in open(path, encoding="utf-8").read()


def test_a_training_that_goes_on_leaves_neither_a_gap_nor_a_row_twice(model, tmp_path):
    path = tmp_path / "m.csv"
    first = MonitorCSV(path)
    for value in range(6):
        measure(model, first, a=value)
    before = path.read_text().splitlines()
    # The model was saved after epoch 3; epochs 4 and 5 are lost, and their rows with them.
    for record in ("val_record", "epoch_record", "batch_record", "example_record"):
        del getattr(model.monitor.channels["a"], record)[4:]
    model.monitor.epochs = 3
    again = MonitorCSV(path)
    measure(model, again, a=99)  # epoch 3 measured once more, when training begins
    measure(model, again, a=40)
    assert path.read_text().splitlines() == [*before[:5], "4,40,400,40.0"]


def test_a_row_that_was_restored_is_not_appended_again(model, tmp_path):
    extension = MonitorCSV(tmp_path / "m.csv")
    measure(model, extension, a=1)
    model.monitor.epochs = 0
    measure(model, extension, a=1)
    assert len(read(tmp_path / "m.csv")) == 2


def test_a_new_channel_is_a_new_column(model, tmp_path):
    extension = MonitorCSV(tmp_path / "m.csv")
    measure(model, extension, b=1)
    measure(model, extension, a=2, b=3)
    assert read(tmp_path / "m.csv") == [
        ["epochs_seen", "batches_seen", "examples_seen", "a", "b"],
        ["0", "0", "0", "", "1.0"],
        ["1", "10", "100", "2.0", "3.0"],
    ]


def test_a_file_that_cannot_be_written_is_a_warning_and_is_made_up_for(model, tmp_path, caplog):
    folder = tmp_path / "gone"
    extension = MonitorCSV(folder / "m.csv")
    with caplog.at_level(logging.WARNING):
        measure(model, extension, a=1)
    assert len(caplog.messages) == 1 and str(folder / "m.csv") in caplog.messages[0]
    folder.mkdir()
    measure(model, extension, a=2)
    assert len(read(folder / "m.csv")) == 3


@pytest.mark.parametrize("swap", [os.mkfifo, os.mkdir, lambda path: None])
def test_a_table_that_was_swapped_while_training(swap, model, tmp_path, caplog):
    """For a pipe, which would keep the training waiting; a folder; or nothing."""
    path = tmp_path / "m.csv"
    extension = MonitorCSV(path)
    for value in (1, 2):
        measure(model, extension, a=value)
    path.unlink()
    swap(path)
    measure(model, extension, a=3)
    assert "could not write" in caplog.text
    if path.exists():
        measure(model, extension, a=4)
        path.unlink() if path.is_fifo() else path.rmdir()
    measure(model, extension, a=5)
    assert [row[3] for row in read(path)[1:]] == [
        str(float(value)) for value in channel_of(model, "a")
    ]


def channel_of(model, name):
    return model.monitor.channels[name].val_record


def test_a_table_behind_a_link_of_the_user_s_own(model, tmp_path, caplog):
    (tmp_path / "link.csv").symlink_to(tmp_path / "m.csv")
    extension = MonitorCSV(tmp_path / "link.csv")
    for value in (1, 2):
        measure(model, extension, a=value)
    assert (tmp_path / "link.csv").is_symlink() and not caplog.records
    assert len(read(tmp_path / "m.csv")) == 3


def test_they_can_be_saved(model, tmp_path):
    for extension in (table()[0], MonitorCSV(tmp_path / "m.csv")):
        measure(model, extension, a=1)
        serial.clone_via_serialize(extension)
