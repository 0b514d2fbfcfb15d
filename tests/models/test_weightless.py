"""The layers without weights of the 2014 package."""

from __future__ import annotations

import aesara.tensor as at
import numpy as np
import pytest
from scipy import stats
from scipy.special import expit

from adversarial.backend import floatX, shared
from adversarial.datasets.dense_design_matrix import DefaultViewConverter, DenseDesignMatrix
from adversarial.models import weightless
from adversarial.models.mlp import MLP, CompositeLayer, Linear
from adversarial.space import CompositeSpace, Conv2DSpace, VectorSpace

pytestmark = pytest.mark.usefixtures("either_engine", "fast_compile")

IMAGES = Conv2DSpace((4, 5), num_channels=2)


def random(*shape, seed=0):
    return np.random.RandomState(seed).normal(size=shape).astype(floatX)


@pytest.mark.parametrize(
    "layer, expected",
    [
        (lambda: weightless.RectifiedLinear("h"), lambda x: np.maximum(x, 0)),
        (
            lambda: weightless.RectifiedLinear("h", left_slope=0.1),
            lambda x: np.where(x > 0, x, 0.1 * x),
        ),
        (lambda: weightless.Sigmoid("h"), expit),
        (lambda: weightless.SubtractHalf("h"), lambda x: x - 0.5),
    ],
    ids=["rectified", "leaky", "sigmoid", "subtract half"],
)
def test_values_in_any_space(layer, expected, evaluate):
    for space, x in ((VectorSpace(6), random(5, 6)), (IMAGES, random(3, 4, 5, 2))):
        mlp = MLP([layer()], input_space=space)
        assert mlp.get_output_space() == space and mlp.get_params() == []
        np.testing.assert_allclose(evaluate(mlp.fprop(shared(x))), expected(x), rtol=1e-5)


@pytest.mark.parametrize("also_sd", [False, True])
def test_subtract_real_mean(also_sd, data, evaluate):
    layer = weightless.SubtractRealMean("h", data, also_sd=also_sd)
    mlp = MLP([layer], nvis=6)
    out = evaluate(mlp.fprop(shared(data.X)))
    np.testing.assert_allclose(out.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(out.std(axis=0), 1 if also_sd else data.X.std(axis=0), rtol=1e-5)


@pytest.mark.parametrize("axes", [("b", 0, 1, "c"), ("c", 0, 1, "b")])
def test_the_mean_of_images(axes, evaluate):
    """A data set's rows hold channel after channel, whatever the order of the images' axes."""
    rows = random(7, 40)
    views = DefaultViewConverter((4, 5, 2))
    layer = weightless.SubtractRealMean(
        "h", DenseDesignMatrix(X=rows, view_converter=views), also_sd=True
    )
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
    layer = weightless.SubtractRealMean("h", data)
    with pytest.raises(ValueError, match="6 numbers .*dim=5|dim=6.* as .*dim=5"):
        MLP([layer], nvis=5)


def test_a_constant_feature_has_no_deviation():
    X = random(4, 3)
    X[:, 1] = 7
    with pytest.raises(ValueError, match="feature 1 never varies"):
        weightless.SubtractRealMean("h", DenseDesignMatrix(X=X), also_sd=True)


@pytest.mark.parametrize(
    "make",
    [
        lambda: weightless.SubtractHalf("h"),
        lambda: weightless.SubtractRealMean("h", DenseDesignMatrix(X=random(4, 40))),
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
        MLP([weightless.SubtractHalf("h")], nvis=6).get_weights()


def test_sum(evaluate):
    parts = [Linear(dim=3, layer_name=name, irange=1.0) for name in "abc"]
    mlp = MLP([CompositeLayer("parts", parts), weightless.Sum("sum")], nvis=6)
    x = random(5, 6)
    expected = sum(x @ part.get_weights() for part in parts)
    np.testing.assert_allclose(evaluate(mlp.fprop(shared(x))), expected, rtol=1e-4, atol=1e-6)
    assert mlp.get_output_space() == VectorSpace(3)


def test_channels_of_a_sum_of_images(evaluate):
    """Units are channels: positions count as examples."""
    layer = weightless.Sum("sum")
    MLP([layer], input_space=CompositeSpace([IMAGES, IMAGES]))
    x = random(3, 4, 5, 2), random(3, 4, 5, 2, seed=1)
    found = layer.get_layer_monitoring_channels(tuple(map(shared, x)))
    total = x[0] + x[1]
    expected = total.max(axis=(0, 1, 2)).mean()
    assert evaluate(found["max_x.mean_u"]) == pytest.approx(expected, rel=1e-5)


def test_sum_wants_equal_parts():
    with pytest.raises(TypeError, match="VectorSpace"):
        MLP([weightless.Sum("sum")], nvis=3)
    unequal = CompositeSpace([VectorSpace(3), VectorSpace(4)])
    with pytest.raises(ValueError, match="dim=4.*dim=3"):
        MLP([weightless.Sum("sum")], input_space=unequal)


def test_noise_cat(evaluate):
    mlp = MLP([weightless.NoiseCat(new_dim=4, std=0.5, layer_name="n")], nvis=6)
    x = random(500, 6)
    out = evaluate(mlp.fprop(shared(x)))
    assert mlp.get_output_space() == VectorSpace(10)
    np.testing.assert_array_equal(out[:, :6], x)
    assert stats.kstest(out[:, 6:].ravel(), stats.norm(scale=0.5).cdf).pvalue > 1e-3


def test_clusterize(evaluate):
    mlp = MLP([weightless.Clusterize(scale=0.25, layer_name="c")], nvis=6)
    x = random(500, 6)
    moved = evaluate(mlp.fprop(shared(x))) - x
    np.testing.assert_allclose(abs(moved), 0.25, rtol=1e-4)
    assert (moved > 0).mean() == pytest.approx(0.5, abs=5 * 0.5 / np.sqrt(moved.size))


@pytest.mark.parametrize(
    "wrong, message",
    [
        (dict(new_dim=0), "'n': new_dim must be positive, not 0"),
        (dict(new_dim=1.5), "new_dim must be positive, not 1.5"),
        (dict(std=-1.0), "'n': std must not be negative, got -1.0"),
    ],
)
def test_wrong_noise(wrong, message):
    with pytest.raises(ValueError, match=message):
        weightless.NoiseCat(**{**dict(new_dim=2, std=1.0, layer_name="n"), **wrong})


@pytest.mark.parametrize(
    "layer",
    [lambda: weightless.NoiseCat(2, 1.0, "h"), lambda: weightless.Clusterize(1.0, "h")],
    ids=["noise cat", "clusterize"],
)
def test_vectors_only(layer):
    with pytest.raises(TypeError, match="'h' .*Conv2DSpace"):
        MLP([layer()], input_space=IMAGES)


def test_gradient_of_hard_sigmoid_is_zero_outside(evaluate):
    layer = weightless.HardSigmoid(dim=1, layer_name="h", irange=0.0)
    mlp = MLP([layer], nvis=1)
    layer.set_weights([[1.0]])
    X = at.matrix()
    x = np.array([[-1.0], [0.25], [2.0]], dtype=floatX)
    slope = evaluate(at.grad(mlp.fprop(X).sum(), X), {X: x})
    assert slope.ravel().tolist() == [0, 1, 0]
