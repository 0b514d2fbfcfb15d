"""MaxoutConvC01B against SciPy, alone and in a stack of layers."""

from __future__ import annotations

from collections import OrderedDict

import aesara.tensor as at
import numpy as np
import pytest
from aesara.compile.mode import get_mode
from aesara.graph.fg import FunctionGraph
from aesara.tensor.elemwise import DimShuffle
from hypothesis import given, settings
from hypothesis import strategies as st

from adversarial.backend import floatX, shared
from adversarial.config.admission import resolve
from adversarial.models.maxout import Maxout
from adversarial.models.maxout_conv import MaxoutConvC01B
from adversarial.models.mlp import MLP
from adversarial.space import Conv2DSpace, VectorSpace

pytestmark = pytest.mark.usefixtures("either_engine", "fast_compile")

BC01, C01B = ("b", "c", 0, 1), ("c", 0, 1, "b")
ARGUMENTS = dict(
    num_channels=4, num_pieces=2, kernel_shape=[3, 2], pool_shape=[3, 2], pool_stride=[2, 1],
    layer_name="h", irange=0.5,
)  # fmt: skip


def net(axes=C01B, shape=(6, 5), **kwargs):
    layer = MaxoutConvC01B(**{**ARGUMENTS, **kwargs})
    space = Conv2DSpace(shape, num_channels=3, axes=axes)
    return layer, MLP([layer], input_space=space, seed=[3])


def images(*shape, seed=0):
    """In the order of axes (b, c, 0, 1)."""
    return np.random.RandomState(seed).normal(size=shape or (2, 3, 6, 5)).astype(floatX)


def to_c01b(x):
    return np.ascontiguousarray(Conv2DSpace.convert(x, BC01, C01B))


def by_scipy(reference, layer, W, b, x):
    """The layer's output, axes (b, c, 0, 1)."""
    z = reference.correlate(x, W, (layer.pad,) * 2, layer.kernel_stride)
    z = z + (b[:, None, None] if layer.tied_b else b)
    pieces = z.reshape(len(x), layer.num_channels, layer.num_pieces, *z.shape[2:])
    return reference.pool(pieces.max(axis=2), layer.pool_shape, layer.pool_stride)


@pytest.mark.parametrize(
    "arguments",
    [
        dict(),
        dict(pad=2, tied_b=True, num_pieces=3),
        dict(pad=1, kernel_stride=(2, 1), pool_shape=(2, 2), num_pieces=1),
    ],
    ids=str,
)
def test_value_and_gradients(arguments, evaluate, reference):
    layer, mlp = net(**arguments)
    layer.set_biases(np.random.RandomState(7).normal(size=layer.get_biases().shape))
    x, W, b = images(), layer.W.get_value(), layer.get_biases()
    expected = by_scipy(reference, layer, W, b, x)
    weights = images(*expected.shape, seed=1)
    X = at.tensor4()
    out = mlp.fprop(X)
    cost = (out * to_c01b(weights)).sum()
    value, *grads = evaluate([out, *at.grad(cost, [layer.W, layer.b, X])], {X: to_c01b(x)})
    assert mlp.get_output_space() == Conv2DSpace(expected.shape[2:], num_channels=4, axes=C01B)
    assert b.shape == ((12,) if layer.tied_b else (W.shape[0], *layer.detector_space.shape))
    np.testing.assert_allclose(value, to_c01b(expected), rtol=1e-4, atol=1e-5)
    grads[2] = Conv2DSpace.convert(grads[2], C01B, BC01)
    for index, gradient in enumerate(grads):
        direction = np.random.RandomState(index).normal(size=gradient.shape)
        slope = reference.slope(
            lambda *args: (by_scipy(reference, layer, *args) * weights).sum(),
            [W, b, x], index, direction,
        )  # fmt: skip
        assert (gradient * direction).sum() == pytest.approx(slope, rel=1e-3)


@pytest.mark.parametrize("axes", [("b", 0, 1, "c"), BC01, (0, "c", "b", 1)])
def test_input_in_any_order_of_axes(axes, evaluate):
    x = images()
    expected = evaluate(net()[1].fprop(shared(to_c01b(x))))
    turned = shared(np.ascontiguousarray(Conv2DSpace.convert(x, BC01, axes)))
    np.testing.assert_array_equal(evaluate(net(axes=axes)[1].fprop(turned)), expected)


def test_normalizations_and_zero(evaluate, reference):
    seen = []

    def times(factor):
        def function(c01b):
            seen.append(c01b.ndim)
            # A weight for each channel, which is correct only if channels are the first axis.
            return c01b * (factor + at.arange(c01b.shape[0]).astype(floatX))[:, None, None, None]

        return function

    layer, mlp = net(
        input_normalization=times(1), detector_normalization=times(2),
        output_normalization=times(3), min_zero=True,
    )  # fmt: skip
    x = images()
    per_channel = np.arange(4.0)[:, None, None]
    z = reference.correlate(x * (1 + per_channel[:3]), layer.W.get_value())
    z = z.reshape(2, 4, 2, *z.shape[2:]).max(axis=2) * (2 + per_channel)
    p = np.maximum(reference.pool(z, (3, 2), (2, 1)), 0) * (3 + per_channel)
    assert (p == 0).any()
    got = evaluate(mlp.fprop(shared(to_c01b(x))))
    np.testing.assert_allclose(got, to_c01b(p), rtol=1e-4, atol=1e-5)
    assert seen == [4, 4, 4]


def test_sizes_of_the_papers_discriminator():
    """CIFAR-10: 33 -> 16, 15 -> 7, 9 -> 5 pixels wide."""
    shapes = [(2, 8, 4, 4), (2, 8, 3, 4), (3, 5, 3, 2)]
    layers = [
        MaxoutConvC01B(
            channels, 2, [kernel] * 2, [pool] * 2, [2, 2], f"h{i}", irange=0.005, pad=pad,
            tied_b=True,
        )
        for i, (channels, kernel, pad, pool) in enumerate(shapes)
    ]  # fmt: skip
    top = Maxout("h3", num_units=2, num_pieces=5, irange=0.005)
    space = Conv2DSpace((32, 32), num_channels=3, axes=C01B)
    MLP([*layers, top], input_space=space)
    assert [layer.detector_space.shape[0] for layer in layers] == [33, 15, 9]
    assert [layer.output_space.shape[0] for layer in layers] == [16, 7, 5]
    assert top.get_weights().shape == (3 * 5 * 5, 10)
    assert top.get_weights_topo().shape == (10, 5, 5, 3)


@settings(max_examples=50)
@given(
    size=st.integers(1, 40), pad=st.integers(0, 6), kernel=st.integers(1, 40),
    step=st.integers(1, 5), pool=st.integers(1, 12), stride=st.integers(1, 12),
)  # fmt: skip
def test_sizes(size, pad, kernel, step, pool, stride):
    """With fix_* the sizes of any layer are those that counting its windows gives."""
    layer, mlp = net(
        shape=(size, size + 1), num_channels=1, kernel_shape=(kernel, kernel), pad=pad,
        kernel_stride=(step, step), pool_shape=(pool, pool), pool_stride=(stride, stride),
        tied_b=True, fix_kernel_shape=True, fix_pool_shape=True, fix_pool_stride=True,
    )  # fmt: skip
    for axis, pixels in enumerate((size, size + 1)):
        padded = pixels + 2 * pad
        k, p = min(kernel, padded), layer.pool_shape[axis]
        places = [i for i in range(0, padded, step) if i + k <= padded]
        detector = layer.detector_space.shape[axis]
        assert (layer.kernel_shape[axis], detector) == (k, len(places))
        assert p == min(pool, detector)
        s = min(stride, p)
        assert layer.pool_stride[axis] == s
        out = mlp.get_output_space().shape[axis]
        # The last window reaches the end, and the one before does not.
        assert (out - 1) * s + p >= detector
        assert out == 1 or (out - 2) * s + p < detector


def test_norms_after_an_update(evaluate):
    layer, mlp = net(max_kernel_norm=0.5, irange=3.0)
    mlp.enforce_constraints()
    norms = np.linalg.norm(layer.W.get_value().reshape(8, -1), axis=1)
    np.testing.assert_allclose(norms, 0.5, rtol=1e-5)
    updates = OrderedDict([(layer.b, layer.b)])
    mlp.modify_updates(updates)
    assert list(updates) == [layer.b]


def test_parameters_and_pictures(evaluate):
    layer, mlp = net(W_lr_scale=0.5, b_lr_scale=2.0, init_bias=0.25)
    assert mlp.get_lr_scalers() == {layer.W: 0.5, layer.b: 2.0}
    assert mlp.get_params() == [layer.W, layer.b]
    assert (layer.get_biases() == 0.25).all()
    W = layer.W.get_value()
    assert W.shape == (8, 3, 3, 2)
    assert evaluate(mlp.get_weight_decay([0.5])) == pytest.approx(0.5 * (W**2).sum(), rel=1e-5)
    assert layer.get_weights_view_shape() == (4, 2)
    np.testing.assert_array_equal(mlp.get_weights_topo()[:, :, :, 1], W[:, 1])
    with pytest.raises(NotImplementedError, match="no single weight matrix"):
        layer.get_weights()


def test_channels(evaluate, reference):
    layer, mlp = net()
    x = images()
    found = mlp.get_monitoring_channels(shared(to_c01b(x)))
    W = layer.W.get_value()
    p = by_scipy(reference, layer, W, layer.get_biases(), x)
    norms = np.linalg.norm(W.reshape(8, -1), axis=1)
    expected = {
        "h_p_max_x.mean_u": p.max(axis=(0, 2, 3)).mean(),
        "h_p_mean_x.min_u": p.mean(axis=(0, 2, 3)).min(),
        "h_p_range_x.max_u": np.ptp(p, axis=(0, 2, 3)).max(),
        "h_kernel_norms_min": norms.min(),
        "h_kernel_norms_mean": norms.mean(),
        "h_kernel_norms_max": norms.max(),
    }
    assert len(found) == 15
    for value, name in zip(evaluate([found[name] for name in expected]), expected):
        assert value == pytest.approx(expected[name], rel=1e-4), name
    single = net(num_pieces=1)[1].get_monitoring_channels(shared(to_c01b(x)))
    assert "h_max_x.mean_u" in single


@pytest.mark.parametrize("per_example", [True, False])
def test_dropout_does_not_depend_on_the_order_of_axes(per_example, evaluate):
    x = images(5, 3, 6, 5)
    kept = []
    for axes in (C01B, ("b", 0, 1, "c")):
        layer, mlp = net(axes=axes, kernel_shape=(1, 1), pool_shape=(1, 1), pool_stride=(1, 1),
                         num_channels=3, num_pieces=1, tied_b=True)  # fmt: skip
        layer.set_weights(np.eye(3)[:, :, None, None])
        data = shared(np.ascontiguousarray(Conv2DSpace.convert(x, BC01, axes)))
        out = evaluate(mlp.dropout_fprop(data, 0.5, per_example=per_example))
        kept.append(Conv2DSpace.convert(out, C01B, BC01) / x)
    np.testing.assert_allclose(kept[0], kept[1])
    assert set(np.unique(kept[0].round(3))) == {0.0, 2.0}
    same = (kept[0] == kept[0][:1]).all()
    assert same != per_example


def test_axes_are_not_moved_between_layers():
    """Transpositions between layers cancel, so that only the input is transposed."""
    layers = [MaxoutConvC01B(**{**ARGUMENTS, "layer_name": f"h{i}", "pad": 1}) for i in range(2)]
    space = Conv2DSpace((6, 5), num_channels=3, axes=C01B)
    mlp = MLP(layers, input_space=space, seed=[3])
    x = space.make_aesara_batch()
    out = mlp.dropout_fprop(x, 0.5)
    gradients = at.grad(out.sum(), mlp.get_params())
    # Only the rewrites matter: nothing is compiled.
    rewrites = get_mode("FAST_RUN").optimizer
    inputs = [x, *mlp.get_params(), mlp.theano_rng.state]
    fgraph = FunctionGraph(inputs, [out, *gradients], clone=False)
    rewrites.rewrite(fgraph)
    moved = [
        node for node in fgraph.apply_nodes
        if isinstance(node.op, DimShuffle) and sorted(node.op.new_order, key=str) == [0, 1, 2, 3]
    ]  # fmt: skip
    assert {node.inputs[0] for node in moved if node.inputs[0].owner is None} == {x}
    assert [node.outputs[0] for node in moved if node.inputs[0].owner] == fgraph.outputs[:1]


def test_names_of_2014():
    assert resolve("pylearn2.models.maxout.MaxoutConvC01B") is MaxoutConvC01B


@pytest.mark.parametrize(
    "wrong, message",
    [
        (dict(num_channels=0), "num_channels must be a positive integer, not 0"),
        (dict(num_pieces=1.5), "num_pieces must be a positive integer, not 1.5"),
        (dict(irange=None), "exactly one of irange, istdev, sparse_init; got none"),
        (dict(pad=-1), r"pad must be two integers from 0 up, not \(-1, -1\)"),
        (dict(kernel_shape=[7, 2]), r"kernel_shape \(7, 2\) is larger .* \(6, 5\), which is \(6,"),
        (dict(pool_shape=[3, 9]), r"pool_shape \(3, 9\) is larger than .* \(4, 4\)"),
        (dict(pool_stride=[4, 1]), r"pool_stride \(4, 1\) is larger than pool_shape \(3, 2\)"),
        (dict(pool_stride="ab"), "pool_stride must be two integers"),
        (dict(init_bias=np.zeros((8, 4, 3))), r"shape \(8, 4, 3\), expected \(8, 4, 4\)"),
    ],
)
def test_wrong_arguments(wrong, message):
    with pytest.raises(ValueError, match=message):
        net(**wrong)


def test_vectors_are_refused():
    with pytest.raises(TypeError, match="'h' takes images .* not VectorSpace"):
        MLP([MaxoutConvC01B(**ARGUMENTS)], input_space=VectorSpace(90))
    with pytest.raises(ValueError, match=r"\(3, 6, 5, batch\)"):
        net()[1].fprop(shared(images()))
