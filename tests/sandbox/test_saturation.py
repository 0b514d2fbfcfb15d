"""The norms of the gradients of G's two objectives: against NumPy, and in a training."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from adversarial import AdversaryCost2, AdversaryPair, Generator
from adversarial.datasets.dense_design_matrix import DefaultViewConverter, DenseDesignMatrix
from adversarial.evaluation.sampling import draw_noise
from adversarial.models.mlp import MLP, Linear, Sigmoid, SpaceConverter
from adversarial.space import Conv2DSpace, VectorSpace
from adversarial.train import Train
from adversarial.training_algorithms.sgd import SGD
from sandbox.saturation import GradientNorms

pytestmark = pytest.mark.usefixtures("fast_compile")


def game(extension, monitored=True, bias=0.0):
    """A small Train object; G and D are linear, and D rejects samples if `bias` is negative."""
    dataset = DenseDesignMatrix(X=np.random.RandomState(5).uniform(size=(40, 4)))
    G = MLP([Linear(dim=4, layer_name="y", irange=1.0)], nvis=3)
    D = MLP([Sigmoid(dim=1, layer_name="y", irange=1.0, init_bias=bias)], nvis=4)
    algorithm = SGD(
        0.1,
        cost=AdversaryCost2(scale_grads=0),
        batch_size=10,
        monitoring_dataset={"valid": dataset} if monitored else None,
    )
    extensions = [extension] if extension else []
    pair = AdversaryPair(Generator(G), D)
    return Train(dataset, pair, algorithm, extensions=extensions)


def channel(train, name):
    return train.model.monitor.channels[name].val_record


@pytest.mark.parametrize("bias", [0.0, -3.0, -120.0])
def test_norms_are_those_of_the_formulas(bias):
    """d log(1 - D) / d logit = -D, and d (-log D) / d logit = D - 1; the logit is linear in G."""
    train = game(GradientNorms(num_samples=50, seed=3), bias=bias)
    z = draw_noise(train.model.generator, 50, 3).astype(float)
    W, b = train.model.generator.mlp.get_param_values()
    V, c = train.model.discriminator.get_param_values()
    p = expit((z @ W + b) @ V + c)[:, 0]
    train.setup()
    train.model.monitor()

    def norm(slopes):
        to_samples = slopes[:, None] * V[:, 0] / len(z)
        return np.sqrt(((z.T @ to_samples) ** 2).sum() + (to_samples.sum(axis=0) ** 2).sum())

    assert channel(train, "gradient_minimax")[-1] == pytest.approx(norm(-p), rel=1e-4, abs=1e-30)
    assert channel(train, "gradient_non_saturating")[-1] == pytest.approx(norm(p - 1), rel=1e-4)
    ratio = norm(p - 1) / max(norm(-p), 1e-30)
    assert channel(train, "gradient_ratio")[-1] == pytest.approx(ratio, rel=1e-3)
    if bias < 0:
        assert ratio > 5


@pytest.mark.parametrize("of_images", ["generator", "discriminator"])
def test_one_player_has_images_and_the_other_rows_of_a_data_set(of_images):
    """The norms are those of the game of rows, when the weights are put in the order of images."""
    rows, images = VectorSpace(12), Conv2DSpace((2, 3), num_channels=2)
    order = np.arange(12).reshape(2, 2, 3).transpose(1, 2, 0).ravel()  # of pixels in a row
    made, taken = (images, rows) if of_images == "generator" else (rows, images)
    top = SpaceConverter("i", images)
    G = MLP([Linear(12, "y", irange=1.0)] + ([top] if of_images == "generator" else []), nvis=3)
    D = MLP([Sigmoid(dim=1, layer_name="y", irange=1.0)], input_space=taken)
    pair = AdversaryPair(Generator(G), D)
    W, b, V, c = pair.get_param_values()
    if of_images == "generator":
        W, b = W[:, order.argsort()], b[order.argsort()]
    else:
        V = V[order.argsort()]
    assert pair.generator.get_output_space() == made
    data = DenseDesignMatrix(
        X=np.random.RandomState(5).uniform(size=(20, 12)),
        view_converter=DefaultViewConverter((2, 3, 2)),
    )
    algorithm = SGD(0.1, cost=AdversaryCost2(), batch_size=10, monitoring_dataset={"valid": data})
    train = Train(data, pair, algorithm, extensions=[GradientNorms(num_samples=50, seed=3)])
    train.setup()
    train.model.monitor()
    z = draw_noise(pair.generator, 50, 3).astype(float)
    p = expit((z @ W + b) @ V + c)[:, 0]
    to_samples = (p - 1)[:, None] * V[:, 0] / len(z)
    norm = np.sqrt(((z.T @ to_samples) ** 2).sum() + (to_samples.sum(axis=0) ** 2).sum())
    assert channel(train, "gradient_non_saturating")[-1] == pytest.approx(norm, rel=1e-4)


def test_channels_do_not_change_the_training():
    trains = [game(GradientNorms(num_samples=20)), game(None)]

    for train in trains:
        train.setup()
        train.algorithm.train(train.dataset)
    for watched, bare in zip(*(train.model.get_param_values() for train in trains)):
        np.testing.assert_array_equal(watched, bare)


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="num_samples must be a positive integer"):
        GradientNorms(num_samples=0)
    with pytest.raises(ValueError, match="needs a monitoring_dataset"):
        game(GradientNorms(), monitored=False).setup()
