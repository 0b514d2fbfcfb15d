"""show_samples.py, run in this process on small models."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from adversarial.models.adversary_pair import AdversaryPair
from adversarial.models.generator import Generator
from adversarial.models.mlp import MLP, Sigmoid
from adversarial.scripts import cli, show_samples
from adversarial.space import Conv2DSpace
from adversarial.utils import serial

SCRIPT = Path(__file__).parents[2] / "show_samples.py"
YAML = """!obj:adversarial.datasets.dense_design_matrix.DenseDesignMatrix {
    X: !obj:numpy.zeros { shape: [50, 36] } }"""


pytestmark = pytest.mark.usefixtures("fast_compile")


@pytest.fixture
def command():
    return lambda *argv: cli.run(lambda: show_samples.main([str(arg) for arg in argv]))


@pytest.fixture
def model(tmp_path):
    generator = Generator(MLP([Sigmoid(layer_name="y", dim=36, irange=1.0)], nvis=5))
    pair = AdversaryPair(generator, MLP([Sigmoid(layer_name="d", dim=1, irange=0.1)], nvis=36))
    pair.dataset_yaml_src = YAML
    path = tmp_path / "faces.v2.pkl"
    serial.save(path, pair)
    return path


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def test_picture_beside_the_model(command, model, capsys):
    assert command(model, "--rows", 2, "--cols", 3) == 0
    out, err = capsys.readouterr()
    path = model.with_name("faces.v2_samples.png")
    assert (out, err) == (f"{path}\n", "")
    # Cells of 6 pixels, 2 of padding, doubled.
    assert pixels(path).shape == (2 * (2 * 8 + 2), 2 * (3 * 8 + 2), 3)


def test_nearest_adds_a_framed_column(command, model, tmp_path):
    out = tmp_path / "n.png"
    assert command(model, "--nearest", "--rows", 2, "--cols", 3, "--scale", 1, "--out", out) == 0
    picture = pixels(out)
    assert picture.shape == (2 * 8 + 2, 4 * 8 + 2, 3)
    yellow = (picture == [255, 255, 0]).all(axis=2)
    assert yellow[:, 25:].any() and not yellow[:, :25].any()
    assert (picture[2:8, 26:32] == 0).all()  # the training set is black


def test_seed_decides(command, model, tmp_path):
    pictures = []
    for i, seed in enumerate([1, 1, 2]):
        out = tmp_path / f"{i}.png"
        assert command(model, "--rows", 1, "--cols", 2, "--seed", seed, "--out", out) == 0
        pictures.append(pixels(out))
    assert (pictures[0] == pictures[1]).all() and (pictures[0] != pictures[2]).any()


def test_interpolation_moves_step_by_step(command, model, tmp_path):
    out = tmp_path / "w.png"
    argv = ["--interpolate", "--rows", 1, "--cols", 30, "--scale", 1, "--out", out]
    assert command(model, *argv) == 0
    cells = pixels(out)[2:8, 2:, 0].reshape(6, 30, 8)[:, :, :6].transpose(1, 0, 2)
    steps = np.abs(np.diff(cells, axis=0)).mean()
    assert 0 < steps < 0.2 * np.abs(cells[0] - cells[-1]).mean()


@pytest.fixture
def painter(tmp_path):
    """The file of a model that paints the left halves of images of 6 x 6."""
    space = Conv2DSpace((6, 6), num_channels=1)
    G = MLP([Sigmoid(layer_name="y", dim=18, irange=1.0)], input_space=space)
    D = MLP([Sigmoid(layer_name="d", dim=1, irange=0.1)], input_space=space)
    pair = AdversaryPair(Generator(G), D)
    pair.dataset_yaml_src = YAML
    path = tmp_path / "painter.pkl"
    serial.save(path, pair)
    return path


def test_inpainting_in_threes(command, painter, tmp_path):
    out = tmp_path / "i.png"
    argv = ["--inpaint", "left", "--rows", 2, "--scale", 1, "--out", out]
    assert command(painter, *argv) == 0
    picture = pixels(out)
    assert picture.shape == (2 * 8 + 2, 12 * 8 + 2, 3)
    whole, masked, painted = (picture[2:8, 2 + 8 * i : 8 + 8 * i, 0] for i in range(3))
    assert (whole == 0).all() and (painted[:, 3:] == 0).all() and (painted[:, :3] > 0).all()
    assert (masked[:, :3] == 64).all() and (masked[:, 3:] == 0).all()


def test_other_examples_by_a_yaml(command, painter, model, tmp_path):
    white, out = tmp_path / "white.yaml", tmp_path / "i.png"
    white.write_text(YAML.replace("zeros", "ones"))
    for argv, where in (
        ([painter, "--inpaint", "left"], np.s_[2:8, 2:8]),
        ([model, "--nearest", "--cols", 1], np.s_[2:8, 10:16]),
    ):
        assert command(*argv, "--dataset", white, "--rows", 1, "--scale", 1, "--out", out) == 0
        assert (pixels(out)[where] == 255).all()


def test_show_without_a_display_still_writes(command, model, tmp_path, monkeypatch, caplog):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    out = tmp_path / "a.png"
    assert command(model, "--show", "--rows", 1, "--cols", 1, "--out", out) == 0
    assert out.exists() and "No display" in caplog.text


def test_mistakes_are_one_line(command, model, tmp_path, capsys):
    unnamed, odd = tmp_path / "unnamed.pkl", tmp_path / "odd.pkl"
    pair = serial.load(model)
    pair.dataset_yaml_src = None
    serial.save(unnamed, pair)
    serial.save(odd, Generator(MLP([Sigmoid(layer_name="y", dim=35, irange=1.0)], nvis=5)))
    for argv, message in [
        ([tmp_path / "none.pkl"], "none.pkl"),
        ([SCRIPT], "show_samples.py"),
        ([unnamed, "--nearest"], "does not say which data set"),
        ([odd], "samples of 35 numbers cannot be shown"),
        ([model, "--inpaint", "left"], "a generator that takes images"),
        ([model, "--nearest", "--dataset", tmp_path / "none.yaml"], "none.yaml"),
        ([model, "--out", tmp_path / "no" / "a.png"], "there is no folder"),
        ([model, "--out", tmp_path / "a.nothing"], "image format"),
    ]:
        assert command(*argv) == 1
        out, err = capsys.readouterr()
        assert out == "" and message in err and err.count("\n") == 1


@pytest.mark.parametrize(
    "argv, message",
    [
        ([], "required: model"),
        (["a.pkl", "--rows", "0"], "must be at least 1"),
        (["a.pkl", "--nearest", "--interpolate"], "not allowed with"),
        (["a.pkl", "--inpaint", "middle"], "invalid choice: 'middle'"),
        (["a.pkl", "--dataset", "a.yaml"], "--dataset needs --nearest or --inpaint"),
        (["a.pkl", "--interpolate", "--cols", "1"], "at least --cols 2"),
        (["a.pkl", "--seed", "-1"], "must not be negative"),
    ],
)
def test_usage(command, argv, message, capsys):
    with pytest.raises(SystemExit) as caught:
        command(*argv)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err.splitlines()[-1]


def test_each_kind_of_picture_has_its_own_name():
    kinds = [[], ["--nearest"], ["--interpolate"], ["--inpaint", "left"], ["--inpaint", "top"]]
    names = [show_samples.ending(show_samples.parse(["m.pkl", *argv])) for argv in kinds]
    assert names[:2] == ["_samples.png", "_nearest.png"] and len(set(names)) == len(kinds)


def test_examples_of_another_scale_are_refused(command, model, tmp_path, capsys):
    pair = serial.load(model)
    grey = """!obj:adversarial.datasets.dense_design_matrix.DenseDesignMatrix {
        X: !obj:numpy.eye { N: 36 } }"""
    pair.dataset_yaml_src = grey
    serial.save(model, pair)
    bytes_ = tmp_path / "bytes.yaml"
    bytes_.write_text("""!obj:adversarial.datasets.dense_design_matrix.DenseDesignMatrix {
        X: !obj:numpy.eye { N: 36 },
        preprocessor: !obj:adversarial.datasets.preprocessing.RemapInterval {
            map_from: [0, 1], map_to: [0, 255] } }""")
    assert command(model, "--nearest", "--dataset", bytes_, "--rows", 1) == 1
    err = capsys.readouterr().err
    assert "was trained on data from 0 to 1" in err and "goes from 0 to 255" in err
