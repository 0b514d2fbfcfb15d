"""The metric `ais_ll`: what it reports, its options, and that it is not computed by default."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from adversarial import Generator
from adversarial.evaluation.metric import all_metrics, evaluate
from adversarial.evaluation.parzen_protocol import Split
from adversarial.models.mlp import MLP, Linear

QUICK = dict(examples=6, valid_examples=5, chains=10, steps=40, leapfrog_steps=2)


@pytest.fixture
def model_and_data(fast_compile):
    generator = Generator(MLP([Linear(layer_name="y", dim=3, irange=1.0)], nvis=2))
    weights = next(p for p in generator.get_params() if p.ndim == 2).get_value()
    rng = np.random.RandomState(0)
    x = (rng.randn(40, 2) @ weights + 0.3 * rng.randn(40, 3)).astype("float32")
    return generator, Split(x[:20], x[20:]), weights.astype(float)


def found(model, split, splits=1, **options):
    options = {"ais_ll": dict(QUICK, **options)}
    return evaluate(model, ["ais_ll"], options=options, splits=[split] * splits)["ais_ll"]


def test_value_details_and_notes(model_and_data):
    model, split, weights = model_and_data
    result = found(model, split, sigma=0.3, simulated=4, examples=20)
    covariance = weights.T @ weights + 0.09 * np.eye(3)
    expected = multivariate_normal(np.zeros(3), covariance).logpdf(split.scored)
    assert result.value == pytest.approx(expected.mean(), abs=0.1)
    assert result.uncertainty == pytest.approx(expected.std(ddof=1) / 20**0.5, abs=0.05)
    assert result.unit == "nats" and result.notes == ()
    details = result.details
    assert details["sigma"] == 0.3 and details["examples"] == 20
    low, high = (details[f"{which} bound on simulated data"] for which in ("lower", "upper"))
    assert details["gap on simulated data"] == pytest.approx(high - low)
    assert abs(high - low) < 0.3


def test_notes_say_what_to_doubt(model_and_data):
    model, split, _ = model_and_data
    result = found(model, split, splits=2, simulated=0)
    assert "gap on simulated data" not in result.details
    assert any("--fold" in note for note in result.notes)
    assert any("without simulated examples" in note for note in result.notes)
    coarse = found(model, split, sigma=0.01, steps=1, simulated=3)
    assert any("raise the option steps, now 1" in note for note in coarse.notes)
    wide = Split(split.valid * 3, split.scored)
    assert any("outermost" in note for note in found(model, wide, simulated=0).notes)


def test_it_is_computed_only_if_it_is_named():
    metric = all_metrics()["ais_ll"]
    assert not metric.by_default and metric.needs == ("model", "splits", "progress")
    assert metric.options["sigma"] is None and metric.options["chains"] >= 1


@pytest.mark.parametrize(
    "options, message",
    [
        (dict(step=3), "ais_ll has no option 'step'; did you mean steps"),
        (dict(sigma="wide"), "ais_ll: sigma must be a positive number"),
        (dict(sigma=math.nan), "ais_ll: sigma must be a positive number"),
        (dict(chains="4"), "ais_ll: chains must be a whole number"),
        (dict(schedule=3), "ais_ll: schedule must be one of"),
        (dict(state=3), "ais_ll: state must be a path"),
        (dict(state=""), "ais_ll: state must be a path, not ''"),
    ],
)
def test_errors(model_and_data, options, message):
    model, split, _ = model_and_data
    with pytest.raises(ValueError, match=message):
        found(model, split, **options)


def test_options_of_the_command(capsys):
    from adversarial.scripts.evaluate import option, parse

    assert option("ais_ll.sigma=0.1") == ("ais_ll", "sigma", 0.1)
    assert option("ais_ll.state=a=b.npz") == ("ais_ll", "state", "a=b.npz")
    for bad in ("ais_ll.sigma", "sigma=1", ".sigma=1", "ais_ll.=1"):
        with pytest.raises(SystemExit):
            parse(["model.pkl", "--option", bad])
        assert "METRIC.NAME=VALUE" in capsys.readouterr().err
