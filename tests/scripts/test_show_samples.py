"""show_samples.py, run in this process on small models."""

from __future__ import annotations

import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from adversarial.evaluation.sampling import draw_noise, draw_samples, sample_batches, samples_at
from adversarial.models.adversary_pair import AdversaryPair
from adversarial.models.generator import Generator
from adversarial.models.mlp import (
    MLP,
    CompositeLayer,
    FlattenerLayer,
    Linear,
    Sigmoid,
    SpaceConverter,
    Tanh,
)
from adversarial.monitor import Monitor
from adversarial.scripts import cli, show_samples
from adversarial.space import Conv2DSpace
from adversarial.utils import serial
from adversarial.viewer import animation
from adversarial.viewer.sample_files import write_npy

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
        argv += ["--dataset", white, "--rows", 1, "--scale", 1, "--out", out, "--overwrite"]
        assert command(*argv) == 0
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
        (["a.pkl", "--seed", "-1"], "must be from 0 to 4294967295"),
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


# Samples as data


def test_arrays_hold_the_samples_that_the_model_emits(command, model, tmp_path):
    expected = draw_samples(serial.load(model), 250, seed=3)
    npy, npz = tmp_path / "x.npy", tmp_path / "x.npz"
    for out in (npy, npz):
        assert command(model, "--num", 250, "--seed", 3, "--out", out) == 0
    np.testing.assert_array_equal(np.load(npy), expected)
    assert np.load(npy, mmap_mode="r").dtype == np.float32
    with np.load(npz) as archive:
        np.testing.assert_array_equal(archive["samples"], expected)
        assert archive["image_shape"].tolist() == [6, 6, 1]
        assert archive["bounds"].tolist() == [0, 1]
        assert archive["observed"].tolist() == [expected.min(), expected.max()]


def test_a_folder_has_one_rgb_picture_for_each_sample(command, model, tmp_path):
    assert command(model, "--num", 130, "--out", f"{tmp_path}/faces/") == 0
    expected = draw_samples(serial.load(model), 130)
    files = sorted((tmp_path / "faces").iterdir())
    assert [file.name for file in files[:2] + files[-1:]] == ["000.png", "001.png", "129.png"]
    assert len(files) == 130
    for file, row in zip(files, expected):
        with Image.open(file) as picture:
            assert (picture.mode, picture.size) == ("RGB", (6, 6))
            found = np.asarray(picture)
        np.testing.assert_allclose(found[..., 0] / 255, row.reshape(6, 6), atol=0.5 / 255 + 1e-6)
        assert (found[..., :1] == found).all()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_folder_of_samples_in_colour_is_scaled_by_the_bounds_of_the_top_layer(command, tmp_path):
    space = Conv2DSpace((2, 3), num_channels=3)
    layers = [Tanh(dim=18, layer_name="y", irange=2.0), SpaceConverter("images", space)]
    path = tmp_path / "m.pkl"
    serial.save(path, Generator(MLP(layers, nvis=5)))
    assert command(path, "--num", 7, "--out", f"{tmp_path}/x/") == 0
    rows = draw_samples(serial.load(path), 7)
    for i, row in enumerate(rows):
        found = pixels(tmp_path / "x" / f"{i:03d}.png")
        wanted = (row.reshape(3, 2, 3).transpose(1, 2, 0) + 1) / 2 * 255
        np.testing.assert_allclose(found, wanted, atol=0.51)


def test_a_folder_that_has_files_is_refused(command, model, tmp_path, capsys):
    (tmp_path / "faces").mkdir()
    (tmp_path / "faces" / "old.png").write_bytes(b"")
    assert command(model, "--out", tmp_path / "faces") == 1
    assert "is not empty, and its files would count as samples" in capsys.readouterr().err
    assert len(list((tmp_path / "faces").iterdir())) == 1


def test_a_folder_that_cannot_be_completed_is_not_there(command, model, tmp_path, monkeypatch):
    pair = serial.load(model)
    pair.generator.mlp.layers[0].b.set_value(np.full(36, np.nan, "float32"))
    serial.save(model, pair)
    assert command(model, "--out", f"{tmp_path}/faces/") == 1
    assert [path.name for path in tmp_path.iterdir()] == [model.name]


@pytest.mark.parametrize("out", ["x.npy", "x.npz", "x/"])
def test_more_samples_than_the_disk_has_room_for(out, command, model, tmp_path, capsys):
    assert command(model, "--num", 10**14, "--out", f"{tmp_path}/{out}") == 1
    assert "GB at least, but its disk has" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == [model.name]


def test_what_is_read_is_not_replaced(command, model, tmp_path, capsys):
    np.save(tmp_path / "z.npy", np.zeros((2, 5)))
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert command(model, "--z", tmp_path / "z.npy", "--out", tmp_path / "z.npy") == 1
    assert "z.npy: the command reads this file; name another" in capsys.readouterr().err
    assert command(model, "--out", model) == 1
    assert "the command reads this file" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_any_number_of_samples_takes_the_memory_of_a_batch(model, tmp_path):
    generator = serial.load(model)
    tracemalloc.start()
    try:
        batches = (rows for rows in sample_batches(generator, 20_000))
        next(batches)
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        write_npy(str(tmp_path / "x.npy"), batches, 19_900, 36)
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert np.load(tmp_path / "x.npy", mmap_mode="r").shape == (19_900, 36)
    assert peak < 0.2 * 19_900 * 36 * 4


@pytest.mark.parametrize("name", ["data.npy", "data.npz", "data.png"])
def test_files_are_not_replaced_without_overwrite(name, command, model, tmp_path, capsys):
    path = tmp_path / name
    path.write_bytes(b"somebody's data")
    assert command(model, "--out", path) == 1
    assert f"{path} exists already: --overwrite replaces it" in capsys.readouterr().err
    assert path.read_bytes() == b"somebody's data"
    assert command(model, "--out", path, "--overwrite") == 0
    assert path.read_bytes() != b"somebody's data"


def test_a_picture_that_the_command_names_is_drawn_anew(command, model):
    assert command(model) == 0
    picture = model.with_name("faces.v2_samples.png")
    before = picture.read_bytes()
    assert command(model, "--seed", 1) == 0
    assert picture.read_bytes() != before


@pytest.mark.parametrize("name", ["z.npy", "z.npz", "other.npz"])
def test_samples_at_points_of_a_file(name, command, model, tmp_path):
    z = np.random.RandomState(2).normal(size=(230, 5))
    if name.endswith("npy"):
        np.save(tmp_path / name, z)
    else:
        np.savez(tmp_path / name, **({"z": z, "more": z[:1]} if name == "z.npz" else {"a": z}))
    assert command(model, "--z", tmp_path / name, "--out", tmp_path / "x.npy") == 0
    expected = samples_at(serial.load(model), z)
    np.testing.assert_allclose(np.load(tmp_path / "x.npy"), expected, rtol=1e-5)
    out = tmp_path / "x.png"
    assert command(model, "--z", tmp_path / name, "--cols", 23, "--scale", 1, "--out", out) == 0
    assert pixels(out).shape == (10 * 8 + 2, 23 * 8 + 2, 3)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (np.zeros((3, 4)), r"has an array of float64 of shape (3, 4); this model takes numbers of"),
        (np.zeros(5), "of shape (5,)"),
        (np.zeros((0, 5)), "of shape (0, 5)"),
        (np.full((2, 5), np.nan), "has numbers that are NaN or infinite"),
        (np.full((2, 5), 1e39), "has numbers that are NaN or infinite, as float32"),
        (np.array([["a"] * 5]), "has an array of <U1"),
        (b"nothing", "error: --z {path}: is damaged, or not NumPy's (ValueError: "),
        ({"a": np.zeros((2, 5)), "b": np.zeros((2, 5))}, "one of them must be named z"),
    ],
    ids=["width", "vector", "empty", "nan", "float64", "text", "bytes", "names"],
)
def test_points_that_do_not_fit_are_refused(content, message, command, model, tmp_path, capsys):
    path = tmp_path / ("z.npz" if isinstance(content, dict) else "z.npy")
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif isinstance(content, dict):
        np.savez(path, **content)
    else:
        np.save(path, content)
    assert command(model, "--z", path) == 1
    assert message.replace("{path}", str(path)) in capsys.readouterr().err


@pytest.mark.parametrize("damage", [{60: 0xFF, 61: 0xFF, 62: 0xFF}, {6: 1}, {8: 97}])
def test_points_in_a_damaged_archive_are_blamed_on_it(damage, command, model, tmp_path, capsys):
    """Bytes that cannot be unpacked; a member that claims to be encrypted, or packed oddly."""
    path = tmp_path / "z.npz"
    np.savez_compressed(path, z=np.random.RandomState(0).rand(500, 5))
    content = bytearray(path.read_bytes())
    central = content.rfind(b"PK\x01\x02")
    for at, byte in damage.items():
        content[at] = byte
        if at < 26:  # what the central directory repeats
            content[central + at + 2] = byte
    path.write_bytes(content)
    assert command(model, "--z", path) == 1
    assert f"error: --z {path}: is damaged, or not NumPy's (" in capsys.readouterr().err


@pytest.fixture
def conditional(tmp_path):
    """The file of a model of three classes; class k lies around k - 1."""
    from sandbox.conditional import ConditionalGenerator, ConditionalMLP, ConditionalPair

    def both(name):
        parts = [Linear(9, f"{name}z", irange=0.01), Linear(9, f"{name}c", irange=0.0)]
        return [FlattenerLayer(CompositeLayer(name, parts, {0: [0], 1: [1]}))]

    G = ConditionalMLP([*both("h"), Linear(9, "y", irange=0.0)], nvis=5, n_classes=3)
    inner = G.layers[0].raw_layer.layers[1]
    inner.set_weights(np.repeat([[-1.0], [0.0], [1.0]], 9, axis=1))
    G.layers[1].set_weights(np.concatenate([np.eye(9), np.eye(9)]))
    top = Sigmoid(dim=1, layer_name="d", irange=0.1)
    D = ConditionalMLP([*both("k"), top], nvis=9, n_classes=3)
    path = tmp_path / "conditional.pkl"
    serial.save(path, ConditionalPair(ConditionalGenerator(G), D))
    return path


def test_samples_of_one_class(command, conditional, tmp_path, capsys):
    out = tmp_path / "x.npy"
    for k in range(3):
        assert command(conditional, "--class", k, "--num", 120, "--out", out, "--overwrite") == 0
        np.testing.assert_allclose(np.load(out), k - 1, atol=0.2)
        assert np.load(out).std() > 0
    assert command(conditional, "--class", 1, "--out", tmp_path / "x.png") == 0
    capsys.readouterr()
    assert command(conditional, "--class", 3, "--out", out, "--overwrite") == 1
    assert "--class 3: the model has classes 0 to 2" in capsys.readouterr().err
    np.save(tmp_path / "z.npy", np.zeros((150, 5)))
    assert command(conditional, "--z", tmp_path / "z.npy", "--out", out, "--overwrite") == 1
    assert "this model is conditional, so --class must say which" in capsys.readouterr().err
    assert (
        command(conditional, "--z", tmp_path / "z.npy", "--class", 2, "--out", out, "--overwrite")
        == 0
    )
    np.testing.assert_allclose(np.load(out), 1, atol=1e-6)


def test_a_model_without_classes_says_so(command, model, capsys):
    assert command(model, "--class", 3) == 1
    error = capsys.readouterr().err
    assert "the generator, a Generator, has no classes" in error and model.name in error


# Animations


def frames_of(path):
    with Image.open(path) as animation:
        return [
            np.asarray(frame.convert("RGB")).astype(int)
            for frame in ImageSequence.Iterator(animation)
        ]


def test_a_walk_is_an_animation_that_returns_to_its_beginning(command, model, tmp_path):
    out = tmp_path / "walk.gif"
    argv = ["--interpolate", "--rows", 2, "--cols", 3, "--frames", 15, "--scale", 1, "--out", out]
    assert command(model, *argv) == 0
    found = frames_of(out)
    assert len(found) == 4 * 15 and found[0].shape == (2 * 8 + 2, 3 * 8 + 2, 3)
    # The first frame is G at the first points of z that the seed gives.
    pair = serial.load(model)
    rows = samples_at(pair, draw_noise(pair, 4 * 6, 0)[:6])
    shown = [found[0][r * 8 + 2 : r * 8 + 8, c * 8 + 2 : c * 8 + 8, 0] for r in (0, 1)
             for c in (0, 1, 2)]  # fmt: skip
    np.testing.assert_allclose(np.array(shown) / 255, rows.reshape(6, 6, 6), atol=1 / 255)
    # Each step is small, also that from the last frame to the first.
    steps = [np.abs(a - b).mean() for a, b in zip(found, [*found[1:], found[0]])]
    far = np.abs(found[0] - found[30]).mean()
    assert 0 < min(steps) and max(steps) < 0.4 * far
    with Image.open(out) as picture:
        assert picture.info["duration"] == 50 and picture.info["loop"] == 0


@pytest.mark.parametrize(("fps", "duration"), [(50, 20), (41, 30), (36, 30), (0.5, 2000)])
def test_a_gif_has_the_nearest_speed(fps, duration, command, model, tmp_path):
    out = tmp_path / "walk.gif"
    argv = ["--interpolate", "--rows", 1, "--cols", 2, "--frames", 2, "--fps", fps, "--out", out]
    assert command(model, *argv) == 0
    with Image.open(out) as picture:
        assert picture.info["duration"] == duration


@pytest.mark.parametrize("fps", [60, 1000, 0.001])
def test_a_speed_that_a_gif_cannot_have_is_refused(fps, command, model, tmp_path, capsys):
    argv = ["--interpolate", "--fps", fps, "--out", tmp_path / "walk.gif"]
    assert command(model, *argv) == 1
    assert f"--fps {fps}: this GIF can show 1/655 to 50 frames a second" in capsys.readouterr().err
    assert not (tmp_path / "walk.gif").exists()


@pytest.mark.parametrize("fps", ["1e-09", "1e+12"])
def test_a_speed_that_a_video_cannot_have_is_refused(fps, command, model, tmp_path, capsys):
    pytest.importorskip("imageio_ffmpeg")
    assert command(model, "--interpolate", "--fps", fps, "--out", tmp_path / "walk.mp4") == 1
    said = f"error: --fps {fps}: a video can show 0.001 to 1000 frames a second\n"
    assert capsys.readouterr().err.endswith(said)


def test_equal_frames_that_take_too_long_are_refused(tmp_path):
    frames = [Image.new("L", (2, 2), grey) for grey in (0, 255, 255, 255)]
    with pytest.raises(ValueError, match="--fps 0.004: some frames are equal"):
        animation.write(str(tmp_path / "x.gif"), frames, 0.004)
    with pytest.raises(ValueError, match="--fps 0.004: this GIF can show 4/655 to 50"):
        animation.check_can_write("x.gif", 0.004, hold=4)


def test_an_mp4_shows_what_the_gif_does(command, model, tmp_path):
    ffmpeg = pytest.importorskip("imageio_ffmpeg")
    argv = ["--interpolate", "--rows", 2, "--cols", 3, "--frames", 5, "--scale", 5]
    for name in ("walk.gif", "walk.mp4"):
        assert command(model, *argv, "--out", tmp_path / name) == 0
    reader = ffmpeg.read_frames(str(tmp_path / "walk.mp4"))
    about = next(reader)
    assert about["fps"] == 20 and about["size"] == (130, 90)
    video = [np.frombuffer(frame, "u1").reshape(90, 130, 3).astype(int) for frame in reader]
    gif = frames_of(tmp_path / "walk.gif")
    assert len(video) == len(gif) == 20
    for one, other in zip(video, gif):
        # The edges of pixels are blurred by the compression.
        assert np.abs(one - other).mean() < 6


def test_a_video_needs_its_extra(command, model, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    assert command(model, "--interpolate", "--out", tmp_path / "walk.mp4") == 1
    assert 'pip install -e ".[video]"' in capsys.readouterr().err


def test_samples_from_one_epoch_to_the_next(command, model, tmp_path):
    pair = serial.load(model)
    monitor = Monitor.get_monitor(pair)
    for epoch in (2, 10, 1):
        pair.generator.mlp.layers[0].b.set_value(np.full(36, epoch / 4, "float32"))
        monitor._epochs_seen = epoch
        serial.save(tmp_path / f"m_{epoch}.pkl", pair)
    files = [tmp_path / f"m_{epoch}.pkl" for epoch in (1, 10, 2)]  # as a shell sorts them
    out = tmp_path / "epochs.gif"
    argv = ["--rows", 2, "--cols", 9, "--scale", 1, "--out", out]
    assert command(*files, *argv) == 0
    found = frames_of(out)
    with Image.open(out) as picture:
        durations = [f.info["duration"] for f in ImageSequence.Iterator(picture)]
    # Pillow shows equal frames as one that lasts longer.
    assert sum(durations) == (3 + 3) * 250
    assert found[0].shape[1:] == (9 * 8 + 2, 3) and found[0].shape[0] > 2 * 8 + 2
    means = [frame[: 2 * 8 + 2].mean() for frame in found[:3]]
    assert means[0] < means[1] < means[2]
    captions = [frame[2 * 8 + 2 :] for frame in found[:3]]
    assert all((a != b).any() for a, b in zip(captions, captions[1:]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.pkl", "--num", "5"], "--num is for --out FILE.npy"),
        (["a.pkl", "--num", "5", "--z", "z.npy", "--out", "x.npy"], "leave --num out"),
        (["a.pkl", "--nearest", "--out", "x.npy"], "draw pictures"),
        (["a.pkl", "--show", "--out", "x.npz"], "--out is a file of data"),
        (["a.pkl", "--out", "x.gif"], "an animation of one model needs --interpolate"),
        (["a.pkl", "--nearest", "--out", "x.gif"], "an animation shows a walk"),
        (["a.pkl", "b.pkl"], "several models become an animation"),
        (["a.pkl", "b.pkl", "--interpolate", "--out", "x.gif"], "several models become an anim"),
        (["a.pkl", "--inpaint", "left", "--class", "1"], "do not go together"),
    ],
)
def test_options_that_do_not_go_together(arguments, message, capsys):
    with pytest.raises(SystemExit):
        show_samples.main(arguments)
    assert message in capsys.readouterr().err
