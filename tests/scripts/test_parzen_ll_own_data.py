"""parzen_ll.py on the data that a model was trained on, preprocessed as for training."""

from __future__ import annotations

import json

import numpy as np
import pytest

from adversarial.datasets import mnist
from adversarial.datasets.view_converter import DefaultViewConverter
from adversarial.evaluation.parzen import parzen_log_likelihood
from adversarial.evaluation.sampling import draw_samples
from adversarial.models.generator import Generator
from adversarial.models.mlp import MLP, Linear, Sigmoid
from adversarial.scripts import cli, parzen_ll
from adversarial.utils import serial

pytestmark = pytest.mark.usefixtures("fast_compile")

PIXELS = {
    which_set: np.random.RandomState(n).randint(256, size=(n, 2, 2)).astype(np.uint8)
    for which_set, n in (("train", 60000), ("test", 50))
}
MNIST = "!obj:adversarial.datasets.mnist.MNIST {{ which_set: train, start: 0, stop: 50000, {} }}"
STANDARDIZED = MNIST.format(
    "preprocessor: !obj:adversarial.datasets.preprocessing.Standardize {}, fit_preprocessor: 1"
)
REMAPPED = MNIST.format(
    "preprocessor: !obj:adversarial.datasets.preprocessing.RemapInterval "
    "{ map_from: [0, 1], map_to: [-1, 1] }"
)
# A data set of the user's own that has a test set, but no validation set.
MODULE = """
import numpy as np
from adversarial.datasets.dense_design_matrix import DenseDesignMatrix

class Own(DenseDesignMatrix):
    def __init__(self, scale=1, which_set="train"):
        self.scale = scale
        n = {"train": 40, "test": 30}[which_set]
        super().__init__(X=scale * np.random.RandomState(n).uniform(size=(n, 4)))

    def get_test_set(self):
        return Own(self.scale, "test")
"""


@pytest.fixture
def command(monkeypatch):
    monkeypatch.setattr(mnist, "SIZES", {name: len(rows) for name, rows in PIXELS.items()})
    labels = {name: np.zeros(len(rows)) for name, rows in PIXELS.items()}
    monkeypatch.setattr(mnist, "load_arrays", lambda name: (PIXELS[name], labels[name]))
    monkeypatch.setitem(parzen_ll.parzen_protocol.DIMENSIONS, "mnist", (4,))
    return lambda *argv: cli.run(lambda: parzen_ll.main([str(arg) for arg in argv]))


def rows_of(which_set):
    return (PIXELS[which_set].reshape(-1, 4) / 255).astype(np.float32)


def make_model(path, source, layer=Linear, dim=4):
    model = Generator(MLP([layer(layer_name="y", dim=dim, irange=1.0)], nvis=3))
    model.dataset_yaml_src = source
    serial.save(path, model)
    return path


def scored(command, capsys, model, *argv):
    assert command(model, "-n", 20, "-s", 0.5, "--json", *argv) == 0
    return json.loads(capsys.readouterr().out)


def expected(model, rows):
    return parzen_log_likelihood(rows, draw_samples(serial.load(model), 20), 0.5).mean()


def standardized(rows):
    train = rows_of("train")[:50000]
    return (rows - train.mean(axis=0)) / (train.std(axis=0) + 1e-4)


@pytest.mark.parametrize("argv", [(), ("-d", "mnist")])
@pytest.mark.parametrize(
    "source, treat", [(STANDARDIZED, standardized), (REMAPPED, lambda rows: 2 * rows - 1)]
)
def test_mnist_is_treated_as_the_training_set_was(command, tmp_path, capsys, argv, source, treat):
    model = make_model(tmp_path / "a.pkl", source)
    result = scored(command, capsys, model, *argv)
    assert (result["dataset"], result["n"]) == ("mnist", 50)
    assert result["mean"] == pytest.approx(expected(model, treat(rows_of("test"))), abs=1e-3)
    result = scored(command, capsys, model, "--valid", *argv)
    valid = treat(rows_of("train")[50000:])
    assert result["mean"] == pytest.approx(expected(model, valid), abs=1e-3)


def test_a_fold_of_data_without_folds_is_refused(command, tmp_path, capsys):
    model = make_model(tmp_path / "a.pkl", STANDARDIZED)
    for fold in (0, 1):
        assert command(model, "--fold", fold) == 1
        assert f"mnist has no folds, but --fold {fold} was given" in capsys.readouterr().err


def test_sigma_is_chosen_on_a_validation_set_that_is_treated_the_same(command, tmp_path, capsys):
    model = make_model(tmp_path / "a.pkl", REMAPPED)
    assert command(model, "-n", 20, "-c", 3, "-l", 15, "--json") == 0
    tried = json.loads(capsys.readouterr().out)["cross_validation"]
    samples, valid = draw_samples(serial.load(model), 20), 2 * rows_of("train")[50000:50015] - 1
    for sigma, mean in tried:
        found = parzen_log_likelihood(valid, samples, sigma).mean()
        assert mean == pytest.approx(found, abs=1e-3)


def test_a_data_set_of_the_users_own(command, tmp_path, capsys, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "parzen_own.py").write_text(MODULE)
    model = make_model(tmp_path / "a.pkl", "!obj:parzen_own.Own { scale: 3 }")
    allowed = ("--allow-module", "parzen_own")
    test = 3 * np.random.RandomState(30).uniform(size=(30, 4))
    result = scored(command, capsys, model, *allowed)
    assert (result["dataset"], result["n"]) == ("Own", 30)
    assert result["mean"] == pytest.approx(expected(model, test), abs=1e-3)
    # Without a validation set, part of the test set chooses sigma and is not scored.
    for limit, chose in ((1000, 15), (5, 5)):
        assert command(model, "-n", 20, "-c", 3, "-l", limit, "--json", *allowed) == 0
        out, err = capsys.readouterr()
        assert json.loads(out)["n"] == 30 - chose
        assert f"Own has no validation set: its first {chose} test examples choose sigma" in err
    # The same from a YAML file, of a data set with or without a test set.
    other = tmp_path / "other.yaml"
    other.write_text("!obj:parzen_own.Own { scale: 2.5 }")
    assert scored(command, capsys, model, "-d", other, *allowed)["n"] == 30
    other.write_text(
        "!obj:adversarial.datasets.dense_design_matrix.DenseDesignMatrix "
        "{ X: [[0, 3, 1, 2], [1, 2, 3, 0], [2, 2, 0, 3]] }"
    )
    assert scored(command, capsys, model, "-d", other, *allowed)["n"] == 3


def refused(command, capsys, *argv):
    assert command("-n", 20, "-s", 0.5, *argv) == 1
    return capsys.readouterr().err


def test_a_mismatch_is_refused_with_what_differs(command, tmp_path, capsys, monkeypatch):
    other = tmp_path / "other.yaml"
    other.write_text(
        "!obj:adversarial.datasets.dense_design_matrix.DenseDesignMatrix "
        "{ topo_view: [[[[0], [1]], [[1], [0]]], [[[1], [0]], [[0.5], [1]]]] }"
    )
    model = make_model(tmp_path / "a.pkl", REMAPPED)
    err = refused(command, capsys, model, "-d", other)
    assert "was trained on data from -1 to 1, but" in err and "goes from 0 to 1" in err
    # If the model does not name its training data, the scale of its samples is compared.
    unknown = make_model(tmp_path / "b.pkl", None, Sigmoid)
    assert scored(command, capsys, unknown, "-d", "mnist")["dataset"] == "mnist"
    pixels = tmp_path / "pixels.yaml"
    pixels.write_text(other.read_text().replace("0.5", "90").replace("1]", "255]"))
    assert "makes samples from 0" in refused(command, capsys, unknown, "-d", pixels)
    long = serial.load(unknown)
    long.view_converter = DefaultViewConverter((1, 4, 1))
    serial.save(tmp_path / "c.pkl", long)
    err = refused(command, capsys, tmp_path / "c.pkl", "-d", other)
    assert "makes images of 1 x 4 x 1, but those of" in err and "are 2 x 2 x 1" in err
    wide = make_model(tmp_path / "d.pkl", None, Sigmoid, dim=6)
    assert "6 numbers, but" in refused(command, capsys, wide, "-d", other)
    assert "--dataset names what to score on" in refused(command, capsys, unknown)
    plain = make_model(tmp_path / "e.pkl", other.read_text())
    assert "has no test set: give --dataset" in refused(command, capsys, plain)
