"""G: its noise, its samples, its likelihood, and inpainting."""

from __future__ import annotations

import aesara.tensor as at
import numpy as np
import pytest
from aesara.graph.basic import ancestors
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import expit

from adversarial import Generator, IntrinsicDropoutGenerator, add_layers
from adversarial.backend import floatX, function, shared
from adversarial.backend.ops.random_draw import Draw
from adversarial.models.adversary_pair import AdversaryPair
from adversarial.models.mlp import MLP, Linear, RectifiedLinear, Sigmoid, SpaceConverter
from adversarial.space import Conv2DSpace, VectorSpace
from adversarial.utils import serial

pytestmark = pytest.mark.usefixtures("either_engine", "fast_compile")


def net(nvis=4, out=6):
    layers = [
        RectifiedLinear(dim=5, layer_name="h0", irange=1.0, init_bias=0.1),
        Sigmoid(dim=out, layer_name="y", irange=1.0),
    ]
    return MLP(layers, nvis=nvis)


def by_hand(mlp, z, masks=(1.0, 1.0)):
    W0, b0, W1, b1 = mlp.get_param_values()
    return expit((np.maximum((z * masks[0]) @ W0 + b0, 0) * masks[1]) @ W1 + b1)


def draws(out, *owners):
    """The random draws in the graph of `out`, in the order in which they were made."""
    found = {v for v in ancestors([out]) if v.owner and isinstance(v.owner.op, Draw)}
    states = [owner.theano_rng.state for owner in owners]
    return sorted(found, key=lambda v: (states.index(v.owner.inputs[0]), v.owner.op.stream))


def test_uniform_noise(evaluate):
    z = evaluate(Generator(net(), noise="uniform").get_noise(3000))
    assert z.shape == (3000, 4) and z.dtype == floatX
    root = np.sqrt(3)
    assert -root <= z.min() < 0.002 - root and root - 0.002 < z.max() <= root
    assert stats.kstest(z.ravel(), stats.uniform(-root, 2 * root).cdf).pvalue > 1e-3
    assert z.var() == pytest.approx(1, rel=0.05)


def test_gaussian_noise(evaluate):
    z = evaluate(Generator(net()).get_noise(3000))
    assert z.shape == (3000, 4)
    assert stats.kstest(z.ravel(), "norm").pvalue > 1e-3
    np.testing.assert_allclose(np.cov(z.T), np.eye(4), atol=5 / np.sqrt(3000))


def test_spherical_noise(evaluate):
    z = evaluate(Generator(net(), noise="spherical").get_noise(3000))
    np.testing.assert_allclose(np.linalg.norm(z, axis=1), 1, rtol=1e-5)
    # The square of a coordinate of a uniform point on the sphere in d dimensions.
    for coordinate in z.T:
        assert stats.kstest(coordinate**2, stats.beta(0.5, 1.5).cdf).pvalue > 1e-3
        assert abs((coordinate > 0).mean() - 0.5) < 5 * 0.5 / np.sqrt(3000)


def test_noise_of_a_given_shape(evaluate):
    assert evaluate(Generator(net()).get_noise((2, 3, 5))).shape == (2, 3, 5)


def test_noise_is_new_each_time_and_the_same_for_each_generator():
    f, g = (function([], Generator(net()).get_noise(5)) for _ in range(2))
    first = f()
    assert (f() != first).all()
    np.testing.assert_array_equal(g(), first)


def test_unknown_noise():
    with pytest.raises(ValueError, match="gaussian, uniform, spherical, not 'normal'"):
        Generator(net(), noise="normal")


@pytest.mark.parametrize(
    "wrong, message",
    [
        (dict(ll_n_samples=0), "ll_n_samples must be a positive integer, not 0"),
        (dict(ll_n_samples=True), "ll_n_samples must be a positive integer, not True"),
        (dict(ll_sigma=0.0), "ll_sigma must be positive, not 0.0"),
    ],
)
def test_wrong_likelihood(wrong, message):
    with pytest.raises(ValueError, match=message):
        Generator(net(), monitor_ll=1, **wrong)


def test_the_number_of_samples_may_be_one_of_numpy():
    assert Generator(net(), monitor_ll=1, ll_n_samples=np.int64(20)).ll_n_samples == 20


def test_samples_are_g_of_z(evaluate):
    mlp = net()
    generator = Generator(mlp, noise="uniform")
    samples, z, none = generator.sample_and_noise(7)
    assert none is None
    _, _, states = generator.sample_and_noise(7, all_g_layers=True)
    assert len(states) == 1  # h0; the top layer is the sample itself
    x, noise = evaluate([samples, z])
    np.testing.assert_allclose(x, by_hand(mlp, noise), rtol=1e-5)
    assert generator.get_input_space() == VectorSpace(4)
    assert generator.get_output_space() == VectorSpace(6)
    assert generator.get_params() == mlp.get_params()


def test_samples_with_dropout(evaluate):
    mlp = net()
    generator = Generator(mlp)
    out = generator.sample(50, default_input_include_prob=0.6, default_input_scale=3.0)
    drawn = draws(out, generator, mlp)
    x, z, below, above = evaluate([out, *drawn])
    assert set(np.unique(below)) == {0, 1}
    np.testing.assert_allclose(x, by_hand(mlp, z, (3 * below, 3 * above)), rtol=1e-4, atol=1e-6)


def test_likelihood_is_the_parzen_estimate(evaluate):
    mlp = net()
    generator = Generator(mlp, monitor_ll=1, ll_n_samples=20, ll_sigma=0.3)
    data = np.random.RandomState(0).uniform(size=(9, 6)).astype(floatX)
    out = generator.ll(shared(data), 20, 0.3)
    found, z = evaluate([out, *draws(out, generator)])
    expected = []
    for x in data:
        total = 0.0
        for mu in by_hand(mlp, z):
            total += stats.norm.pdf(x, mu, 0.3).prod()
        expected.append(np.log(total / 20))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)

    channels = generator.get_monitoring_channels(shared(data))
    ll, nll, z = evaluate([channels["ll"], channels["nll"], *draws(channels["ll"], generator)])
    assert z.shape == (20, 4) and nll == -ll
    densities = [
        np.mean([stats.norm.pdf(x, mu, 0.3).prod() for mu in by_hand(mlp, z)]) for x in data
    ]
    assert ll == pytest.approx(np.log(densities).mean(), rel=1e-4)


def test_channels():
    names = set(Generator(net()).get_monitoring_channels(None))
    assert "h0_mean_x_mean_u" in names and "y_col_norms_max" in names and "ll" not in names


def test_intrinsic_dropout(evaluate):
    """The generator has its own dropout, whatever the arguments of `sample` are."""
    mlp = net()
    generator = IntrinsicDropoutGenerator(
        default_input_include_prob=0.5,
        default_input_scale=2.0,
        input_include_probs={"h0": 0.8},
        input_scales={"h0": 1.25},
        mlp=mlp,
        noise="uniform",
    )
    for out in (generator.sample(400), generator.sample(400, 1.0, 7.0)):
        drawn = draws(out, generator, mlp)
        x, z, below, above = evaluate([out, *drawn])
        assert abs(z).max() <= np.sqrt(3)
        assert below.mean() == pytest.approx(0.8, abs=5 * 0.4 / np.sqrt(below.size))
        assert above.mean() == pytest.approx(0.5, abs=5 * 0.5 / np.sqrt(above.size))
        expected = by_hand(mlp, z, (1.25 * below, 2 * above))
        np.testing.assert_allclose(x, expected, rtol=1e-4, atol=1e-6)


AXES = {"b": "b", "c": "c", "0": 0, "1": 1}
SIDES = {
    "left": np.s_[:, :, :2],
    "right": np.s_[:, :, 2:],
    "top": np.s_[:, :1],
    "bottom": np.s_[:, 1:],
}


@pytest.mark.parametrize("side", SIDES)
def test_inpainting(side, evaluate):
    """G sees noise in the half that it paints, and changes that half only (images of 3 x 5)."""
    space = Conv2DSpace((3, 5), num_channels=2, axes=("c", 0, 1, "b"))
    images = np.random.RandomState(0).uniform(size=(4, 3, 5, 2)).astype(floatX)
    hole = images[SIDES[side]]
    mlp = MLP([Linear(dim=hole[0].size, layer_name="y", irange=1.0)], input_space=space)
    painted, noise = Generator(mlp).inpainting_sample_and_noise(shared(images), side=side)
    painted, noise = evaluate([painted, noise])

    assert noise.shape == hole.shape and abs(noise.mean()) < 5 / np.sqrt(noise.size)
    seen, expected = images.copy(), images.copy()
    seen[SIDES[side]] = noise
    expected[SIDES[side]] = (seen.reshape(4, -1) @ mlp.get_weights()).reshape(hole.shape)
    np.testing.assert_allclose(painted, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("layout", ["bc01", "c01b"])
def test_inpainting_by_images(layout, evaluate):
    """Of images of other axes, each value keeps its channel and pixel."""
    space = Conv2DSpace((3, 4), num_channels=2, axes=("b", 0, 1, "c"))
    half = Conv2DSpace((3, 2), num_channels=2, axes=tuple(AXES[axis] for axis in layout))
    layers = [Linear(dim=12, layer_name="y", irange=1.0), SpaceConverter("images", half)]
    mlp = MLP(layers, input_space=space)
    images = np.random.RandomState(0).uniform(size=(4, 3, 4, 2)).astype(floatX)
    painted, noise = Generator(mlp).inpainting_sample_and_noise(shared(images), side="right")
    painted, noise = evaluate([painted, noise])
    seen = images.copy()
    seen[:, :, 2:] = noise
    # A vector holds an image pixel after pixel.
    expected = (seen.reshape(4, -1) @ mlp.layers[0].get_weights()).reshape(4, 3, 2, 2)
    np.testing.assert_allclose(painted[:, :, 2:], expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(painted[:, :, :2], images[:, :, :2])


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.integers(2, 9), cols=st.integers(2, 9), channels=st.integers(1, 3),
    axes=st.permutations(["b", 0, 1, "c"]), side=st.sampled_from(list(SIDES)),
)  # fmt: skip
def test_inpainting_of_any_size(rows, cols, channels, axes, side, evaluate):
    """The other half of each image is unchanged, to the bit."""
    space = Conv2DSpace((rows, cols), num_channels=channels, axes=axes)
    down, across = {
        "left": (slice(None), slice(cols // 2)),
        "right": (slice(None), slice(cols // 2, None)),
        "top": (slice(rows // 2), slice(None)),
        "bottom": (slice(rows // 2, None), slice(None)),
    }[side]
    images = np.random.RandomState(0).uniform(1, 2, size=(2, rows, cols, channels)).astype(floatX)
    hole = images[:, down, across]
    mlp = MLP([Linear(dim=hole[0].size, layer_name="y", irange=0.0)], input_space=space)
    painted, noise = evaluate(Generator(mlp).inpainting_sample_and_noise(shared(images), side=side))
    expected = images.copy()
    expected[:, down, across] = 0  # what a G without weights paints
    np.testing.assert_array_equal(painted, expected)
    assert noise.shape == hole.shape


def test_inpainting_wants_a_side_and_images():
    space = Conv2DSpace((3, 5), num_channels=1)
    mlp = MLP([Linear(dim=9, layer_name="y", irange=1.0)], input_space=space)
    with pytest.raises(ValueError, match="left, right, top, bottom, not 'middle'"):
        Generator(mlp).inpainting_sample_and_noise(at.tensor4(), side="middle")
    with pytest.raises(ValueError, match="Conv2DSpace below G, not VectorSpace"):
        Generator(net()).inpainting_sample_and_noise(at.matrix())


def test_inpainting_wants_the_half_that_g_paints():
    space = Conv2DSpace((3, 5), num_channels=1)
    mlp = MLP([Linear(dim=9, layer_name="y", irange=1.0)], input_space=space)
    with pytest.raises(ValueError, match=r"the left half .* is 6 numbers, but the output .* is 9"):
        Generator(mlp).inpainting_sample_and_noise(at.tensor4(), side="left")


@pytest.mark.parametrize(
    "dim, channels, expected",
    [(6, 1, True), (9, 1, True), (5, 1, True), (10, 1, True), (15, 1, False), (18, 2, True)],
)
def test_who_paints_halves(dim, channels, expected):
    space = Conv2DSpace((3, 5), num_channels=channels)
    generator = Generator(MLP([Linear(dim=dim, layer_name="y", irange=1.0)], input_space=space))
    assert generator.inpaints(space) is expected
    other_axes = Conv2DSpace((3, 5), num_channels=channels, axes=("c", 0, 1, "b"))
    assert generator.inpaints(other_axes) is expected
    assert not generator.inpaints(Conv2DSpace((5, 3), num_channels=channels))
    assert not generator.inpaints(VectorSpace(15 * channels))
    assert not Generator(net()).inpaints(space)


@pytest.fixture
def pretrained(tmp_path):
    """The file of a pair, and its generator's network."""
    path, mlp = tmp_path / "pretrained.pkl", net()
    discriminator = MLP([Sigmoid(dim=1, layer_name="y", irange=0.1)], nvis=6)
    serial.save(path, AdversaryPair(Generator(mlp), discriminator))
    return str(path), mlp


def test_pretrained_layers_on_top(pretrained, evaluate):
    path, old = pretrained
    below = MLP([Linear(dim=5, layer_name="below", irange=1.0)], nvis=3)
    mlp = add_layers(below, path, start_layer=1)
    assert mlp is below and len(mlp.get_params()) == 4
    assert mlp.get_output_space() == VectorSpace(6)
    W, b, W1, b1 = mlp.get_param_values()
    np.testing.assert_array_equal(W1, old.get_param_values()[2])
    z = np.random.RandomState(0).normal(size=(7, 3)).astype(floatX)
    expected = expit((z @ W + b) @ W1 + b1)
    np.testing.assert_allclose(evaluate(mlp.fprop(shared(z))), expected, rtol=1e-5)
    generator = Generator(mlp)
    samples = evaluate(generator.sample(5, default_input_include_prob=0.5))
    assert samples.shape == (5, 6)


def test_pretrained_layers_of_the_same_name(pretrained, evaluate):
    path, _ = pretrained
    mlp = add_layers(MLP([Linear(dim=4, layer_name="h0", irange=1.0)], nvis=3), path)
    assert [layer.layer_name for layer in mlp.layers] == ["h0", "h0_pretrained", "y"]
    x = shared(np.ones((2, 3)))
    assert evaluate(mlp.dropout_fprop(x, 1.0, {"h0_pretrained": 0.5})).shape == (2, 6)


def test_pretrained_layers_that_do_not_fit(pretrained):
    path, _ = pretrained
    below = MLP([Linear(dim=3, layer_name="below", irange=1.0)], nvis=3)
    with pytest.raises(ValueError, match="layer 1 takes VectorSpace.dim=5.* not .*dim=3"):
        add_layers(below, path, start_layer=1)
    with pytest.raises(ValueError, match="no generator layer 2"):
        add_layers(below, path, start_layer=2)
