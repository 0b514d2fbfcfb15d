"""Linear, RectifiedLinear, Softplus, Tanh and Sigmoid against NumPy."""

from __future__ import annotations

from collections import OrderedDict

import aesara.tensor as at
import numpy as np
import pytest
from scipy.special import expit

from adversarial.backend import floatX, function, shared
from adversarial.models.maxout import Maxout
from adversarial.models.mlp import MLP, Linear, RectifiedLinear, Sigmoid, Softmax, Softplus, Tanh
from adversarial.models.mlp.linear import HardSigmoid
from adversarial.space import Conv2DSpace

pytestmark = pytest.mark.usefixtures("either_engine", "fast_compile")

# Layer -> (value, derivative) at z.
FUNCTIONS = {
    Linear: lambda z: (z, np.ones_like(z)),
    RectifiedLinear: lambda z: (np.maximum(z, 0), (z > 0) * 1.0),
    Softplus: lambda z: (np.logaddexp(0, z), expit(z)),
    Tanh: lambda z: (np.tanh(z), 1 - np.tanh(z) ** 2),
    Sigmoid: lambda z: (expit(z), expit(z) * expit(-z)),
    HardSigmoid: lambda z: (np.clip(z, 0, 1), ((z > 0) & (z < 1)) * 1.0),
}


def net(layer, nvis=3, **kwargs):
    return MLP([layer], nvis=nvis, seed=[1, 2], **kwargs)


def random(*shape, seed=0):
    return np.random.RandomState(seed).normal(size=shape).astype(floatX)


@pytest.mark.parametrize("cls", FUNCTIONS, ids=lambda cls: cls.__name__)
def test_value_and_gradients(cls, evaluate):
    layer = cls(dim=4, layer_name="h", irange=1.5, init_bias=[0.1, -0.2, 0.3, 0.0])
    mlp = net(layer)
    x, weights = random(5, 3), random(5, 4, seed=1)
    X = at.matrix()
    out = mlp.fprop(X)
    grads = at.grad((out * weights).sum(), [layer.W, layer.b, X])
    value, dW, db, dx = evaluate([out, *grads], {X: x})

    W, b = layer.get_weights().astype("float64"), layer.get_biases().astype("float64")
    expected, slope = FUNCTIONS[cls](x @ W + b)
    dz = weights * slope
    close = dict(rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(value, expected, **close)
    np.testing.assert_allclose(dW, x.T @ dz, **close)
    np.testing.assert_allclose(db, dz.sum(axis=0), **close)
    np.testing.assert_allclose(dx, dz @ W.T, **close)


def test_left_slope(evaluate):
    layer = RectifiedLinear(dim=4, layer_name="h", irange=1.0, left_slope=0.2)
    mlp, x = net(layer), random(5, 3)
    z = x @ layer.get_weights()
    assert (z < 0).any()
    np.testing.assert_allclose(
        evaluate(mlp.fprop(shared(x))), np.where(z > 0, z, 0.2 * z), rtol=1e-5, atol=1e-7
    )


def test_copied_input_and_no_bias(evaluate):
    layer = Linear(dim=2, layer_name="h", irange=1.0, copy_input=1, use_bias=False)
    mlp, x = net(layer), random(5, 3)
    assert mlp.get_output_space().dim == 5
    assert mlp.get_params() == [layer.W]
    np.testing.assert_allclose(
        evaluate(mlp.fprop(shared(x))), np.hstack([x @ layer.get_weights(), x]), rtol=1e-5
    )
    with pytest.raises(NotImplementedError, match="without biases"):
        layer.get_biases()


@pytest.mark.parametrize("absolute", [False, True])
def test_loss_of_linear(absolute, evaluate):
    layer = Linear(dim=2, layer_name="h", irange=1.0, use_abs_loss=absolute)
    mlp, x, y = net(layer), random(5, 3), random(5, 2, seed=1)
    error = y - x @ layer.get_weights()
    per_unit = abs(error) if absolute else error**2
    cost = mlp.cost_from_X((shared(x), shared(y)))
    np.testing.assert_allclose(evaluate(cost), per_unit.sum(axis=1).mean(), rtol=1e-5)


def test_loss_of_sigmoid_keeps_its_digits():
    """Also where the sigmoid is 0 or 1 in float32; compiled as in training."""
    layer = Sigmoid(dim=1, layer_name="y", irange=0.0)
    mlp = net(layer, nvis=1)
    layer.set_weights([[1.0]])
    z = np.array([-100, -50, -17, -1, 0, 0.5, 17, 50, 100], dtype=floatX)[:, None]
    X, Y = at.matrix(), at.matrix()
    losses = mlp.cost_matrix(Y, mlp.fprop(X))
    f = function([X, Y], [losses, at.grad(losses.sum(), X)], mode="FAST_RUN")
    z64 = z.astype("float64")
    for target in (0.0, 1.0, 0.3):
        y = np.full_like(z, target)
        loss, slope = f(z, y)
        expected = target * np.logaddexp(0, -z64) + (1 - target) * np.logaddexp(0, z64)
        np.testing.assert_allclose(loss, expected, rtol=1e-5, atol=1e-37)
        np.testing.assert_allclose(slope, expit(z64) - target, rtol=1e-5, atol=1e-7)


def test_kl_is_the_mean_cross_entropy_of_the_units(evaluate):
    layer = Sigmoid(dim=2, layer_name="y", irange=1.0)
    mlp, x = net(layer), random(4, 3)
    ones, state = shared(np.ones((4, 2))), mlp.fprop(shared(x))
    expected = np.logaddexp(0, -x @ layer.get_weights()).mean(axis=1)
    np.testing.assert_allclose(evaluate(layer.kl(ones, state)), expected, rtol=1e-5)
    channels = layer.get_layer_monitoring_channels(state=state, targets=ones)
    for loss in (mlp.cost(ones, state), channels["kl"]):
        assert evaluate(loss) == pytest.approx(expected.mean(), rel=1e-5)


def test_no_loss_of_an_input_that_is_copied():
    mlp = net(Sigmoid(dim=2, layer_name="y", irange=1.0, copy_input=1))
    with pytest.raises(NotImplementedError, match="'y' has copy_input"):
        mlp.cost(at.matrix(), at.matrix())


@pytest.mark.parametrize("cls", [RectifiedLinear, Softplus, Tanh, HardSigmoid])
def test_layers_without_a_loss_say_so(cls):
    layer = cls(dim=2, layer_name="h", irange=1.0)
    with pytest.raises(NotImplementedError, match=cls.__name__):
        layer.cost(at.matrix(), at.matrix())


def test_detection_channels(evaluate):
    layer = Sigmoid(dim=3, layer_name="y", irange=1.0)
    net(layer)
    p = np.array([[0.9, 0.2, 0.6], [0.4, 0.7, 0.1]], dtype=floatX)
    y = np.array([[1, 1, 0], [0, 1, 0]], dtype=floatX)
    state = at.sigmoid(shared(np.log(p / (1 - p))))
    found = layer.get_layer_monitoring_channels(state=state, targets=shared(y))
    names = ["misclass", "01_loss", "precision", "recall", "f1"]
    values = evaluate([found[name] for name in names])
    # Correct: 0.9 and 0.7; missed: the first 0.2; false alarm: 0.6.
    np.testing.assert_allclose(values, [2 / 6, 2 / 6, 2 / 3, 2 / 3, 2 / 3], rtol=1e-6)


@pytest.mark.parametrize("style, expected", [("classification", 0.5), ("bit_vector_class", 1.0)])
def test_other_monitor_styles(style, expected, evaluate):
    layer = Sigmoid(dim=3, layer_name="y", irange=1.0, monitor_style=style)
    net(layer)
    p = np.array([[0.9, 0.2, 0.6], [0.4, 0.7, 0.1]], dtype=floatX)
    y = np.array([[1, 0, 0], [1, 0, 0]], dtype=floatX)
    found = layer.get_layer_monitoring_channels(state=shared(p), targets=shared(y))
    assert evaluate(found["misclass"]) == pytest.approx(expected)
    with pytest.raises(ValueError, match="detecting"):
        Sigmoid(dim=3, layer_name="y", irange=1.0, monitor_style="detecting")


def moved(layer, mlp, W):
    """The value of W after an update and the constraints of the layer."""
    updates = OrderedDict([(layer.W, shared(W))])
    mlp.modify_updates(updates)
    function([], updates=updates)()
    return layer.get_weights()


@pytest.mark.parametrize("axis, argument", [(0, "max_col_norm"), (1, "max_row_norm")])
def test_greatest_norm(axis, argument):
    layer = Linear(dim=4, layer_name="h", irange=0.1, **{argument: 1.5})
    mlp = net(layer)
    W = random(3, 4).astype("float64")
    W[:, 0] *= 5
    W[1] *= 5
    W[2] *= 0.1
    W[:, 2] *= 0.1
    norms = np.sqrt((W**2).sum(axis=axis, keepdims=True))
    assert (norms > 1.5).any() and (norms < 1.5).any()
    after = moved(layer, mlp, W)
    np.testing.assert_allclose(after, W * np.minimum(norms, 1.5) / (1e-7 + norms), rtol=1e-5)
    assert np.sqrt((after**2).sum(axis=axis)).max() <= 1.5 * (1 + 1e-6)


CLASSES = {
    "RectifiedLinear": lambda **how: RectifiedLinear(dim=6, layer_name="h", **how),
    "Sigmoid": lambda **how: Sigmoid(dim=6, layer_name="h", **how),
    "HardSigmoid": lambda **how: HardSigmoid(dim=6, layer_name="h", **how),
    "Maxout": lambda **how: Maxout("h", 3, 2, **how),
    "Softmax": lambda **how: Softmax(6, "h", **how),
}


@pytest.mark.parametrize("make", CLASSES.values(), ids=CLASSES)
def test_every_class_passes_its_arguments_on(make):
    """Each class passes initial values, norms and learning rate factors on to its base."""
    W = 5 * random(4, 6)
    for axis, argument in ((0, "max_col_norm"), (1, "max_row_norm")):
        layer = make(sparse_init=2, **{argument: 0.5})
        mlp = net(layer, nvis=4)
        assert ((layer.get_weights() != 0).sum(axis=0) == 2).all()
        norms = np.linalg.norm(moved(layer, mlp, W), axis=axis)
        np.testing.assert_allclose(norms, 0.5, rtol=1e-5)
    layer = make(irange=0.1, W_lr_scale=0.5, b_lr_scale=2.0)
    assert net(layer, nvis=4).get_lr_scalers() == {layer.W: 0.5, layer.b: 2.0}
    assert 0.05 < abs(layer.get_weights()).max() <= 0.1


@pytest.mark.parametrize("name", ["RectifiedLinear", "Sigmoid", "HardSigmoid", "Maxout"])
def test_hidden_layers_pass_on_arguments_that_softmax_lacks(name):
    layer = CLASSES[name](irange=1.0, include_prob=0.5, init_bias=0.25)
    net(layer, nvis=200)
    assert (layer.get_weights() == 0).mean() == pytest.approx(0.5, abs=0.1)
    assert (layer.get_biases() == 0.25).all()
    mask = np.random.RandomState(0).randint(2, size=(4, 6))
    mask[0] = 1
    layer = CLASSES[name](sparse_init=1, sparse_stdev=100.0, mask_weights=mask)
    net(layer, nvis=4)
    assert not layer.get_weights()[mask == 0].any() and abs(layer.get_weights()).max() > 10


def test_least_norm():
    layer = Linear(dim=3, layer_name="h", irange=0.1, min_col_norm=2.0, max_col_norm=3.0)
    mlp = net(layer)
    W = np.array([[0.6, 3, 0], [0.8, 4, 0], [0, 0, 0]])
    after = moved(layer, mlp, W)
    np.testing.assert_allclose(after, [[1.2, 1.8, 0], [1.6, 2.4, 0], [0, 0, 0]], rtol=1e-5)


def test_present_values_can_be_constrained():
    layer = Linear(dim=4, layer_name="h", irange=3.0, max_col_norm=0.5)
    mlp = net(layer)
    mlp.enforce_constraints()
    np.testing.assert_allclose(np.linalg.norm(layer.get_weights(), axis=0), 0.5, rtol=1e-5)


def test_masked_weights_stay_zero():
    mask = np.array([[1, 0, 1, 1], [0, 1, 1, 1], [1, 1, 0, 1]])
    layer = Linear(dim=4, layer_name="h", irange=1.0, mask_weights=mask)
    mlp = net(layer)
    assert ((layer.get_weights() == 0) == (mask == 0)).all()
    W = random(3, 4)
    np.testing.assert_allclose(moved(layer, mlp, W), W * mask)
    with pytest.raises(ValueError, match=r"\(2, 4\), expected \(3, 4\)"):
        net(Linear(dim=4, layer_name="h", irange=1.0, mask_weights=mask[:2]))


def test_learning_rate_factors_and_decay(evaluate):
    layer = Linear(dim=4, layer_name="h", irange=1.0, W_lr_scale=0.5, b_lr_scale=2.0)
    mlp = net(layer)
    assert mlp.get_lr_scalers() == {layer.W: 0.5, layer.b: 2.0}
    W = layer.get_weights()
    decay = [mlp.get_weight_decay(0.1), mlp.get_l1_weight_decay([0.1])]
    np.testing.assert_allclose(evaluate(decay), [0.1 * (W**2).sum(), 0.1 * abs(W).sum()], rtol=1e-5)


def test_images_below(evaluate):
    """The rows of W are in the order in which an image is flattened."""
    space = Conv2DSpace((2, 3), num_channels=2, axes=("c", 0, 1, "b"))
    layer = Linear(dim=4, layer_name="h", irange=1.0)
    mlp = MLP([layer], input_space=space)
    x = random(2, 2, 3, 5)
    topo = mlp.get_weights_topo()
    assert topo.shape == (4, 2, 3, 2)
    out = evaluate(mlp.fprop(shared(x)))
    np.testing.assert_allclose(out, np.einsum("crkb,urkc->bu", x, topo), rtol=1e-4, atol=1e-6)
    vectors = net(Linear(dim=4, layer_name="h", irange=1.0))
    with pytest.raises(NotImplementedError, match="not an image"):
        vectors.get_weights_topo()


def test_weights_can_be_set():
    layer = Linear(dim=2, layer_name="h", irange=1.0)
    net(layer)
    layer.set_weights(np.arange(6).reshape(3, 2))
    layer.set_biases([1, 2])
    assert layer.get_weights().tolist() == [[0, 1], [2, 3], [4, 5]]
    assert layer.get_biases().tolist() == [1, 2]
    assert layer.get_weights_format() == ("v", "h")


@pytest.mark.parametrize(
    "wrong, message",
    [
        (dict(dim=0), "dim .*0"),
        (dict(dim="4"), "dim .*'4'"),
        (dict(irange=None), "exactly one of irange, istdev, sparse_init"),
        (dict(istdev=1.0), "irange=1.0 and istdev=1.0"),
        (dict(irange=-1.0), "irange .*-1.0"),
        (dict(max_col_norm=0.0), "max_col_norm .*0.0"),
        (dict(max_col_norm=1.0, max_row_norm=1.0), "not both"),
        (dict(min_col_norm=2.0, max_col_norm=1.0), "min_col_norm 2.0 exceeds max_col_norm 1.0"),
        (dict(init_bias=[1, 2]), r"\(2,\), expected \(4,\)"),
    ],
)
def test_wrong_arguments(wrong, message):
    with pytest.raises(ValueError, match=message):
        Linear(**{**dict(dim=4, layer_name="h", irange=1.0), **wrong})


def test_layer_name_is_text():
    with pytest.raises(TypeError, match="5"):
        Linear(dim=4, layer_name=5, irange=1.0)
