"""What the inferer learns, as a formula in NumPy."""

from __future__ import annotations

import aesara.tensor as at
import pytest
from small_game import N, assert_same, compiled, make_pair

from adversarial import (
    AdversaryCost2,
)
from adversarial.models.mlp import MLP, Linear, RectifiedLinear

pytestmark = pytest.mark.usefixtures("either_engine", "fast_compile")


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
