"""Deconv against loops, and against the convolution whose transpose it is."""

from __future__ import annotations

from collections import OrderedDict

import aesara.tensor as at
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adversarial.backend import floatX, shared
from adversarial.config.admission import resolve
from adversarial.models.deconv import Deconv, setup_deconv_detector_layer_c01b
from adversarial.models.mlp import MLP, Linear, SpaceConverter
from adversarial.space import Conv2DSpace, VectorSpace
from adversarial.utils import serial

pytestmark = pytest.mark.usefixtures("either_engine", "fast_compile")

BC01, C01B = ("b", "c", 0, 1), ("c", 0, 1, "b")
ARGUMENTS = dict(num_channels=2, kernel_shape=[3, 4], layer_name="y", irange=0.5)


def net(axes=C01B, shape=(4, 3), **kwargs):
    layer = Deconv(**{**ARGUMENTS, **kwargs})
    space = Conv2DSpace(shape, num_channels=3, axes=axes)
    return layer, MLP([layer], input_space=space, seed=[3])


def images(*shape, seed=0):
    """In the order of axes (b, c, 0, 1)."""
    return np.random.RandomState(seed).normal(size=shape or (2, 3, 4, 3)).astype(floatX)


def to_c01b(x):
    return np.ascontiguousarray(Conv2DSpace.convert(x, BC01, C01B))


def painted(W, b, x, stride, pad):
    """Each value adds its kernel, times the value, at `stride` times its place."""
    kernel = W.shape[2:]
    size = [s * (n - 1) + k for n, s, k in zip(x.shape[2:], stride, kernel)]
    canvas = np.zeros((len(x), W.shape[1], *size))
    for n, m, i, j in np.ndindex(x.shape):
        top, left = i * stride[0], j * stride[1]
        canvas[n, :, top : top + kernel[0], left : left + kernel[1]] += x[n, m, i, j] * W[m]
    canvas = canvas[:, :, pad : size[0] - pad, pad : size[1] - pad]
    return canvas + (b[:, None, None] if b.ndim == 1 else b)


@pytest.mark.parametrize(
    "arguments",
    [dict(), dict(output_stride=(3, 2), tied_b=True), dict(output_stride=(2, 3), pad_out=1)],
    ids=str,
)
def test_value_and_gradients(arguments, evaluate, reference):
    layer, mlp = net(**arguments)
    layer.set_biases(np.random.RandomState(7).normal(size=layer.get_biases().shape))
    x, W, b = images(), layer.W.get_value(), layer.get_biases()
    how = (layer.output_stride, layer.pad_out)
    expected = painted(W, b, x, *how)
    assert mlp.get_output_space() == Conv2DSpace(expected.shape[2:], num_channels=2, axes=C01B)
    assert b.shape == ((2,) if layer.tied_b else expected.shape[1:])
    weights = images(*expected.shape, seed=1)
    X = at.tensor4()
    out = mlp.fprop(X)
    cost = (out * to_c01b(weights)).sum()
    value, *grads = evaluate([out, *at.grad(cost, [layer.W, layer.b, X])], {X: to_c01b(x)})
    np.testing.assert_allclose(value, to_c01b(expected), rtol=1e-4, atol=1e-5)
    grads[2] = Conv2DSpace.convert(grads[2], C01B, BC01)
    for index, gradient in enumerate(grads):
        direction = np.random.RandomState(index).normal(size=gradient.shape)
        slope = reference.slope(
            lambda *args: (painted(*args, *how) * weights).sum(), [W, b, x], index, direction
        )
        assert (gradient * direction).sum() == pytest.approx(slope, rel=1e-3)


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    size=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    kernel=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    pad=st.integers(0, 1),
)
def test_adjoint_of_the_convolution(size, stride, kernel, pad, evaluate, reference):
    """<conv x, y> = <x, deconv y>, and the sizes are those that the layer says."""
    shape = [s * (n - 1) - 2 * pad + k for n, s, k in zip(size, stride, kernel)]
    settings_ = dict(shape=size, output_stride=stride, kernel_shape=kernel, pad_out=pad)
    if min(shape) < 1:
        with pytest.raises(ValueError, match="leaves no pixels"):
            net(**settings_)
        return
    layer, mlp = net(**settings_)
    assert list(mlp.get_output_space().shape) == shape
    x, y = images(2, 2, *shape), images(2, 3, *size, seed=1)
    forth = reference.correlate(x, layer.W.get_value(), (pad, pad), stride)
    back = evaluate(mlp.fprop(shared(to_c01b(y))))
    assert forth.shape == y.shape
    assert (forth * y).sum() == pytest.approx((to_c01b(x) * back).sum(), rel=1e-3, abs=1e-4)


def test_the_papers_generator_on_cifar10():
    """8000 values, as 10 x 10 images of 80 channels, become 32 x 32 images of 3."""
    space = Conv2DSpace([10, 10], num_channels=80, axes=C01B)
    layers = [
        SpaceConverter("converter", space),
        Deconv(3, [5, 5], "y", irange=0.05, output_stride=[3, 3], tied_b=0),
    ]
    mlp = MLP(layers, nvis=8000)
    assert mlp.get_output_space() == Conv2DSpace((32, 32), num_channels=3, axes=C01B)
    assert layers[1].get_weights_topo().shape == (80, 5, 5, 3)
    assert layers[1].get_biases().shape == (3, 32, 32)


def test_vectors_are_painted_as_images(evaluate):
    """A SpaceConverter below turns vectors into the same images for each order of axes."""
    x = images(2, 36)
    got = []
    for axes in (C01B, BC01):
        converter = SpaceConverter("converter", Conv2DSpace((4, 3), num_channels=3, axes=axes))
        layer = Deconv(**ARGUMENTS)
        mlp = MLP([converter, layer], nvis=36, seed=[3])
        got.append(evaluate(mlp.fprop(shared(x))))
    rows = x.reshape(2, 4, 3, 3).transpose(0, 3, 1, 2)
    expected = to_c01b(painted(layer.W.get_value(), layer.get_biases(), rows, (1, 1), 0))
    for value in got:
        np.testing.assert_allclose(value, expected, rtol=1e-4, atol=1e-5)


def test_norms_after_an_update(evaluate):
    layer, mlp = net(max_kernel_norm=0.5)
    updates = OrderedDict([(layer.W, shared(images(3, 2, 3, 4)))])
    mlp.modify_updates(updates)
    got = evaluate(updates[layer.W])
    np.testing.assert_allclose(np.linalg.norm(got.reshape(3, -1), axis=1), 0.5, rtol=1e-5)


def test_parameters_channels_and_files(evaluate, tmp_path):
    layer, mlp = net(W_lr_scale=0.5, b_lr_scale=2.0, init_bias=0.25, tied_b=True)
    assert mlp.get_lr_scalers() == {layer.W: 0.5, layer.b: 2.0}
    assert layer.get_biases().tolist() == [0.25, 0.25]
    W, x = layer.W.get_value(), images()
    state = painted(W, layer.get_biases(), x, (1, 1), 0)
    found = mlp.get_monitoring_channels(shared(to_c01b(x)))
    expected = {
        "y_max_x.mean_u": state.max(axis=(0, 2, 3)).mean(),
        "y_kernel_norms_max": np.linalg.norm(W.reshape(3, -1), axis=1).max(),
    }
    assert len(found) == 15
    got = evaluate([found[name] for name in expected])
    np.testing.assert_allclose(got, list(expected.values()), rtol=1e-4)
    serial.save(tmp_path / "net.pkl", mlp)
    again = serial.load(tmp_path / "net.pkl").fprop(shared(to_c01b(x)))
    np.testing.assert_allclose(evaluate(again), to_c01b(state), rtol=1e-4, atol=1e-5)


def test_setting_up_by_hand():
    layer = Deconv(**{**ARGUMENTS, "irange": 0.0})
    space = Conv2DSpace((4, 3), num_channels=3, axes=BC01)
    setup_deconv_detector_layer_c01b(layer, space, np.random.RandomState(0), irange=2.0)
    assert 1 < abs(layer.W.get_value()).max() <= 2
    assert layer.output_space.shape == (6, 6)


def test_names_of_2014():
    assert resolve("adversarial.deconv.Deconv") is Deconv


@pytest.mark.parametrize(
    "wrong, message",
    [
        (dict(num_channels=-3), "num_channels must be a positive integer, not -3"),
        (dict(irange=None), "exactly one of irange, istdev, sparse_init; got none"),
        (dict(kernel_shape=5), "kernel_shape must be two integers from 1 up, not 5"),
        (dict(output_stride=[0, 1]), "output_stride must be two integers from 1 up"),
        (dict(pad_out=-1), "pad_out must be two integers from 0 up"),
        (dict(pad_out=3), r"pad_out 3 leaves no pixels: .* shape \(0, 0\)"),
        (dict(max_kernel_norm=-1.0), "max_kernel_norm must be positive"),
        (dict(init_bias=np.zeros(3)), r"init_bias has shape \(3,\), expected \(2, 6, 6\)"),
    ],
)
def test_wrong_arguments(wrong, message):
    with pytest.raises(ValueError, match=message):
        net(**wrong)


def test_vectors_are_refused():
    with pytest.raises(TypeError, match="'y' takes images .* put a SpaceConverter below it"):
        MLP([Linear(36, "h", irange=0.1), Deconv(**ARGUMENTS)], input_space=VectorSpace(5))
