"""The variants of 2014, as formulas in NumPy."""

from __future__ import annotations

import aesara.tensor as at
import numpy as np
import pytest
from scipy.special import expit
from small_game import D_DROPOUT, N, assert_same, batch, check

from adversarial import (
    AdversaryPair,
    Generator,
    InpaintingAdversaryCost,
    LazyAdversaryCost,
    ThresholdedAdversaryCost,
)
from adversarial.backend import floatX, function
from adversarial.models.maxout import Maxout
from adversarial.models.mlp import MLP, Linear, Sigmoid
from adversarial.space import Conv2DSpace

pytestmark = pytest.mark.usefixtures("either_engine", "fast_compile")


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
