from __future__ import annotations

import numpy as np
import pytest

from adversarial.datasets.view_converter import DefaultViewConverter
from adversarial.models.adversary_pair import AdversaryPair
from adversarial.models.centering import SubtractHalf
from adversarial.models.deconv import Deconv
from adversarial.models.generator import Generator
from adversarial.models.maxout import Maxout
from adversarial.models.maxout_conv import MaxoutConvC01B
from adversarial.models.mlp import MLP, Linear, RectifiedLinear, Sigmoid, SpaceConverter
from adversarial.models.mlp.activation import SigmoidActivation
from adversarial.space import Conv2DSpace
from adversarial.viewer.weights import MAX_PATCHES, Patches, networks_of, patches_of


def colour_pair():
    """Images of 2 x 3 in colour, as vectors."""
    G = MLP(
        [
            RectifiedLinear(layer_name="h", dim=5, irange=1.0),
            Sigmoid(layer_name="y", dim=18, irange=1.0),
        ],
        nvis=4,
    )
    D = MLP(
        [
            Maxout("h0", num_units=4, num_pieces=2, irange=1.0),
            Sigmoid(layer_name="y", dim=1, irange=1.0),
        ],
        nvis=18,
    )
    pair = AdversaryPair(Generator(G), D)
    pair.view_converter = DefaultViewConverter((2, 3, 3))
    return pair


def conv_pair():
    maps = Conv2DSpace((2, 2), num_channels=4, axes=("c", 0, 1, "b"))
    images = Conv2DSpace((5, 5), num_channels=3, axes=("c", 0, 1, "b"))
    G = MLP(
        [
            Linear(layer_name="h", dim=16, irange=1.0),
            SpaceConverter(layer_name="maps", output_space=maps),
            Deconv(3, (3, 3), "y", irange=1.0, output_stride=(2, 2)),
        ],
        nvis=4,
    )
    kernels = dict(kernel_shape=(3, 3), pool_shape=(1, 1), pool_stride=(1, 1), irange=1.0)
    D = MLP(
        [
            MaxoutConvC01B(2, 2, layer_name="c0", **kernels),
            MaxoutConvC01B(1, 2, layer_name="c1", **kernels),
            Sigmoid(layer_name="y", dim=1, irange=1.0),
        ],
        input_space=images,
    )
    return AdversaryPair(Generator(G), D)


def as_images(rows, shape=(2, 3, 3)):
    """Images of rows that hold one channel after the other, by a loop."""
    images = np.empty((len(rows), *shape))
    for n, y, x, c in np.ndindex(images.shape):
        images[n, y, x, c] = rows[n, c * shape[0] * shape[1] + y * shape[1] + x]
    return images


def test_by_default_what_the_first_layer_of_d_looks_for():
    pair = colour_pair()
    patches = patches_of(pair)
    expected = as_images(pair.discriminator.layers[0].get_weights().T)
    np.testing.assert_array_equal(patches.images, expected)
    assert (patches.group, patches.what) == (2, "what a unit looks for")


def test_a_layer_without_weights_does_not_hide_the_images():
    pair = colour_pair()
    layers = [
        SubtractHalf("half"),
        Maxout("h0", num_units=18, num_pieces=1, irange=1.0),
        Maxout("h1", num_units=4, num_pieces=2, irange=1.0),
    ]
    pair.discriminator = MLP(layers, nvis=18)
    patches = patches_of(pair)
    np.testing.assert_array_equal(patches.images, as_images(layers[1].get_weights().T))
    assert patches.what == "what a unit looks for"
    assert "order of the units below" in patches_of(pair, layer_name="h1").what
    top = Linear(layer_name="y", dim=18, irange=1.0)
    pair.generator = Generator(MLP([top, SigmoidActivation("s")], nvis=4))
    patches = patches_of(pair, "generator")
    np.testing.assert_array_equal(patches.images, as_images(top.get_weights()))
    assert patches.what == "what a unit below paints"


def test_of_the_generator_what_units_paint():
    pair = colour_pair()
    patches = patches_of(pair, "generator")
    expected = as_images(pair.generator.mlp.layers[1].get_weights())
    np.testing.assert_array_equal(patches.images, expected)
    # Without a model that knows their shape, 18 numbers are no image.
    assert patches_of(pair.generator).images.shape == (18, 1, 5, 1)


def test_other_layers_are_laid_out_nearly_square():
    pair = colour_pair()
    W = pair.generator.mlp.layers[0].get_weights()
    patches = patches_of(pair, "generator", "h")
    np.testing.assert_array_equal(patches.images, W.T.reshape(5, 2, 2, 1))
    assert "order of the units below" in patches.what
    assert patches_of(pair, "discriminator", "y").images.shape == (1, 2, 2, 1)


def test_kernels_are_images_and_those_of_many_channels_one_each():
    pair = conv_pair()
    W = pair.generator.mlp.layers[2].W.get_value()  # (4, 3, 3, 3): in, out, rows, columns
    painted = patches_of(pair, "generator")
    np.testing.assert_array_equal(painted.images, W.transpose(0, 2, 3, 1))
    first, second = (layer.W.get_value() for layer in pair.discriminator.layers[:2])
    patches = patches_of(pair, "discriminator", "c0")
    flat = first.reshape(4, 3, 3, 3)
    np.testing.assert_array_equal(patches.images, flat.transpose(0, 2, 3, 1))
    assert patches.group == 2
    patches = patches_of(pair, "discriminator", "c1")
    np.testing.assert_array_equal(patches.images[..., 0], second.reshape(-1, 3, 3))
    assert patches.group == 2 and len(patches.images) == 4


def test_a_dense_layer_on_images_knows_their_layout():
    space = Conv2DSpace((2, 3), num_channels=3, axes=("c", 0, 1, "b"))
    D = MLP([Sigmoid(layer_name="y", dim=1, irange=1.0)], input_space=space)
    W = D.layers[0].get_weights()
    np.testing.assert_array_equal(patches_of(D).images[0], W.reshape(2, 3, 3))


def test_norms_and_order():
    images = np.zeros((4, 1, 2, 1))
    images[:, 0, :, 0] = [[3, 4], [0, 1], [0, 2], [6, 8]]
    patches = Patches(images, "x", group=2)
    np.testing.assert_allclose(patches.norms, [5, 1, 2, 10])
    np.testing.assert_allclose(patches.strongest_first().norms, [2, 10, 5, 1])
    singly = Patches(images, "x").strongest_first()
    np.testing.assert_allclose(singly.norms, [10, 5, 2, 1])


def test_middle_grey_is_zero_in_every_scale():
    images = np.zeros((3, 1, 2, 1))
    images[:, 0, :, 0] = [[0, -4], [2, 0], [0, 0]]
    patches = Patches(images, "x")

    def shown(rescale):
        return patches.sheet(1, 3, rescale).images[:, 0, :, 0].tolist()

    assert shown("individual") == [[0.5, 0], [1, 0.5], [0.5, 0.5]]
    assert shown("global") == [[0.5, 0], [0.75, 0.5], [0.5, 0.5]]
    assert shown("none") == [[0.5, 0], [1, 0.5], [0.5, 0.5]]  # clipped
    with pytest.raises(ValueError, match="individual, global, none, not 'each'"):
        shown("each")


@pytest.mark.parametrize("player", ["generator", "discriminator"])
def test_a_network_of_as_many_units_lies_between_a_layer_and_the_data(player):
    nested = MLP([Linear(layer_name="a", dim=36, irange=1.0)], layer_name="nested")
    layers = [nested, Linear(layer_name="y", dim=36, irange=1.0)]
    network = MLP(layers[::-1] if player == "generator" else layers, nvis=36)
    model = Generator(network) if player == "generator" else network
    assert patches_of(model, None, "y").what.startswith("weights into a unit")


@pytest.mark.parametrize(
    "n, group, asked, expected",
    [
        (12, 1, (None, None), (3, 4)),
        (12, 5, (None, None), (3, 5)),
        (12, 1, (2, None), (2, 6)),
        (12, 1, (None, 5), (3, 5)),
        (12, 1, (2, 3), (2, 3)),
        (3, 1, (9, 2), (2, 2)),
        (4000, 1, (None, None), (20, 20)),
    ],
)
def test_size_of_the_grid(n, group, asked, expected):
    sheet = Patches(np.ones((n, 1, 1, 1)), "x", group).sheet(*asked)
    assert (sheet.rows, sheet.cols) == expected
    assert len(sheet.images) == min(n, expected[0] * expected[1])
    assert asked != (None, None) or len(sheet.images) <= MAX_PATCHES


def test_who_has_networks():
    pair = colour_pair()
    assert list(networks_of(pair)) == ["generator", "discriminator"]
    assert list(networks_of(pair.generator)) == ["generator"]
    assert networks_of(pair.discriminator) == {"network": pair.discriminator}
    with pytest.raises(ValueError, match="a Maxout has no layers to show"):
        networks_of(pair.discriminator.layers[0])


@pytest.mark.parametrize(
    "player, layer, message",
    [
        ("inferer", None, "has no inferer, only: generator, discriminator"),
        ("discriminator", "h9", "no layer 'h9' with weights; it has c0, c1, y"),
        ("generator", "maps", "no layer 'maps' with weights; it has h, y"),
    ],
)
def test_what_is_not_there(player, layer, message):
    with pytest.raises(ValueError, match=message):
        patches_of(conv_pair(), player, layer)
