"""Layers without weights that apply one function to each value."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
from scipy.special import expit

import adversarial
from adversarial.backend import floatX, shared
from adversarial.config.yaml_parse import try_to_import
from adversarial.modelfile import classes, saving
from adversarial.models.centering import SubtractHalf
from adversarial.models.mlp import MLP
from adversarial.models.mlp.activation import RectifierActivation, SigmoidActivation
from adversarial.models.noise import Clusterize
from adversarial.space import Conv2DSpace, VectorSpace
from adversarial.utils import serial

pytestmark = pytest.mark.usefixtures("either_engine", "fast_compile")

IMAGES = Conv2DSpace((4, 5), num_channels=2)


def uncompressed(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.read("object.json")


def random(*shape, seed=0):
    return np.random.RandomState(seed).normal(size=shape).astype(floatX)


@pytest.mark.parametrize(
    "layer, expected",
    [
        (lambda: RectifierActivation("h"), lambda x: np.maximum(x, 0)),
        (
            lambda: RectifierActivation("h", left_slope=0.1),
            lambda x: np.where(x > 0, x, 0.1 * x),
        ),
        (lambda: SigmoidActivation("h"), expit),
        (lambda: SubtractHalf("h"), lambda x: x - 0.5),
    ],
    ids=["rectified", "leaky", "sigmoid", "subtract half"],
)
def test_values_in_any_space(layer, expected, evaluate):
    for space, x in ((VectorSpace(6), random(5, 6)), (IMAGES, random(3, 4, 5, 2))):
        mlp = MLP([layer()], input_space=space)
        assert mlp.get_output_space() == space and mlp.get_params() == []
        np.testing.assert_allclose(evaluate(mlp.fprop(shared(x))), expected(x), rtol=1e-5)


def test_names_of_2014():
    for name, layer in (("RectifiedLinear", RectifierActivation), ("Sigmoid", SigmoidActivation)):
        assert try_to_import(f"adversarial.{name}") is getattr(adversarial, name) is layer
        assert try_to_import(f"pylearn2.models.mlp.{name}") is not layer


def test_model_files_with_the_names_of_earlier_versions(monkeypatch):
    names = {RectifierActivation: "RectifiedLinear", SigmoidActivation: "Sigmoid"}
    layers = [RectifierActivation("a", 0.1), SigmoidActivation("b"), SubtractHalf("c")]
    layers.append(Clusterize(0.5, "d"))

    def old_name(cls):
        if cls in map(type, layers):
            return f"adversarial.models.weightless:{names.get(cls, cls.__name__)}"
        return classes.class_name(cls)

    monkeypatch.setattr(saving, "class_name", old_name)
    data = serial.to_string(MLP(layers, nvis=3))
    assert b"adversarial.models.weightless:Sigmoid" in uncompressed(data)
    again = serial.from_string(data)
    assert list(map(type, again.layers)) == list(map(type, layers))
    assert again.layers[0].left_slope == 0.1
