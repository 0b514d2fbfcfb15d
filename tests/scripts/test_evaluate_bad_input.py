"""Bad input of `evaluate`: the first line of the message says what is wrong, and where."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
from adversarial.models.generator import Generator
from adversarial.models.mlp import MLP, Sigmoid, Softmax
from adversarial.scripts import cli, evaluate
from adversarial.utils import serial
from sandbox.conditional import ConditionalGenerator, ConditionalMLP

pytestmark = pytest.mark.usefixtures("fast_compile")


def save_data(name, X):
    """Data that no check has seen, as of a module of the user's own."""
    data = DenseDesignMatrix(X=np.zeros_like(X))
    data.X = X
    serial.save(f"{name}.pkl", data)
    with open(f"{name}.yaml", "w") as stream:
        stream.write(f"!pkl: {name}.pkl")


def save_filled(name, model, value=None):
    """Save a model; all its parameters become `value`."""
    for param in model.get_params() if value is not None else ():
        param.set_value(np.full_like(param.get_value(), value))
    serial.save(f"{name}.pkl", model)


def generator():
    return Generator(MLP([Sigmoid(layer_name="y", dim=6, irange=0.5)], nvis=3))


def classifier(nvis=6, top=None):
    layers = [Sigmoid(layer_name="h", dim=4, irange=1.0), top or Softmax(3, "y", irange=1.0)]
    return MLP(layers, nvis=nvis)


def conditional():
    layers = [Sigmoid(layer_name="y", dim=6, irange=0.5)]
    mlp = ConditionalMLP(nvis=3, n_classes=2, layers=layers)
    return ConditionalGenerator(noise="uniform", mlp=mlp)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        rows = np.random.RandomState(0).rand(40, 6).astype("float32")
        save_data("good", rows)
        save_data("nan", np.where(rows > 0.9, np.float32(np.nan), rows))
        save_data("one", np.linspace(0, 1, 6, dtype="float32")[None])
        save_data("three", rows[:3])
        save_data("wide", 255 * rows)
        save_data("signed", 2 * rows - 1)
        save_data("narrow", rows[:, :5])
        save_filled("m", generator())
        save_filled("diverged", generator(), np.nan)
        save_filled("constant", generator(), 0.0)
        save_filled("conditional", conditional())
        for name, file in (("gone", "gone.npy"), ("variable", "${MY_NUMBERS}/x.npy")):
            model = generator()
            of = "!obj:adversarial.datasets.numpy_file.NumpyFile"
            model.dataset_yaml_src = f"{of} {{ path: '{file}' }}"
            save_filled(name, model)
        save_filled("classifier", classifier())
        save_filled("of_five", classifier(nvis=5))
        save_filled("untrained", classifier(), 0.0)
        save_filled("broken", classifier(), np.nan)
        save_filled("regression", classifier(top=Sigmoid(layer_name="y", dim=2, irange=1.0)))
        save_filled("single", MLP([Softmax(3, "y", irange=1.0)], nvis=6))
        with open("text.pkl", "w") as stream:
            stream.write("hello")
        (folder / "empty").mkdir()
        with open("empty.yaml", "w") as stream:
            stream.write("!obj:adversarial.datasets.image_folder.ImageFolder ")
            stream.write("{ path: empty, which_set: test }")
    return folder


CASES = {
    # Too few
    "m.pkl -n 3 -m precision --features classifier.pkl": "precision: 3 samples are too few for 3",
    "m.pkl -m recall -d three.yaml --features classifier.pkl": "recall: 3 rows of data are too few",
    "m.pkl -m fid_pixels -d one.yaml": "fid_pixels: 1 rows of data are too few: at least 2",
    "m.pkl -m parzen_ll -d one.yaml": "1 examples are too few to choose sigma and to be scored",
    "m.pkl -n 19 -m support_size -d three.yaml": "3 rows of data are too few",
    # Not finite, constant, of another scale
    "diverged.pkl -m fid_pixels": "diverged.pkl: fid_pixels: samples contain NaN or infinite",
    "diverged.pkl": "diverged.pkl: fid_pixels: samples contain NaN or infinite",
    "m.pkl -m fid_pixels -d nan.yaml": "the examples of nan.yaml contain NaN or infinite values",
    "m.pkl -m parzen_ll -d nan.yaml": "the examples of nan.yaml contain NaN or infinite values",
    "constant.pkl -m ndb": "constant.pkl: the model file does not say which data set",
    "gone.pkl -m ndb": "ndb needs training: gone.pkl line 1: NumpyFile: ",
    "variable.pkl -m ndb": "ndb needs training: variable.pkl line 1: ${MY_NUMBERS}",
    "constant.pkl -m fid_pixels": "all numbers in samples of constant.pkl are 0.5: has the model",
    "m.pkl -m fid_pixels -d wide.yaml": "m.pkl makes samples from 0 to 1, since its generator ends",
    "m.pkl -m fid_pixels -d signed.yaml": "in Sigmoid, but signed.yaml goes from -",
    "m.pkl -m fid_pixels -d narrow.yaml": "m.pkl makes samples of 6 numbers, but narrow.yaml has 5",
    "m.pkl -m fid_pixels -d tfd": "samples of 6 numbers, but tfd has 2304 or 9216",
    # Classifiers
    "m.pkl -m fid": "fid needs features: give --features MODEL",
    "m.pkl -m fid --features untrained.pkl": "features of the 40 rows of data are all the same",
    "m.pkl -m fid --features broken.pkl": "fid: the features of samples contain NaN",
    "m.pkl -m fid --features of_five.pkl": "takes examples of 5 numbers, but these have 6",
    "m.pkl -m fid --features single.pkl": "single.pkl: features are taken from an "
    "MLP of at least two layers, as of a classifier, not an MLP of one",
    "m.pkl -m fid --features m.pkl": "m.pkl: features are taken from an MLP",
    "m.pkl -m fid --features none.pkl": "none.pkl: No such file",
    "m.pkl -m class_kl --features regression.pkl": "the top layer of the network is no Softmax",
    # Models
    "classifier.pkl -m fid_pixels": "classifier.pkl: a model of class MLP has no generator to draw",
    "none.pkl -m fid_pixels": "cannot open none.pkl: there is no such file",
    "text.pkl -m fid_pixels": "text.pkl: is not a model file of this program",
    "empty -m fid_pixels": "cannot open empty: it is a folder",
    "conditional.pkl -m ais_ll": "a ConditionalGenerator, needs a class as well as z",
    "m.pkl -m fid_inception": "fid_inception needs shape: samples of 6 numbers cannot be shown",
    # Data sets
    "m.pkl -m fid_pixels -d empty.yaml": "empty.yaml line 1: ImageFolder: empty holds no image",
    "m.pkl -m fid_pixels -d empty": "empty: is not a regular file",
    "m.pkl -m fid_pixels --fold 1": "good.yaml has no folds, but --fold 1 was given",
    # Options
    "m.pkl -m fid_pixel": "no metric 'fid_pixel'; did you mean fid_pixels?",
    "m.pkl -m fid_pixels,,ndb": "no metric ''",
    "m.pkl -m ais_ll --option ais_ll.steps=abc": "steps must be a whole number of at least 1",
    "m.pkl -m ais_ll --option ais_ll.sigma=-1": "sigma must be a positive number, or several",
    "m.pkl -m ais_ll --option ais_ll.step=3": "ais_ll has no option 'step'; did you mean steps?",
    "m.pkl -m ais_ll --option ais_ll.state=3": "state must be a path, not 3",
    "m.pkl -m fid_pixels --option ais_ll.steps=3": "--metrics does not name ais_ll",
    "m.pkl -m fid_pixels --csv m.pkl": "cannot write m.pkl: the command reads this file",
    "m.pkl -m fid_pixels --csv empty": "cannot write 'empty': it is not a regular file",
}


ARGUMENTS = {
    "m.pkl -m fid_pixels --seed 4294967296": "--seed: must be from 0 to 4294967295",
    "m.pkl -m fid_pixels --csv new.png --memorised ./new.png": "would both write new.png",
    "m.pkl classifier.pkl -m ais_ll --option ais_ll.state=s.npz": "ais_ll.state names the file of "
    "a single model",
    "m.pkl -m fid_pixels --memorised new.xyz": "--memorised draws a picture: end new.xyz in .png",
}


@pytest.mark.parametrize("line", ARGUMENTS)
def test_bad_arguments_are_named_before_anything_is_read(files, monkeypatch, capsys, line):
    monkeypatch.chdir(files)
    with pytest.raises(SystemExit) as ended:
        evaluate.main(line.split())
    assert ended.value.code == 2 and ARGUMENTS[line] in capsys.readouterr().err


def test_more_samples_than_fit_into_memory_are_refused(files, monkeypatch, capsys):
    monkeypatch.chdir(files)
    argv = ["m.pkl", "-d", "good.yaml", "-m", "fid_pixels", "-n", str(10**13)]
    assert cli.run(lambda: evaluate.main(argv)) == 1
    # 6 numbers of 4 bytes.
    said = "out of memory (10,000,000,000,000 samples of 6 numbers take 223,517.4 GiB, but this"
    err = capsys.readouterr().err
    assert said in err and "GiB: ask for fewer)" in err


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs a folder without files")
def test_a_folder_that_takes_no_file_is_named_first(files, monkeypatch, capsys):
    monkeypatch.chdir(files)
    argv = ["m.pkl", "-d", "good.yaml", "-m", "fid_pixels", "--csv", "/proc/table.csv"]
    assert cli.run(lambda: evaluate.main(argv)) == 1
    out, err = capsys.readouterr()
    assert "cannot write /proc/table.csv: /proc, where it is to be saved, is not writable (" in err
    assert out == ""


def test_too_few_samples_for_a_covariance_are_noted(files, monkeypatch, capsys):
    monkeypatch.chdir(files)
    argv = ["m.pkl", "-d", "good.yaml", "-m", "fid_pixels", "-n"]
    assert cli.run(lambda: evaluate.main([*argv, "6"])) == 0
    assert "fid_pixels: 6 samples are too few for a covariance of 6 num" in capsys.readouterr().err
    assert cli.run(lambda: evaluate.main([*argv, "7"])) == 0
    assert "too few for a covariance" not in capsys.readouterr().err


@pytest.mark.parametrize("line", CASES)
def test_bad_input_is_named(files, monkeypatch, capsys, line):
    monkeypatch.chdir(files)
    argv = line.split()
    if "-n" not in argv:
        argv += ["-n", "30"]
    if "-d" not in argv:
        argv += ["-d", "good.yaml"]
    assert cli.run(lambda: evaluate.main(argv)) == 1
    out, err = capsys.readouterr()
    first = next(text for text in err.splitlines() if "error" in text)
    assert CASES[line] in first and out == ""


def test_fewer_test_examples_than_ais_takes_are_all_taken(files, monkeypatch, capsys):
    monkeypatch.chdir(files)
    settings = dict(chains=2, steps=4, simulated=2, valid_examples=4)
    options = [word for name, n in settings.items() for word in ("--option", f"ais_ll.{name}={n}")]
    assert (
        cli.run(lambda: evaluate.main(["m.pkl", "-d", "good.yaml", "-m", "ais_ll", *options])) == 0
    )
    assert "note: ais_ll: there are 20 test examples, not 100" in capsys.readouterr().err
