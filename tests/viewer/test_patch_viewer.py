"""Patches and grids, pixel by pixel."""

from __future__ import annotations

import logging
import os

import numpy as np
import pytest
from PIL import Image

from adversarial.viewer import PatchViewer, make_viewer, save_grid
from adversarial.viewer import grid as grid_module

GREY = 128  # 0.5 with 8 bits


def pixels(source) -> np.ndarray:
    return np.asarray(source.get_img() if isinstance(source, PatchViewer) else Image.open(source))


# -- save_grid ------------------------------------------------------------------------------


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
        ({"images": np.full((4, 2, 2, 1), np.nan)}, "nan"),
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


# -- PatchViewer ----------------------------------------------------------------------------


def test_patches_lie_around_grey():
    viewer = PatchViewer((1, 2), (1, 3), pad=(1, 2))
    viewer.add_patch(np.array([[-1.0, 0.0, 1.0]]), rescale=False)
    viewer.add_patch(np.array([[[-4.0], [0.0], [2.0]]]))
    wanted = np.full((3, 12), GREY)
    wanted[1, 2:5] = 0, GREY, 255
    wanted[1, 7:10] = 0, GREY, 191  # divided by 4
    np.testing.assert_array_equal(pixels(viewer), np.repeat(wanted[:, :, None], 3, axis=2))


def test_small_patches_are_centred():
    viewer = PatchViewer((1, 1), (4, 5), pad=0, background=-1)
    viewer.add_patch(np.ones((2, 2)), rescale=False)
    wanted = np.zeros((4, 5))
    wanted[1:3, 1:3] = 1
    np.testing.assert_array_equal(viewer.image[:, :, 0], wanted)
    with pytest.raises(ValueError, match=r"expected a patch of \(4, 5\), got \(2, 2\)"):
        viewer.add_patch(np.eye(2), recenter=False)


def test_full_grid_begins_anew():
    viewer = PatchViewer((1, 2), (1, 1), pad=0)
    for value, position in [(1, (0, 1)), (-1, (0, 0)), (0.2, (0, 1))]:
        viewer.add_patch(np.full((1, 1), value), rescale=False)
        assert viewer.cur_pos == position
    np.testing.assert_allclose(viewer.image[0, :, 0], [0.6, 0.5])
    viewer.clear()
    assert viewer.cur_pos == (0, 0) and (viewer.image == 0.5).all()


def test_activation_is_a_border():
    viewer = PatchViewer((1, 1), (1, 1), pad=5)
    viewer.add_patch(np.zeros((1, 1)), rescale=False, activation=(0.5, 1.0), warn_blank_patch=False)
    wanted = np.full((11, 11, 3), 0.5)
    wanted[3:8, 3:8] = (1, 0, 1)
    wanted[4:7, 4:7] = (0.5, 0.5, 0)
    wanted[5, 5] = 0.5
    np.testing.assert_allclose(viewer.image, wanted)
    viewer.add_patch(np.zeros((1, 1)), rescale=False, activation=-1, warn_blank_patch=False)
    assert (viewer.image == 0.5).all()


def test_colour_and_background():
    viewer = PatchViewer((1, 1), (1, 2), is_color=True, pad=1, background=(-1, 0, 1))
    patch = np.array([[[-1.0, 0.0, 1.0], [0.5, -0.5, 0.0]]])
    viewer.add_patch(patch, rescale=False)
    np.testing.assert_allclose(viewer.image[0, 0], [0, 0.5, 1])
    np.testing.assert_allclose(viewer.image[1, 1:3], patch[0] / 2 + 0.5)


def test_video_frames_share_a_scale():
    viewer = PatchViewer((1, 2), (1, 1), pad=0)
    viewer.addVid(np.array([[[2.0, 4.0]]]), rescale=True)
    np.testing.assert_allclose(viewer.image[0, :, 0], [0.75, 1.0])


def test_blank_patches_are_told():
    viewer = PatchViewer((1, 1), (2, 2))
    with pytest.warns(UserWarning, match="all of it is 3"):
        viewer.add_patch(np.full((2, 2), 3.0))
    assert viewer.image[5, 5, 0] == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"patch": np.eye(3)}, r"\(3, 3\) does not fit in cells of \(2, 2\)"),
        ({"patch": np.zeros((2, 2, 3))}, r"\(rows, columns, 1\), got \(2, 2, 3\)"),
        ({"patch": np.array([[0, np.inf]])}, "infinite"),
        ({"patch": 2 * np.eye(2), "rescale": False}, "got 0 to 2"),
        ({"patch": np.eye(2), "activation": 2.0}, "2.0"),
        ({"patch": np.eye(2), "activation": [1, 1, 1]}, "pad of at least 7"),
    ],
)
def test_add_patch_refuses(arguments, says):
    with pytest.raises(ValueError, match=says):
        PatchViewer((1, 1), (2, 2)).add_patch(**arguments)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"grid_shape": (1, 1, 1)}, "grid_shape must be a pair"),
        ({"patch_shape": (2.0, 2)}, "patch_shape must be a pair"),
        ({"pad": (1, 2, 3)}, "pad must be a pair"),
        ({"background": 2}, "background"),
    ],
)
def test_constructor_refuses(arguments, says):
    with pytest.raises(ValueError, match=says):
        PatchViewer(**{"grid_shape": (1, 1), "patch_shape": (2, 2), **arguments})


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
    assert PatchViewer.pick_shape(n) == fits
    assert PatchViewer.pick_shape(n, exact=True) == fills


def test_pick_shape_refuses():
    with pytest.raises(TypeError, match="3.0"):
        PatchViewer.pick_shape(3.0)
    with pytest.raises(ValueError, match="0"):
        PatchViewer.pick_shape(0)


# -- make_viewer ----------------------------------------------------------------------------


def test_viewer_of_a_matrix_keeps_channels_apart():
    rows = np.linspace(-1, 1, 3 * 12).reshape(3, 12)
    viewer = make_viewer(rows, is_color=True, pad=0, rescale=False)
    assert viewer.grid_shape == (1, 3) and viewer.patch_shape == (2, 2)
    wanted = rows.reshape(3, 3, 2, 2).transpose(2, 0, 3, 1).reshape(2, 6, 3)
    np.testing.assert_allclose(viewer.image, wanted / 2 + 0.5)


def test_viewer_of_images_with_activations():
    images = np.random.RandomState(0).uniform(-1, 1, (4, 2, 3, 1))
    viewer = make_viewer(images, grid_shape=(1, 4), activation=[0, 0.25, 0.5, 1])
    assert viewer.patch_shape == (2, 3) and not viewer.is_color
    np.testing.assert_allclose(viewer.image[4, 4:33:8, 0], [0, 0.25, 0.5, 1])
    scaled = images[1, :, :, 0] / np.abs(images[1]).max()
    np.testing.assert_allclose(viewer.image[5:7, 13:16, 2], scaled / 2 + 0.5)
    two = make_viewer(images, grid_shape=(1, 4), activation=[[1, 1, 1, 1], [0, 0, 0, 1]])
    np.testing.assert_allclose(two.image[3, 3 + 8 * 3], [1, 0, 1])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"mat": np.zeros((2, 4, 4))}, r"\(2, 4, 4\)"),
        ({"mat": np.zeros((0, 4))}, r"\(0, 4\)"),
        ({"mat": np.eye(4), "is_color": True}, "have not 3 channels"),
        ({"mat": np.eye(4), "patch_shape": (3, 3)}, "4"),
        ({"mat": np.eye(4), "grid_shape": (1, 3)}, "4 patches do not fit"),
        ({"mat": np.eye(4), "activation": [1, 1]}, "cannot have 2 activations"),
    ],
)
def test_make_viewer_refuses(arguments, says):
    with pytest.raises(ValueError, match=says):
        make_viewer(**arguments)


# -- files and windows ----------------------------------------------------------------------


def test_save(tmp_path):
    viewer = make_viewer(np.eye(4))
    path = tmp_path / "weights.png"
    viewer.save(path)
    np.testing.assert_array_equal(pixels(path), pixels(viewer))


def test_show_without_a_display_says_so(monkeypatch, caplog):
    monkeypatch.setattr(grid_module.sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with caplog.at_level(logging.WARNING):
        assert make_viewer(np.eye(4)).show() is False
    assert "No display" in caplog.text and "save it" in caplog.text


def test_show_opens_the_picture(monkeypatch):
    shown = []
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(grid_module, "_open_window", lambda image: shown.append(image) or True)
    viewer = make_viewer(np.eye(4))
    assert viewer.show() is True
    np.testing.assert_array_equal(np.asarray(shown[0]), pixels(viewer))
