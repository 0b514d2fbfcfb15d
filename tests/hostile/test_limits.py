"""The commands as processes of their own: at most 10 s of computing and 2 GiB resident."""

from __future__ import annotations

import bombs
import hostile_corpus as corpus
import numpy as np
import pytest
import scipy.io
from time_bounds import at_most, check_seconds, spent

from adversarial.config import nodes, yaml_parse
from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
from adversarial.datasets.mat import load_mat
from adversarial.datasets.preprocessing import ZCA
from adversarial.modelfile.npy import load_npz
from adversarial.utils import serial

SECONDS = 10  # of the processor: a busy machine is no fault of the command
GIBIBYTES = 2
MODELS = corpus.models()
# The costliest of each kind, as measured.
YAMLS = ["100 MB", "laughs", "a wide layer"]
FILES = ["records of records", "zip bomb"]
# Refused only after some seconds, when what the first parts take has added up.
SLOW_BOMBS = [
    "forty arrays",
    "thirty mixtures",
    "forty data sets of one array",
    "whitening again and again",
    "marginals again and again",
    "an array that each of many data sets looks at",
    "a long pipeline",
    "an array in many spaces",
    "forty layers",
    "a wide composite",
    "objects without end",
]
SMALL_BOMBS = sorted(set(bombs.YAML) - set(SLOW_BOMBS))
MORE_YAMLS = sorted(set(corpus.YAML) - set(YAMLS))
MORE_FILES = sorted(set(MODELS) - set(FILES))

pytest.importorskip("resource", reason="nothing here measures what a process takes")


def check(folder, script, culprit, *arguments):
    before = contents(folder)
    status, error, seconds, memory = spent(folder, script, *arguments)
    assert status in (1, 2) and error.count("\n") == 1 and culprit in error, (status, error)
    assert memory <= GIBIBYTES, memory
    if seconds > SECONDS:
        # Other processes slow down a processor's caches and its second thread: the less counts.
        seconds = min(seconds, spent(folder, script, *arguments)[2])
    check_seconds(seconds, SECONDS)
    assert contents(folder) == before


def contents(folder):
    # A lock stays beside a save path, empty.
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".lock"}


def check_yaml(name, folder):
    text, culprit = {**corpus.YAML, **bombs.YAML}[name]
    (folder / "bad.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    check(folder, "train", culprit, "bad.yaml")


def check_model(name, folder):
    data, culprit = MODELS[name]
    (folder / "bad.pkl").write_bytes(data)
    check(folder, "show_samples", culprit, "bad.pkl")


@pytest.mark.parametrize("name", YAMLS)
def test_yaml(name, tmp_path):
    check_yaml(name, tmp_path)


@pytest.mark.parametrize("name", FILES)
def test_model(name, tmp_path):
    check_model(name, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", MORE_YAMLS)
def test_every_yaml(name, tmp_path):
    check_yaml(name, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", MORE_FILES)
def test_every_model(name, tmp_path):
    check_model(name, tmp_path)


@pytest.fixture(scope="module")
def model_bombs():
    return bombs.models(large=False)


def refused(load, made, culprit, seconds=SECONDS / 2):
    """`load(made)` is refused in one line with `culprit`, before much is computed."""
    with at_most(seconds), pytest.raises(ValueError) as caught:
        load(made)
    assert culprit in str(caught.value)


def load_yaml(text):
    return yaml_parse.load(text, {"PYLEARN2_TRAIN_FILE_FULL_STEM": "x"})


@pytest.mark.parametrize("name", SMALL_BOMBS)
def test_a_bomb_in_this_process(name):
    text, culprit = bombs.YAML[name]
    refused(load_yaml, text, culprit)


@pytest.mark.parametrize("name", ["forty arrays", "a wide composite"])
def test_parts_that_add_up(name, monkeypatch):
    """As in the slow tests, but with a twentieth of the memory and of the time."""
    monkeypatch.setenv(nodes.MORE_VARIABLE, "0.05")
    text, culprit = bombs.YAML[name]
    refused(load_yaml, text, culprit)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(bombs.YAML))
def test_a_bomb(name, tmp_path):
    check_yaml(name, tmp_path)


@pytest.mark.parametrize("name", sorted(bombs.models(large=False)))
def test_a_model_that_is_a_bomb_in_this_process(name, model_bombs):
    data, culprit = model_bombs[name]
    refused(serial.from_string, data, culprit, seconds=6.0)


@pytest.mark.slow
def test_models_that_are_bombs(tmp_path):
    for data, culprit in bombs.models(large=True).values():
        (tmp_path / "bad.pkl").write_bytes(data)
        check(tmp_path, "show_samples", culprit, "bad.pkl")


@pytest.mark.parametrize("name", ["the size of MNIST", "whitening of MNIST's columns"])
def test_large_experiments_are_made(name):
    load_yaml(bombs.HONEST[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(bombs.HONEST))
def test_all_large_experiments_are_made(name):
    load_yaml(bombs.HONEST[name])


@pytest.mark.slow
def test_a_model_of_100_megabytes_is_read():
    data = DenseDesignMatrix(X=np.random.RandomState(0).rand(130_000, 200))
    assert len(serial.from_string(serial.to_string(data)).X) == 130_000
    data.enable_compression()
    assert len(serial.from_string(serial.to_string(data)).X) == 130_000


def test_a_small_archive_of_zeros(tmp_path):
    """A megabyte of each kind would become more than 5 GiB; here, a few hundred kilobytes."""
    zeros = np.zeros((4000, 48, 48), "u1"), np.zeros(130_000_000, "u1")
    scipy.io.savemat(tmp_path / "x.mat", {"images": zeros[1]}, do_compression=True)
    np.savez_compressed(tmp_path / "x.npz", images=zeros[1])
    for load in (
        lambda path: load_mat(path.with_suffix(".mat"), ["images"], 1 << 30),
        lambda path: load_npz(path.with_suffix(".npz"), ["images"]),
    ):
        refused(load, tmp_path / "x", "the array 'images'")
    # What photographs and drawings compress to is read.
    np.savez_compressed(tmp_path / "x.npz", images=zeros[0])
    assert load_npz(tmp_path / "x.npz", ["images"])["images"].shape == (4000, 48, 48)


def test_arrays_of_an_archive_add_up(tmp_path):
    many = {f"a{number}": np.zeros(20_000_000, "u1") for number in range(5)}
    np.savez_compressed(tmp_path / "x.npz", **many)
    assert len(load_npz(tmp_path / "x.npz", ["a0", "a1"])) == 2
    refused(lambda path: load_npz(path, list(many)), tmp_path / "x.npz", "the array 'a3'")


def test_whitening_in_python_is_bounded_by_the_machine_alone():
    with pytest.raises(ValueError, match="too large for any machine"):
        ZCA().fit(np.zeros((2, 30_000), "float32"))
