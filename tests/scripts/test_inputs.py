from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from adversarial.monitor import Monitor, MonitorChannel
from adversarial.scripts.inputs.datasets import dataset_in, examples_of, training_set
from adversarial.scripts.inputs.evaluation_data import EvaluationData
from adversarial.scripts.inputs.histories import choose_channels, history_of, read_history
from adversarial.train_extensions.report import MonitorCSV
from adversarial.utils import serial

DATA = """!obj:adversarial.datasets.dense_design_matrix.DenseDesignMatrix {
    X: !obj:numpy.eye { N: %d } }"""
EXPERIMENT = """!obj:adversarial.train.Train {
    dataset: &data %s,
    model: !obj:adversarial.models.mlp.MLP {
        nvis: 3,
        layers: [!obj:adversarial.models.mlp.Linear { layer_name: y, dim: 1, irange: .1 }]
    },
    save_path: "${PYLEARN2_TRAIN_FILE_FULL_STEM}.pkl"
}"""


def test_data_of_a_model_of_a_yaml_and_of_an_experiment(model, pair, tmp_path):
    assert examples_of(dataset_in(str(model))).shape == (50, 36)
    assert examples_of(training_set(pair)).shape == (50, 36)
    alone, experiment = tmp_path / "data.yaml", tmp_path / "experiment.yaml"
    alone.write_text(DATA % 2)
    experiment.write_text(EXPERIMENT % (DATA % 3))
    np.testing.assert_array_equal(examples_of(dataset_in(str(alone))), np.eye(2))
    np.testing.assert_array_equal(examples_of(dataset_in(str(experiment))), np.eye(3))


def test_data_of_the_first_training_of_several(tmp_path):
    phases = tmp_path / "phases.yaml"
    trains = [(EXPERIMENT % (DATA % n)).replace("&data", f"&data{n}") for n in (3, 4)]
    trains[0] = trains[0].replace("dim: 1", "dim: 0")  # only the data is made
    phases.write_text("".join(f"- {text}\n".replace("\n", "\n  ") + "\n" for text in trains))
    np.testing.assert_array_equal(examples_of(dataset_in(str(phases))), np.eye(3))


@pytest.mark.parametrize("text", ["[1, 2]", EXPERIMENT % "[1, 2]", "!obj:numpy.eye { N: 2 }"])
def test_a_file_that_describes_no_data_is_named(tmp_path, text):
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(ValueError, match=r"a\.yaml: the data set, a \w+, has no rows"):
        dataset_in(str(tmp_path / "a.yaml"))


def test_other_data_scores_a_model_of_data_without_rows(pair, tmp_path):
    pair.dataset_yaml_src = "[1, 2]"
    with pytest.raises(
        ValueError, match=r"^a\.pkl: the data set, a list, has no rows.*\n--dataset"
    ):
        EvaluationData(pair, "a.pkl", None)
    (tmp_path / "data.yaml").write_text(DATA % 36)
    data = EvaluationData(pair, "a.pkl", str(tmp_path / "data.yaml"))
    assert data.own is None and data.own_rows is None
    np.testing.assert_array_equal(examples_of(data.dataset), np.eye(36))


def test_what_has_no_data(pair, tmp_path):
    pair.dataset_yaml_src = None
    with pytest.raises(ValueError, match="does not say which data set"):
        training_set(pair)
    with pytest.raises(OSError):
        dataset_in(str(tmp_path / "none.yaml"))


SPREADSHEETS = {
    "a byte order mark": lambda text: text.encode("utf-8-sig"),
    "semicolons": lambda text: text.replace(",", ";").encode(),
    "German Excel": lambda text: (
        text.replace(",", ";").replace(".", ",").replace("\n", "\r\n").encode("utf-8-sig")
    ),
    "Unicode text": lambda text: text.replace(",", "\t").encode("utf-16"),
    "empty cells and rows": lambda text: text.encode() + b",,,,,\r\n\r\n",
    "sep=": lambda text: b"sep=;\r\n" + text.replace(",", ";").encode(),
}


@pytest.mark.parametrize("saved", SPREADSHEETS.values(), ids=SPREADSHEETS)
def test_a_csv_that_a_spreadsheet_has_saved(saved, pair, tmp_path):
    table = tmp_path / "faces.monitor.csv"
    MonitorCSV(table).on_monitor(pair, None, None)
    before = read_history(str(table))
    table.write_bytes(saved(table.read_text()))
    after = read_history(str(table))
    assert list(after) == list(before)
    for name, record in after.items():
        np.testing.assert_array_equal(record.values, before[name].values)
        np.testing.assert_array_equal(record.counts["examples"], before[name].counts["examples"])


def test_a_csv_holds_what_the_model_file_holds(model, pair, tmp_path):
    table = tmp_path / "faces.monitor.csv"
    MonitorCSV(table).on_monitor(pair, None, None)
    from_model, from_table = read_history(str(model)), read_history(str(table))
    assert (
        list(from_model) == list(from_table) == ["late", "valid_objective_d", "valid_objective_g"]
    )
    for name, record in from_model.items():
        np.testing.assert_allclose(from_table[name].values, record.values)
        for count in ("epochs", "batches", "examples"):
            np.testing.assert_array_equal(from_table[name].counts[count], record.counts[count])
    assert from_model["late"].counts["seconds"].tolist() == [7.5]
    assert "seconds" not in from_table["late"].counts


def test_values_by_epoch(pair):
    history = history_of(pair)
    assert history["valid_objective_g"].at(1) == 1.5
    assert np.isnan(history["valid_objective_d"].at(2))
    assert history["late"].at(1) is None


def test_files_without_a_history(pair, tmp_path):
    pair.monitor = Monitor(pair)
    silent = tmp_path / "silent.pkl"
    serial.save(silent, pair)
    for name, content, message in [
        ("other.csv", "a,b,c\n", "is no table of a monitor"),
        ("empty.csv", "", "is no table of a monitor"),
        (
            "torn.csv",
            "epochs_seen,batches_seen,examples_seen,x\n0,0,0,1\n1,2\n",
            "has a row that is not 4 numbers",
        ),
        (
            "text.csv",
            "epochs_seen,batches_seen,examples_seen,x\n0,0,0,one\n",
            "has a row that is not 4 numbers",
        ),
        (  # as many cells as three rows of four
            "narrow.csv",
            "epochs_seen,batches_seen,examples_seen,x\n" + "0,0,0\n" * 4,
            "has a row that is not 4 numbers",
        ),
        (
            "endless.csv",
            "epochs_seen,batches_seen,examples_seen,x\ninf,0,0,1\n",
            "has a row without finite numbers for epochs_seen, batches_seen, examples_seen",
        ),
        ("none.csv", "epochs_seen,batches_seen,examples_seen\n", "nothing was monitored"),
        ("junk.pkl", "junk", "junk.pkl"),
    ]:
        (tmp_path / name).write_text(content)
        with pytest.raises(ValueError, match=message):
            read_history(str(tmp_path / name))
    with pytest.raises(ValueError, match="silent.pkl: nothing was monitored"):
        read_history(str(silent))


def test_channels_by_pattern(pair):
    history = history_of(pair)
    assert choose_channels(history, ["late", "valid_*_g", "*"], "m") == [
        "late",
        "valid_objective_g",
        "valid_objective_d",
    ]
    with pytest.raises(ValueError, match="m: has no channel lat; did you mean late?"):
        choose_channels(history, ["lat"], "m")
    with pytest.raises(ValueError, match="has no channel zz[*]$"):
        choose_channels(history, ["zz*"], "m")


def test_a_channel_with_brackets_is_itself():
    history = {"h[0]_norms": None, "h0_norms": None, "h[1]_norms": None}
    assert choose_channels(history, ["h[0]_norms"], "m") == ["h[0]_norms"]
    assert choose_channels(history, ["h*norms"], "m") == list(history)


def test_channels_that_share_a_record_share_what_is_read():
    """A forged file of an earlier version could have thousands of such channels."""
    numbers, channels = [1] * 1000, {}
    for name in ("a", "b"):
        channels[name] = MonitorChannel(None, None, name, None, None)
        channels[name].val_record = channels[name].epoch_record = numbers
    history = history_of(SimpleNamespace(monitor=SimpleNamespace(channels=channels)))
    assert history["a"].values is history["b"].values
    assert history["a"].counts["epochs"] is history["b"].counts["epochs"]
    assert history["a"].values.tolist() == numbers


def test_a_table_without_end(tmp_path):
    with open(tmp_path / "m.monitor.csv", "wb") as stream:
        stream.write(b"epochs_seen,batches_seen,examples_seen,a\n")
        stream.truncate(2 << 30)
    with pytest.raises(ValueError, match="m.monitor.csv: is larger than"):
        read_history(str(tmp_path / "m.monitor.csv"))
    (tmp_path / "n.csv").write_text("epochs_seen," + "x" * 200_000)
    with pytest.raises(ValueError, match="n.csv: .*field"):
        read_history(str(tmp_path / "n.csv"))
