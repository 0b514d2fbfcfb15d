"""Each option of the adversarial costs, as a formula in NumPy."""

from __future__ import annotations

import aesara.tensor as at
import numpy as np
import pytest
from scipy.special import expit
from small_game import D_DROPOUT, N, assert_same, batch, check, compiled, make_pair, players_of

from adversarial import (
    AdversaryCost2,
    InpaintingAdversaryCost,
    LazyAdversaryCost,
    ThresholdedAdversaryCost,
)
from adversarial.backend import function

pytestmark = pytest.mark.usefixtures("either_engine", "fast_compile")


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
