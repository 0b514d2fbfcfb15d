"""`PatchViewer` and `make_viewer`, as scripts of 2014 call them."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from adversarial.viewer.patch_viewer import PatchViewer, make_viewer


def pixels(viewer) -> np.ndarray:
    return np.asarray(viewer.get_img()) / 255


def test_patches_lie_around_grey():
    viewer = PatchViewer((1, 2), (1, 3), pad=(1, 2))
    viewer.add_patch(np.array([[-1.0, 0.0, 1.0]]), rescale=False)
    viewer.add_patch(np.array([[[-4.0], [0.0], [2.0]]]))
    wanted = np.full((3, 12), 0.5)
    wanted[1, 2:5] = 0, 0.5, 1
    wanted[1, 7:10] = 0, 0.5, 0.75  # divided by 4
    np.testing.assert_allclose(pixels(viewer), wanted[:, :, None] * np.ones(3), atol=0.005)


def test_small_patches_are_centred_and_a_full_grid_begins_anew():
    viewer = PatchViewer((1, 1), (4, 5), pad=0, background=-1)
    viewer.add_patch(np.zeros((4, 5)), rescale=False, warn_blank_patch=False)
    viewer.add_patch(np.ones((2, 2)), rescale=False)
    wanted = np.zeros((4, 5))
    wanted[1:3, 1:3] = 1
    np.testing.assert_array_equal(pixels(viewer)[:, :, 0], wanted)
    viewer.clear()
    assert not pixels(viewer).any()


def test_blank_patches_are_warned_of():
    viewer = PatchViewer((1, 1), (2, 2))
    with pytest.warns(UserWarning, match="all of it is 3"):
        viewer.add_patch(np.full((2, 2), 3.0))


def test_activation_is_a_border():
    viewer = PatchViewer((1, 1), (1, 1), pad=5)
    viewer.add_patch(np.zeros((1, 1)), False, activation=(0.5, 1.0), warn_blank_patch=False)
    wanted = np.full((11, 11, 3), 0.5)
    wanted[3:8, 3:8] = (1, 0, 1)
    wanted[4:7, 4:7] = (0.5, 0.5, 0)
    wanted[5, 5] = 0.5
    np.testing.assert_allclose(pixels(viewer), wanted, atol=0.005)
    viewer.add_patch(np.zeros((1, 1)), False, activation=-1, warn_blank_patch=False)
    np.testing.assert_allclose(pixels(viewer), 0.5, atol=0.005)


def test_video_frames_share_a_scale():
    viewer = PatchViewer((1, 2), (1, 1), pad=0)
    viewer.addVid(np.array([[[2.0, 4.0]]]), rescale=True)
    np.testing.assert_allclose(pixels(viewer)[0, :, 0], [0.75, 1.0], atol=0.005)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"patch": np.eye(3)}, r"\(3, 3\) does not fit in cells of \(2, 2\)"),
        ({"patch": np.ones((1, 2)), "recenter": False}, r"\(2, 2\), got \(1, 2\)"),
        ({"patch": np.zeros((2, 2, 3))}, r"\(2, 2, 3\)"),
        ({"patch": np.array([[0, np.nan]])}, "nan"),
        ({"patch": 2 * np.eye(2), "rescale": False}, "got 0 to 2"),
        ({"patch": np.eye(2), "activation": [1, 1, 1], "pad": 2}, "no room"),
    ],
)
def test_add_patch_refuses(arguments, says):
    viewer = PatchViewer((1, 1), (2, 2), pad=arguments.pop("pad", None))
    with pytest.raises(ValueError, match=says):
        viewer.add_patch(**arguments)


def test_viewer_of_a_matrix_keeps_channels_apart(tmp_path):
    rows = np.linspace(-1, 1, 3 * 12).reshape(3, 12)
    viewer = make_viewer(rows, is_color=True, pad=0, rescale=False)
    wanted = rows.reshape(3, 3, 2, 2).transpose(2, 0, 3, 1).reshape(2, 6, 3)
    np.testing.assert_allclose(pixels(viewer), wanted / 2 + 0.5, atol=0.005)
    viewer.save(tmp_path / "weights.png")
    saved = np.asarray(Image.open(tmp_path / "weights.png"))
    np.testing.assert_array_equal(saved, np.asarray(viewer.get_img()))


def test_viewer_of_images_with_activations():
    images = np.random.RandomState(0).uniform(-1, 1, (4, 2, 3, 1))
    viewer = make_viewer(images, grid_shape=(1, 4), activation=[0, 0.25, 0.5, 1])
    np.testing.assert_allclose(pixels(viewer)[4, 4:33:8, 0], [0, 0.25, 0.5, 1], atol=0.005)
    scaled = images[1, :, :, 0] / np.abs(images[1]).max()
    np.testing.assert_allclose(pixels(viewer)[5:7, 13:16, 2], scaled / 2 + 0.5, atol=0.005)
    with pytest.raises(ValueError, match="4 patches do not fit"):
        make_viewer(images, grid_shape=(1, 3))
    with pytest.raises(ValueError, match="cannot have 2 activations"):
        make_viewer(images, activation=[1, 1])
