"""Masks, the players and the cost of all conditionals, against NumPy; a training that resumes."""

from __future__ import annotations

from types import SimpleNamespace

import aesara.tensor as at
import numpy as np
import pytest
from scipy.special import expit

from adversarial import AdversaryPair, Generator, checkpoint
from adversarial.backend import floatX, function
from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
from adversarial.evaluation.sampling import draw_samples
from adversarial.models.mlp import MLP, Linear, Sigmoid
from adversarial.space import CompositeSpace, Conv2DSpace, VectorSpace
from adversarial.space.conv2d import SIDES
from adversarial.train import Train
from adversarial.training_algorithms.sgd import SGD
from adversarial.utils import serial
from sandbox.all_conditionals import AllConditionalsCost, Completer, ConditionalsPair, RandomMasks
from sandbox.all_conditionals.masks import KINDS

pytestmark = pytest.mark.usefixtures("fast_compile")

N = 40  # examples in a batch
Z = 4


def drawn(kinds, shape=(5, 7), n=400, seed=None):
    """`n` masks as (n, rows, columns)."""
    masks = function([], RandomMasks(shape, kinds, seed).draw(n))()
    assert masks.shape == (n, *shape, 1) and masks.dtype == floatX
    assert set(np.unique(masks)) <= {0, 1}
    return masks[..., 0]


@pytest.mark.parametrize(
    "side, hidden",
    [
        ("left", np.s_[:, :, :3]),
        ("right", np.s_[:, :, 3:]),
        ("top", np.s_[:, :2]),
        ("bottom", np.s_[:, 2:]),
        ("everything", ...),
    ],
)
def test_sides_and_everything_hide_these_pixels(side, hidden):
    expected = np.ones((9, 5, 7))
    expected[hidden] = 0
    np.testing.assert_array_equal(drawn({side: 1}, n=9), expected)


def test_pixels_are_visible_with_a_probability_of_each_image():
    """Shares are uniform over images (mean 1/2, variance 1/12), plus a variance within images."""
    shares = drawn({"pixels": 1}, shape=(30, 30), n=1000).mean(axis=(1, 2))
    assert shares.mean() == pytest.approx(0.5, abs=0.04)
    assert shares.var() == pytest.approx(1 / 12 + 1 / 6 / 900, abs=0.01)


def test_rectangles_have_random_corners():
    hidden = 1 - drawn({"rectangle": 1}, n=4000)
    down, across = hidden.max(axis=2), hidden.max(axis=1)
    np.testing.assert_array_equal(hidden, down[:, :, None] * across[:, None])
    for ends in (down, across):  # without a gap
        assert (np.abs(np.diff(ends, axis=1, prepend=0, append=0)).sum(axis=1) <= 2).all()
    # Two of L + 1 positions have a mean distance of L (L + 2) / (3 (L + 1)).
    expected = np.prod([(L + 2) / (3 * (L + 1)) for L in (5, 7)])
    assert hidden.mean() == pytest.approx(expected, abs=0.01)
    assert (hidden.mean(axis=0) > 0.02).all()


def test_a_window_is_the_complement_of_a_rectangle():
    hidden, seen = (drawn({kind: 1}, seed=3) for kind in ("rectangle", "window"))
    np.testing.assert_array_equal(seen, 1 - hidden)


def test_frequencies_of_kinds():
    masks = drawn({"left": 1, "everything": 2, "right": 5}, n=4000)
    nothing = (masks.max(axis=(1, 2)) == 0).mean()
    assert nothing == pytest.approx(2 / 8, abs=0.03)
    assert (masks[:, 0, 0] == 1).mean() == pytest.approx(5 / 8, abs=0.03)
    # The kinds of neighbouring images are independent.
    kinds = masks[:, 0, 0]
    assert abs(np.corrcoef(kinds[1:], kinds[:-1])[0, 1]) < 0.06


def test_the_same_seed_gives_the_same_masks():
    kinds = dict.fromkeys(KINDS, 1)
    np.testing.assert_array_equal(drawn(kinds, seed=1), drawn(kinds, seed=1))
    assert (drawn(kinds, seed=1) != drawn(kinds, seed=2)).any()


def test_masks_continue_from_a_saved_state():
    masks = RandomMasks((5, 7), dict.fromkeys(KINDS, 1))
    draw = function([], masks.draw(50))
    first, saved = draw(), serial.to_string(masks)
    second = draw()
    assert (first != second).any()
    restored = serial.from_string(saved)
    np.testing.assert_array_equal(function([], restored.draw(50))(), second)


@pytest.mark.parametrize(
    "shape, kinds, message",
    [
        ((5,), {"left": 1}, r"shape must be .*\(5,\)"),
        ((5, 0), {"left": 1}, r"shape must be .*\(5, 0\)"),
        ((5, 7), {"middle": 1}, "'middle'"),
        ((5, 7), {"left": 0}, "frequency of left must be positive, not 0"),
        ((5, 7), {"left": float("nan")}, "not nan"),
        ((5, 7), {}, "kinds must not be empty"),
    ],
)
def test_wrong_arguments_of_masks(shape, kinds, message):
    with pytest.raises(ValueError, match=message):
        RandomMasks(shape, kinds)


def spaces(channels=1, shape=(2, 3)):
    """(space of G's input, of D's)."""
    seen = Conv2DSpace(shape, num_channels=channels + 1)
    return CompositeSpace([seen, VectorSpace(Z)]), seen


def make_pair(channels=1, kinds=None, inferer=None):
    """Players of one layer each on images of 2 x 3."""
    below, seen = spaces(channels)
    G = MLP(
        [Sigmoid(dim=6 * channels, layer_name="y", irange=1.0, init_bias=0.2)],
        input_space=below,
        seed=[1],
    )
    D = MLP(
        [Sigmoid(dim=1, layer_name="y", irange=1.0, init_bias=-0.3)], input_space=seen, seed=[2]
    )
    masks = RandomMasks((2, 3), kinds or {"pixels": 2, "left": 1, "everything": 1})
    return ConditionalsPair(Completer(G), D, masks, inferer)


def batch(channels=1):
    return np.random.RandomState(1).uniform(size=(N, 2, 3, channels)).astype(floatX)


def painted(pair, x, mask, z):
    """(G's input, G's output as images), by hand."""
    below = np.concatenate([x * mask, mask], axis=3).reshape(len(x), -1)
    below = np.concatenate([below, z], axis=1)
    U, c = pair.generator.mlp.get_param_values()
    n, rows, cols, channels = x.shape
    made = expit(below @ U + c).reshape(n, channels, rows, cols)  # as a row of a data set
    return below, made.transpose(0, 2, 3, 1)


@pytest.mark.parametrize("channels", [1, 3])
def test_g_changes_hidden_pixels_only(channels):
    pair, x = make_pair(channels), batch(channels)
    mask = np.random.RandomState(2).randint(2, size=(N, 2, 3, 1)).astype(floatX)
    seen = at.tensor4()
    completed, z, states = pair.generator.complete(seen)
    outputs = [completed, z, states[-1]]
    completed, z, state = function([seen], outputs)(np.concatenate([x, mask], axis=3))
    assert z.shape == (N, Z)
    _, expected = painted(pair, x, mask, z)
    rows = expected.transpose(0, 3, 1, 2).reshape(N, -1)
    np.testing.assert_allclose(state, rows, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(completed[..., -1:], mask)
    np.testing.assert_allclose(
        completed[..., :-1], np.where(mask, x, expected), rtol=1e-4, atol=1e-6
    )


def test_g_does_not_see_hidden_pixels():
    pair, x = make_pair(), batch()
    mask = np.random.RandomState(2).randint(2, size=(N, 2, 3, 1)).astype(floatX)
    seen = at.tensor4()
    complete = function([seen], pair.generator.complete(seen)[0], no_default_updates=True)
    one, other = (
        complete(np.concatenate([np.where(mask, x, hidden), mask], axis=3).astype(floatX))
        for hidden in (0, 7)
    )
    np.testing.assert_array_equal(one, other)


def test_samples_are_completions_with_all_pixels_hidden():
    pair = make_pair()
    samples, z, below = pair.generator.sample_and_noise(9, all_g_layers=True)
    assert below == []
    samples, z = function([], [samples, z])()
    nothing = np.zeros((9, 2, 3, 1))
    _, expected = painted(pair, nothing, nothing, z)
    np.testing.assert_allclose(samples, expected.reshape(9, -1), rtol=1e-4, atol=1e-6)
    assert draw_samples(pair, 20).std(axis=0).min() > 0


def softplus(t):
    return np.logaddexp(0, t)


@pytest.fixture
def game():
    """One step of a pair: objectives, gradients by player, and the random draws of the step."""
    pair, cost = make_pair(), AllConditionalsCost()
    made = SimpleNamespace()
    masked, complete = pair.masked, pair.generator.complete

    def keep_masked(images):
        made.seen = masked(images)
        return made.seen

    def keep_z(seen, **dropout):
        found = complete(seen, **dropout)
        made.z = found[1]
        return found

    pair.masked, pair.generator.complete = keep_masked, keep_z
    X = at.tensor4()
    gradients, _ = cost.get_gradients(pair, X)
    (d, _), (g, _) = (
        gradients.objectives[f"of the {who}"] for who in ("discriminator", "generator")
    )
    x = batch()
    d, g, seen, z, *found = function([X], [d, g, made.seen, made.z, *gradients.values()])(x)
    return SimpleNamespace(
        pair=pair, x=x, d=d, g=g, seen=seen, z=z, gradients=dict(zip(gradients, found))
    )


def test_the_game_by_hand(game):
    """D sees image and mask; G learns from hidden pixels only."""
    np.testing.assert_array_equal(game.seen[..., :1], game.x)
    mask = game.seen[..., 1:]
    assert 0 < mask.mean() < 1
    below, made = painted(game.pair, game.x, mask, game.z)
    completed = np.where(mask, game.x, made)
    real, fake = (
        np.concatenate([images, mask], axis=3).reshape(N, -1) for images in (game.x, completed)
    )
    w, b = game.pair.discriminator.get_param_values()
    on_real, on_fake = real @ w + b, fake @ w + b
    d = 0.5 * (softplus(-on_real).mean() + softplus(on_fake).mean())
    assert game.d == pytest.approx(d, rel=1e-5)
    assert game.g == pytest.approx(softplus(-on_fake).mean(), rel=1e-5)

    slopes = [0.5 * (expit(on_real) - 1) / N, 0.5 * expit(on_fake) / N]
    of_d = [real.T @ slopes[0] + fake.T @ slopes[1], (slopes[0] + slopes[1]).sum(axis=0)]
    at_pixels = ((expit(on_fake) - 1) / N @ w.T).reshape(N, 2, 3, 2)[..., :1]
    slope = (at_pixels * (1 - mask) * made * (1 - made)).reshape(N, -1)
    of_g = [below.T @ slope, slope.sum(axis=0)]
    params = [*game.pair.discriminator.get_params(), *game.pair.generator.get_params()]
    for param, expected in zip(params, of_d + of_g):
        np.testing.assert_allclose(
            game.gradients[param], expected, rtol=1e-3, atol=1e-5 * abs(expected).max()
        )


def test_an_inferer_learns_z_from_images_with_their_masks():
    inferer = MLP([Linear(dim=Z, layer_name="z", irange=1.0)], input_space=spaces()[1])
    pair, cost, X = make_pair(inferer=inferer), AllConditionalsCost(), at.tensor4()
    seen = pair.masked(X)
    complete = pair.generator.complete
    found = []
    pair.generator.complete = lambda *args, **dropout: (
        found.append(complete(*args, **dropout)) or found[-1]
    )
    samples, _, _, i = cost.get_samples_and_objectives(pair, seen)
    samples, z, i = function([X], [samples, found[0][1], i])(batch())
    error = samples.reshape(N, -1) @ inferer.layers[0].get_weights() - z
    assert i == pytest.approx((error**2).sum() / N, rel=1e-4)


def test_channels_share_their_masks_and_have_no_dropout():
    pair, X = make_pair(), at.tensor4()
    cost = AllConditionalsCost(discriminator_default_input_include_prob=0.5)
    found = []
    masked = pair.masked
    pair.masked = lambda images: found.append(masked(images)) or found[-1]
    channels = cost.get_monitoring_channels(pair, X)
    assert set(channels) == {
        "false_negatives",
        "false_positives",
        "objective",
        "objective_d",
        "objective_g",
        "now_train_generator",
    }
    (seen,) = found
    misses, seen = function([X], [channels["false_negatives"], seen])(batch())
    w, b = pair.discriminator.get_param_values()
    assert misses == pytest.approx((seen.reshape(N, -1) @ w + b < 0).mean())
    assert any(name.startswith("dis_on_data_") for name in pair.get_monitoring_channels(X))


def test_unsupported_options():
    with pytest.raises(ValueError, match="needs scale_grads: 0, not 1"):
        AllConditionalsCost(scale_grads=1)
    with pytest.raises(ValueError, match="needs noise_both: 0, not 0.5"):
        AllConditionalsCost(noise_both=0.5)
    plain = AdversaryPair(
        Generator(MLP([Sigmoid(dim=6, layer_name="y", irange=1.0)], nvis=Z)),
        MLP([Sigmoid(dim=1, layer_name="y", irange=1.0)], nvis=6),
    )
    with pytest.raises(TypeError, match="trains a ConditionalsPair, not <AdversaryPair>"):
        AllConditionalsCost().get_data_specs(plain)


@pytest.mark.parametrize(
    "space, dim, message",
    [
        (VectorSpace(12), 6, r"image with mask, and z, not VectorSpace\(dim=12"),
        (CompositeSpace([VectorSpace(12), VectorSpace(4)]), 6, "and z, not CompositeSpace"),
        (CompositeSpace([Conv2DSpace((2, 3), num_channels=1), VectorSpace(4)]), 6, "and z, not"),
        (Conv2DSpace((2, 3), num_channels=2), 6, "and z, not Conv2DSpace"),
        (spaces()[0], 7, "puts out 7 numbers, but an image has 6"),
    ],
)
def test_networks_that_cannot_complete_images(space, dim, message):
    mlp = MLP([Linear(dim=dim, layer_name="y", irange=1.0)], input_space=space)
    with pytest.raises(ValueError, match=message):
        Completer(mlp)


def test_mismatched_players():
    below, seen = spaces()
    G = Completer(MLP([Sigmoid(dim=6, layer_name="y", irange=1.0)], input_space=below))
    D = MLP([Sigmoid(dim=1, layer_name="y", irange=1.0)], input_space=spaces(3)[1])
    with pytest.raises(ValueError, match="D's input is .*num_channels=4"):
        ConditionalsPair(G, D, RandomMasks((2, 3), {"left": 1}))
    D = MLP([Sigmoid(dim=1, layer_name="y", irange=1.0)], input_space=seen)
    with pytest.raises(ValueError, match=r"masks have shape \(3, 3\), but images \(2, 3\)"):
        ConditionalsPair(G, D, RandomMasks((3, 3), {"left": 1}))
    with pytest.raises(TypeError, match="needs a Completer, not <Generator>"):
        ConditionalsPair(Generator(G.mlp), D, RandomMasks((2, 3), {"left": 1}))


def training(path, epochs):
    pair = make_pair(kinds={"pixels": 1, "rectangle": 1})
    pair.monitor_discriminator = False  # its channels take longest to compile
    images = np.random.RandomState(0).uniform(size=(30, 2, 3, 1)).astype(floatX)
    data = DenseDesignMatrix(topo_view=images)
    algorithm = SGD(
        learning_rate=0.1,
        batch_size=6,
        monitoring_dataset={"valid": data},
        cost=AllConditionalsCost(discriminator_default_input_include_prob=0.5),
    )
    train = Train(data, pair, algorithm, str(path), save_freq=1)
    if path.exists():
        train.resume(checkpoint.read(path))
    train.main_loop(max_epochs=epochs)
    return pair


def test_a_resumed_training_draws_the_same_masks(tmp_path):
    whole = training(tmp_path / "whole.pkl", 3)
    for epochs in (1, 3):
        parts = training(tmp_path / "parts.pkl", epochs)
    loaded = serial.load(tmp_path / "parts.pkl")
    for found in (parts, loaded):
        np.testing.assert_array_equal(found.get_param_vector(), whole.get_param_vector())
        states = [pair.masks.theano_rng.state.get_value() for pair in (found, whole)]
        np.testing.assert_array_equal(*states)
    assert loaded.masks.kinds == whole.masks.kinds
    np.testing.assert_array_equal(draw_samples(loaded, 5), draw_samples(whole, 5))
    objectives = whole.monitor.channels["valid_objective"].val_record
    assert len(objectives) == 4 and len(set(objectives)) == 4
    assert set(SIDES) < set(KINDS)
