from __future__ import annotations

import logging

import numpy as np
import pytest
from PIL import Image

from adversarial.datasets.view_converter import DefaultViewConverter
from adversarial.models.adversary_pair import AdversaryPair
from adversarial.models.generator import Generator, IntrinsicDropoutGenerator
from adversarial.models.mlp import MLP, Linear, Sigmoid
from adversarial.train_extensions.samples import SampleGrid
from adversarial.utils import serial

pytestmark = pytest.mark.usefixtures("fast_compile")


def pair(dim=12, kind=Generator, **kwargs):
    mlp = MLP(
        [Linear(layer_name="h", dim=5, irange=1.0), Sigmoid(layer_name="y", dim=dim, irange=1.0)],
        nvis=3,
    )
    model = AdversaryPair(
        kind(mlp=mlp, noise="uniform", **kwargs),
        MLP([Sigmoid(layer_name="y", dim=1, irange=1.0)], nvis=dim),
    )
    if dim == 12:
        model.view_converter = DefaultViewConverter((3, 4, 1))
    return model


def draw(extension, model):
    extension.on_save(model, None, None)
    with Image.open(extension.path) as image:
        return np.asarray(image).copy()


def grid(model, path, **kwargs):
    extension = SampleGrid(path, rows=2, cols=3, **kwargs)
    extension.setup(model, None, None)
    return extension


def test_the_picture_is_of_the_same_z_and_of_the_present_parameters(tmp_path):
    model = pair()
    extension = grid(model, tmp_path / "m.png", scale=1)
    first = draw(extension, model)
    # Images of 3 x 4 pixels with 2 between and around them.
    assert first.shape[:2] == (2 * 3 + 3 * 2, 3 * 4 + 4 * 2)
    np.testing.assert_array_equal(draw(extension, model), first)
    bias = model.generator.mlp.layers[-1].get_params()[-1]
    bias.set_value(bias.get_value() + 10)
    assert (draw(extension, model)[2:5, 2:6] > 240).all()
    bias.set_value(bias.get_value() - 10)
    np.testing.assert_allclose(draw(extension, model).astype(int), first, atol=1)
    np.testing.assert_allclose(
        draw(grid(model, tmp_path / "n.png", scale=1), model).astype(int), first, atol=1
    )


def test_images_are_samples_of_the_generator(tmp_path):
    model = pair()
    extension = grid(model, tmp_path / "m.png", scale=1)
    picture = draw(extension, model)[..., 0] / 255
    cells = [
        picture[2 + 5 * r : 5 + 5 * r, 2 + 6 * c : 6 + 6 * c] for r in (0, 1) for c in (0, 1, 2)
    ]
    np.testing.assert_allclose(np.reshape(cells, (6, 12)), extension._draw(), atol=0.5 / 255 + 1e-6)
    assert len({cell.tobytes() for cell in cells}) == 6


def test_random_streams_of_training_are_left_alone(tmp_path):
    model = pair(
        kind=IntrinsicDropoutGenerator, default_input_include_prob=0.5, default_input_scale=2.0
    )
    streams = [model.generator.theano_rng, model.generator.mlp.theano_rng]
    before = [stream.state.get_value() for stream in streams]
    extension = grid(model, tmp_path / "m.png")
    first = draw(extension, model)
    np.testing.assert_array_equal(draw(extension, model), first)  # the same dropout masks, too
    assert [model.generator.theano_rng, model.generator.mlp.theano_rng] == streams
    for stream, state in zip(streams, before):
        np.testing.assert_array_equal(stream.state.get_value(), state)


def test_compiled_once(tmp_path):
    model = pair()
    extension = grid(model, tmp_path / "m.png")
    draw(extension, model)
    compiled = extension._draw
    draw(extension, model)
    assert extension._draw is compiled


@pytest.mark.parametrize(
    "model",
    [MLP([Sigmoid(layer_name="y", dim=1, irange=1.0)], nvis=2), pair(dim=7)],
    ids=["no generator", "no image"],
)
def test_without_images_there_is_no_picture(model, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    extension = grid(model, tmp_path / "m.png")
    extension.on_save(model, None, None)
    assert list(tmp_path.iterdir()) == []
    assert len(caplog.messages) == 1 and "no picture of samples" in caplog.messages[0]


def test_a_model_that_diverged_keeps_the_last_picture(tmp_path, caplog):
    model = pair()
    extension = grid(model, tmp_path / "m.png")
    picture = draw(extension, model)
    bias = model.generator.mlp.layers[-1].get_params()[-1]
    bias.set_value(bias.get_value() * np.nan)
    np.testing.assert_array_equal(draw(extension, model), picture)
    assert "diverged" in caplog.text


def test_a_picture_that_cannot_be_written_is_a_warning(tmp_path, caplog):
    model = pair()
    extension = grid(model, tmp_path / "gone" / "m.png")
    extension.on_save(model, None, None)
    assert str(tmp_path / "gone" / "m.png") in caplog.text
    (tmp_path / "gone").mkdir()
    draw(extension, model)


def test_what_is_compiled_is_not_saved(tmp_path):
    model = pair()
    extension = grid(model, tmp_path / "m.png")
    draw(extension, model)
    copy = serial.clone_via_serialize(extension)
    assert copy._draw is None and copy.path == extension.path
