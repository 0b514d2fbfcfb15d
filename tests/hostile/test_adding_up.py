"""Files whose parts are each within their limits and together, or when used, are not."""

from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import hostile_corpus as corpus
import numpy as np
import pytest

from adversarial.config import yaml_parse
from adversarial.datasets.cifar10_batch import _BatchUnpickler
from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
from adversarial.datasets.mnist import MNIST_rotated_background
from adversarial.datasets.preprocessing import ZCA
from adversarial.files import opening
from adversarial.modelfile import container
from adversarial.modelfile.npy import load_npz
from adversarial.scripts import cli
from adversarial.train_extensions.samples import SampleGrid
from adversarial.utils import serial
from adversarial.viewer.grid import Grid

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "arguments",
    [
        {"path": "x.npz"},
        {"path": "x"},
        {"rows": 0},
        {"cols": -1},
        {"scale": 0},
        {"scale": 3000},
        {"seed": -1},
        {"seed": 2**32},
        {"rows": 100_000, "cols": 100_000},
        {"rows": 2.5},
    ],
)
def test_a_sample_grid_is_judged_when_it_is_made(arguments):
    SampleGrid("x.png", rows=20, cols=20, scale=5)
    with pytest.raises(ValueError, match=next(iter(arguments))):
        SampleGrid(**{"path": "x.png", **arguments})


def test_a_picture_has_an_end():
    Grid(20, 20, (28, 28), (2, 2)).to_image(2)
    with pytest.raises(ValueError, match="is larger than"):
        Grid(1000, 1000, (28, 28), (2, 2))
    with pytest.raises(ValueError, match="is larger than"):
        Grid(20, 20, (28, 28), (2, 2)).to_image(300)


@pytest.mark.parametrize(
    ("text", "culprit"),
    [
        (
            corpus.changed("learning_rate: .1", "learning_rate: .inf"),
            "line 25: `learning_rate` of SGD",
        ),
        (corpus.changed("init_momentum: .5", "init_momentum: .nan"), "`init_momentum` of Momentum"),
        (corpus.changed("target_scale: .9", "target_scale: .nan"), "`target_scale`"),
        (
            corpus.changed(
                "{train: *data}", "{" + ", ".join(f"d{n}: *data" for n in range(1000)) + "}"
            ),
            "monitoring_dataset has 1000 data sets",
        ),
        (
            corpus.changed("monitor_ll: 0", "monitor_ll: 1, ll_n_samples: 1000000000"),
            "ll_n_samples",
        ),
        (
            "!obj:adversarial.datasets.mixture.GaussianMixture {means: [0.], deviations: [1.], "
            "num_examples: 2000000000}",
            "num_examples",
        ),
    ],
)
def test_values_are_named(text, culprit):
    with pytest.raises(yaml_parse.YamlError) as caught:
        yaml_parse.load(text, {"PYLEARN2_TRAIN_FILE_FULL_STEM": "x"})
    assert culprit in str(caught.value)


def test_the_source_of_a_text_in_many_objects():
    text = (
        "- &t '"
        + "x" * 500_000
        + "'\n"
        + "".join(
            "- !obj:adversarial.datasets.preprocessing.Pipeline {items: [*t]}\n"
            for _ in range(3000)
        )
    )
    with pytest.raises(yaml_parse.YamlError, match="aliases repeat it"):
        yaml_parse.load(text, instantiate=False)


def test_a_tuple_hashed_for_many_keys():
    def keys(size, count):
        tuples = [{"t": "tuple", "v": [0] * size + [n]} for n in range(count)]
        outer = {"t": "dict", "v": [[[n + 2], 0] for n in range(count)]}
        return corpus.forged(corpus.document({"t": "list", "v": [[1]]}, outer, *tuples))

    assert len(serial.from_string(keys(100, 100))[0]) == 100
    shared = corpus.document(
        {"t": "dict", "v": [[[n + 2], 0] for n in range(9999)]},
        {"t": "tuple", "v": [0] * 100_000},
        *[{"t": "tuple", "v": [[1], n]} for n in range(9999)],
    )
    with pytest.raises(serial.BadFile, match="far more memory or time .*keys that are not text"):
        serial.from_string(corpus.forged(shared))


@pytest.mark.parametrize("wrap", [False, True])
def test_a_state_that_many_objects_share(wrap):
    cls = "adversarial.models.mlp:Sigmoid" if wrap else "adversarial.space:VectorSpace"
    large = {"t": "dict", "v": [[f"k{n}", 0] for n in range(20_000)]}
    small = {"t": "dict", "v": [["tag", [1]]]}
    objects = [{"t": "object", "c": cls, "v": [2 if wrap else 1]}] * 2000
    shared = corpus.document(
        {"t": "list", "v": [[n + 3] for n in range(2000)]}, large, small, *objects
    )
    with pytest.raises(serial.BadFile, match="far more memory or time .*many objects share"):
        serial.from_string(corpus.forged(shared))


def test_a_compressed_design_matrix_grows_no_larger():
    data = DenseDesignMatrix(X=np.random.RandomState(0).rand(50, 3))
    data.enable_compression()
    state = data.__getstate__()
    again = DenseDesignMatrix.__new__(DenseDesignMatrix)
    again.__setstate__(state)
    assert np.abs(again.X - data.X).max() < 0.01
    for bound in (np.zeros((1, 3000)), np.zeros(1)):
        with pytest.raises(ValueError, match="two bounds for each column"):
            again.__setstate__({**state, "compress_min": bound})


@pytest.mark.parametrize("shape", [[10**9, 0], [0, 10**12]])
def test_an_empty_array_of_great_length(shape):
    with pytest.raises(serial.BadFile, match="without values"):
        serial.from_string(corpus.forged(corpus.document({"t": "array", "a": ["<f8", shape, ""]})))


def test_a_list_of_checksums_of_megabytes():
    with zipfile.ZipFile(io.BytesIO(corpus.model_file())) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    members[-1] = (container.SUMS, members[-1][1] + b"\n" * 10_000_000)
    with pytest.raises(serial.BadFile, match="the list of checksums"):
        serial.from_string(corpus.zipped(members))


def test_an_archive_that_grows_a_thousand_times(tmp_path):
    path = tmp_path / "x.npz"
    np.savez_compressed(path, data=np.zeros(100_000_000, np.uint8))
    with pytest.raises(ValueError, match=f"{path}.*far more memory.*the array 'data'"):
        load_npz(path, ["data"])


def test_deconvolution_has_an_end():
    text = """!obj:adversarial.models.mlp.MLP {
        input_space: !obj:adversarial.space.Conv2DSpace {shape: [8, 8], num_channels: 1},
        layers: [!obj:adversarial.models.deconv.Deconv {
            layer_name: y, num_channels: 1, kernel_shape: [5, 5], irange: .1,
            output_stride: [%d, %d]}]}"""
    mlp = yaml_parse.load(text % (2, 2))
    with pytest.raises(yaml_parse.YamlError, match="output_stride is .*too large"):
        yaml_parse.load(text % (3000, 3000))
    layer = mlp.layers[0]
    layer.output_space.shape = (1 << 23, 4)
    with pytest.raises(ValueError, match="too large"):
        mlp.fprop(mlp.get_input_space().make_aesara_batch())


def test_a_forged_file_reads_no_array_that_it_does_not_know(tmp_path, monkeypatch):
    secret = tmp_path / "secret.npy"
    np.save(secret, np.arange(6.0, dtype="float32").reshape(2, 3))
    data = DenseDesignMatrix(X=np.ones((2, 3)))
    state = {**data.__getstate__(), "design_loc": str(secret)}
    del state["X"]
    again = DenseDesignMatrix.__new__(DenseDesignMatrix)
    for digest in ({}, {"design_digest": "0" * 64}):
        with pytest.raises(opening.BadFile, match=str(secret)):
            again.__setstate__({**state, **digest})
    monkeypatch.setenv(opening.TRUST_VARIABLE, "1")  # for data sets of earlier versions
    again.__setstate__(state)
    assert again.X[1, 2] == 5


def test_matrices_beside_a_preprocessor(tmp_path, monkeypatch):
    zca = ZCA()
    zca.fit(np.random.RandomState(0).rand(20, 3))
    zca.set_matrices_save_path(str(tmp_path / "m.npz"))
    serial.save(str(tmp_path / "z.pkl"), zca)
    assert np.array_equal(serial.load(str(tmp_path / "z.pkl")).P_, zca.P_)
    np.savez(tmp_path / "m.npz", mean_=1, P_=2)
    with pytest.raises(serial.BadFile, match="another file"):
        serial.load(str(tmp_path / "z.pkl"))


@pytest.mark.parametrize("which_set", ["../../../x", "/etc/x", "a/b", "..", 5])
def test_sets_are_names(which_set, tmp_path, monkeypatch):
    monkeypatch.setenv("PYLEARN2_DATA_PATH", str(tmp_path))
    (tmp_path / "mnist" / "mnist_rotation_back_image").mkdir(parents=True)
    np.savez(tmp_path / "x.npz", data=np.zeros((2, 784)), labels=[0, 1])
    with pytest.raises(ValueError, match="which_set"):
        MNIST_rotated_background(which_set)


def test_unwritten_memory_is_no_image():
    class Called:
        def __reduce__(self):
            return np.ndarray, ((10_000, 3072), "u1")

    with pytest.raises(pickle.UnpicklingError):
        _BatchUnpickler(io.BytesIO(pickle.dumps(Called(), 2))).load()


def test_commands_import_nothing_from_the_current_folder(tmp_path):
    for name in ("numpy", "sandbox", "yaml", "argparse", "typing"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("open('imported', 'w'); raise SystemExit(3)")
    done = subprocess.run(
        [sys.executable, "-m", "adversarial.scripts.show_weights", "--help"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "imported").exists()


def test_what_fails_when_it_is_used_names_its_file(tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("ADVERSARIAL_DEBUG", raising=False)
    path = tmp_path / "x.pkl"
    serial.save(path, {"layers": None})

    for error in (AttributeError("no layers"), TypeError("'int' object"), KeyError("a")):

        def main(error=error):
            serial.load(path)
            raise error

        assert cli.run(main) == 1
        said = capsys.readouterr().err
        assert str(path) in said and "bug" not in said and said.count("\n") == 1
    with pytest.raises(KeyError):
        serial.load(path)["nothing"]

    def deep():
        raise RecursionError("maximum recursion depth exceeded")

    assert cli.run(deep) == 1
    assert "too many layers" in capsys.readouterr().err


def test_whitening_has_an_end():
    with pytest.raises(ValueError, match="30000 x 30000 numbers"):
        ZCA().fit(np.zeros((2, 30_000), "float32"))
