from __future__ import annotations

import aesara.tensor as at
import numpy as np
import pytest

from adversarial import AdversaryPair, Generator, recapitate_discriminator
from adversarial.backend import floatX, function, shared
from adversarial.models.centering import SubtractHalf as HalfLess
from adversarial.models.deconv import Deconv
from adversarial.models.maxout import Maxout
from adversarial.models.mlp import MLP, Linear, Sigmoid, SpaceConverter
from adversarial.space import Conv2DSpace, VectorSpace, format_data
from adversarial.space.image_rows import depends_on_order
from adversarial.utils import serial

pytestmark = pytest.mark.usefixtures("either_engine", "fast_compile")


def generator(out=6, **kwargs):
    layers = [Sigmoid(dim=out, layer_name="y", irange=1.0, W_lr_scale=0.5, max_col_norm=1.0)]
    return Generator(MLP(layers, nvis=4), **kwargs)


def discriminator(**space):
    layers = [
        Maxout("h0", 3, 2, irange=1.0, max_col_norm=0.2),
        Sigmoid(dim=1, layer_name="y", irange=1.0, b_lr_scale=0.1),
    ]
    return MLP(layers, **(space or dict(nvis=6)))


def inferer(nvis=6):
    return MLP([Linear(dim=4, layer_name="z", irange=1.0)], nvis=nvis)


def random(*shape, seed=0):
    return np.random.RandomState(seed).uniform(size=shape).astype(floatX)


def test_parameters_of_all_players():
    G, D, inf = generator(), discriminator(), inferer()
    pair = AdversaryPair(G, D, inf)
    assert pair.get_params() == G.get_params() + D.get_params() + inf.get_params()
    assert AdversaryPair(G, D).get_params() == G.get_params() + D.get_params()
    assert pair.get_lr_scalers() == {G.mlp.layers[0].W: 0.5, D.layers[1].b: 0.1}


def test_the_pair_stands_before_data_as_d_does():
    D = discriminator()
    pair = AdversaryPair(generator(), D)
    assert pair.get_input_space() == VectorSpace(6)
    assert pair.get_monitoring_data_specs() == (VectorSpace(6), "features")
    np.testing.assert_array_equal(pair.get_weights(), D.layers[0].get_weights())
    assert pair.get_weights_format() == ("v", "h")
    assert pair.get_weights_view_shape() == (3, 2)


def test_constraints_of_all_players_hold():
    pair = AdversaryPair(generator(), discriminator())
    for param in pair.get_params():
        param.set_value(3 * np.ones_like(param.get_value()))
    pair.enforce_constraints()
    for layer, norm in ((pair.generator.mlp.layers[0], 1.0), (pair.discriminator.layers[0], 0.2)):
        np.testing.assert_allclose(np.linalg.norm(layer.get_weights(), axis=0), norm, rtol=1e-5)


def test_shrink_d():
    pair = AdversaryPair(generator(), discriminator(), shrink_d=0.5)
    G, D = pair.generator.get_params(), pair.discriminator.get_params()
    old = [param.get_value() for param in D]
    updates = {param: param for param in (*G, *D)}
    pair.generator.mlp.layers[0].max_col_norm = None
    D_h0 = pair.discriminator.layers[0]
    D_h0.max_col_norm = None
    pair.modify_updates(updates)
    assert all(updates[param] is param for param in G)
    function([], updates={param: updates[param] for param in D})()
    for param, value in zip(D, old):
        np.testing.assert_allclose(param.get_value(), 0.5 * value)


def test_channels_hold_what_their_names_say(evaluate):
    pair = AdversaryPair(generator(monitor_ll=1), discriminator(), inferer())
    x = random(9, 6)
    channels = pair.get_monitoring_channels(shared(x))
    prefixes = {name.split("_h0_")[0].split("_y_")[0].split("_z_")[0] for name in channels}
    assert prefixes == {"gen", "gen_ll", "gen_nll", "dis_on_data", "dis_on_samp", "inf"}

    W, b = pair.discriminator.layers[0].get_weights(), pair.discriminator.layers[0].get_biases()
    p = (x @ W + b).reshape(9, 3, 2).max(axis=2)
    names = ["max_x.max_u", "mean_x.mean_u", "min_x.min_u"]
    values = evaluate([channels["dis_on_data_h0_p_" + name] for name in names])
    np.testing.assert_allclose(values, [p.max(), p.mean(), p.min()], rtol=1e-5)
    # Data is outside the range of samples, so that a channel shows which of them it saw.
    far = pair.get_monitoring_channels(shared(x + 100))
    names = ["dis_on_data_h0_p_mean_x.mean_u", "dis_on_samp_h0_p_mean_x.mean_u"]
    on_data, on_samples = evaluate([far[name] for name in names])
    assert abs(on_data) > 20 > abs(on_samples)


def test_channels_of_an_inferer(evaluate):
    """The target is z, or none if the inferer predicts another number of values, a layer of G."""
    inf = MLP([Sigmoid(dim=4, layer_name="z", irange=1.0)], nvis=6)
    names = AdversaryPair(generator(), discriminator(), inf).get_monitoring_channels(at.matrix())
    assert "inf_z_misclass" in names
    inf = MLP([Sigmoid(dim=3, layer_name="h", irange=1.0)], nvis=6)
    pair = AdversaryPair(generator(), discriminator(), inf, inference_monitoring_batch_size=7)
    channels = pair.get_monitoring_channels(shared(random(9, 6)))
    found = {name: value for name, value in channels.items() if name.startswith("inf_")}
    assert "inf_h_mean_x_mean_u" in found and "inf_h_misclass" not in found
    assert np.isfinite(evaluate(list(found.values()))).all()


@pytest.mark.parametrize(
    "switch, prefix",
    [
        ("monitor_generator", "gen_"),
        ("monitor_discriminator", "dis_"),
        ("monitor_inference", "inf_"),
    ],
)
def test_players_need_not_be_monitored(switch, prefix):
    pair = AdversaryPair(generator(), discriminator(), inferer(), **{switch: False})
    names = list(pair.get_monitoring_channels(at.matrix()))
    assert names and not [name for name in names if name.startswith(prefix)]


@pytest.mark.parametrize("axes", [("b", 0, 1, "c"), ("c", 0, 1, "b")])
def test_g_makes_vectors_where_d_takes_images(axes, evaluate):
    space = Conv2DSpace((1, 3), num_channels=2, axes=axes)
    D = discriminator(input_space=space)
    inf = MLP([Linear(dim=4, layer_name="z", irange=1.0)], input_space=space)
    pair = AdversaryPair(generator(monitor_ll=True), D, inf)
    x = random(5, 1, 3, 2).transpose([("b", 0, 1, "c").index(axis) for axis in axes])
    channels = pair.get_monitoring_channels(shared(x))
    values = evaluate(list(channels.values()))
    assert np.isfinite(values).all()


def test_g_makes_images_where_d_takes_vectors(evaluate):
    space = Conv2DSpace((1, 3), num_channels=2, axes=("c", 0, 1, "b"))
    layers = [Sigmoid(dim=6, layer_name="y", irange=1.0), SpaceConverter("image", space)]
    G = Generator(MLP(layers, nvis=4), monitor_ll=True)
    channels = AdversaryPair(G, discriminator()).get_monitoring_channels(shared(random(5, 6)))
    assert np.isfinite(evaluate(list(channels.values()))).all()


RGB = Conv2DSpace((2, 3), num_channels=3, axes=("c", 0, 1, "b"))


def linear(dim, **space):
    return MLP([Linear(dim=dim, layer_name="y", irange=1.0)], **space)


def as_rows(images):
    """Images with axes ('c', 0, 1, 'b') as rows, channel after channel."""
    return np.stack([images[..., b].ravel() for b in range(images.shape[3])])


def test_colour_images_before_vectors_are_rows_of_a_data_set(evaluate):
    G = Generator(
        MLP(
            [
                Linear(dim=6, layer_name="h", irange=1.0),
                SpaceConverter("below", Conv2DSpace((1, 2), num_channels=3)),
                Deconv(3, (2, 2), "y", irange=1.0),
            ],
            nvis=4,
        )
    )
    assert depends_on_order(G.get_output_space())
    pair = AdversaryPair(G, linear(1, nvis=18), linear(4, nvis=18))
    images = random(3, 2, 3, 5)
    X = at.tensor4()
    np.testing.assert_array_equal(evaluate(pair.as_data(X), {X: images}), as_rows(images))
    # D of samples is D of the rows that are drawn.
    seen = evaluate(pair.discriminator.fprop(pair.as_data(shared(images))))
    rows = format_data(images, G.get_output_space(), VectorSpace(18))
    np.testing.assert_allclose(seen, evaluate(pair.discriminator.fprop(shared(rows))), atol=1e-5)
    assert np.isfinite(evaluate(list(pair.get_monitoring_channels(shared(rows)).values()))).all()


def test_vectors_before_colour_images_are_rows_of_a_data_set(evaluate):
    pair = AdversaryPair(generator(out=18), linear(1, input_space=RGB), linear(4, nvis=18))
    X, images = at.matrix(), random(3, 2, 3, 5)
    np.testing.assert_array_equal(evaluate(pair.as_data(X), {X: as_rows(images)}), images)
    X = at.tensor4()
    seen = evaluate(pair.as_inferer_input(pair.inferer, X), {X: images})
    np.testing.assert_array_equal(seen, as_rows(images))


def test_a_pair_of_an_earlier_version_keeps_its_order(evaluate):
    pair = AdversaryPair(generator(out=18), linear(1, input_space=RGB))
    del pair.generator.samples_are_rows  # as in a file that knows nothing of it
    X, rows = at.matrix(), random(5, 18)
    expected = rows.reshape(5, 2, 3, 3).transpose(3, 1, 2, 0)
    np.testing.assert_array_equal(evaluate(pair.as_data(X), {X: rows}), expected)


def test_a_converter_between_rows_and_another_order_is_refused():
    flat = [
        Linear(dim=18, layer_name="h", irange=1.0),
        SpaceConverter("image", RGB),
        SpaceConverter("flat", VectorSpace(18)),
    ]
    with pytest.raises(ValueError, match="'flat' .* a sample as a row .* leave the layer out"):
        AdversaryPair(Generator(MLP(flat, nvis=4)), linear(1, nvis=18))
    image = MLP(
        [HalfLess("less"), SpaceConverter("image", RGB), Linear(dim=1, layer_name="y", irange=1.0)],
        nvis=18,
    )
    with pytest.raises(ValueError, match="'image' .* a row of the data .* input_space: Conv2DSp"):
        AdversaryPair(generator(out=18), image)
    # The orders differ for several channels only.
    grey = MLP(
        [
            SpaceConverter("image", Conv2DSpace((2, 3), num_channels=1)),
            Linear(dim=1, layer_name="y", irange=1.0),
        ],
        nvis=6,
    )
    AdversaryPair(generator(), grey)


def test_players_must_fit():
    with pytest.raises(ValueError, match="makes .*dim=5.* takes .*dim=6"):
        AdversaryPair(generator(out=5), discriminator())


def painter(out):
    """A generator from images of 2 x 3 to `out` numbers."""
    space = Conv2DSpace((2, 3), num_channels=1)
    return Generator(MLP([Sigmoid(dim=out, layer_name="y", irange=1.0)], input_space=space))


def test_a_generator_that_inpaints():
    D = discriminator(input_space=Conv2DSpace((2, 3), num_channels=1))
    pair = AdversaryPair(painter(out=4), D)
    assert pair.is_inpainting and not AdversaryPair(painter(out=6), D).is_inpainting
    # Only the cost has channels of G, and of D on samples.
    channels = pair.get_monitoring_channels(at.tensor4())
    assert channels and all(name.startswith("dis_on_data_") for name in channels)
    pair.monitor_discriminator = False
    assert not pair.get_monitoring_channels(at.tensor4())
    with pytest.raises(ValueError, match="makes .*dim=5"):
        AdversaryPair(painter(out=5), D)
    with pytest.raises(ValueError, match="makes .*dim=4"):
        AdversaryPair(painter(out=4), discriminator())


@pytest.fixture
def saved(tmp_path):
    pair = AdversaryPair(generator(noise="spherical"), discriminator(), inferer(), shrink_d=0.9)
    path = tmp_path / "pair.pkl"
    serial.save(path, pair)
    return pair, str(path)


def test_file(saved, evaluate):
    pair, path = saved
    again = serial.load(path)
    assert again.shrink_d == 0.9 and again.generator.noise == "spherical"
    for ours, theirs in zip(again.get_params(), pair.get_params()):
        assert ours.name == theirs.name
        np.testing.assert_array_equal(ours.get_value(), theirs.get_value())
    np.testing.assert_array_equal(*(evaluate(p.generator.sample(5)) for p in (pair, again)))


def test_a_new_head_for_d(saved, evaluate):
    pair, path = saved
    head = Linear(dim=2, layer_name="head", irange=1.0)
    D = recapitate_discriminator(path, head)
    assert [layer.layer_name for layer in D.layers] == ["h0", "head"]
    assert D.get_output_space() == VectorSpace(2) and len(D.get_params()) == 4
    x = random(5, 6)
    W, b = pair.discriminator.get_param_values()[:2]
    h = (x @ W + b).reshape(5, 3, 2).max(axis=2)
    np.testing.assert_allclose(
        evaluate(D.fprop(shared(x))), h @ head.get_weights(), rtol=1e-4, atol=1e-6
    )
    # A head may have the name of the one it replaces.
    assert recapitate_discriminator(path, Sigmoid(dim=1, layer_name="y", irange=1.0))


def test_wrong_parts_are_named():
    G = MLP([Sigmoid(layer_name="y", dim=4, irange=0.1)], nvis=3)
    D = MLP([Sigmoid(layer_name="y", dim=1, irange=0.1)], nvis=4)
    with pytest.raises(TypeError, match="generator cannot be .*, which has no method sample"):
        AdversaryPair(G, D)
    with pytest.raises(ValueError, match="inference_monitoring_batch_size must be a positive"):
        AdversaryPair(Generator(G), D, inference_monitoring_batch_size=0)


def test_a_player_needs_an_input_space():
    """An MLP with a layer_name may do without, as a layer of another."""
    D = MLP([Sigmoid(dim=1, layer_name="y", irange=1.0)], layer_name="D")
    with pytest.raises(ValueError, match="'D' has no input space: give it nvis or input_space"):
        AdversaryPair(generator(), D)
    G = MLP([Linear(dim=6, layer_name="y", irange=1.0)], layer_name="G")
    with pytest.raises(ValueError, match="'G' has no input space: give it nvis or input_space"):
        Generator(G)
