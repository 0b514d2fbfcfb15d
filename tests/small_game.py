"""A small game, one evaluation of it, and the comparison with the same game by hand."""

from __future__ import annotations

import aesara.tensor as at
import numpy as np
import pytest

from adversarial import AdversaryPair, Generator
from adversarial.backend import floatX, function
from adversarial.models.maxout import Maxout
from adversarial.models.mlp import MLP, Linear, RectifiedLinear, Sigmoid

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
