"""`Metrics`: channels have the values of the metrics; training is the same without it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from adversarial.config import yaml_parse
from adversarial.costs.adversary import AdversaryCost2
from adversarial.datasets.data_path import DataUnavailable
from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
from adversarial.evaluation.metrics.fid import fid_pixels
from adversarial.evaluation.metrics.nearest_distance import nearest_distance
from adversarial.evaluation.sampling import Sampler
from adversarial.models.adversary_pair import AdversaryPair
from adversarial.models.generator import Generator
from adversarial.models.mlp import MLP, Sigmoid, Softmax
from adversarial.termination_criteria import EpochCounter
from adversarial.train import Train
from adversarial.train_extensions.metrics import Metrics
from adversarial.training_algorithms.sgd import SGD

pytestmark = pytest.mark.usefixtures("fast_compile")


def rows(seed, n=60):
    return np.random.RandomState(seed).rand(n, 4).astype("float32")


def training(*extensions, epochs=4):
    model = AdversaryPair(
        Generator(MLP([Sigmoid(layer_name="y", dim=4, irange=0.5)], nvis=3), noise="uniform"),
        MLP([Sigmoid(layer_name="y", dim=1, irange=0.5)], nvis=4),
    )
    data = DenseDesignMatrix(X=rows(0))
    algorithm = SGD(
        learning_rate=0.5,
        batch_size=20,
        cost=AdversaryCost2(scale_grads=0),
        monitoring_dataset={"train": data},
        termination_criterion=EpochCounter(epochs),
    )
    train = Train(data, model, algorithm, extensions=list(extensions))
    train.main_loop()
    return model


def test_channels_have_the_values_and_training_is_the_same():
    names = ["fid_pixels", "nearest_distance"]
    watched = training(Metrics(names, DenseDesignMatrix(X=rows(1)), every=2, num_samples=50))
    plain = training()
    for ours, theirs in zip(watched.get_param_values(), plain.get_param_values()):
        np.testing.assert_array_equal(ours, theirs)
    for name, channel in plain.monitor.channels.items():
        if "seconds" not in name:
            np.testing.assert_array_equal(
                channel.val_record, watched.monitor.channels[name].val_record
            )
    samples = Sampler(watched, 50, seed=0)()
    records = {name: watched.monitor.channels[name].val_record for name in names}
    assert all(len(record) == 5 for record in records.values())
    expected = fid_pixels(samples, rows(1)[:50]).value
    assert records["fid_pixels"][-1] == pytest.approx(expected, rel=1e-5)
    expected = nearest_distance(samples, rows(0)).value
    assert records["nearest_distance"][-1] == pytest.approx(expected, rel=1e-5)
    values = list(records["fid_pixels"])
    assert values[0] == values[1] != values[2] == values[3] != values[4]
    assert np.isfinite(values).all()


def test_features_of_a_classifier_and_failures(caplog):
    layers = [Sigmoid(layer_name="h", dim=3, irange=1.0), Softmax(2, "y", irange=1.0)]
    test = DenseDesignMatrix(X=rows(1))
    classifier = MLP(layers, nvis=4)
    model = training(Metrics(["fid"], test, num_samples=30, classifier=classifier), epochs=1)
    assert np.isfinite(model.monitor.channels["fid"].val_record).all()
    model = training(Metrics(["ndb"], test, num_samples=3), epochs=1)
    assert np.isnan(model.monitor.channels["ndb"].val_record).all()
    assert "ndb: 3 samples are too few" in caplog.text


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (dict(every=0), "every of Metrics must be a whole number of at least 1"),
        (dict(num_samples=1), "num_samples of Metrics must be a whole number of at least 2"),
        (dict(seed=-1), "seed of Metrics"),
        (dict(metrics=["fid_pixel"]), "did you mean fid_pixels"),
    ],
)
def test_bad_arguments_are_named(arguments, says):
    with pytest.raises(ValueError, match=says):
        Metrics(**{"metrics": ["fid_pixels"], "test": None, **arguments})


@pytest.mark.parametrize(
    ("name", "says"),
    [("fid", "needs features: give it a classifier"), ("path_length", "Metrics cannot give model")],
)
def test_what_cannot_be_had_is_named_before_training(name, says):
    with pytest.raises(ValueError, match=says):
        training(Metrics([name], DenseDesignMatrix(X=rows(1))))


def test_the_yaml_of_the_page():
    page = Path(__file__).parents[2] / "docs" / "EVALUATION.md"
    (text,) = re.findall(r"^```yaml\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    try:
        made = yaml_parse.load(text)
    except DataUnavailable as error:
        pytest.skip(f"no MNIST, and no way to fetch it: {error}")
    assert isinstance(made, Metrics) and made.names == ["fid", "recall"]
    assert (made.every, made.num_samples, made.classifier) == (5, 1000, "mnist")
    assert made.test.X.shape == (10000, 784)
