"""Features equal NumPy's; the classifier that comes with the package knows digits."""

from __future__ import annotations

import hashlib

import aesara.tensor as at
import numpy as np
import pytest

from adversarial.datasets.data_path import DataUnavailable
from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
from adversarial.datasets.mnist import MNIST
from adversarial.evaluation import features as module
from adversarial.evaluation.features import Features, check_digits, digit_features, features_of
from adversarial.evaluation.metric import Unavailable, evaluate
from adversarial.models.generator import Generator
from adversarial.models.maxout import Maxout
from adversarial.models.mlp import MLP, Linear, Sigmoid, Softmax
from adversarial.space import Conv2DSpace
from adversarial.utils import serial


def network(top=None):
    return MLP([Maxout("h0", 3, 2, irange=1.0), top or Softmax(4, "y", irange=1.0)], nvis=6)


def test_features_and_classes_are_those_of_numpy(fast_compile, tmp_path):
    path = str(tmp_path / "judge.pkl")
    serial.save(path, network())
    features = Features.load(path)
    features.batch_size = 4  # the last batch is a part of one
    W, b, V, c = serial.load(path).get_param_values()
    rows = np.random.RandomState(0).rand(9, 6)
    hidden = (rows @ W + b).reshape(9, 3, 2).max(axis=2)
    np.testing.assert_allclose(features(rows), hidden, rtol=1e-4)
    np.testing.assert_array_equal(features.classes(rows), (hidden @ V + c).argmax(axis=1))
    assert features.name == "judge.pkl"
    assert features.sha256 == hashlib.sha256(open(path, "rb").read()).hexdigest()
    with pytest.raises(ValueError, match=r"takes examples of 6 numbers, but these have 5"):
        features(rows[:, :5])


@pytest.mark.parametrize("axes", [("b", 0, 1, "c"), ("c", 0, 1, "b"), ("b", "c", 0, 1)])
def test_a_classifier_of_colour_images_sees_rows_as_its_data_set_does(axes, evaluate, fast_compile):
    """A row holds channel after channel; a vector within a network pixel after pixel."""
    space = Conv2DSpace((4, 5), num_channels=3, axes=axes)
    layers = [Linear(layer_name="h", dim=7, irange=1.0), Softmax(4, "y", irange=1.0)]
    network = MLP(layers, input_space=space)
    images = np.random.RandomState(0).rand(9, 4, 5, 3).astype("float32")
    data = DenseDesignMatrix(topo_view=images)
    shown = at.tensor4()
    batch = images.transpose([("b", 0, 1, "c").index(axis) for axis in axes])
    hidden, classes = evaluate(network.fprop(shown, return_all=True), {shown: batch})
    features = Features(network)
    np.testing.assert_allclose(features(data.X), hidden, rtol=1e-4)
    np.testing.assert_array_equal(features.classes(data.X), classes.argmax(axis=1))


def test_what_is_no_classifier_is_named(fast_compile, tmp_path):
    path = str(tmp_path / "one.pkl")
    serial.save(path, MLP([Sigmoid(layer_name="y", dim=2, irange=1.0)], nvis=6))
    with pytest.raises(ValueError, match="one.pkl: features are taken from an MLP of at least two"):
        Features.load(path)
    no_classes = Features(network(Sigmoid(layer_name="y", dim=2, irange=1.0)))
    assert no_classes(np.zeros((2, 6))).shape == (2, 3)
    with pytest.raises(ValueError, match="no Softmax, so it has no classes"):
        no_classes.classes(np.zeros((2, 6)))


def test_the_classifier_of_digits_knows_98_percent(fast_compile):
    try:
        test = MNIST("test")
    except DataUnavailable as error:
        pytest.skip(f"no MNIST, and no way to fetch it: {error}")
    features = digit_features()
    labels = np.asarray(test.y).ravel()
    assert np.mean(features.classes(test.X) == labels) > 0.98
    assert features(test.X).std(axis=0).min() > 0.1  # each of the 64 says something


def test_it_is_for_digits_from_0_to_1_only():
    digits = np.random.RandomState(0).rand(30, 784)
    made = Generator(MLP([Linear(layer_name="y", dim=784, irange=0.3)], nvis=3))
    check_digits(digits)
    for rows, of in (
        (2 * digits - 1, "784 from -0.9"),
        (digits - digits.mean(axis=0), r"784 from -0\.[56]"),
        (255 * digits, "784 from 0.2"),
        (digits[:, 1:], "783 from 0.0"),
    ):
        said = f"digits of 784 numbers from 0 to 1, but these examples have {of}.*--features MODEL"
        with pytest.raises(Unavailable, match=said):
            features_of("mnist", data=rows)
    with pytest.raises(Unavailable, match="have 784 from -0.2"):
        evaluate(made, ["fid"], num_samples=20, test=1.4 * digits - 0.3, features="mnist")


def test_its_file_is_small_and_holds_the_network_of_its_yaml():
    model = serial.load(module.DIGITS)
    assert [layer.layer_name for layer in model.layers] == ["h0", "h1", "y"]
    assert [layer.num_units for layer in model.layers[:2]] == [120, 64]
    assert model.monitor.get_epochs_seen() == 20
