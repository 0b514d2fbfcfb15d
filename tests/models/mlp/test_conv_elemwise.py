"""ConvElemwise and its nonlinearities against SciPy and NumPy."""

from __future__ import annotations

from collections import OrderedDict

import aesara.tensor as at
import numpy as np
import pytest
from scipy.special import expit

from adversarial.backend import floatX, shared
from adversarial.config.admission import resolve
from adversarial.models import mlp as names
from adversarial.models.mlp import (
    MLP,
    ConvElemwise,
    ConvRectifiedLinear,
    IdentityConvNonlinearity,
    RectifierConvNonlinearity,
    SigmoidConvNonlinearity,
    TanhConvNonlinearity,
    max_pool,
    mean_pool,
)
from adversarial.space import Conv2DSpace, VectorSpace
from adversarial.utils import serial
from adversarial.viewer.weights import patches_of

pytestmark = pytest.mark.usefixtures("either_engine", "fast_compile")

BC01 = ("b", "c", 0, 1)
# Nonlinearity, its value in NumPy, and a convolution: border, stride, tied biases.
CASES = [
    (IdentityConvNonlinearity(), lambda z: z, "valid", (1, 1), None),
    (RectifierConvNonlinearity(0.1), lambda z: np.where(z > 0, z, 0.1 * z), "full", (2, 1), True),
    (SigmoidConvNonlinearity(), expit, "full", (1, 1), False),
    (TanhConvNonlinearity(), np.tanh, "valid", (2, 3), True),
]


def net(layer=None, axes=BC01, shape=(6, 5), channels=3, **kwargs):
    if layer is None:
        arguments = dict(
            output_channels=4, kernel_shape=(3, 2), layer_name="h", irange=0.5,
            nonlinearity=IdentityConvNonlinearity(),
        )  # fmt: skip
        layer = ConvElemwise(**{**arguments, **kwargs})
    space = Conv2DSpace(shape, num_channels=channels, axes=axes)
    return layer, MLP([layer], input_space=space, seed=[3])


def images(*shape, seed=0):
    return np.random.RandomState(seed).normal(size=shape or (2, 3, 6, 5)).astype(floatX)


def randomize(layer):
    layer.set_biases(np.random.RandomState(7).normal(size=layer.get_biases().shape))


@pytest.mark.parametrize("case", CASES, ids=lambda case: type(case[0]).__name__)
def test_value_and_gradients(case, evaluate, reference):
    nonlinearity, function, border, stride, tied = case
    layer, mlp = net(
        nonlinearity=nonlinearity, border_mode=border, kernel_stride=stride, tied_b=tied
    )
    randomize(layer)
    x, b = images(), layer.get_biases()
    W = layer.W.get_value()

    def by_scipy(W, b, x):
        pad = (2, 1) if border == "full" else (0, 0)
        z = reference.convolve(x, W, pad, stride)
        return function(z + (b[:, None, None] if tied else b))

    expected = by_scipy(W, b, x)
    weights = images(*expected.shape, seed=1)
    X = at.tensor4()
    out = mlp.fprop(X)
    value, *grads = evaluate([out, *at.grad((out * weights).sum(), [layer.W, layer.b, X])], {X: x})
    assert mlp.get_output_space() == Conv2DSpace(expected.shape[2:], num_channels=4, axes=BC01)
    assert b.shape == ((4,) if tied else expected.shape[1:])
    np.testing.assert_allclose(value, expected, rtol=1e-4, atol=1e-5)
    for index, gradient in enumerate(grads):
        direction = np.random.RandomState(index).normal(size=gradient.shape)
        slope = reference.slope(
            lambda *args: (by_scipy(*args) * weights).sum(), [W, b, x], index, direction
        )
        assert (gradient * direction).sum() == pytest.approx(slope, rel=1e-3)


@pytest.mark.parametrize("axes", [("c", 0, 1, "b"), ("b", 0, 1, "c")])
def test_input_in_any_order_of_axes(axes, evaluate):
    x = images()
    first, mlp = net()
    expected = evaluate(mlp.fprop(shared(x)))
    _, other = net(axes=axes)
    turned = shared(np.ascontiguousarray(Conv2DSpace.convert(x, BC01, axes)))
    np.testing.assert_array_equal(evaluate(other.fprop(turned)), expected)


@pytest.mark.parametrize("kind, how", [("max", np.max), ("mean", np.mean)])
def test_pooling_and_normalization(kind, how, evaluate, reference):
    layer, mlp = net(
        nonlinearity=TanhConvNonlinearity(), pool_type=kind, pool_shape=[3, 2], pool_stride=[2, 2],
        shape=(8, 8), detector_normalization=lambda d: d * 3.0,
        output_normalization=lambda p: p + 1.0,
    )  # fmt: skip
    x = images(2, 3, 8, 8)
    detector = 3 * np.tanh(reference.convolve(x, layer.W.get_value()))  # 6 x 7
    expected = reference.pool(detector, (3, 2), (2, 2), how) + 1
    assert layer.output_space.shape == expected.shape[2:] == (3, 4)
    np.testing.assert_allclose(evaluate(mlp.fprop(shared(x))), expected, rtol=1e-4, atol=1e-5)


def test_rectified_linear(evaluate, reference):
    layer = ConvRectifiedLinear(4, (3, 2), (2, 2), (2, 2), "h", sparse_init=5, left_slope=0.2)
    layer, mlp = net(layer)
    x, W = images(), layer.W.get_value()
    assert ((W != 0).sum(axis=(1, 2, 3)) == 5).all()
    z = reference.convolve(x, W)
    expected = reference.pool(np.where(z > 0, z, 0.2 * z), (2, 2), (2, 2))
    np.testing.assert_allclose(evaluate(mlp.fprop(shared(x))), expected, rtol=1e-4, atol=1e-5)


def test_rectified_linear_hands_its_arguments_on(evaluate):
    """ConvRectifiedLinear equals ConvElemwise, with no argument at its default."""
    how = dict(
        irange=0.5, border_mode="full", include_prob=0.7, init_bias=[1.0, 2.0, 3.0, 4.0],
        W_lr_scale=0.5, b_lr_scale=0.25, max_kernel_norm=0.3, pool_type="mean", tied_b=True,
        detector_normalization=lambda d: d * 3.0, output_normalization=lambda p: p + 1.0,
        kernel_stride=(2, 1), pool_shape=(3, 2), pool_stride=(2, 2),
    )  # fmt: skip
    short, mlp = net(ConvRectifiedLinear(4, (3, 2), layer_name="h", left_slope=0.2, **how))
    long, other = net(nonlinearity=RectifierConvNonlinearity(0.2), **how)
    assert [*mlp.get_lr_scalers().values()] == [*other.get_lr_scalers().values()] == [0.5, 0.25]
    for net_ in (mlp, other):
        net_.enforce_constraints()
    np.testing.assert_array_equal(short.W.get_value(), long.W.get_value())
    assert np.linalg.norm(short.W.get_value()[0]) == pytest.approx(0.3, rel=1e-5)
    x = shared(images())
    np.testing.assert_array_equal(*evaluate([mlp.fprop(x), other.fprop(x)]))


def test_first_values():
    layer, _ = net(irange=0.25, include_prob=0.5, init_bias=0.75, output_channels=40)
    W = layer.W.get_value()
    assert W.shape == (40, 3, 3, 2)
    assert 0.2 < abs(W).max() <= 0.25 and 0.4 < (W == 0).mean() < 0.6
    assert (layer.get_biases() == 0.75).all() and layer.get_biases().shape == (40, 4, 4)
    layer, _ = net(tied_b=True, init_bias=[1, 2, 3, 4])
    assert layer.get_biases().tolist() == [1, 2, 3, 4]


def test_norms_after_an_update(evaluate):
    layer, mlp = net(max_kernel_norm=0.5)
    new = images(4, 3, 3, 2, seed=5)
    new[1] *= 0.01
    updates = OrderedDict([(layer.W, shared(new))])
    mlp.modify_updates(updates)
    got = evaluate(updates[layer.W])
    norms = np.linalg.norm(got.reshape(4, -1), axis=1)
    np.testing.assert_allclose(norms[[0, 2, 3]], 0.5, rtol=1e-5)
    np.testing.assert_allclose(got[1], new[1], rtol=1e-4)


def test_learning_rates_decay_and_pictures(evaluate):
    layer, mlp = net(W_lr_scale=0.5, b_lr_scale=0.25)
    assert mlp.get_lr_scalers() == {layer.W: 0.5, layer.b: 0.25}
    assert net()[1].get_lr_scalers() == {}
    W = layer.W.get_value()
    decay, l1 = mlp.get_weight_decay(0.1), mlp.get_l1_weight_decay(0.1)
    np.testing.assert_allclose(
        evaluate([decay, l1]), [0.1 * (W**2).sum(), 0.1 * abs(W).sum()], rtol=1e-5
    )
    pictures = mlp.get_weights_topo()
    assert pictures.shape == (4, 3, 2, 3)
    assert pictures[3, 2, 1, 0] == W[3, 0, 2, 1]
    layer.set_weights(2 * W)
    np.testing.assert_array_equal(layer.W.get_value(), 2 * W)


def test_channels(evaluate, reference):
    layer, mlp = net()
    x = images()
    found = mlp.get_monitoring_channels(shared(x))
    state, W = reference.convolve(x, layer.W.get_value()), layer.W.get_value()
    expected = {
        "h_max_x_mean_u": state.max(axis=(0, 2, 3)).mean(),
        "h_mean_x_min_u": state.mean(axis=(0, 2, 3)).min(),
        "h_kernel_norms_max": np.linalg.norm(W.reshape(4, -1), axis=1).max(),
        "h_kernel_norms_mean": np.linalg.norm(W.reshape(4, -1), axis=1).mean(),
    }
    assert len(found) == 15
    for value, name in zip(evaluate([found[name] for name in expected]), expected):
        assert value == pytest.approx(expected[name], rel=1e-4), name


def test_squared_error(evaluate, reference):
    layer, mlp = net()
    x, y = images(), images(2, 4, 4, 4, seed=1)
    error = y - reference.convolve(x, layer.W.get_value())
    expected = (error**2).sum(axis=(1, 2, 3)).mean()
    state = mlp.fprop(shared(x))
    channels = layer.get_layer_monitoring_channels(state=state, targets=shared(y))
    got = evaluate([mlp.cost(shared(y), state), channels["mse"]])
    np.testing.assert_allclose(got, [expected, expected], rtol=1e-4)


def test_cross_entropy_and_its_channels(evaluate, reference):
    layer, mlp = net(nonlinearity=SigmoidConvNonlinearity("detection"))
    x, y = images(), (images(2, 4, 4, 4, seed=1) > 0.5).astype(floatX)
    z = reference.convolve(x, layer.W.get_value())
    loss = y * np.logaddexp(0, -z) + (1 - y) * np.logaddexp(0, z)
    state = mlp.fprop(shared(x))
    channels = layer.get_layer_monitoring_channels(state=state, targets=shared(y))
    hits = (y * (z > 0)).sum()
    expected = {
        "kl": loss.mean(),
        "01_loss": (y != (z > 0)).mean(),
        "recall": hits / y.sum(),
        "precision": hits / (z > 0).sum(),
    }
    got = evaluate([channels[name] for name in expected])
    np.testing.assert_allclose(got, list(expected.values()), rtol=1e-4)
    found = SigmoidConvNonlinearity().get_monitoring_channels_from_state(state, shared(y))
    assert "01_loss" in found and not {"kl", "recall"} & set(found)


def test_nonlinearities_without_a_loss():
    layer, mlp = net(nonlinearity=TanhConvNonlinearity())
    with pytest.raises(NotImplementedError, match="TanhConvNonlinearity defines no loss"):
        mlp.cost(at.tensor4(), at.tensor4())


def test_pooling_functions(evaluate, reference):
    x = images(2, 3, 7, 6)
    pairs = [
        (max_pool(shared(x), (2, 3), (2, 2), (7, 6)), reference.pool(x, (2, 3), (2, 2))),
        (mean_pool(shared(x), (2, 3), (2, 2), (7, 6)), reference.pool(x, (2, 3), (2, 2), np.mean)),
    ]
    assert [expected.shape[2:] for _, expected in pairs] == [(4, 3), (4, 3)]
    for got, (_, expected) in zip(evaluate([symbol for symbol, _ in pairs]), pairs):
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


def test_saved_and_loaded(tmp_path, evaluate):
    _, mlp = net(nonlinearity=RectifierConvNonlinearity(0.1))
    serial.save(tmp_path / "net.pkl", mlp)
    again = serial.load(tmp_path / "net.pkl")
    x = shared(images())
    np.testing.assert_array_equal(evaluate(again.fprop(x)), evaluate(mlp.fprop(x)))


WINDOW = np.array([[[[1, 10], [100, 1000]]]], floatX)


def one_window(**kwargs):
    """A net with the kernel [[1, 2], [3, 4]] for an image of the same size."""
    layer, mlp = net(shape=(2, 2), channels=1, output_channels=1, kernel_shape=(2, 2), **kwargs)
    layer.W.set_value(np.array([[[[1, 2], [3, 4]]]], floatX))
    return layer, mlp


def test_kernels_are_flipped(evaluate):
    layer, mlp = one_window()
    assert evaluate(mlp.fprop(shared(WINDOW))) == [[[[1234]]]]
    # get_weights_topo gives W itself; a picture of weights shows what the map responds to.
    np.testing.assert_array_equal(mlp.get_weights_topo()[0, :, :, 0], [[1, 2], [3, 4]])
    np.testing.assert_array_equal(patches_of(mlp).images[0, :, :, 0], [[4, 3], [2, 1]])


def test_every_axis_is_flipped_once(evaluate):
    """Rectangular images, several channels and filters, and a border of zeros."""
    layer, mlp = net(border_mode="full", kernel_shape=(2, 3), shape=(3, 2), channels=2)
    x, W = images(1, 2, 3, 2), layer.W.get_value()
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (2, 2)))
    expected = np.zeros((1, 4, 4, 4))
    for f, c, i, j, m, n in np.ndindex(4, 2, 4, 4, 2, 3):
        expected[0, f, i, j] += W[f, c, 1 - m, 2 - n] * padded[0, c, i + m, j + n]
    np.testing.assert_allclose(evaluate(mlp.fprop(shared(x))), expected, rtol=1e-4, atol=1e-5)


def old_file(path, model):
    """The file that earlier versions, which did not flip kernels, would have saved."""
    for layer in model.layers:
        del vars(layer)["filter_flip"]
    serial.save(path, model)


@pytest.mark.parametrize("nonlinearity", [IdentityConvNonlinearity(), RectifierConvNonlinearity()])
def test_files_say_what_they_were_trained_with(nonlinearity, tmp_path, evaluate):
    path = tmp_path / "net.pkl"
    serial.save(path, one_window(nonlinearity=nonlinearity)[1])
    again = serial.load(path)
    assert again.layers[0].filter_flip and evaluate(again.fprop(shared(WINDOW))) == 1234
    old_file(path, one_window(nonlinearity=nonlinearity)[1])
    for _ in range(2):  # as it is, and saved anew
        old = serial.load(path)
        assert not old.layers[0].filter_flip
        assert evaluate(old.fprop(shared(WINDOW))) == 4321
        np.testing.assert_array_equal(patches_of(old).images[0, :, :, 0], [[1, 2], [3, 4]])
        serial.save(path, old)


def test_names_of_2014():
    for name in ("ConvElemwise", "ConvRectifiedLinear", "SigmoidConvNonlinearity"):
        assert resolve(f"pylearn2.models.mlp.{name}") is getattr(names, name)


@pytest.mark.parametrize(
    "wrong, message",
    [
        (dict(output_channels=0), "output_channels must be a positive integer, not 0"),
        (dict(kernel_shape=(3,)), r"kernel_shape must be two integers from 1 up, not \(3,\)"),
        (dict(kernel_shape=(3, 0)), "kernel_shape must be two"),
        (dict(kernel_shape=(7, 2)), r"kernel_shape \(7, 2\) is larger than the image of \(6, 5\)"),
        (dict(kernel_stride=1.5), "kernel_stride must be two integers from 1 up, not 1.5"),
        (dict(irange=None), "exactly one of irange, istdev, sparse_init; got none"),
        (dict(sparse_init=3), "exactly one of"),
        (dict(border_mode="same"), "border_mode must be .* not 'same'"),
        (dict(pool_type="median"), "pool_type must be .* not 'median'"),
        (dict(pool_type="max"), "pool_shape must be two integers from 1 up, not None"),
        (
            dict(pool_type="max", pool_shape=(5, 1), pool_stride=(1, 1)),
            r"pool_shape \(5, 1\) is larger than the detector maps of \(4, 4\)",
        ),
        (
            dict(pool_type="max", pool_shape=(2, 2), pool_stride=(1, 3)),
            r"pool_stride \(1, 3\) is larger than pool_shape \(2, 2\)",
        ),
        (dict(max_kernel_norm=0), "max_kernel_norm must be positive"),
        (dict(init_bias=[1, 2]), r"init_bias has shape \(2,\), expected \(4, 4, 4\)"),
    ],
)
def test_wrong_arguments(wrong, message):
    with pytest.raises(ValueError, match=message):
        net(**wrong)


def test_wrong_kinds():
    with pytest.raises(TypeError, match="nonlinearity must be one for images, not 'tanh'"):
        net(nonlinearity="tanh")
    layer = ConvElemwise(4, (3, 2), "h", IdentityConvNonlinearity(), irange=0.1)
    with pytest.raises(TypeError, match="'h' takes images .*put a SpaceConverter below"):
        MLP([layer], input_space=VectorSpace(90))
    with pytest.raises(ValueError, match="monitor_style .*'guess'"):
        SigmoidConvNonlinearity("guess")
