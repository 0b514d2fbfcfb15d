"""`Metrics`: channels have the values of the metrics; training is the same without it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from saved_state import from_bytes

from adversarial import checkpoint
from adversarial.config import yaml_parse
from adversarial.costs.adversary import AdversaryCost2
from adversarial.datasets.data_path import DataUnavailable
from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
from adversarial.evaluation.features import Features
from adversarial.evaluation.metric import all_metrics, no_progress
from adversarial.evaluation.metrics.fid import fid_pixels
from adversarial.evaluation.metrics.nearest_distance import nearest_distance
from adversarial.evaluation.metrics.parzen_ll import parzen_ll
from adversarial.evaluation.metrics.path_length import path_length
from adversarial.evaluation.parzen_protocol import Split
from adversarial.evaluation.sampling import Sampler
from adversarial.models.adversary_pair import AdversaryPair
from adversarial.models.generator import Generator
from adversarial.models.mlp import MLP, Sigmoid, Softmax
from adversarial.reconfigure import Edits
from adversarial.termination_criteria import EpochCounter
from adversarial.train import Train
from adversarial.train_extensions.metrics import Metrics
from adversarial.training_algorithms.epoch_monitor import EpochMonitor
from adversarial.training_algorithms.sgd import SGD
from adversarial.utils import serial

pytestmark = pytest.mark.usefixtures("fast_compile")


def rows(seed, n=60):
    return np.random.RandomState(seed).rand(n, 4).astype("float32")


def training(*extensions, epochs=4, monitor_rate=None):
    model = AdversaryPair(
        Generator(MLP([Sigmoid(layer_name="y", dim=4, irange=0.5)], nvis=3), noise="uniform"),
        MLP([Sigmoid(layer_name="y", dim=1, irange=0.5)], nvis=4),
    )
    return trained_further(model, *extensions, epochs=epochs, monitor_rate=monitor_rate)


def trained_further(model, *extensions, epochs=4, monitor_rate=None):
    data = DenseDesignMatrix(X=rows(0))
    algorithm = SGD(
        learning_rate=0.5,
        batch_size=20,
        cost=AdversaryCost2(scale_grads=0),
        monitoring_dataset={"train": data},
        termination_criterion=EpochCounter(epochs),
        update_callbacks=EpochMonitor(model, monitor_rate=monitor_rate),
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
    chosen = rows(1)[np.random.RandomState(0).permutation(60)[:50]]
    expected = fid_pixels(samples, chosen).value
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
    # The classifier with random weights sees one class only.
    model = training(Metrics(["class_kl"], test, num_samples=30, classifier=classifier), epochs=1)
    assert np.isnan(model.monitor.channels["class_kl"].val_record).all()
    assert "class_kl: the classifier says that all 30 test examples are of class" in caplog.text


def test_every_metric_of_the_command_can_be_watched():
    """Also those of the model, of folds and of images; their values are those of `evaluate`."""
    layers = [Sigmoid(layer_name="h", dim=3, irange=1.0), Softmax(2, "y", irange=1.0)]
    classifier = MLP(layers, nvis=4)
    # The classifier with random weights sees one class only, which class_kl refuses.
    names = sorted(set(all_metrics()) - {"class_kl", "fid_inception"})
    ais = dict(examples=4, simulated=2, valid_examples=4, chains=2, steps=8)
    watched = Metrics(
        names,
        DenseDesignMatrix(X=rows(1)),
        num_samples=30,
        classifier=classifier,
        options={"ais_ll": ais},
    )
    model = training(watched, epochs=1)
    for ours, theirs in zip(model.get_param_values(), training(epochs=1).get_param_values()):
        np.testing.assert_array_equal(ours, theirs)
    records = {name: model.monitor.channels[name].val_record for name in names}
    assert [name for name in names if not np.isfinite(records[name]).all()] == []
    order = np.random.RandomState(0).permutation(60)
    split = Split(valid=rows(1)[np.sort(order[30:])], scored=rows(1)[np.sort(order[:30])])
    samples = Sampler(model, 30, seed=0)()
    expected = parzen_ll(samples, [split], no_progress).value
    assert records["parzen_ll"][-1] == pytest.approx(expected, rel=1e-6)
    expected = path_length(model, Features(classifier)).value
    assert records["path_length"][-1] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("scale", [-2, 255])
def test_data_of_another_scale_is_refused_before_training(scale):
    with pytest.raises(ValueError, match="was trained on data from 0.* test of Metrics goes from"):
        training(Metrics(["fid_pixels"], DenseDesignMatrix(X=scale * rows(1))))
    with pytest.raises(ValueError, match="makes samples of 4 numbers, but test of Metrics has 3"):
        training(Metrics(["parzen_ll"], DenseDesignMatrix(X=rows(1)[:, :3])))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (dict(every=0), "every of Metrics must be a whole number of at least 1"),
        (dict(num_samples=1), "num_samples of Metrics must be a whole number of at least 2"),
        (dict(seed=-1), "seed of Metrics"),
        (dict(metrics=["fid_pixel"]), "did you mean fid_pixels"),
        (dict(options={"ais_ll": {"step": 3}}), "ais_ll has no option 'step'; did you mean steps"),
        (dict(options={"ais": {}}), "no metric 'ais'"),
        (dict(options={"ais_ll": {"steps": 3}}), "options of ais_ll, but metrics does not name it"),
        (dict(metrics="fid"), "metrics must be a list of names"),
        (dict(classifier="c.pkl"), "classifier of Metrics is 'mnist' or a network, not the text"),
        (dict(classifier=3), "classifier of Metrics: features are taken from an MLP of at least"),
    ],
)
def test_bad_arguments_are_named(arguments, says):
    with pytest.raises(ValueError, match=says):
        Metrics(**{"metrics": ["fid_pixels"], "test": None, **arguments})


def test_a_model_that_was_trained_before():
    """The first computation is before this training, whatever the model has seen."""
    watched = Metrics(["fid_pixels"], DenseDesignMatrix(X=rows(1)), every=2, num_samples=50)
    model = training(epochs=3)
    again = trained_further(model, watched, epochs=3)
    values = list(again.monitor.channels["fid_pixels"].val_record)
    assert np.isfinite(values).all()
    assert values[0] == values[1] != values[2] == values[3]
    too_few = Metrics(["support_size"], DenseDesignMatrix(X=rows(1)), num_samples=4)
    with pytest.raises(ValueError, match="support_size: 4 samples are too few"):
        trained_further(model, too_few)


def test_the_last_value_is_repeated_where_epochs_are_measured_within():
    watched = Metrics(["fid_pixels"], DenseDesignMatrix(X=rows(1)), every=2, num_samples=50)
    model = training(watched, epochs=1, monitor_rate=2)
    before, within, after = model.monitor.channels["fid_pixels"].val_record
    assert np.isnan(within) and np.isfinite(before) and after == before


def test_a_metric_has_one_channel():
    with pytest.raises(ValueError, match="a channel named 'fid_pixels' exists already"):
        training(*(Metrics(["fid_pixels"], DenseDesignMatrix(X=rows(n))) for n in (1, 2)))


def test_a_missing_classifier_is_named_before_training():
    with pytest.raises(ValueError, match="needs features: give it a classifier"):
        training(Metrics(["fid"], DenseDesignMatrix(X=rows(1))))


@pytest.mark.parametrize("test", [None, "test.npy"])
def test_missing_test_data_are_named_before_training(test):
    with pytest.raises(TypeError, match=f"test of Metrics cannot be {test!r}"):
        training(Metrics(["fid_pixels"], test))


def test_what_no_training_can_mend_is_an_error_before_it():
    layers = [Sigmoid(layer_name="h", dim=3, irange=1.0), Softmax(2, "y", irange=1.0)]
    with pytest.raises(ValueError, match="takes examples of 5 numbers, but these have 4"):
        training(Metrics(["fid"], DenseDesignMatrix(X=rows(1)), classifier=MLP(layers, nvis=5)))
    with pytest.raises(ValueError, match="support_size: 4 samples are too few: at least 5"):
        training(Metrics(["support_size"], DenseDesignMatrix(X=rows(1)), num_samples=4))


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


def experiment(path, **arguments):
    """A training of two epochs with these arguments of `Metrics`."""
    model = AdversaryPair(
        Generator(MLP([Sigmoid(layer_name="y", dim=4, irange=0.5)], nvis=3), noise="uniform"),
        MLP([Sigmoid(layer_name="y", dim=1, irange=0.5)], nvis=4),
    )
    data = DenseDesignMatrix(X=rows(0))
    algorithm = SGD(
        batch_size=20,
        cost=AdversaryCost2(scale_grads=0),
        monitoring_dataset={"train": data},
        termination_criterion=EpochCounter(2),
    )
    watched = Metrics(**{"metrics": ["fid_pixels"], "num_samples": 50, **arguments})
    return Train(data, model, algorithm, path, save_freq=1, extensions=[watched])


@pytest.mark.parametrize("change", [{"seed": 5}, {"num_samples": 40}, {"test": rows(2)}])
def test_what_samples_are_compared_with_is_not_saved(change, tmp_path):
    """So that an edited file, or other test data, hold when a training is resumed."""
    path, given = str(tmp_path / "m.pkl"), {"test": rows(1)}

    def again(**arguments):
        arguments["test"] = DenseDesignMatrix(X=arguments["test"])
        return experiment(path, **arguments)

    again(**given).main_loop(max_epochs=1)
    old, new = again(**given), again(**{**given, **change})
    new.resume(path, Edits.between(old.roots(), new.roots()))
    new.main_loop()
    seed, n = change.get("seed", 0), change.get("num_samples", 50)
    chosen = {**given, **change}["test"][np.random.RandomState(seed).permutation(60)[:n]]
    expected = fid_pixels(Sampler(new.model, n, seed=seed)(), chosen).value
    assert new.model.monitor.channels["fid_pixels"].val_record[-1] == pytest.approx(expected, 1e-5)


def test_a_classifier_is_that_of_the_file(tmp_path, caplog):
    """Also where an earlier version has saved one, of another size, with the test data."""

    def again(width):
        top = [Sigmoid(layer_name="h", dim=width, irange=1.0), Softmax(2, "y", irange=1.0)]
        test = DenseDesignMatrix(X=rows(1))
        return experiment(path, metrics=["fid"], test=test, classifier=MLP(top, nvis=4))

    path = str(tmp_path / "m.pkl")
    train = again(3)
    train.main_loop(max_epochs=1)
    document = checkpoint.document(train.roots(), None)
    assert not any("classifier" in place or "_test" in place for place in document["values"])
    document["values"]["extensions[0].classifier.layers[0].W"] = np.zeros((4, 3))
    document["values"]["extensions[0]._test"] = rows(1)
    new = again(5)
    new.resume(from_bytes(serial.to_string(train.model, training=document)))
    new.main_loop()
    assert np.isfinite(new.model.monitor.channels["fid"].val_record).all()
    assert "has a place" not in caplog.text
