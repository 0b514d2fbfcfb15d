"""The protocol of metrics; the metrics of the package equal loops over examples."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
from adversarial.evaluation import metric as module
from adversarial.evaluation.features import Features
from adversarial.evaluation.metric import (
    Inputs,
    Result,
    Unavailable,
    all_metrics,
    evaluate,
    find_metrics,
    metric,
)
from adversarial.evaluation.parzen import parzen_log_likelihood
from adversarial.evaluation.parzen_protocol import Split
from adversarial.evaluation.report import Report
from adversarial.models.generator import Generator
from adversarial.models.mlp import MLP, Linear, Sigmoid, Softmax, Tanh
from adversarial.utils.statistics import to_json


@pytest.fixture(autouse=True)
def own_registry(monkeypatch):
    monkeypatch.setattr(module, "_registered", all_metrics())


def compute(name, **values):
    inputs = {key: lambda value=value: value for key, value in values.items()}
    return find_metrics([name])[0].compute(Inputs(**inputs))


def test_a_metric_is_given_what_its_arguments_name():
    made = []

    @metric(unit="m")
    def gap(test, samples):
        """How far apart the means are.

        More words.
        """
        return Result(float(samples.mean() - test.mean()), 0.5)

    def source(name, value):
        made.append(name)
        return np.full((2, 3), value)

    inputs = Inputs(samples=lambda: source("samples", 5.0), test=lambda: source("test", 2.0))
    found = all_metrics()["gap"]
    assert (found.unit, found.needs) == ("m", ("test", "samples"))
    assert found.description == "How far apart the means are."
    assert found.compute(inputs) == found.compute(inputs) == Result(3.0, 0.5, unit="m")
    # Data first, since samples take time; and each is made once.
    assert made == ["test", "samples"]
    assert str(found.compute(inputs)) == "3 +- 0.5 m"


def test_what_a_metric_does_wrong_is_named():
    with pytest.raises(ValueError, match="odd asks for 'labels'; its arguments may be: model, "):

        @metric(unit="")
        def odd(labels):
            return Result(0.0)

    def parzen_ll(samples):
        return Result(0.0)

    with pytest.raises(ValueError, match="two metrics are named parzen_ll: in adversarial"):
        metric(unit="")(parzen_ll)

    @metric(unit="")
    def bare(samples):
        return 3.0

    with pytest.raises(TypeError, match="bare must return a Result, not 3.0"):
        compute("bare", samples=np.eye(2))
    with pytest.raises(Unavailable, match="bare needs samples: none are given"):
        compute("bare")

    @metric(unit="")
    def pair(samples):
        return Result((1.0, 2.0))

    with pytest.raises(TypeError, match="the metric pair must return numbers: float"):
        compute("pair", samples=np.eye(2))


def test_numpys_numbers_become_pythons():
    """JSON does not hold them, and NumPy 2 shows them with their types."""

    @metric(unit="")
    def narrow(samples):
        return Result(samples.mean(), samples.std(), details={"n": samples.size})

    found = compute("narrow", samples=np.eye(2, dtype="float32"))
    assert (type(found.value), type(found.uncertainty)) == (float, float)
    assert (found.value, found.uncertainty) == (0.5, 0.5)
    report = Report("m.pkl", 2, 0, {"narrow": found})
    assert json.loads(to_json(report.as_data()))["metrics"]["narrow"]["value"] == 0.5


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="no metric 'parzen_l'; did you mean parzen_ll"):
        find_metrics(["nearest_distance", "parzen_l"])


def test_parzen_over_folds():
    rng = np.random.RandomState(0)
    samples = rng.randn(40, 3)
    splits = [Split(rng.randn(20, 3), rng.randn(30, 3)) for _ in range(3)]
    result = compute("parzen_ll", samples=samples, splits=splits)
    sigmas, means = np.logspace(-1, 0, 10), []
    for split, sigma in zip(splits, result.details["sigma"]):
        by_sigma = [parzen_log_likelihood(split.valid, samples, s).mean() for s in sigmas]
        assert sigma == sigmas[int(np.argmax(by_sigma))]
        means.append(parzen_log_likelihood(split.scored, samples, sigma).mean())
    assert result.value == pytest.approx(np.mean(means))
    assert result.uncertainty == pytest.approx(np.std(means, ddof=1) / 3**0.5)
    single = compute("parzen_ll", samples=samples, splits=splits[:1])
    assert single.value == pytest.approx(means[0])
    assert single.details["sigma"] == result.details["sigma"][0]


def test_nearest_distance_of_copies_is_zero():
    rng = np.random.RandomState(0)
    training = rng.rand(50, 4)
    assert compute("nearest_distance", samples=training[7:20], training=training).value == 0
    moved = training[7:20] + np.array([0.0, 0.003, 0.004, 0.0])
    result = compute("nearest_distance", samples=moved, training=training)
    assert result.value == pytest.approx(0.005) and result.uncertainty < 1e-9
    with pytest.raises(ValueError, match="nearest_distance: samples contain NaN"):
        compute("nearest_distance", samples=np.full((2, 4), np.nan), training=training)


@pytest.mark.parametrize(
    ("training", "says"),
    [
        (100 * np.random.RandomState(0).rand(30, 2), "training goes from"),
        (np.random.RandomState(0).rand(30, 5), "makes samples of 2 numbers, but training has 5"),
    ],
)
def test_python_users_are_told_of_mismatched_data(fast_compile, training, says):
    generator = Generator(MLP([Sigmoid(layer_name="y", dim=2, irange=1.0)], nvis=3))
    with pytest.raises(ValueError, match=says):
        evaluate(generator, ["nearest_distance"], num_samples=20, training=training)


def test_an_unknown_uncertainty_is_not_shown():
    assert str(Result(2.0, unit="nats")) == "2 nats" and math.isnan(Result(2.0).uncertainty)


def generator(top=Sigmoid, irange=0.5):
    return Generator(MLP([top(layer_name="y", dim=4, irange=irange)], nvis=3))


def classifier():
    layers = [Sigmoid(layer_name="h", dim=3, irange=1.0), Softmax(2, "y", irange=1.0)]
    return MLP(layers, nvis=4)


DATA = np.random.RandomState(0).rand(30, 4)
HOLED = np.where(np.arange(4) == 2, np.nan, DATA)

BAD = {
    "metrics must be a list of names, such as .fid., not 'fid'": dict(metrics="fid"),
    "metrics must be a list of names, such as .fid., not None": dict(metrics=None),
    "no metric 3 .there are: ": dict(metrics=[3]),
    "takes no 'tset'; did you mean test": dict(tset=DATA),
    "takes no 'samples'": dict(samples=DATA),
    "options of kid, but metrics does not name it": dict(options={"kid": {}}),
    "no metric 'kidd'; did you mean kid": dict(options={"kidd": {}}),
    "options must be a dict by the names of metrics, not .'fid": dict(options=["fid_pixels"]),
    "options of fid_pixels must be a dict, not 3": dict(options={"fid_pixels": 3}),
    "whole number of at least 1, not 2.5": dict(num_samples=2.5),
    "test must be .*, not NoneType": dict(test=None),
    "test must be .* not ndarray of float64 of shape .4,.": dict(test=DATA[0]),
    "test must be .* of shape .30, 2, 2.": dict(test=DATA.reshape(30, 2, 2)),
    r"test must be .* not list of object of shape \(2,\)": dict(test=[[1.0, 2.0], [3.0]]),
    "test must be .* of complex128": dict(test=DATA * 1j),
    r"test has the shape \(0, 4\), so it holds no example": dict(test=DATA[:0]),
    "training: example 0, number 2, is nan, which is not finite": dict(training=HOLED),
    "splits, valid: example 0, number 2, is nan": dict(splits=[Split(HOLED, DATA)]),
    "splits must be a list of Splits, not ndarray": dict(splits=DATA),
    "splits must be a list of Splits, with ndarray in it": dict(splits=[DATA]),
    "splits, scored has 3": dict(splits=[Split(DATA, DATA[:, :3])]),
    "features is 'mnist' or a network, not the text 'c.pkl'": dict(features="c.pkl"),
    "features: features are taken from an MLP of at least two": dict(features=3),
}


@pytest.mark.parametrize("says", BAD)
def test_python_users_are_told_what_is_wrong_with_an_argument(fast_compile, says):
    given = {"metrics": ["fid_pixels"], "num_samples": 20, "test": DATA, **BAD[says]}
    with pytest.raises(ValueError, match=says):
        evaluate(generator(), **given)


def test_evaluate_takes_classifiers_data_sets_and_generators_of_names(fast_compile):
    network = classifier()
    names = ["fid", "nearest_distance", "fid"]
    data = {"test": DATA, "training": DenseDesignMatrix(X=DATA)}
    model = generator()
    found = evaluate(model, iter(names), num_samples=20, features=network, **data)
    assert list(found) == ["fid", "nearest_distance"]
    again = evaluate(model, names, num_samples=20, features=Features(network), **data)
    assert [found[name].value for name in found] == [again[name].value for name in found]


def test_the_shape_of_images_may_be_given(fast_compile):
    @metric(unit="")
    def columns(samples, shape):
        "How many columns an image has."
        return Result(shape[1])

    assert evaluate(generator(), ["columns"], num_samples=2, shape=(2, 2, 1))["columns"].value == 2


@pytest.mark.parametrize(
    "top, low, high, is_refused",
    [
        (Sigmoid, -1, 1, True),
        (Sigmoid, 0, 1, False),
        (Tanh, -1, 1, False),
        (Tanh, 0, 255, True),
        (Linear, -1, 1, False),
    ],
)
def test_data_that_the_last_layer_cannot_make_is_refused(fast_compile, top, low, high, is_refused):
    """Samples of a Sigmoid lie within [-1, 1], so their own range tells nothing."""
    test = low + (high - low) * DATA
    made = generator(top)
    if is_refused:
        with pytest.raises(ValueError, match=f"since its generator ends in {top.__name__}, but te"):
            evaluate(made, ["fid_pixels"], num_samples=20, test=test)
    else:
        assert evaluate(made, ["fid_pixels"], num_samples=20, test=test)["fid_pixels"].value > 0


def test_test_examples_have_the_scale_of_the_training_examples(fast_compile):
    with pytest.raises(ValueError, match="was trained on data from .* but test goes from -"):
        data = {"training": DATA, "test": 2 * DATA - 1}
        evaluate(generator(), ["fid_pixels"], num_samples=20, **data)


def test_one_sample_has_no_known_error(fast_compile):
    found = evaluate(generator(), ["nearest_distance"], num_samples=1, training=DATA)
    assert math.isnan(found["nearest_distance"].uncertainty)
    assert found["nearest_distance"].value > 0


def test_a_metric_that_lacks_memory_is_named():
    @metric(unit="")
    def large(samples):
        "Takes much memory."
        return Result(float(np.empty(1 << 55).size))

    with pytest.raises(MemoryError, match="large: "):
        compute("large", samples=np.eye(2))
