"""The values of `evaluate` equal those of parzen_ll.py and of a loop over examples."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from adversarial.datasets import mnist
from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
from adversarial.datasets.scaling import Scaling
from adversarial.datasets.source import FlatRows, ScaledRows, Source
from adversarial.datasets.view_converter import DefaultViewConverter
from adversarial.evaluation import metric
from adversarial.evaluation.sampling import draw_samples
from adversarial.models.generator import Generator
from adversarial.models.mlp import MLP, Linear, Sigmoid, Softmax
from adversarial.scripts import evaluate, parzen_ll
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


@metric(unit="", by_default=False)
def broken(samples):
    "Fails."
    raise ValueError("cannot be computed")


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
    assert (
        "spread_of_features (needs features: give --features MODEL, the model file of a "
        "classifier of such data; docs/EVALUATION.md, Features, says how to train one)" in err
    )
    # One line says it for all metrics of features.
    assert err.count("left out") == err.count("needs features") == 1
    (line,) = (line for line in err.splitlines() if "left out" in line)
    assert "class_kl" in line and "recall" in line
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
    digest = hashlib.sha256(open("classifier.pkl", "rb").read()).hexdigest()
    assert found["uncertainty"] is None
    assert found["details"] == {"width": 4, "classifier": digest}


def test_a_classifier_without_classes_leaves_out_the_metric_of_classes(command, dots, capsys):
    layers = [Sigmoid(layer_name=name, dim=4, irange=1.0) for name in ("h", "y")]
    serial.save("regression.pkl", MLP(layers, nvis=6))
    assert command(dots, *ARGS, "--features", "regression.pkl") == 0
    out, err = capsys.readouterr()
    assert "fid  " in out and "class_kl" not in out
    assert "left out: class_kl (the top layer of the network is no Softmax, so it has no cla" in err


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
    default = [each for each in metric.all_metrics().values() if each.by_default]
    left_out = [each.name for each in default if set(each.needs) - without_data]
    named = ", ".join(
        line.partition("left out: ")[2].partition(" (")[0] for line in err.splitlines()
    )
    assert set(left_out) <= set(named.split(", ")) and len(left_out) >= 3
    assert err.count("left out: ") <= 5  # one for each reason
    assert command("bare.pkl", *ARGS, "-m", "parzen_ll") == 1
    err = capsys.readouterr().err
    assert "parzen_ll needs splits: bare.pkl: the model file does not say which data set" in err


@pytest.mark.parametrize("option", ["--csv", "--memorised"])
def test_what_exists_is_replaced_with_overwrite_only(option, dots, command, capsys, tmp_path):
    argv = (dots, *ARGS, "-m", "above", option, "t.png")
    file, model = tmp_path / "t.png", tmp_path / dots
    file.write_text("mine")
    assert command(*argv) == 1
    assert "t.png exists already: --overwrite replaces it" in capsys.readouterr().err
    assert file.read_text() == "mine"
    if option == "--csv":  # these samples are no pictures
        assert command(*argv, "--overwrite") == 0
        assert file.read_text().startswith("model,metric,value")
        before = model.read_bytes()
        assert command(*argv[:-1], dots, "--overwrite") == 1
        assert "the command reads this file" in capsys.readouterr().err
        assert model.read_bytes() == before


def test_what_is_asked_for_is_checked_first(command, dots, capsys):
    assert command(dots, *ARGS, "-m", "parzen") == 1
    err = capsys.readouterr().err
    assert "no metric 'parzen'" in err and "nearest_distance" in err
    assert command(dots, *ARGS, "-m", "above", "--csv", "missing/table.csv") == 1
    assert "there is no folder missing" in capsys.readouterr().err
    assert command(dots, "-m", "above", "--allow-module", "no_such_dots") == 1
    assert (
        "--allow-module no_such_dots: there is no module no_such_dots beside the file"
        in capsys.readouterr().err
    )


def test_what_was_computed_before_an_error_is_printed(command, dots, capsys):
    assert command(dots, *ARGS, "-m", "above,broken") == 1
    out, err = capsys.readouterr()
    assert out.splitlines()[1].startswith("above ")
    assert "note: above: counted" in err and f"{dots}: broken: cannot be computed" in err


def test_what_was_computed_before_an_error_is_written(command, dots, capsys):
    model = serial.load(dots)
    for param in model.get_params():
        param.set_value(np.full_like(param.get_value(), np.nan))
    serial.save("diverged.pkl", model)
    argv = [dots, "diverged.pkl", *ARGS, "-m", "above,fid_pixels", "--csv", "t.csv", "--json"]
    assert command(*argv) == 1
    out, err = capsys.readouterr()
    assert "diverged.pkl: fid_pixels: samples contain NaN" in err
    found = json.loads(out)
    with open("t.csv", newline="") as stream:
        table = [(row["model"], row["metric"], row["data"]) for row in csv.DictReader(stream)]
    assert [(each["model"], list(each["metrics"])) for each in found] == [
        (dots, ["above", "fid_pixels"]),
        ("diverged.pkl", ["above"]),
    ]
    assert table == [
        (dots, "above", "Dots"),
        (dots, "fid_pixels", "Dots"),
        ("diverged.pkl", "above", ""),
    ]


def test_the_table_is_written_also_if_nobody_reads_the_json(monkeypatch):
    def closed(*args, **kwargs):
        raise BrokenPipeError

    written = []
    monkeypatch.setattr(evaluate, "print", closed, raising=False)
    monkeypatch.setattr(evaluate, "write_csv", lambda path, reports: written.append(path))
    args = SimpleNamespace(json=True, csv="t.csv", models=["gan.pkl"], baselines=False)
    with pytest.raises(BrokenPipeError):
        evaluate.save([SimpleNamespace(as_data=dict)], args)
    assert written == ["t.csv"]


def test_samples_that_are_no_images_are_named_before_the_metrics(command, dots, capsys):
    assert command(dots, *ARGS, "-m", "above", "--memorised", "worst.png") == 1
    out, err = capsys.readouterr()
    assert out == "" and f"{dots}: --memorised: samples of 6 numbers cannot be shown" in err


@pytest.mark.parametrize("mine", [True, False])
def test_metrics_that_baselines_cannot_have_are_left_out(command, dots, capsys, mine):
    """Of a metric of the model alone, and of one of data that a model does not name."""

    @metric.metric(unit="")
    def of_the_model(model):
        return metric.Result(0.5)

    path, argv = dots, ["-m", "of_the_model"]
    if not mine:
        model = serial.load(dots)
        del model.dataset_yaml_src
        serial.save("bare.pkl", model)
        path, argv = "bare.pkl", ["-m", "above"]
    assert command(path, *ARGS, *argv, "--baselines", "--csv", "t.csv", "--json") == 0
    out, err = capsys.readouterr()
    assert [each["model"] for each in json.loads(out)] == [path]
    assert "note: data, noise: left out: " in err
    with open("t.csv", newline="") as stream:
        assert len(list(csv.DictReader(stream))) == 1


def test_a_baseline_has_no_more_samples_than_examples(command, dots, capsys):
    argv = ["-n", 50, "-m", "nearest_distance", "--baselines", "--json", "--csv", "t.csv"]
    assert command(dots, *ARGS[:2], *argv) == 0
    out, err = capsys.readouterr()
    assert [each["num_samples"] for each in json.loads(out)] == [50, 40, 50]
    assert "note: data: there are 40 such examples, not 50" in err
    with open("t.csv", newline="") as stream:
        assert [row["num_samples"] for row in csv.DictReader(stream)] == ["50", "40", "50"]


def test_what_was_computed_before_a_baseline_fails_is_printed(command, dots, capsys):
    @metric.metric(unit="")
    def broken_for_baselines(samples):
        calls.append(samples)
        if len(calls) > 1:
            raise ValueError("cannot be computed")
        return metric.Result(0.25)

    calls = []
    assert command(dots, *ARGS, "-m", "broken_for_baselines", "--baselines") == 1
    out, err = capsys.readouterr()
    assert out.splitlines()[1] == "broken_for_baselines  0.25" and len(out.splitlines()) == 2
    assert "data: broken_for_baselines: cannot be computed" in err


def test_several_models_and_baselines(command, dots, capsys):
    serial.save("twin.pkl", serial.load(dots))
    argv = [*ARGS, "-m", "nearest_distance,spread", "--baselines", "--csv", "t.csv", "--json"]
    import own_dots

    @metric.metric(unit="")
    def spread(samples, model):
        return metric.Result(float(samples.var()))

    assert command(dots, "twin.pkl", *argv) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert [report["model"] for report in found] == ["dots.pkl", "twin.pkl", "data", "noise"]
    assert found[0]["metrics"] == found[1]["metrics"] and set(found[0]["metrics"]) == {
        "nearest_distance",
        "spread",
    }
    assert set(found[2]["metrics"]) == {"nearest_distance"}
    assert "note: data, noise: left out: spread (needs model: this is no model)" in err
    # Without a validation set, the data are training examples, whose distance is 0.
    assert "data: too few validation examples; these are of training" in err
    assert found[2]["metrics"]["nearest_distance"]["value"] == 0
    rows = own_dots.Dots().X
    rng = np.random.RandomState(2)
    mixed = np.take_along_axis(rows, rng.randint(40, size=(30, 6)), axis=0)
    distances = [min(np.linalg.norm(rows - row, axis=1)) for row in mixed]
    noise = found[3]["metrics"]["nearest_distance"]["value"]
    assert noise == pytest.approx(np.mean(distances), rel=1e-5)
    with open("t.csv", newline="") as stream:
        table = list(csv.DictReader(stream))
    names = [(row["model"], row["metric"]) for row in table]
    assert names[:2] == [("dots.pkl", "nearest_distance"), ("dots.pkl", "spread")]
    assert names[-2:] == [("data", "nearest_distance"), ("noise", "nearest_distance")]
    assert all(float(row["seconds"]) >= 0 for row in table)
    assert command(dots, "twin.pkl", *ARGS, "-m", "spread") == 0
    assert capsys.readouterr().out.count(": 30 samples, seed 2") == 2


@pytest.mark.parametrize("name", evaluate.BASELINES)
def test_a_baseline_reads_no_more_examples_of_a_file_than_samples(name):
    examples = np.arange(12000.0).reshape(3000, 4)
    read = []

    class Counted(ScaledRows):
        def _read(self, indices):
            read.append(len(indices))
            return super()._read(indices)

    rows = Counted(Source("numbers", FlatRows(examples)), np.arange(3000), Scaling())
    data = SimpleNamespace(
        dataset=SimpleNamespace(get_valid_set=None),
        split=lambda fold, limit_size, score_valid: SimpleNamespace(scored=rows),
    )
    args = SimpleNamespace(seed=0, num_samples=50, fold=None)
    inputs = {"training": lambda: rows} if name == "noise" else {}  # `data` does without
    found = evaluate.baseline_sources(name, inputs, lambda: data, args)
    samples = found["samples"]()
    assert samples.shape == (50, 4) and read == [50]
    if name == "data":
        order = np.random.RandomState(0).permutation(2000)
        np.testing.assert_array_equal(samples, examples[1000:][order[:50]])
    else:  # each number is one of its column, but not all of one example
        np.testing.assert_array_equal(samples % 4, np.tile(np.arange(4), (50, 1)))
        assert len(np.unique(samples // 4)) > 10 and (np.ptp(samples, axis=1) > 3).all()


def test_a_note_is_printed_once_for_a_model_and_the_baselines(command, dots, capsys):
    assert command(dots, *ARGS, "--baselines") == 0
    err = capsys.readouterr().err
    notes = [line for line in err.splitlines() if line.startswith("note: ")]
    assert err.count("needs features") == 1 and "note: dots.pkl: left out: " in err
    assert notes and len(notes) == len(set(notes))


def test_the_folder_of_a_sweep_is_refused_with_what_to_give(command, dots, capsys, tmp_path):
    for run in ("a", "b"):
        (tmp_path / "sweep" / run).mkdir(parents=True)
        (tmp_path / "sweep" / run / "mine.pkl").write_bytes((tmp_path / dots).read_bytes())
    assert command("sweep", *ARGS, "-m", "above") == 1
    given = os.path.join("sweep", "*", "mine.pkl")
    told = f"cannot open sweep: it is a folder; give a model file in it, such as {given}"
    assert told in capsys.readouterr().err
    assert command(os.path.join("sweep", "a"), *ARGS, "-m", "above") == 1
    assert os.path.join("sweep", "a", "mine.pkl") in capsys.readouterr().err


def test_metrics_that_need_more_samples_are_left_out(command, dots, capsys):
    assert command(dots, *ARGS[:2], "-n", 4) == 0
    err = capsys.readouterr().err
    assert "left out: ndb (4 samples are too few: at least 20 are needed)" in err
    assert command(dots, *ARGS[:2], "-n", 4, "-m", "ndb") == 1
    assert "ndb: 4 samples are too few" in capsys.readouterr().err


def test_the_picture_of_suspicious_samples(command, dots, tmp_path, capsys):
    model = serial.load(dots)
    model.view_converter = DefaultViewConverter((2, 3, 1))
    serial.save("images.pkl", model)
    assert command("images.pkl", *ARGS, "-m", "above", "--memorised", "worst.png") == 0
    with Image.open("worst.png") as image:
        # 30 samples: 8 rows of 4 groups of 3 images of 2 x 3 pixels, with 2 pixels around them.
        assert image.size == (2 * (12 * (3 + 2) + 2), 2 * (8 * (2 + 2) + 2))
    with pytest.raises(SystemExit):
        command("images.pkl", dots, *ARGS, "--memorised", "worst.png")
    assert "--memorised draws the picture of a single model" in capsys.readouterr().err


BESIDE = """\
from adversarial.evaluation.metric import Result, metric


@metric(unit="")
def {name}(samples):
    "A metric beside a model file."
    return Result({value})
"""


def test_json_has_null_for_what_is_not_finite(command, dots, tmp_path, capsys):
    value = '1.0, details={"kept": 2.0, "lost": [float("nan"), float("inf")]}'
    (tmp_path / "dots_lost.py").write_text(BESIDE.format(name="dots_lost", value=value))
    argv = [*ARGS, "--allow-module", "dots_lost", "-m", "dots_lost", "--json"]
    try:
        assert command(dots, *argv) == 0
        found = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    finally:
        sys.modules.pop("dots_lost", None)
    details = found["metrics"]["dots_lost"]["details"]
    assert details == {"kept": 2.0, "lost": [None, None]}


def test_modules_are_found_beside_any_of_the_models(command, dots, tmp_path, capsys):
    model = serial.load(dots)
    for folder, value in (("one", 1.0), ("two", 2.0)):
        (tmp_path / folder).mkdir()
        name = f"dots_{folder}"
        (tmp_path / folder / f"{name}.py").write_text(BESIDE.format(name=name, value=value))
        serial.save(f"{folder}/m.pkl", model)
    argv = ["one/m.pkl", "two/m.pkl", *ARGS, "--allow-module", "dots_one,dots_two"]
    try:
        assert command(*argv, "-m", "dots_one,dots_two", "--json") == 0
        found = json.loads(capsys.readouterr().out)
        for report in found:
            values = {name: each["value"] for name, each in report["metrics"].items()}
            assert values == {"dots_one": 1.0, "dots_two": 2.0}
        # Two modules of one name, beside different models, cannot both be meant.
        (tmp_path / "two" / "dots_one.py").write_text(BESIDE.format(name="dots_one", value=3.0))
        assert command(*argv, "-m", "dots_one") == 1
        assert "one process can use one of them" in capsys.readouterr().err
    finally:
        for name in ("dots_one", "dots_two"):
            sys.modules.pop(name, None)


MIXTURE = """!obj:adversarial.datasets.mixture.GaussianMixture {
    means: [0.], deviations: [1.], num_examples: 60 }"""
HALVES = """!obj:adversarial.datasets.numpy_file.NumpyFile {
    path: x.npy, split: { train: .5, valid: .5 }, scale: null }"""


@pytest.fixture
def without_test_set(tmp_path, monkeypatch):
    """make(yaml) -> a model file of data of one number that have no test set."""
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", np.random.RandomState(0).randn(60, 1).astype("float32"))

    def make(source):
        model = Generator(MLP([Linear(layer_name="y", dim=1, irange=1.0)], nvis=2))
        model.dataset_yaml_src = source
        serial.save("m.pkl", model)
        return "m.pkl"

    return make


@pytest.mark.parametrize("source", [MIXTURE, HALVES])
def test_without_a_test_set_metrics_of_the_training_set_remain(
    command, without_test_set, capsys, source
):
    path = without_test_set(source)
    assert command(path, "-n", 40, "--csv", "t.csv", "--baselines", "--trust-paths") == 0
    out, err = capsys.readouterr()
    assert {"ndb", "nearest_distance"} <= {line.split()[0] for line in out.splitlines()}
    assert "has no test set: give --dataset a YAML file of one)" in err
    assert "fid_pixels" in err and "fid_pixels" not in out and "judged by" not in out
    with open("t.csv", newline="") as stream:
        assert {row["model"] for row in csv.DictReader(stream)} == {path, "data", "noise"}
    assert command(path, "-n", 40, "-m", "fid_pixels", "--trust-paths") == 1
    assert "fid_pixels needs test: the data set, a " in capsys.readouterr().err


def test_the_classifier_of_digits_judges_digits_from_0_to_1(command, tmp_path, monkeypatch, capsys):
    images = np.random.RandomState(0).randint(0, 256, (300, 28, 28)).astype("uint8")
    labels = np.arange(300, dtype="uint8") % 10
    monkeypatch.setattr(mnist, "load_arrays", lambda which_set: (images, labels))
    monkeypatch.chdir(tmp_path)
    model = Generator(MLP([Linear(layer_name="y", dim=784, irange=0.1)], nvis=5))
    (tmp_path / "digits.yaml").write_text(DIGITS % "")
    serial.save("bare.pkl", model)
    model.dataset_yaml_src = DIGITS % ", center: 1"
    serial.save("centred.pkl", model)
    argv = ["-n", 40, "-m", "fid"]
    assert command("bare.pkl", *argv, "-d", "digits.yaml") == 0
    assert "judged by the test examples of digits.yaml" in capsys.readouterr().out
    for data in ([], ["-d", "mnist"]):
        assert command("centred.pkl", *argv, *data) == 1
        out, err = capsys.readouterr()
        assert out == "" and "fid needs features: the classifier of this package knows dig" in err
        assert "--features MODEL" in err


DIGITS = "!obj:adversarial.datasets.mnist.MNIST { which_set: train%s }"
