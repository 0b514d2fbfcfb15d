"""The values of `evaluate` equal those of parzen_ll.py and of a loop over examples."""

from __future__ import annotations

import csv
import json
import sys

import numpy as np
import pytest

from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
from adversarial.evaluation import metric
from adversarial.evaluation.sampling import draw_samples
from adversarial.models.generator import Generator
from adversarial.models.mlp import MLP, Sigmoid, Softmax
from adversarial.scripts import parzen_ll
from adversarial.utils import serial

pytestmark = pytest.mark.usefixtures("fast_compile")

OWN = """\
from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
from adversarial.evaluation.metric import Result, metric
import numpy as np


class Dots(DenseDesignMatrix):
    def __init__(self, seed=0):
        super().__init__(X=np.random.RandomState(seed).rand(40, 6))

    def get_test_set(self):
        return Dots(1)


@metric(unit="share")
def above(samples):
    "Share of numbers above one half."
    return Result(float((samples > 0.5).mean()), notes=("counted",))


@metric(unit="")
def spread_of_features(samples, features):
    "Variance of a classifier's features."
    return Result(float(features(samples).var()), details={"width": features(samples).shape[1]})
"""


@pytest.fixture
def dots(tmp_path, monkeypatch):
    """A model file of a data set in a module of the user's own."""
    monkeypatch.setattr(metric, "_registered", metric.all_metrics())
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own_dots.py").write_text(OWN)
    model = Generator(MLP([Sigmoid(layer_name="y", dim=6, irange=0.5)], nvis=3))
    model.dataset_yaml_src = "!obj:own_dots.Dots {}"
    serial.save("dots.pkl", model)
    yield "dots.pkl"
    sys.modules.pop("own_dots", None)


ARGS = ["--allow-module", "own_dots", "-n", 30, "--seed", 2]


def test_values_are_those_of_parzen_ll_and_of_a_loop(command, dots, capsys):
    names = "parzen_ll,nearest_distance"
    assert command(dots, *ARGS, "--metrics", names, "--json", "--csv", "table.csv") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["model"], found["num_samples"], found["seed"]) == ("dots.pkl", 30, 2)
    assert found["data"] == "Dots"
    argv = [str(arg) for arg in (dots, *ARGS, "--json")]
    parzen_ll.main(argv)
    score = json.loads(capsys.readouterr().out)
    assert found["metrics"]["parzen_ll"] == {
        "value": score["mean"],
        "uncertainty": score["standard_error"],
        "unit": "nats",
        "details": {"sigma": score["sigma"]},
    }
    import own_dots

    rows, samples = own_dots.Dots().X, draw_samples(serial.load(dots), 30, seed=2)
    distances = [min(np.linalg.norm(row - sample) for row in rows) for sample in samples]
    nearest = found["metrics"]["nearest_distance"]
    assert nearest["value"] == pytest.approx(np.mean(distances), rel=1e-5)
    assert nearest["uncertainty"] == pytest.approx(np.std(distances) / 30**0.5, rel=1e-5)
    with open("table.csv", newline="") as stream:
        table = list(csv.DictReader(stream))
    assert [row["metric"] for row in table] == names.split(",")
    assert float(table[1]["value"]) == nearest["value"] and table[0]["unit"] == "nats"
    assert [row["data"] for row in table] == ["Dots", "Dots"]


def test_all_metrics_whose_inputs_are_known(command, dots, capsys):
    assert command(dots, *ARGS) == 0
    out, err = capsys.readouterr()
    lines = [line.split()[0] for line in out.splitlines()]
    assert {"parzen_ll", "nearest_distance", "above"} <= set(lines)
    assert out.splitlines()[0].endswith("seed 2; judged by the test examples of Dots")
    assert "note: left out: spread_of_features needs features: give --features MODEL" in err
    assert "note: above: counted" in err
    assert command(dots, *ARGS, "-m", "spread_of_features") == 1
    assert "give --features MODEL" in capsys.readouterr().err


def test_features_of_a_classifier(command, dots, capsys):
    layers = [Sigmoid(layer_name="h", dim=4, irange=1.0), Softmax(3, "y", irange=1.0)]
    classifier = MLP(layers, nvis=6)
    serial.save("classifier.pkl", classifier)
    argv = [*ARGS, "-m", "spread_of_features", "--features", "classifier.pkl", "--json"]
    assert command(dots, *argv) == 0
    found = json.loads(capsys.readouterr().out)["metrics"]["spread_of_features"]
    samples = draw_samples(serial.load(dots), 30, seed=2)
    states = 1 / (1 + np.exp(-samples @ classifier.layers[0].get_weights()))
    assert found["value"] == pytest.approx(states.var(), rel=1e-4)
    assert found["uncertainty"] is None and found["details"] == {"width": 4}


@pytest.mark.parametrize("scale", [-2, 255])
def test_data_of_another_scale_is_refused(command, dots, capsys, scale):
    serial.save("other.pkl", DenseDesignMatrix(X=scale * np.random.RandomState(0).rand(20, 6)))
    with open("other.yaml", "w") as stream:
        stream.write("!pkl: other.pkl")
    for metrics in (["-m", "parzen_ll"], []):
        assert command(dots, *ARGS, *metrics, "--dataset", "other.yaml") == 1
        out, err = capsys.readouterr()
        assert out == "" and "dots.pkl was trained on data from" in err and "other.yaml goes" in err
    assert command(dots, *ARGS, "--dataset", "mnist") == 1
    assert "samples of 6 numbers, but mnist has 784" in capsys.readouterr().err


def test_a_model_that_does_not_say_its_data(command, dots, capsys):
    model = serial.load(dots)
    del model.dataset_yaml_src
    serial.save("bare.pkl", model)
    assert command("bare.pkl", *ARGS) == 0
    out, err = capsys.readouterr()
    assert "above" in out and "parzen_ll" not in out and "judged by" not in out
    without_data = {"model", "samples", "progress"}
    left_out = [each for each in metric.all_metrics().values() if set(each.needs) - without_data]
    assert err.count("note: left out: ") == len(left_out) >= 3
    assert command("bare.pkl", *ARGS, "-m", "parzen_ll") == 1
    err = capsys.readouterr().err
    assert "parzen_ll needs splits: bare.pkl: the model file does not say which data set" in err


def test_what_is_asked_for_is_checked_first(command, dots, capsys):
    assert command(dots, *ARGS, "-m", "parzen") == 1
    err = capsys.readouterr().err
    assert "no metric 'parzen'" in err and "nearest_distance" in err
    assert command(dots, *ARGS, "-m", "above", "--csv", "missing/table.csv") == 1
    assert "there is no folder missing" in capsys.readouterr().err
    assert command(dots, "-m", "above", "--allow-module", "no_such_dots") == 1
    assert (
        "--allow-module no_such_dots: Python finds no module no_such_dots; add"
        in capsys.readouterr().err
    )
