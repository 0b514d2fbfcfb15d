"""The classifier: against NumPy, as a command, and on MNIST."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import aesara.tensor as at
import numpy as np
import pytest

from adversarial.backend import function
from adversarial.models.maxout import Maxout
from adversarial.models.mlp import MLP, Sigmoid, Softmax
from adversarial.scripts import cli
from adversarial.space import Conv2DSpace
from adversarial.utils import serial
from sandbox.classifier import Classifier, measure

ROOT = Path(__file__).parents[2]


def network(top=None, **space):
    layers = [Maxout("h0", 3, 2, irange=1.0), top or Softmax(4, "y", irange=1.0)]
    return MLP(layers, **(space or dict(nvis=6)))


@pytest.fixture
def rows():
    return np.random.RandomState(0).uniform(size=(9, 6)).astype("float32")


@pytest.mark.usefixtures("fast_compile")
def test_probabilities_and_classes(rows, monkeypatch):
    monkeypatch.setattr("sandbox.classifier.BATCH", 4)  # the last batch is a part of one
    judge = Classifier(network())
    W, b, V, c = judge.network.get_param_values()
    hidden = (rows @ W + b).reshape(9, 3, 2).max(axis=2)
    exps = np.exp(hidden @ V + c)
    want = exps / exps.sum(axis=1, keepdims=True)
    assert judge.n_classes == 4
    np.testing.assert_allclose(judge.probabilities(rows), want, rtol=1e-4)
    np.testing.assert_array_equal(judge.classes(rows), want.argmax(axis=1))
    assert judge.probabilities(rows[:0]).shape == (0, 4)
    x = at.matrix("x")
    doubled = function([x], 2 * judge.fprop(x))(rows)
    np.testing.assert_allclose(doubled, 2 * want, rtol=1e-4)


@pytest.mark.parametrize(
    "model, message",
    [
        (network(Sigmoid(dim=1, layer_name="y", irange=0.1)), "Softmax on top"),
        (network(input_space=Conv2DSpace((2, 3), num_channels=1)), "takes vectors"),
        ("digits", "an MLP"),
    ],
)
def test_models_that_are_not_classifiers(model, message, tmp_path):
    path = tmp_path / "other.pkl"
    serial.save(path, model)
    with pytest.raises(ValueError, match=rf"other.pkl: .*{message}"):
        Classifier.load(path)


def test_rows_of_another_length(rows):
    with pytest.raises(ValueError, match="rows of 6 numbers, not .9, 5."):
        Classifier(network()).probabilities(rows[:, :5])


def measured(*argv):
    return cli.run(lambda: measure.main([str(arg) for arg in argv]))


def test_errors_of_the_command_are_one_line(tmp_path, capsys):
    path = tmp_path / "other.pkl"
    serial.save(path, network(Sigmoid(dim=1, layer_name="y", irange=0.1)))
    assert measured(path) == 1
    assert measured(tmp_path / "none.pkl") == 1
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 2 and "Softmax on top" in err and "none.pkl" in err


@pytest.mark.slow
def test_two_epochs_of_the_experiment(tmp_path, capsys):
    path = tmp_path / "judge.yaml"
    path.write_text((ROOT / "sandbox/classifier/experiment.yaml").read_text())
    command = [sys.executable, ROOT / "train.py", "--quiet", "--max-epochs", "2", path]
    subprocess.run(command, check=True)
    assert measured(tmp_path / "judge.pkl", "--json") == 0
    result = json.loads(capsys.readouterr().out)
    assert result["n"] == 10000
    # In a full training it was 96.0 % on validation digits after two epochs.
    assert result["accuracy"] > 0.93
    assert np.average(result["by_class"]) == pytest.approx(result["accuracy"], abs=0.01)
