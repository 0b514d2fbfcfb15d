"""Grids of images, pixel by pixel."""

from __future__ import annotations

import logging
import os

import numpy as np
import pytest
from PIL import Image

from adversarial.viewer import grid as grid_module
from adversarial.viewer.grid import pick_shape, present, save_grid, show_image

GREY = 128  # 0.5 with 8 bits


def pixels(path) -> np.ndarray:
    return np.asarray(Image.open(path))


def test_grid_puts_images_row_by_row(tmp_path):
    path = tmp_path / "grid.png"
    values = np.array([0.0, 0.2, 0.4, 0.6, 1.0])
    images = np.broadcast_to(values[:, None, None, None], (5, 3, 4, 1))
    save_grid(images, path, rows=2, cols=3, pad=2)
    out = pixels(path)
    assert out.shape == (2 * 3 + 3 * 2, 3 * 4 + 4 * 2, 3)
    wanted = np.full(out.shape, GREY)
    for i, value in enumerate((0, 51, 102, 153, 255)):
        row, col = i // 3, i % 3
        wanted[2 + row * 5 : 5 + row * 5, 2 + col * 6 : 6 + col * 6] = value
    np.testing.assert_array_equal(out, wanted)
    assert os.listdir(tmp_path) == ["grid.png"]


def test_grid_in_colour_enlarged_without_padding(tmp_path):
    path = str(tmp_path / "grid.png")
    images = np.random.RandomState(0).randint(0, 256, (2, 2, 2, 3))
    save_grid(images / 255, path, rows=1, cols=2, pad=0, scale=3)
    wanted = np.kron(np.concatenate(list(images), axis=1), np.ones((3, 3, 1), int))
    np.testing.assert_array_equal(pixels(path), wanted)


def test_grid_frames_the_chosen_images(tmp_path):
    path = tmp_path / "grid.png"
    save_grid(np.zeros((2, 2, 2, 1)), path, rows=1, cols=2, pad=4, frame=[False, True])
    out = pixels(path)
    wanted = np.full(out.shape, GREY)
    wanted[2:8, 8:14] = (255, 255, 0)  # two pixels of the four
    wanted[4:6, 4:6] = wanted[4:6, 10:12] = 0
    np.testing.assert_array_equal(out, wanted)


def test_grid_forgives_rounding(tmp_path):
    path = tmp_path / "grid.png"
    save_grid(np.array([-1e-7, 1 + 1e-7]).reshape(2, 1, 1, 1), path, rows=1, cols=2, pad=0)
    np.testing.assert_array_equal(pixels(path)[0, :, 0], [0, 255])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"images": np.zeros((4, 2, 2))}, r"\(4, 2, 2\)"),
        ({"images": np.zeros((4, 2, 2, 2))}, r"\(4, 2, 2, 2\)"),
        ({"images": np.full((4, 2, 2, 1), 1.5)}, r"\[0, 1\], got 1.5 to 1.5"),
        ({"images": np.full((4, 2, 2, 1), np.nan)}, "NaN or infinite values: .* has diverged"),
        ({"images": np.full((4, 2, 2, 1), np.inf)}, "NaN or infinite values: .* has diverged"),
        ({"rows": 1}, "4 images do not fit in 1 rows of 2"),
        ({"images": np.zeros((0, 2, 2, 1)), "rows": 0}, "0 x 2"),
        ({"pad": -1}, "-1"),
        ({"pad": 0, "frame": np.ones(4)}, "no room for a frame"),
        ({"frame": np.ones(3)}, r"shape \(4,\), got \(3,\)"),
        ({"scale": 0}, "scale"),
        ({"scale": 1.5}, "1.5"),
        ({"path": "grid"}, "format from 'grid'"),
        ({"path": "grid.pkl"}, "grid.pkl"),
    ],
)
def test_grid_refuses(tmp_path, monkeypatch, change, says):
    monkeypatch.chdir(tmp_path)
    arguments = {"images": np.zeros((4, 2, 2, 1)), "path": "grid.png", "rows": 2, "cols": 2}
    with pytest.raises(ValueError, match=says):
        save_grid(**{**arguments, **change})
    assert not os.listdir(tmp_path)


def test_failed_write_leaves_the_old_picture(tmp_path, monkeypatch):
    path = tmp_path / "grid.png"
    save_grid(np.zeros((1, 2, 2, 1)), path, rows=1, cols=1)
    before = path.read_bytes()

    def broken(self, stream, format):
        stream.write(b"half a pic")
        raise OSError("disk full")

    monkeypatch.setattr(Image.Image, "save", broken)
    with pytest.raises(OSError, match="disk full"):
        save_grid(np.ones((1, 2, 2, 1)), path, rows=1, cols=1)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["grid.png"]


@pytest.mark.parametrize(
    ("n", "fits", "fills"),
    [
        (1, (1, 1), (1, 1)),
        (9, (3, 3), (3, 3)),
        (10, (3, 4), (2, 5)),
        (13, (3, 5), (1, 13)),
        (784, (28, 28), (28, 28)),
    ],
)
def test_pick_shape(n, fits, fills):
    assert pick_shape(n) == fits
    assert pick_shape(n, exact=True) == fills


def test_pick_shape_refuses():
    with pytest.raises(ValueError, match="0"):
        pick_shape(0)


def test_show_without_a_display_says_so(monkeypatch, caplog):
    monkeypatch.setattr(grid_module.sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with caplog.at_level(logging.WARNING):
        assert show_image(Image.new("L", (2, 2))) is False
    assert "No display" in caplog.text and "save it" in caplog.text


def test_show_opens_the_picture(monkeypatch):
    shown = []
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(grid_module, "_open_window", lambda image: shown.append(image) or True)
    image = Image.new("L", (2, 2))
    assert show_image(image) is True and shown == [image]


@pytest.mark.parametrize("name", ["game.svg", "walk.mp4"])
def test_what_no_window_shows_is_written_all_the_same(name, tmp_path, capsys, caplog):
    (tmp_path / name).write_bytes(b"<svg/>")
    present(tmp_path / name, show=True)
    assert capsys.readouterr().out == f"{tmp_path / name}\n"
    assert f"{name}'; open the file with another program" in caplog.text
