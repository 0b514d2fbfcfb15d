from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
from adversarial.datasets.view_converter import DefaultViewConverter
from adversarial.evaluation.sampling import draw_noise, draw_samples, inpaint, samples_at
from adversarial.models.adversary_pair import AdversaryPair
from adversarial.models.generator import Generator
from adversarial.models.mlp import MLP, Linear, Sigmoid, SpaceConverter
from adversarial.space import Conv2DSpace, VectorSpace
from adversarial.viewer.samples import (
    HOLE,
    Sheet,
    inpainting_sheet,
    nearest_sheet,
    sample_sheet,
    to_unit,
    view_of,
    view_of_space,
    walk_sheet,
)

pytestmark = pytest.mark.usefixtures("fast_compile")


def generator(dim=12, layer=Sigmoid):
    return Generator(MLP([layer(layer_name="y", dim=dim, irange=1.0)], nvis=3))


def with_view(model, shape):
    model.view_converter = DefaultViewConverter(shape)
    return model


def test_samples_row_by_row():
    model = with_view(generator(), (3, 4, 1))
    sheet = sample_sheet(model, rows=2, cols=5, seed=4)
    assert (sheet.rows, sheet.cols, sheet.framed) == (2, 5, None)
    np.testing.assert_allclose(sheet.images, draw_samples(model, 10, 4).reshape(10, 3, 4, 1))


def test_nearest_example_stands_beside_the_last_sample_of_each_row():
    model = with_view(generator(), (3, 4, 1))
    samples = draw_samples(model, 6, seed=1)
    training = np.random.RandomState(0).permutation(samples + np.float32(1e-3))
    sheet = nearest_sheet(model, training, rows=2, cols=3, seed=1)
    assert (sheet.rows, sheet.cols) == (2, 4)
    assert sheet.framed.tolist() == [False, False, False, True] * 2
    shown = sheet.images.reshape(2, 4, 12)
    np.testing.assert_allclose(shown[:, :3], samples.reshape(2, 3, 12))
    np.testing.assert_allclose(shown[:, 3], samples[[2, 5]] + 1e-3, atol=1e-6)
    with pytest.raises(ValueError, match="samples of 12 numbers"):
        nearest_sheet(model, training[:, :5])


def test_walks_are_straight_in_z_and_meet_their_ends():
    model = with_view(generator(), (3, 4, 1))
    sheet = walk_sheet(model, rows=2, cols=5, seed=2)
    z = draw_noise(model, 4, seed=2)
    path = [z[r] + (z[2 + r] - z[r]) * step / 4 for r in range(2) for step in range(5)]
    expected = samples_at(model, np.array(path)).reshape(10, 3, 4, 1)
    np.testing.assert_allclose(sheet.images, expected, atol=1e-6)
    with pytest.raises(ValueError, match="at least 2 columns, got 1"):
        walk_sheet(model, cols=1)


def test_inpainting_shows_examples_what_g_sees_and_what_it_makes_of_it():
    space = Conv2DSpace((2, 4), num_channels=1)
    G = Generator(MLP([Sigmoid(layer_name="y", dim=4, irange=1.0)], input_space=space))
    examples = np.random.RandomState(0).uniform(size=(9, 8)).astype(np.float32)
    sheet = inpainting_sheet(G, examples, "right", rows=2, cols=3, seed=5)
    assert (sheet.rows, sheet.cols) == (2, 9)
    assert sheet.framed.tolist() == [True, False, False] * 6
    whole, masked, painted = sheet.images.reshape(6, 3, 2, 4, 1).swapaxes(0, 1)
    rows = {row.tobytes() for row in examples}
    assert len({image.tobytes() for image in whole}) == 6
    assert all(image.tobytes() in rows for image in whole)
    np.testing.assert_array_equal(masked[:, :, :2], whole[:, :, :2])
    assert (masked[:, :, 2:] == HOLE).all()
    np.testing.assert_array_equal(painted, inpaint(G, whole, "right", seed=5))
    # No more than there are.
    sheet = inpainting_sheet(G, examples[:4], "right", rows=5, cols=3)
    assert (sheet.rows, sheet.cols, len(sheet.images)) == (2, 9, 12)
    with pytest.raises(ValueError, match="a generator that takes images"):
        inpainting_sheet(generator(), examples, "right")


def test_one_number_is_no_image():
    with pytest.raises(ValueError, match="examples of 1 numbers .* the data set does not say"):
        view_of_space(VectorSpace(1), None, "examples")


def test_shape_comes_from_the_output_space_first():
    space = Conv2DSpace((2, 3), num_channels=3, axes=("c", 0, 1, "b"))
    layers = [
        Linear(layer_name="h", dim=18, irange=1.0),
        SpaceConverter(layer_name="image", output_space=space),
    ]
    model = with_view(Generator(MLP(layers, nvis=4)), (3, 2, 3))
    assert view_of(model).shape == (2, 3, 3)


def test_shape_comes_from_the_model_then_from_squares():
    assert view_of(with_view(generator(12), (2, 2, 3))).shape == (2, 2, 3)
    assert view_of(generator(16)).shape == (4, 4, 1)
    assert view_of(generator(12)).shape == (2, 2, 3)
    with pytest.raises(ValueError, match="samples of 7 numbers cannot be shown"):
        view_of(generator(7))


def test_no_guess_contradicts_what_is_known_of_the_data():
    """36 numbers could be 6 x 6, but D takes 4 x 9; the data set says so; or the data differ."""
    space = Conv2DSpace((4, 9), num_channels=1)
    D = MLP([Linear(layer_name="y", dim=1, irange=0.1)], input_space=space)
    pair = AdversaryPair(generator(36), D)
    assert view_of(pair).shape == (4, 9, 1)
    data = DenseDesignMatrix(topo_view=np.zeros((2, 9, 4, 1)))
    assert view_of(generator(36), data).shape == (9, 4, 1)
    assert nearest_sheet(generator(36), data.X, 1, 1, dataset=data).images.shape[1:] == (9, 4, 1)
    with pytest.raises(ValueError, match="the data are images of 5 x 5 x 1"):
        view_of(with_view(generator(12), (5, 5, 1)))
    with pytest.raises(ValueError, match="2 channels cannot be shown"):
        view_of(with_view(generator(18), (3, 3, 2)))
    space = Conv2DSpace((2, 4), num_channels=1)
    painter = MLP([Linear(layer_name="y", dim=4, irange=1.0)], input_space=space)
    other = DenseDesignMatrix(topo_view=np.zeros((9, 4, 2, 1)))
    with pytest.raises(ValueError, match=r"images of \(2, 4, 1\) cannot complete .*\(4, 2, 1\)"):
        inpainting_sheet(Generator(painter), other.X, "right", dataset=other)


def test_rows_hold_one_channel_after_the_other():
    rows = np.arange(24.0).reshape(2, 12)
    images = view_of(generator(12)).images(rows)
    for n, y, x, c in np.ndindex(2, 2, 2, 3):
        assert images[n, y, x, c] == rows[n, c * 4 + y * 2 + x]


def test_pixels_between_0_and_1_stay_as_they_are():
    images = np.array([[0.0, 0.5, 1.0], [0.1, 0.1, 0.1]])
    np.testing.assert_array_equal(to_unit(images), images)
    np.testing.assert_array_equal(to_unit(images, like=np.array([[0.0, 1.0]])), images)


def test_contrast_normalised_images_are_scaled_one_by_one_around_grey():
    images = np.array([[-4.0, 0.0, 2.0], [0.5, 0.25, 0.0], [0.0, 0.0, 0.0]])
    expected = [[0.0, 0.5, 0.75], [1.0, 0.75, 0.5], [0.5, 0.5, 0.5]]
    np.testing.assert_allclose(to_unit(images), expected)


def test_what_images_should_be_like_decides():
    np.testing.assert_allclose(to_unit(np.array([[0.0, 2.0]]), np.array([-1.0, 1])), [[0.5, 1.0]])
    np.testing.assert_allclose(to_unit(np.array([[-0.2, 0.4]]), np.array([0.0, 1])), [[0.0, 0.4]])
    np.testing.assert_allclose(to_unit(np.array([[51.0, 102]]), np.array([0, 255])), [[0.2, 0.4]])


def test_a_model_that_diverged_is_named():
    model = generator(16)
    model.mlp.layers[0].get_params()[0].set_value(np.full((3, 16), np.nan, "float32"))
    for make in (sample_sheet, walk_sheet):
        with pytest.raises(ValueError, match="NaN or infinite values"):
            make(model, 2, 2)


def test_saved_picture_has_a_frame_around_the_examples(tmp_path):
    images = np.zeros((2, 4, 4, 1))
    Sheet(images, 1, 2, np.array([False, True])).save(tmp_path / "a.png", scale=1)
    pixels = np.asarray(Image.open(tmp_path / "a.png").convert("RGB")).astype(int)
    yellow = (pixels == [255, 255, 0]).all(axis=2)
    assert yellow[:, :6].sum() == 0 and yellow[:, 6:].sum() > 0
