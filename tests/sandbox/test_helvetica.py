"""The channels of a collapse: against NumPy, in a training that is resumed, and on MNIST."""

from __future__ import annotations

from pathlib import Path

import aesara.tensor as at
import numpy as np
import pytest
from scipy.spatial.distance import pdist

from adversarial import AdversaryCost2, AdversaryPair, Generator
from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
from adversarial.evaluation.sampling import draw_noise, samples_at
from adversarial.models.mlp import MLP, Linear, Sigmoid, Softmax
from adversarial.train import Train
from adversarial.training_algorithms.sgd import SGD
from sandbox.classifier import Classifier
from sandbox.helvetica import CollapseChannels, entropy, histogram, mean_distance

ROOT = Path(__file__).parents[2]


def test_mean_distance_is_that_of_pairs(evaluate):
    rows, x = np.random.RandomState(1).normal(size=(7, 5)).astype("float32"), at.matrix()
    distance = mean_distance(x)
    np.testing.assert_allclose(evaluate(distance, {x: rows}), pdist(rows).mean(), rtol=1e-5)
    # All alike, and far from the origin, where rounding is great.
    alike = np.repeat(rows[:1] + 1000, 7, axis=0)
    assert evaluate(distance, {x: alike}) < 1e-3


def test_histogram_and_its_entropy(evaluate):
    of_rows, x = np.zeros((8, 4), "float32"), at.matrix()
    of_rows[np.arange(8), [0, 0, 0, 0, 1, 1, 3, 3]] = 0.7
    shares = histogram(x)
    found, nats = evaluate([shares, entropy(shares)], {x: of_rows})
    np.testing.assert_allclose(found, [0.5, 0.25, 0, 0.25])
    np.testing.assert_allclose(nats, 1.5 * np.log(2), rtol=1e-6)
    assert evaluate(entropy(shares), {x: of_rows[:1]}) == 0


def game(extension, monitored=True, epochs=2, size=6):
    """A small Train object; G and D are linear."""
    rows = np.random.RandomState(5).uniform(size=(40, size)).astype("float32")
    dataset = DenseDesignMatrix(X=rows)
    G = MLP([Linear(dim=size, layer_name="y", irange=1.0)], nvis=3)
    D = MLP([Sigmoid(dim=1, layer_name="y", irange=1.0)], nvis=size)
    algorithm = SGD(
        0.1, cost=AdversaryCost2(), batch_size=10,
        monitoring_dataset={"valid": dataset} if monitored else None,
    )
    return Train(dataset, AdversaryPair(Generator(G), D), algorithm, extensions=extension)


def classifier(size=6, classes=3):
    return Classifier(MLP([Softmax(classes, "y", irange=2.0)], nvis=size))


@pytest.mark.usefixtures("fast_compile")
def test_channels_in_a_training_that_stays_as_it_is():
    judge = classifier()
    watched, bare = game([CollapseChannels(judge, num_samples=30)]), game(None)
    for train in (watched, bare):
        train.main_loop(max_epochs=2)
    for ours, theirs in zip(watched.model.get_param_values(), bare.model.get_param_values()):
        np.testing.assert_array_equal(ours, theirs)
    last = {name: c.val_record[-1] for name, c in watched.model.monitor.channels.items()}
    assert all(len(c.val_record) == 3 for c in watched.model.monitor.channels.values())
    samples = samples_at(watched.model, draw_noise(watched.model, 30))
    shares = np.bincount(judge.classes(samples), minlength=3) / 30
    for i in range(3):
        assert last[f"samples_class_{i}"] == pytest.approx(shares[i])
    some = shares[shares > 0]
    assert last["samples_entropy"] == pytest.approx(-(some * np.log(some)).sum(), abs=1e-6)
    assert last["samples_classes"] == np.count_nonzero(shares >= 0.01)
    assert last["samples_distance"] == pytest.approx(pdist(samples).mean(), rel=1e-4)
    data = watched.dataset.get_design_matrix()[:30]
    assert last["data_distance"] == pytest.approx(pdist(data).mean(), rel=1e-4)


@pytest.mark.usefixtures("fast_compile")
def test_what_cannot_be_watched():
    with pytest.raises(ValueError, match="num_samples must be at least 2, not 1"):
        CollapseChannels(classifier(), num_samples=1)
    with pytest.raises(ValueError, match="needs a monitoring_dataset"):
        game([CollapseChannels(classifier())], monitored=False).setup()
    with pytest.raises(ValueError, match="generator makes .*6.* classifier takes .*5"):
        game([CollapseChannels(classifier(size=5))]).setup()
