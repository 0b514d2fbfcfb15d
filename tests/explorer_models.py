"""Small models for the explorer's page."""

from __future__ import annotations

import numpy as np

from adversarial import AdversaryPair, Generator, backend
from adversarial.models.deconv import Deconv
from adversarial.models.maxout import Maxout
from adversarial.models.maxout_conv import MaxoutConvC01B
from adversarial.models.mlp import MLP, RectifiedLinear, Sigmoid, SpaceConverter
from adversarial.space import Conv2DSpace, VectorSpace, format_data
from sandbox.conditional import ConditionalGenerator, ConditionalMLP, ConditionalPair

C01B = ("c", 0, 1, "b")


def make_pair(G=None, D=None, noise="uniform", nvis=5, pixels=64):
    """A pair with weights so large that D is sure of some samples; by default of 8 x 8 pixels."""
    G = G or [
        RectifiedLinear(dim=70, layer_name="h0", irange=1.0),
        RectifiedLinear(dim=60, layer_name="h1", irange=0.5),
        Sigmoid(dim=pixels, layer_name="y", irange=1.0, init_bias=-0.5),
    ]
    D = D or MLP(
        [Maxout("h0", 7, 3, irange=1.0), Sigmoid(dim=1, layer_name="y", irange=1.0)],
        nvis=pixels,
        seed=[2],
    )
    return AdversaryPair(Generator(MLP(G, nvis=nvis, seed=[1]), noise=noise), D)


def colour_pair():
    """Both players are convolutional, as in yaml/cifar10_convolutional.yaml: 11 x 8 in colour."""
    maps = Conv2DSpace((4, 3), num_channels=6, axes=C01B)
    G = [
        RectifiedLinear(dim=72, layer_name="h0", irange=0.5),
        SpaceConverter("converter", maps),
        Deconv(3, (5, 4), "y", irange=0.5, output_stride=(2, 2)),
    ]
    D = MLP(
        [
            MaxoutConvC01B(4, 2, (3, 3), (3, 3), (2, 2), "h0", pad=1, irange=0.5),
            Maxout("h1", 5, 2, irange=0.5),
            Sigmoid(dim=1, layer_name="y", irange=0.5),
        ],
        input_space=Conv2DSpace((11, 8), num_channels=3, axes=C01B),
        seed=[2],
    )
    return make_pair(G, D, noise="gaussian")


def verdicts_of(pair, samples):
    """D's probabilities by Aesara."""
    D = pair.discriminator
    rows = backend.shared(samples.astype(backend.floatX))
    images = format_data(rows, VectorSpace(samples.shape[1]), D.get_input_space())
    return backend.function([], D.fprop(images))()[:, 0]


def noise_for(pair, n=4):
    bound = np.sqrt(3)
    size = (n, pair.generator.get_input_space().get_total_dimension())
    return np.random.RandomState(0).uniform(-bound, bound, size)


def conditional_pair(classes=3):
    """A pair whose players are given a class, of 8 x 8 pixels."""
    G = [
        RectifiedLinear(dim=20, layer_name="h", irange=1.0),
        Sigmoid(dim=64, layer_name="y", irange=1.0),
    ]
    D = [Maxout("h", 5, 2, irange=1.0), Sigmoid(dim=1, layer_name="y", irange=1.0)]
    return ConditionalPair(
        ConditionalGenerator(ConditionalMLP(G, nvis=4, n_classes=classes, seed=[1])),
        ConditionalMLP(D, nvis=64, n_classes=classes, seed=[2]),
    )
