from __future__ import annotations

import aesara
import numpy as np
import pytest

from adversarial.evaluation.sampling import (
    NoGenerator,
    RepeatedSamples,
    Sampler,
    batches_at,
    draw_noise,
    draw_samples,
    generator_of,
    inpaint,
    sample_batches,
    sample_space,
    samples_at,
)
from adversarial.models.adversary_pair import AdversaryPair
from adversarial.models.generator import Generator, IntrinsicDropoutGenerator
from adversarial.models.mlp import (
    MLP,
    CompositeLayer,
    FlattenerLayer,
    Linear,
    Sigmoid,
    SpaceConverter,
)
from adversarial.models.noise import NoiseCat
from adversarial.space import Conv2DSpace

pytestmark = pytest.mark.usefixtures("fast_compile")


def network():
    layers = [
        Linear(layer_name="h", dim=5, irange=1.0),
        Sigmoid(layer_name="y", dim=6, irange=1.0),
    ]
    return MLP(layers, nvis=4, seed=[1, 2, 3])


def forward(generator, z):
    """G(z) by NumPy."""
    for layer in generator.mlp.layers:
        W, b = (param.get_value() for param in layer.get_params())
        if W.ndim == 1:
            W, b = b, W
        z = z @ W + b
        if isinstance(layer, Sigmoid):
            z = 1 / (1 + np.exp(-z))
    return z


def test_samples_are_g_of_the_noise():
    generator = Generator(network(), noise="uniform")
    samples = draw_samples(generator, 7, seed=3, batch_size=7)
    z = draw_noise(generator, 7, seed=3)
    assert z.shape == (7, 4) and np.abs(z).max() <= np.sqrt(3)
    np.testing.assert_allclose(samples, forward(generator, z), atol=1e-6)
    np.testing.assert_allclose(samples_at(generator, z), samples, atol=1e-6)


def test_batches_differ_and_the_number_need_not_be_a_multiple():
    generator, done = Generator(network()), []
    samples = draw_samples(generator, 11, seed=0, batch_size=4, progress=done.append)
    assert samples.shape == (11, 6) and done == [4, 4, 3]
    assert len(np.unique(samples, axis=0)) == 11
    sampler = Sampler(generator, batch_size=4, seed=0)
    np.testing.assert_array_equal(np.concatenate([sampler(), sampler()]), samples[:8])


def test_the_seed_decides_and_the_model_is_left_alone():
    judge = MLP([Sigmoid(layer_name="d", dim=1, irange=0.1)], nvis=6)
    pair = AdversaryPair(Generator(network()), judge)
    streams, state = pair.generator.theano_rng, pair.generator.theano_rng.state.get_value()
    first = draw_samples(pair, 5, seed=1)
    aesara.function([], pair.generator.sample(3))()
    np.testing.assert_array_equal(draw_samples(pair, 5, seed=1), first)
    assert np.abs(draw_samples(pair, 5, seed=2) - first).min() > 0
    assert pair.generator.theano_rng is streams
    state[2] += 1  # the one step of aesara.function above
    np.testing.assert_array_equal(streams.state.get_value(), state)


def test_dropout_that_is_part_of_the_model_is_seeded_too():
    generator = IntrinsicDropoutGenerator(0.5, 2.0, mlp=network())
    first = draw_samples(generator, 20, seed=1)
    np.testing.assert_array_equal(draw_samples(generator, 20, seed=1), first)
    z = draw_noise(generator, 20, seed=1)
    assert np.abs(first - forward(generator, z)).max() > 1e-2


@pytest.mark.parametrize("side_by_side", [False, True])
def test_noise_within_a_flattened_layer_is_seeded_too(side_by_side):
    top = noise = NoiseCat(new_dim=2, std=1.0, layer_name="n")
    if side_by_side:
        top = CompositeLayer("c", [Linear(layer_name="a", dim=3, irange=1.0), noise])
    generator = Generator(MLP([FlattenerLayer(top)], nvis=4))
    state = noise.theano_rng.state.get_value()
    first = draw_samples(generator, 6, seed=1)
    np.testing.assert_array_equal(draw_samples(generator, 6, seed=1), first)
    assert np.abs(draw_samples(generator, 6, seed=2) - first)[:, -2:].min() > 0
    np.testing.assert_array_equal(noise.theano_rng.state.get_value(), state)


def test_images_become_rows_channel_after_channel():
    space = Conv2DSpace((2, 3), num_channels=3, axes=("c", 0, 1, "b"))
    layers = [
        Linear(layer_name="h", dim=18, irange=1.0),
        SpaceConverter(layer_name="image", output_space=space),
    ]
    generator = Generator(MLP(layers, nvis=4))
    rows = draw_samples(generator, 5, seed=0, batch_size=5)
    z = draw_noise(generator, 5, seed=0)
    W, b = (param.get_value() for param in layers[0].get_params())
    flat = z @ W + b  # rows, columns, channels, as Conv2DSpace reads vectors
    expected = flat.reshape(5, 2, 3, 3).transpose(0, 3, 1, 2).reshape(5, 18)
    np.testing.assert_allclose(rows, expected, atol=1e-5)
    np.testing.assert_allclose(samples_at(generator, z), expected, atol=1e-5)


class Counter(MLP):
    """Its samples are the numbers 0, 1, 2, ... and the seed."""

    made, width = 0, 2

    def sampler(self, batch_size, seed):
        def draw():
            numbers = np.arange(self.made, self.made + batch_size)
            self.made += batch_size
            return np.stack([numbers] + [np.full(batch_size, seed)] * (self.width - 1), axis=1)

        return draw


def counter():
    return Counter([Linear(layer_name="y", dim=2, irange=0.0)], nvis=3)


def test_a_model_with_a_sampler_is_sampled_through_it():
    samples = draw_samples(counter(), 11, seed=5, batch_size=4)
    np.testing.assert_array_equal(samples, np.stack([np.arange(11), np.full(11, 5)], axis=1))
    assert [len(batch) for batch in sample_batches(counter(), 11, batch_size=4)] == [4, 4, 3]
    assert sample_space(counter()).get_total_dimension() == 2
    with pytest.raises(NoGenerator, match="Counter has no generator .it draws its samples"):
        draw_noise(counter(), 3)
    with pytest.raises(NoGenerator, match="a model of class Counter has no generator"):
        RepeatedSamples(counter(), 3)


def test_a_sampler_of_the_wrong_kind_is_named():
    model = counter()
    model.width = 3
    with pytest.raises(ValueError, match=r"array of shape \(4, 2\) .*, not \(4, 3\)"):
        draw_samples(model, 11, batch_size=4)
    model.sampler = lambda batch_size, seed: None
    with pytest.raises(TypeError, match="Counter.sampler must return a function"):
        draw_samples(model, 11)


def test_bad_values_are_named():
    generator = Generator(network())
    assert generator_of(generator) is generator
    with pytest.raises(ValueError, match="a model of class MLP has no generator"):
        draw_samples(network(), 3)
    with pytest.raises(ValueError, match="whole number of at least 1, not 0"):
        draw_samples(generator, 0)
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        draw_samples(generator, 3, batch_size=0)


def test_inpainting_keeps_what_g_sees():
    space = Conv2DSpace((2, 4), num_channels=1)
    G = Generator(MLP([Sigmoid(layer_name="y", dim=4, irange=1.0)], input_space=space))
    images = np.random.RandomState(0).uniform(size=(3, 2, 4, 1)).astype(np.float32)
    own = G.theano_rng
    painted = inpaint(G, images, "left", seed=1)
    assert G.theano_rng is own
    np.testing.assert_array_equal(painted[:, :, 2:], images[:, :, 2:])
    assert (painted[:, :, :2] != images[:, :, :2]).all()
    np.testing.assert_array_equal(painted, inpaint(G, images, "left", seed=1))
    assert (painted != inpaint(G, images, "left", seed=2)).any()


def test_batches_are_the_samples_that_are_drawn_at_once(generator_for_batches):
    whole = draw_samples(generator_for_batches, 230, seed=4)
    parts = list(sample_batches(generator_for_batches, 230, seed=4))
    assert [len(part) for part in parts] == [100, 100, 30]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    z = np.random.RandomState(0).normal(size=(230, 3))
    parts = list(batches_at(generator_for_batches, z))
    assert [len(part) for part in parts] == [100, 100, 30]
    expected = samples_at(generator_for_batches, z)
    np.testing.assert_allclose(np.concatenate(parts), expected, rtol=1e-6)


@pytest.mark.parametrize("shape", [(5,), (5, 4), (5, 3, 1)])
def test_points_of_another_shape_are_refused(shape, generator_for_batches):
    with pytest.raises(ValueError, match="this model takes rows of 3 numbers"):
        samples_at(generator_for_batches, np.zeros(shape))


@pytest.fixture
def generator_for_batches(fast_compile):
    return Generator(MLP([Sigmoid(layer_name="y", dim=4, irange=1.0)], nvis=3))
