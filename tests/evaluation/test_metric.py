"""The protocol of metrics; the metrics of the package equal loops over examples."""

from __future__ import annotations

import math

import numpy as np
import pytest

from adversarial.evaluation import metric as module
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
from adversarial.models.generator import Generator
from adversarial.models.mlp import MLP, Sigmoid


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
