"""Convolutions against SciPy's, and that they run as C code."""

from __future__ import annotations

import aesara
import aesara.tensor as at
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import correlate2d

from adversarial import backend
from adversarial.backend.ops import conv
from adversarial.backend.rewrites import TAG

CASES = [
    ("valid", (1, 1), True),
    ("half", (1, 1), False),
    ("full", (2, 1), True),
    ((1, 2), (2, 3), False),
]


def padding(border_mode, kernel):
    named = {"valid": (0, 0), "half": tuple(k // 2 for k in kernel)}
    named["full"] = tuple(k - 1 for k in kernel)
    return named.get(border_mode, border_mode)


def by_scipy(images, kernels, border_mode, stride, flip):
    rows, columns = padding(border_mode, kernels.shape[2:])
    images = np.pad(images, ((0, 0), (0, 0), (rows, rows), (columns, columns)))
    if flip:
        kernels = kernels[:, :, ::-1, ::-1]
    maps = [
        [sum(correlate2d(i, k, "valid") for i, k in zip(image, kernel)) for kernel in kernels]
        for image in images
    ]
    return np.array(maps)[:, :, :: stride[0], :: stride[1]]


@pytest.mark.parametrize(("border_mode", "stride", "flip"), CASES)
def test_values_and_both_gradients_are_scipys(border_mode, stride, flip, either_engine):
    rng = np.random.default_rng(3)
    images = rng.standard_normal((2, 3, 9, 8)).astype(backend.floatX)
    kernels = rng.standard_normal((4, 3, 3, 5)).astype(backend.floatX)
    expected = by_scipy(images, kernels, border_mode, stride, flip)
    weights = rng.standard_normal(expected.shape).astype(backend.floatX)

    x, k, w = at.tensor4("x"), at.tensor4("k"), at.tensor4("w")
    y = backend.conv2d(x, k, border_mode=border_mode, subsample=stride, filter_flip=flip)
    run = backend.function([x, k, w], [y, *aesara.grad((y * w).sum(), [x, k])])
    if either_engine == "c":
        ops = {type(node.op).__name__ for node in run.maker.fgraph.apply_nodes}
        assert {op for op in ops if "CorrMM" in op} == {
            "CorrMM", "SparseCorrMM_gradInputs", "SparseCorrMM_gradWeights"
        }  # fmt: skip
        assert not {op for op in ops if "AbstractConv" in op}

    value, of_images, of_kernels = run(images, kernels, weights)
    np.testing.assert_allclose(value, expected, rtol=1e-4, atol=1e-4)

    # The map is bilinear, so its derivative in a direction is its value there.
    for index, (data, gradient) in enumerate([(images, of_images), (kernels, of_kernels)]):
        for _ in range(3):
            direction = rng.standard_normal(data.shape)
            pair = [images, kernels]
            pair[index] = direction
            slope = (by_scipy(*pair, border_mode, stride, flip) * weights).sum()
            np.testing.assert_allclose((gradient * direction).sum(), slope, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("share", [0, 0.05, 0.3, 1])
@pytest.mark.parametrize(
    "border_mode, stride", [("valid", (1, 1)), ((2, 3), (1, 1)), ((1, 1), (2, 1))]
)
def test_gradients_of_maps_that_are_zero_at_most_places(border_mode, stride, share, dtype):
    """Large enough for zeros to be left out: as in Aesara's own way."""
    rng = np.random.default_rng(5)
    x, k, w = (at.TensorType(dtype, (None,) * 4)() for _ in range(3))
    y = backend.conv2d(x, k, border_mode=border_mode, subsample=stride)
    gradients = aesara.grad((y * w).sum(), [x, k])
    plain = aesara.compile.mode.get_default_mode().excluding(TAG)
    images, kernels = rng.standard_normal((3, 8, 40, 26)), rng.standard_normal((16, 8, 5, 4))
    shape = conv_shape(images.shape, kernels.shape, border_mode, stride)
    maps = rng.standard_normal(shape) * (rng.uniform(size=shape) < share)
    arguments = [v.astype(dtype) for v in (images, kernels, maps)]
    found, expected = (
        backend.function([x, k, w], gradients, mode=mode)(*arguments) for mode in (None, plain)
    )
    for ours, theirs in zip(found, expected):
        bound = {"float32": 1e-4, "float64": 1e-11}[dtype]
        np.testing.assert_allclose(ours, theirs, rtol=bound, atol=bound)


@pytest.fixture(scope="module", params=[("valid", (1, 1)), ((2, 2), (2, 1))], ids=str)
def with_plain(request):
    """Both gradients of a convolution, ours and Aesara's own."""
    border_mode, stride = request.param
    x, k, w = at.ftensor4s("x", "k", "w")
    y = backend.conv2d(x, k, border_mode=border_mode, subsample=stride)
    gradients = aesara.grad((y * w).sum(), [x, k])
    plain = aesara.compile.mode.get_default_mode().excluding(TAG)
    return (
        border_mode,
        stride,
        *(backend.function([x, k, w], gradients, mode=mode) for mode in (None, plain)),
    )


@settings(max_examples=20)
@given(
    batch=st.integers(1, 4),
    channels=st.integers(1, 9),
    kernels=st.integers(1, 20),
    size=st.tuples(st.integers(6, 40), st.integers(6, 30)),
    patch=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    share=st.floats(0, 0.6),
    seed=st.integers(0, 2**32 - 1),
)
def test_gradients_of_any_shape(with_plain, batch, channels, kernels, size, patch, share, seed):
    border_mode, stride, ours, plain = with_plain
    rng = np.random.default_rng(seed)
    images = rng.standard_normal((batch, channels, *size)).astype("f")
    filters = rng.standard_normal((kernels, channels, *patch)).astype("f")
    shape = conv_shape(images.shape, filters.shape, border_mode, stride)
    maps = (rng.standard_normal(shape) * (rng.uniform(size=shape) < share)).astype("f")
    for found, expected in zip(*(run(images, filters, maps) for run in (ours, plain))):
        scale = np.abs(expected).max(initial=1)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * scale)


def conv_shape(images, kernels, border_mode, stride):
    pad = padding(border_mode, kernels[2:])
    sizes = ((n + 2 * p - k) // s + 1 for n, p, k, s in zip(images[2:], pad, kernels[2:], stride))
    return (images[0], kernels[0], *sizes)


def test_zeros_of_maps_are_left_out():
    """Then they meet no infinity."""
    x, k, w = at.tensor4s("x", "k", "w")
    y = backend.conv2d(x, k, border_mode="valid")
    gradients = backend.function([x, k, w], aesara.grad((y * w).sum(), [x, k]))
    images, kernels = np.ones((1, 8, 40, 26), "f"), np.ones((16, 8, 5, 4), "f")
    maps = np.zeros((1, 16, 36, 23), "f")
    images[:, 3], kernels[5] = np.inf, np.inf
    of_images, of_kernels = gradients(images, kernels, maps)
    assert not of_images.any() and not of_kernels.any()
    maps[:, 5] = 1
    assert not np.isfinite(gradients(images, kernels, maps)[0]).all()


@pytest.mark.parametrize("pad, stride", [((0, 0), (3, 3)), ((1, 0), (1, 2))])
def test_transposed_convolution_is_the_adjoint(pad, stride, either_engine):
    rng = np.random.default_rng(4)
    size = (8, 7)
    images = rng.standard_normal((2, 3, *size)).astype(backend.floatX)
    kernels = rng.standard_normal((4, 3, 5, 4)).astype(backend.floatX)
    forth = by_scipy(images, kernels, pad, stride, flip=False)
    maps = rng.standard_normal(forth.shape).astype(backend.floatX)

    y, w = at.tensor4("y"), at.tensor4("w")
    k = at.TensorType(backend.floatX, (4, 3, 5, 4))("k")
    x = backend.transposed_conv2d(y, k, size, pad, stride)
    run = backend.function([y, k, w], [x, *aesara.grad((x * w).sum(), [y, k])])
    assert either_engine == "jax" or "AbstractConv" not in str(run.maker.fgraph)
    back, of_maps, of_kernels = run(maps, kernels, images)
    assert back.shape == images.shape
    product = (forth * maps).sum()
    np.testing.assert_allclose((images * back).sum(), product, rtol=1e-4)
    np.testing.assert_allclose(of_maps, forth, rtol=1e-4, atol=1e-4)
    # The product is linear in the kernels, and so they times its gradient.
    np.testing.assert_allclose((of_kernels * kernels).sum(), product, rtol=1e-4)


def test_kernels_of_each_place_and_groups_run_as_c_code():
    rng = np.random.default_rng(5)
    images = rng.standard_normal((2, 4, 5, 4)).astype(backend.floatX)
    kernels = rng.standard_normal((6, 3, 3, 2, 3, 2)).astype(backend.floatX)
    weights = rng.standard_normal((2, 6, 3, 3)).astype(backend.floatX)
    expected = np.zeros(weights.shape)
    of_images, of_kernels = np.zeros(images.shape), np.zeros(kernels.shape)
    for f, i, j in np.ndindex(6, 3, 3):
        part = (
            slice(None),
            slice(2 * (f // 3), 2 * (f // 3) + 2),
            slice(i, i + 3),
            slice(j, j + 2),
        )
        expected[:, f, i, j] = (images[part] * kernels[f, i, j]).sum(axis=(1, 2, 3))
        w = weights[:, f, i, j][:, None, None, None]
        of_images[part] += w * kernels[f, i, j]
        of_kernels[f, i, j] = (w * images[part]).sum(axis=0)

    x, w = at.tensor4("x"), at.tensor4("w")
    k = at.TensorType(backend.floatX, (None,) * 6)("k")
    y = backend.conv2d(
        x,
        k,
        input_shape=images.shape,
        filter_shape=kernels.shape,
        filter_flip=False,
        num_groups=2,
        unshared=True,
    )
    run = backend.function([x, k, w], [y, *aesara.grad((y * w).sum(), [x, k])])
    assert "AbstractConv" not in str(run.maker.fgraph)
    for got, wanted in zip(run(images, kernels, weights), (expected, of_images, of_kernels)):
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-4)


def test_the_repair_is_made_once_and_needed():
    assert conv.CorrMM.make_node is conv._make_node
    assert conv.repair() is False


def test_wrong_ranks_are_refused():
    with pytest.raises(TypeError, match="images must have 4 axes, not 2"):
        conv.CorrMM().make_node(at.matrix(), at.tensor4())
    with pytest.raises(TypeError, match="kernels must have 4 axes, not 2"):
        conv.CorrMM().make_node(at.tensor4(), at.matrix())


def test_known_axes_of_length_one_are_kept():
    image = at.TensorType("float32", (1, 3, None, None))()
    out = conv.CorrMM()(image, at.tensor4()).type
    assert out.shape == (1, None, None, None)
