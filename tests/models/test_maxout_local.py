"""MaxoutLocalC01B against loops over positions."""

from __future__ import annotations

from collections import OrderedDict

import aesara.tensor as at
import numpy as np
import pytest

from adversarial.backend import floatX, shared
from adversarial.config.admission import resolve
from adversarial.models.maxout_local import MaxoutLocalC01B
from adversarial.models.mlp import MLP
from adversarial.space import Conv2DSpace, VectorSpace

pytestmark = pytest.mark.usefixtures("either_engine", "fast_compile")

BC01, C01B = ("b", "c", 0, 1), ("c", 0, 1, "b")
ARGUMENTS = dict(num_channels=4, num_pieces=2, kernel_shape=[3, 2], layer_name="h", irange=0.5)


def net(**kwargs):
    layer = MaxoutLocalC01B(**{**ARGUMENTS, **kwargs})
    space = Conv2DSpace((5, 4), num_channels=2, axes=C01B)
    return layer, MLP([layer], input_space=space, seed=[3])


def random(*shape, seed=0):
    return np.random.RandomState(seed).normal(size=shape).astype(floatX)


def to_c01b(x):
    return np.ascontiguousarray(Conv2DSpace.convert(x, BC01, C01B))


def by_loops(reference, layer, W, b, x):
    groups = layer.input_groups
    x = np.pad(x.astype("float64"), [(0, 0), (0, 0), (layer.pad,) * 2, (layer.pad,) * 2])
    filters, rows, columns, channels = W.shape[:4]
    z = np.zeros((len(x), filters, rows, columns))
    for f, i, j in np.ndindex(filters, rows, columns):
        first = f // (filters // groups) * channels
        top, left = i * layer.kernel_stride[0], j * layer.kernel_stride[1]
        patch = x[:, first : first + channels, top : top + 3, left : left + 2]
        z[:, f, i, j] = (patch * W[f, i, j]).sum(axis=(1, 2, 3))
    z = z + (b[:, None, None] if layer.tied_b else b)
    z = z.reshape(len(x), layer.num_channels, layer.num_pieces, rows, columns).max(axis=2)
    return reference.pool(z, layer.pool_shape, layer.pool_stride)


@pytest.mark.parametrize(
    "arguments",
    [
        dict(),
        dict(input_groups=2, pool_shape=(2, 2), pool_stride=(1, 2), tied_b=True),
        dict(pad=1, kernel_stride=(2, 1)),
    ],
    ids=str,
)
def test_value_and_gradients(arguments, evaluate, reference):
    layer, mlp = net(**arguments)
    layer.set_biases(random(*layer.get_biases().shape, seed=7))
    x, W, b = random(3, 2, 5, 4), layer.W.get_value(), layer.get_biases()
    assert W.shape == (8, *layer.detector_space.shape, 2 // layer.input_groups, 3, 2)
    expected = by_loops(reference, layer, W, b, x)
    weights = random(*expected.shape, seed=1)
    X = at.tensor4()
    out = mlp.fprop(X)
    cost = (out * to_c01b(weights)).sum()
    value, *grads = evaluate([out, *at.grad(cost, [layer.W, layer.b, X])], {X: to_c01b(x)})
    assert mlp.get_output_space() == Conv2DSpace(expected.shape[2:], num_channels=4, axes=C01B)
    np.testing.assert_allclose(value, to_c01b(expected), rtol=1e-4, atol=1e-5)
    grads[2] = Conv2DSpace.convert(grads[2], C01B, BC01)
    for index, gradient in enumerate(grads):
        direction = np.random.RandomState(index).normal(size=gradient.shape)
        slope = reference.slope(
            lambda *args: (by_loops(reference, layer, *args) * weights).sum(),
            [W, b, x], index, direction,
        )  # fmt: skip
        assert (gradient * direction).sum() == pytest.approx(slope, rel=1e-3)


def test_norms_and_pictures(evaluate):
    layer, mlp = net(max_kernel_norm=0.5)
    W = layer.W.get_value()
    updates = OrderedDict([(layer.W, shared(10 * W))])
    mlp.modify_updates(updates)
    norms, limited = evaluate([layer.get_filter_norms(), layer.get_filter_norms(updates[layer.W])])
    np.testing.assert_allclose(norms, np.sqrt((W**2).sum(axis=(3, 4, 5))), rtol=1e-5)
    np.testing.assert_allclose(limited, 0.5, rtol=1e-5)
    pictures = mlp.get_weights_topo()
    assert pictures.shape == (8 * 3 * 3, 3, 2, 2)
    np.testing.assert_array_equal(pictures[9 + 3 + 2, :, :, 1], W[1, 1, 2, 1])


def test_names_of_2014():
    assert resolve("pylearn2.models.maxout.MaxoutLocalC01B") is MaxoutLocalC01B


@pytest.mark.parametrize(
    "wrong, message",
    [
        (dict(input_groups=0), "input_groups must be a positive integer, not 0"),
        (dict(input_groups=4), "2 input channels cannot be split into 4 groups"),
        (
            dict(num_channels=3, num_pieces=1, input_groups=2),
            "3 detector maps cannot be split into 2 groups",
        ),
        (dict(pool_shape=(2, 2)), "pool_stride must be two integers from 1 up, not None"),
    ],
)
def test_wrong_arguments(wrong, message):
    with pytest.raises(ValueError, match=message):
        net(**wrong)


def test_vectors_are_refused():
    with pytest.raises(TypeError, match="'h' takes images"):
        MLP([MaxoutLocalC01B(**ARGUMENTS)], input_space=VectorSpace(40))
