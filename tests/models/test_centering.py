"""Layers that centre the input of a network."""

from __future__ import annotations

import numpy as np
import pytest

from adversarial.backend import floatX, shared
from adversarial.datasets.dense_design_matrix import DefaultViewConverter, DenseDesignMatrix
from adversarial.datasets.numpy_file import NumpyFile
from adversarial.models.centering import SubtractHalf, SubtractRealMean
from adversarial.models.mlp import MLP, Linear
from adversarial.space import Conv2DSpace

pytestmark = pytest.mark.usefixtures("either_engine", "fast_compile")

IMAGES = Conv2DSpace((4, 5), num_channels=2)


def random(*shape, seed=0):
    return np.random.RandomState(seed).normal(size=shape).astype(floatX)


@pytest.mark.parametrize("also_sd", [False, True])
def test_subtract_real_mean(also_sd, data, evaluate):
    layer = SubtractRealMean("h", data, also_sd=also_sd)
    mlp = MLP([layer], nvis=6)
    out = evaluate(mlp.fprop(shared(data.X)))
    np.testing.assert_allclose(out.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(out.std(axis=0), 1 if also_sd else data.X.std(axis=0), rtol=1e-5)


@pytest.mark.parametrize("axes", [("b", 0, 1, "c"), ("c", 0, 1, "b")])
def test_the_mean_of_images(axes, evaluate):
    """A data set's rows hold channel after channel, whatever the order of the images' axes."""
    rows = random(7, 40)
    views = DefaultViewConverter((4, 5, 2))
    layer = SubtractRealMean("h", DenseDesignMatrix(X=rows, view_converter=views), also_sd=True)
    space = Conv2DSpace((4, 5), num_channels=2, axes=axes)
    mlp = MLP([layer], input_space=space)
    order = [("b", "c", 0, 1).index(axis) for axis in axes]
    images = rows.reshape(7, 2, 4, 5).transpose(order)
    b = axes.index("b")
    expected = (images - images.mean(axis=b, keepdims=True)) / images.std(axis=b, keepdims=True)
    out = evaluate(mlp.fprop(shared(images)))
    np.testing.assert_allclose(out, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("views", [None, DefaultViewConverter((1, 3, 2))], ids=["rows", "images"])
def test_a_mean_of_another_size(views):
    data = DenseDesignMatrix(X=random(4, 6), view_converter=views)
    layer = SubtractRealMean("h", data)
    with pytest.raises(ValueError, match="6 numbers .*dim=5|dim=6.* as .*dim=5"):
        MLP([layer], nvis=5)


def test_a_constant_feature_has_no_deviation():
    X = random(4, 3)
    X[:, 1] = 7
    with pytest.raises(ValueError, match="feature 1 never varies"):
        SubtractRealMean("h", DenseDesignMatrix(X=X), also_sd=True)


@pytest.mark.parametrize(("value", "count"), [(0.1, 60_000), (123.456, 5000)])
def test_a_constant_feature_of_many_examples(value, count):
    """The float32 sum of so many numbers is off by more than their rounding."""
    X = np.column_stack([random(count), np.full(count, value, "float32")])
    with pytest.raises(ValueError, match="feature 1 never varies"):
        SubtractRealMean("h", DenseDesignMatrix(X=X), also_sd=True)


@pytest.mark.parametrize("also_sd", [False, True])
def test_data_that_are_read_from_their_file(also_sd, tmp_path, evaluate):
    rows = random(2500, 3, seed=4) * [1, 10, 0.1] + [0, 5, -2]
    np.save(tmp_path / "rows.npy", rows.astype("float32"))
    data = NumpyFile(
        str(tmp_path / "rows.npy"), split={"train": 1.0}, seed=0, scale=None, in_memory=False
    )
    assert not isinstance(data.X, np.ndarray)
    mlp = MLP([SubtractRealMean("h", data, also_sd=also_sd)], nvis=3)
    batch = rows[:7].astype("float32")
    expected = (batch - rows.mean(axis=0)) / (rows.std(axis=0) if also_sd else 1)
    np.testing.assert_allclose(evaluate(mlp.fprop(shared(batch))), expected, atol=1e-5)


def test_numbers_of_many_examples_that_hardly_vary(evaluate):
    X = (1000 + random(500_000, 2) / 100).astype("float32")
    mlp = MLP([SubtractRealMean("h", DenseDesignMatrix(X=X), also_sd=True)], nvis=2)
    exact = X.astype("float64")
    expected = (exact[:5] - exact.mean(axis=0)) / exact.std(axis=0)
    # The layer's mean is a float32 number, which has digits down to 6e-5: 0.006 deviations.
    np.testing.assert_allclose(evaluate(mlp.fprop(shared(X[:5]))), expected, atol=0.01)


@pytest.mark.parametrize(
    "make",
    [
        lambda: SubtractHalf("h"),
        lambda: SubtractRealMean("h", DenseDesignMatrix(X=random(4, 40))),
    ],
    ids=["half", "mean"],
)
def test_shows_the_weights_of_the_layer_above(make):
    above = Linear(dim=3, layer_name="above", irange=1.0)
    mlp = MLP([make(), above], input_space=IMAGES)
    np.testing.assert_array_equal(mlp.get_weights(), above.get_weights())
    np.testing.assert_array_equal(mlp.get_weights_topo(), above.get_weights_topo())
    assert mlp.get_weights_format() == ("v", "h")


def test_no_layer_above_to_show():
    with pytest.raises(NotImplementedError, match="no layer above 'h'"):
        MLP([SubtractHalf("h")], nvis=6).get_weights()
