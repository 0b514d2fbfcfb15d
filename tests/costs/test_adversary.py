"""Each option of the adversarial costs, as a formula in NumPy."""

from __future__ import annotations

import aesara.tensor as at
import numpy as np
import pytest
from scipy.special import expit

from adversarial import (
    AdversaryCost2,
    AdversaryPair,
    Generator,
    InpaintingAdversaryCost,
    LazyAdversaryCost,
    ThresholdedAdversaryCost,
)
from adversarial.backend import floatX, function
from adversarial.models.maxout import Maxout
from adversarial.models.mlp import MLP, Linear, RectifiedLinear, Sigmoid
from adversarial.space import Conv2DSpace

pytestmark = pytest.mark.usefixtures("either_engine", "fast_compile")

N = 40  # examples in a batch
D_DROPOUT = dict(
    discriminator_default_input_include_prob=0.5,
    discriminator_default_input_scale=2.0,
    discriminator_input_include_probs={"h0": 0.8},
    discriminator_input_scales={"h0": 1.25},
)


def make_pair(inferred=None):
    """Weights so large that D is sure of some examples, and wrong about others."""
    G = [
        RectifiedLinear(dim=5, layer_name="h0", irange=1.0, init_bias=0.1),
        Linear(dim=6, layer_name="y", irange=1.0, init_bias=0.2),
    ]
    D = [
        Maxout("h0", 3, 2, irange=1.0, init_bias=0.1),
        Sigmoid(dim=1, layer_name="y", irange=1.0, init_bias=-0.3),
    ]
    inferer = None
    if inferred:
        inferer = MLP([Linear(dim=inferred, layer_name="z", irange=1.0)], nvis=6, seed=[4])
    return AdversaryPair(Generator(MLP(G, nvis=4, seed=[1])), MLP(D, nvis=6, seed=[2]), inferer)


def players_of(pair):
    return dict(generator=pair.generator, discriminator=pair.discriminator, inference=pair.inferer)


def batch():
    return np.random.RandomState(1).uniform(-1, 1, size=(N, 6)).astype(floatX)


def compiled(pair, cost, by_hand, *streams):
    """One evaluation: (d, g, i), gradients by player, draws of `streams`, and the data."""
    by_hand.recorded(cost)
    X = pair.get_input_space().make_theano_batch()
    gradients, _ = cost.get_gradients(pair, X)
    ((_, *objectives),) = cost.seen
    objectives = [at.as_tensor_variable(value) for value in objectives]
    drawn = by_hand.draws(objectives, *streams)
    x = batch()
    values = function([X], [*objectives, *gradients.values(), *drawn])(x)
    by_param = dict(zip(gradients, values[3:]))
    players = [pair.generator, pair.discriminator, pair.inferer]
    of = [p and [by_param[param] for param in p.get_params()] for p in players]
    return values[:3], of, values[3 + len(gradients) :], x


def assert_same(ours, theirs):
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5 * abs(b).max())


def check(cost, by_hand, **how):
    """`cost` with dropout in D against `by_hand.play`; returns the game."""
    pair = make_pair()
    streams = (pair.generator.theano_rng, pair.discriminator.theano_rng)
    (d, g, i), (of_g, of_d, _), (z, *masks), x = compiled(pair, cost, by_hand, *streams)
    masks = [mask * scale for mask, scale in zip(masks, (1.25, 2.0) * 2)]
    game = by_hand.play(
        by_hand.read(pair.discriminator, top="Linear"),
        by_hand.read(pair.generator.mlp),
        x,
        z,
        masks[:2],
        masks[2:],
        **how,
    )
    assert d == pytest.approx(game.d, rel=1e-5) and g == pytest.approx(game.g, rel=1e-5)
    assert i == 0
    assert_same(of_d, game.d_gradients)
    assert_same(of_g, game.g_gradients)
    return game


def test_plain(by_hand):
    check(AdversaryCost2(scale_grads=0, **D_DROPOUT), by_hand)


def test_g_may_see_d_without_dropout(by_hand):
    check(AdversaryCost2(scale_grads=0, no_drop_in_d_for_g=True, **D_DROPOUT), by_hand, clean=True)


@pytest.mark.parametrize("minimax, zurich", [(1.0, 1.0), (3.0, 0.5)])
@pytest.mark.parametrize("clean", [False, True])
def test_blended_objective(minimax, zurich, clean, by_hand):
    def blend(real, fake, for_g):
        (d, g), d_real, d_fake, _, g_for_g = by_hand.plain(real, fake, for_g)
        total = minimax + zurich
        g = (zurich * g - minimax * d) / total
        return (d, g), d_real, d_fake, -minimax * d_fake / total, zurich * g_for_g / total

    cost = AdversaryCost2(
        scale_grads=0,
        blend_obj=True,
        minimax_coeff=minimax,
        zurich_coeff=zurich,
        no_drop_in_d_for_g=clean,
        **D_DROPOUT,
    )
    check(cost, by_hand, objectives=blend, clean=clean)


@pytest.mark.parametrize("target", [1e-6, 10.0])
def test_scaled_gradients(target, by_hand):
    factors = []

    def rescale(norm):
        factors.append(max(1.0, target / norm))
        return factors[0]

    check(AdversaryCost2(target_scale=target, **D_DROPOUT), by_hand, rescale=rescale)
    assert (factors[0] == 1) == (target < 1)


def test_thresholded(by_hand):
    def rejected(real, fake, for_g):
        (d, _), d_real, d_fake, _, slope = by_hand.plain(real, fake, for_g)
        keep = expit(fake) < 0.5
        assert 0 < keep.sum() < N
        return (d, (by_hand.softplus(-for_g) * keep).mean()), d_real, d_fake, 0.0, slope * keep

    check(ThresholdedAdversaryCost(scale_grads=0, **D_DROPOUT), by_hand, objectives=rejected)


@pytest.mark.parametrize("d_eps, g_eps", [(0.0, 0.0), (0.2, 0.1)])
def test_lazy(d_eps, g_eps, by_hand):
    def wrong(real, fake, for_g):
        _, d_real, d_fake, _, slope = by_hand.plain(real, fake, for_g)
        missed = expit(real) < 0.5 + d_eps
        fooled = expit(fake) > 0.5 - d_eps
        caught = expit(fake) < 0.5 + g_eps
        for keep in (missed, fooled, caught):
            assert 0 < keep.sum() < N
        d = 0.5 * (by_hand.softplus(-real) * missed + by_hand.softplus(fake) * fooled).mean()
        g = (by_hand.softplus(-for_g) * caught).mean()
        return (d, g), d_real * missed, d_fake * fooled, 0.0, slope * caught

    cost = LazyAdversaryCost(scale_grads=0, d_eps=d_eps, g_eps=g_eps, **D_DROPOUT)
    check(cost, by_hand, objectives=wrong)


def test_noise_on_data_and_samples(by_hand):
    pair, cost = make_pair(), AdversaryCost2(scale_grads=0, noise_both=0.5)
    streams = (pair.generator.theano_rng, cost.theano_rng)
    (d, g, _), (of_g, of_d, _), (z, *noise), x = compiled(pair, cost, by_hand, *streams)
    assert len(noise) == 2
    D, G = by_hand.read(pair.discriminator, top="Linear"), by_hand.read(pair.generator.mlp)
    game = by_hand.play(D, G, x, z, noise=[0.5 * n for n in noise])
    assert d == pytest.approx(game.d, rel=1e-5) and g == pytest.approx(game.g, rel=1e-5)
    assert_same(of_d, game.d_gradients)
    assert_same(of_g, game.g_gradients)


def test_dropout_in_g(by_hand):
    pair = make_pair()
    cost = AdversaryCost2(
        scale_grads=0,
        generator_default_input_include_prob=0.7,
        generator_default_input_scale=1.5,
    )
    streams = (pair.generator.theano_rng, pair.generator.mlp.theano_rng)
    (d, g, _), (of_g, of_d, _), (z, *masks), x = compiled(pair, cost, by_hand, *streams)
    D, G = by_hand.read(pair.discriminator, top="Linear"), by_hand.read(pair.generator.mlp)
    game = by_hand.play(D, G, x, z, g_masks=[1.5 * mask for mask in masks])
    assert d == pytest.approx(game.d, rel=1e-5) and g == pytest.approx(game.g, rel=1e-5)
    assert_same(of_d, game.d_gradients)
    assert_same(of_g, game.g_gradients)


@pytest.mark.parametrize("layer", [None, 0])
@pytest.mark.parametrize("keep", [None, 0.6])
def test_inference(layer, keep, by_hand):
    """The inferer learns z, or a layer of G, from samples; nobody else learns from it."""
    pair = make_pair(inferred=4 if layer is None else 5)
    cost = AdversaryCost2(
        scale_grads=0,
        infer_layer=layer,
        noise_both=0.5,
        inference_default_input_include_prob=keep,
        inference_default_input_scale=3.0,
    )
    streams = (pair.generator.theano_rng, cost.theano_rng, pair.inferer.theano_rng)
    (_, _, i), (of_g, of_d, of_i), drawn, x = compiled(pair, cost, by_hand, *streams)
    z, noise, masks = drawn[0], drawn[1:3], drawn[3:]
    D, G = by_hand.read(pair.discriminator, top="Linear"), by_hand.read(pair.generator.mlp)
    game = by_hand.play(D, G, x, z, noise=[0.5 * n for n in noise])
    inferer = by_hand.read(pair.inferer)
    cache = by_hand.forward(inferer, game.made[-1].out, [3.0 * mask for mask in masks] or None)
    error = cache[-1].out - (z if layer is None else game.made[layer].out)
    assert i == pytest.approx((error**2).sum() / N, rel=1e-5)
    assert_same(of_i, by_hand.backward(inferer, cache, 2 * error / N)[0])
    assert_same(of_d, game.d_gradients)
    assert_same(of_g, game.g_gradients)


def test_dropout_of_each_layer_of_the_inferer(by_hand):
    """Probabilities and scales by the layer's name; the default is for the others."""
    pair = make_pair()
    layers = [
        RectifiedLinear(dim=7, layer_name="i0", irange=1.0),
        Linear(dim=4, layer_name="i1", irange=1.0),
    ]
    pair.inferer = MLP(layers, nvis=6, seed=[4])
    cost = AdversaryCost2(
        scale_grads=0,
        inference_default_input_include_prob=0.9,
        inference_default_input_scale=3.0,
        inference_input_include_probs={"i1": 0.2},
        inference_input_scales={"i1": 5.0},
    )
    streams = (pair.generator.theano_rng, pair.inferer.theano_rng)
    (_, _, i), (_, _, of_i), (z, *masks), _ = compiled(pair, cost, by_hand, *streams)
    assert [mask.mean() for mask in masks] == pytest.approx([0.9, 0.2], abs=0.12)
    made = by_hand.forward(by_hand.read(pair.generator.mlp), z)
    inferer = by_hand.read(pair.inferer)
    cache = by_hand.forward(inferer, made[-1].out, [3.0 * masks[0], 5.0 * masks[1]])
    error = cache[-1].out - z
    assert i == pytest.approx((error**2).sum() / N, rel=1e-5)
    assert_same(of_i, by_hand.backward(inferer, cache, 2 * error / N)[0])


@pytest.mark.parametrize("cls", [AdversaryCost2, ThresholdedAdversaryCost, LazyAdversaryCost])
def test_switches(cls):
    """A player that is switched off has zero gradients, whatever else is asked for."""
    pair, cost = make_pair(inferred=4), cls(init_now_train_generator=False, **D_DROPOUT)
    X = at.matrix()
    gradients, _ = cost.get_gradients(pair, X)
    f = function([X], list(gradients.values()))
    players = players_of(pair)

    def moving():
        found = dict(zip(gradients, f(batch())))
        assert all(np.isfinite(gradient).all() for gradient in found.values())
        return [
            who
            for who, player in players.items()
            if any(found[param].any() for param in player.get_params())
        ]

    assert moving() == ["discriminator", "inference"]
    cost.now_train_generator.set_value(1)
    assert moving() == ["generator", "discriminator", "inference"]
    cost.now_train_discriminator.set_value(0)
    assert moving() == ["generator", "inference"]
    cost.now_train_inference.set_value(0)
    assert moving() == ["generator"]


def test_samples_that_give_no_gradient():
    """Scaling them up gives none either, not NaN."""
    pair, cost = make_pair(), ThresholdedAdversaryCost()  # scale_grads is on by default
    pair.discriminator.layers[-1].set_biases([100.0])  # D believes everything
    X = at.matrix()
    gradients, _ = cost.get_gradients(pair, X)
    for gradient in function([X], [gradients[p] for p in pair.generator.get_params()])(batch()):
        assert not gradient.any()


@pytest.mark.parametrize("who", ["discriminator", "generator", "inference"])
def test_players_never_trained(who, by_hand):
    pair = make_pair(inferred=4)
    cost = by_hand.recorded(AdversaryCost2(scale_grads=0, **{f"ever_train_{who}": False}))
    X = at.matrix()
    gradients, _ = cost.get_gradients(pair, X)
    value = cost.expr(pair, X)
    d, g, i = cost.seen[-1][1:]
    *found, value, d, g, i = function([X], [*gradients.values(), value, d, g, i])(batch())
    found = dict(zip(gradients, found))
    players = players_of(pair)
    for name, player in players.items():
        still = not any(found[param].any() for param in player.get_params())
        assert still == (name == who)
    others = dict(discriminator=g + i, generator=d + i, inference=d + g)
    assert value == pytest.approx(others[who], rel=1e-5)


def test_alternate_g():
    pair, cost = make_pair(), AdversaryCost2(alternate_g=True)
    _, updates = cost.get_gradients(pair, at.matrix())
    step = function([], updates=updates)
    turns = [float(cost.now_train_generator.get_value())]
    for _ in range(3):
        step()
        turns.append(float(cost.now_train_generator.get_value()))
    assert turns == [1, 0, 1, 0]


@pytest.mark.parametrize("noise_both", [0.0, 100.0])
def test_channels(noise_both, by_hand):
    """Errors are on data and samples as they are, without dropout or noise."""
    pair, cost = make_pair(), AdversaryCost2(noise_both=noise_both, **D_DROPOUT)
    X = at.matrix()
    channels = cost.get_monitoring_channels(pair, X)
    norm = channels["sample_grad_norm"]
    (z,) = by_hand.draws([norm], pair.generator.theano_rng)
    names = ["false_negatives", "false_positives", "sample_grad_norm"]
    x = batch()
    misses, alarms, norm, z = function([X], [*(channels[name] for name in names), z])(x)
    D, G = by_hand.read(pair.discriminator, top="Linear"), by_hand.read(pair.generator.mlp)
    on_data = by_hand.forward(D, x)[-1].out
    cache = by_hand.forward(D, by_hand.forward(G, z)[-1].out)
    t = cache[-1].out
    assert misses == pytest.approx((on_data < 0).mean()) and alarms == pytest.approx((t > 0).mean())
    # The slope of the cross-entropy of p = s(t) against itself: p (1 - p) (log(1 - p) - log p).
    _, slope = by_hand.backward(D, cache, -t * expit(t) * expit(-t) / N)
    assert norm == pytest.approx(np.sqrt((slope**2).sum()), rel=1e-4)


def test_which_channels():
    everyone = {
        "objective",
        "objective_d",
        "objective_g",
        "objective_i",
        "false_negatives",
        "false_positives",
        "sample_grad_norm",
        "now_train_generator",
    }
    pair, cost = make_pair(inferred=4), AdversaryCost2()
    assert set(cost.get_monitoring_channels(pair, at.matrix())) == everyone
    pair.monitor_discriminator = pair.monitor_inference = False
    found = cost.get_monitoring_channels(pair, at.matrix())
    assert set(found) == everyone - {"objective_d", "objective_i"}


def images(*sizes):
    return Conv2DSpace(sizes[:2], num_channels=sizes[2])


@pytest.mark.parametrize("side, hole", [("right", np.s_[:, :, 1:]), ("top", np.s_[:, :1])])
def test_inpainting(side, hole, by_hand):
    """G paints half of each 2 x 3 image."""
    space = images(2, 3, 1)
    x = batch().reshape(N, 2, 3, 1)
    painted = x[hole].reshape(N, -1).shape[1]
    G = MLP([Linear(dim=painted, layer_name="y", irange=1.0)], input_space=space)
    D = MLP(
        [Maxout("h0", 3, 2, irange=1.0), Sigmoid(dim=1, layer_name="y", irange=1.0)],
        input_space=space,
    )
    generator = Generator(G)
    generator.get_output_space = lambda: space  # with the other half, which is the data's
    pair = AdversaryPair(generator, D)
    cost = by_hand.recorded(InpaintingAdversaryCost(scale_grads=0, side=side))
    X = at.tensor4()
    gradients, _ = cost.get_gradients(pair, X)
    ((samples, d, g, _),) = cost.seen
    (z,) = by_hand.draws([g], generator.theano_rng)
    samples, d, g, z, *found = function([X], [samples, d, g, z, *gradients.values()])(x)

    seen = x.copy()
    seen[hole] = z
    G, D = by_hand.read(G), by_hand.read(D, top="Linear")
    made = by_hand.forward(G, seen.reshape(N, 6))
    full = x.copy()
    full[hole] = made[-1].out.reshape(z.shape)
    np.testing.assert_allclose(samples, full, rtol=1e-4, atol=1e-6)
    real, fake = (by_hand.forward(D, side.reshape(N, 6)) for side in (x, full))
    (d_, g_), d_real, d_fake, _, slope = by_hand.plain(*(c[-1].out for c in (real, fake, fake)))
    assert d == pytest.approx(d_, rel=1e-5) and g == pytest.approx(g_, rel=1e-5)
    at_samples = by_hand.backward(D, fake, slope)[1].reshape(N, 2, 3, 1)
    of_d = zip(by_hand.backward(D, real, d_real)[0], by_hand.backward(D, fake, d_fake)[0])
    of_g = by_hand.backward(G, made, at_samples[hole].reshape(N, -1))[0]
    assert_same(found, [*(a + b for a, b in of_d), *of_g])


def test_inference_of_the_noise_that_was_painted_over(by_hand):
    """An inferer sees the whole image and predicts the noise in its right half, as a vector."""
    space = images(2, 4, 1)
    x = np.random.RandomState(1).uniform(size=(N, 2, 4, 1)).astype(floatX)
    G = MLP([Linear(dim=4, layer_name="y", irange=1.0)], input_space=space)
    D = MLP([Sigmoid(dim=1, layer_name="y", irange=1.0)], input_space=space)
    inferer = MLP([Linear(dim=4, layer_name="z", irange=1.0)], nvis=8)
    generator = Generator(G)
    generator.get_output_space = lambda: space  # with the other half, which is the data's
    pair = AdversaryPair(generator, D, inferer)
    del generator.get_output_space
    cost = by_hand.recorded(InpaintingAdversaryCost(scale_grads=0))
    X = at.tensor4()
    gradients, _ = cost.get_gradients(pair, X)
    ((samples, _, g, i),) = cost.seen
    (z,) = by_hand.draws([g], generator.theano_rng)
    samples, z, i, dW = function([X], [samples, z, i, gradients[inferer.layers[0].W]])(x)
    error = samples.reshape(N, 8) @ inferer.layers[0].get_weights() - z.reshape(N, 4)
    assert i == pytest.approx((error**2).sum() / N, rel=1e-4)
    np.testing.assert_allclose(dW, 2 / N * samples.reshape(N, 8).T @ error, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    "layer, message",
    [
        (1, "infer_layer is 1, but the generator has 1 layers below its top one"),
        (-2, "infer_layer is -2"),
        (0, "dim=5.* as .*dim=4.*: points of 5 numbers against 4"),
    ],
)
def test_layers_that_cannot_be_inferred(layer, message):
    with pytest.raises(ValueError, match=message):
        AdversaryCost2(infer_layer=layer).expr(make_pair(inferred=4), at.matrix())


def test_wrong_use():
    with pytest.raises(ValueError, match="noise_both .*-1"):
        AdversaryCost2(noise_both=-1)
    with pytest.raises(TypeError, match="AdversaryCost2 trains an AdversaryPair, not <MLP>"):
        AdversaryCost2().expr(make_pair().discriminator, at.matrix())
    with pytest.raises(ValueError, match="minimax_coeff and zurich_coeff"):
        AdversaryCost2(blend_obj=True, minimax_coeff=1.0, zurich_coeff=-1.0)
    with pytest.raises(ValueError, match="infer_layer"):
        InpaintingAdversaryCost(infer_layer=0)
    with pytest.raises(ValueError, match="images, but .*VectorSpace"):
        InpaintingAdversaryCost().expr(make_pair(), at.matrix())
    pair = make_pair()
    pair.generator.mlp.layers[0]._params = [pair.discriminator.layers[0].W]
    with pytest.raises(ValueError, match="share the parameters h0_W"):
        AdversaryCost2().get_gradients(pair, at.matrix())
    with pytest.raises(ValueError, match=r"no layer is named 'h7'"):
        AdversaryCost2(discriminator_input_scales={"h7": 2.0}).expr(make_pair(), at.matrix())
