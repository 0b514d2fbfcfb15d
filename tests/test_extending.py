"""docs/EXTENDING.md, followed to the letter: its code in one file, its experiment trained."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import aesara.tensor as at
import numpy as np
import pytest

from adversarial import backend
from adversarial.backend import engines
from adversarial.evaluation import metric
from adversarial.evaluation.sampling import draw_samples
from adversarial.scripts import cli, show_samples, train
from adversarial.scripts import evaluate as evaluate_command
from adversarial.utils import modules_beside, own_modules, serial

PAGE = Path(__file__).parents[1] / "docs" / "EXTENDING.md"


def own():
    """The module of the page, as `--allow-module mine` finds it."""
    with modules_beside.beside("."):
        return own_modules.import_module("mine")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(tmp_path, monkeypatch, fast_compile):
    (tmp_path / "mine.py").write_text("\n\n".join(blocks("python")))
    (experiment,) = blocks("yaml")
    (tmp_path / "mine.yaml").write_text(experiment)
    monkeypatch.setattr(metric, "_registered", metric.all_metrics())
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    sys.modules.pop("mine", None)


def test_the_experiment_of_the_page_trains_and_resumes(folder):
    assert train.main(["mine.yaml", "--allow-module", "mine", "--quiet", "--max-epochs", "2"]) == 0
    assert train.main(["--resume", "mine.pkl", "--allow-module", "mine", "--quiet"]) == 0
    model = serial.load("mine.pkl", allow_modules=["mine"])
    radius = np.asarray(model.monitor.channels["radius"].val_record)
    assert len(radius) == 4 and np.isfinite(radius).all() and (radius > 0).all()
    np.testing.assert_array_equal(np.load("radius.npy"), [*zip(range(4), radius)])
    assert type(model.generator.mlp.layers[0]).__name__ == "Swish"
    assert draw_samples(model, 10, seed=0).shape == (10, 2)
    with pytest.raises(serial.BadFile, match="mine"):
        serial.load("mine.pkl")


def test_metrics_finds_the_metric_of_the_page(folder):
    text = (folder / "mine.yaml").read_text()
    channel = """extensions: [!obj:adversarial.train_extensions.metrics.Metrics {
        metrics: [radius_gap], test: *train, num_samples: 50 }, """
    (folder / "mine.yaml").write_text(text.replace("extensions: [", channel))
    argv = ["--allow-module", "mine", "--quiet"]
    assert train.main(["mine.yaml", *argv, "--max-epochs", "1"]) == 0
    assert train.main(["--resume", "mine.pkl", *argv]) == 0
    model = serial.load("mine.pkl", allow_modules=["mine"])
    gaps = model.monitor.channels["radius_gap"].val_record
    assert len(gaps) == 4 and np.isfinite(gaps).all()
    rows = draw_samples(model, 50, seed=0)
    data = own().Rings(500).get_design_matrix()
    expected = np.linalg.norm(rows, axis=1).mean() - np.linalg.norm(data, axis=1).mean()
    assert gaps[-1] == pytest.approx(expected, rel=1e-4)


def test_the_metric_of_the_page_is_computed(folder, capsys):
    assert train.main(["mine.yaml", "--allow-module", "mine", "--quiet", "--max-epochs", "1"]) == 0
    argv = ["mine.pkl", "--metrics", "radius_gap", "--allow-module", "mine", "-n", "200", "--json"]
    evaluate_command.main(argv)
    found = json.loads(capsys.readouterr().out)["metrics"]["radius_gap"]
    mine = own()

    made = draw_samples(serial.load("mine.pkl", allow_modules=["mine"]), 200)
    radii = [np.hypot(*rows.T) for rows in (made, mine.Rings(num_examples=500).X)]
    assert found["value"] == pytest.approx(radii[0].mean() - radii[1].mean(), abs=1e-4)
    error = sum(each.std() ** 2 / len(each) for each in radii) ** 0.5
    assert found["uncertainty"] == pytest.approx(error, rel=1e-3)


def test_the_extension_of_the_page_ends_training(folder):
    text = Path("mine.yaml").read_text().replace("tolerance: .001", "tolerance: 1000")
    Path("mine.yaml").write_text(text)
    assert train.main(["mine.yaml", "--allow-module", "mine", "--quiet"]) == 0
    model = serial.load("mine.pkl", allow_modules=["mine"])
    assert model.monitor.get_epochs_seen() == 0 and model.monitor.training_succeeded


def test_the_file_of_an_extension_is_replaced_only_if_asked(folder, capsys):
    argv = ["mine.yaml", "--allow-module", "mine", "--quiet", "--max-epochs", "1"]
    Path("radius.npy").write_bytes(b"precious")
    assert cli.run(lambda: train.main(argv)) == 1
    assert "radius.npy" in (err := capsys.readouterr().err) and "--overwrite" in err
    assert Path("radius.npy").read_bytes() == b"precious" and not Path("mine.pkl").exists()
    text = Path("mine.yaml").read_text().replace("channel_name: radius", "channel_name: radus")
    Path("mine.yaml").write_text(text)
    assert cli.run(lambda: train.main([*argv, "--overwrite"])) == 1
    assert "ChannelFile (mine.yaml line" in (err := capsys.readouterr().err) and "radius" in err


def test_an_extension_that_fails_is_named_with_its_line(folder, capsys):
    text = Path("mine.yaml").read_text().replace("tolerance: .001", "tolerance: near")
    Path("mine.yaml").write_text(text)
    line = 1 + text[: text.index("!obj:mine.StopWhenRound")].count("\n")
    argv = ["mine.yaml", "--allow-module", "mine", "--quiet"]
    assert cli.run(lambda: train.main(argv)) == 1
    first, *rest = capsys.readouterr().err.splitlines()
    place = f"error: the extension StopWhenRound (mine.yaml line {line}), in on_monitor: '<' not"
    assert place in first
    assert any("mine.py" in each for each in rest)  # the traceback


def test_the_model_that_draws_its_samples_itself(folder, capsys):
    model = own().GibbsNormal(rho=0.6)
    samples = draw_samples(model, 4000, batch_size=1000)
    np.testing.assert_allclose(np.cov(samples.T), [[1, 0.6], [0.6, 1]], atol=0.08)
    assert (draw_samples(model, 10, seed=1) != samples[:10]).all()
    found = metric.evaluate(model, ["nearest_distance"], 50, training=samples)
    assert 0 < found["nearest_distance"].value < 0.5
    with pytest.raises(metric.Unavailable, match="GibbsNormal has no generator"):
        metric.evaluate(model, ["path_length"], 50, features=lambda rows: rows)
    serial.save("gibbs.pkl", model)
    argv = ["gibbs.pkl", "--allow-module", "mine", "--out", "s.npy", "--num", "10"]
    show_samples.main(argv)
    again = serial.load("gibbs.pkl", allow_modules=["mine"])
    np.testing.assert_array_equal(np.load("s.npy"), draw_samples(again, 10).astype("float32"))


def test_the_layer_and_the_cost_compute_what_they_say(folder, evaluate):
    mine = own()

    from adversarial.backend import shared
    from adversarial.costs.adversary import DiscriminatorOutput
    from adversarial.models.mlp import MLP

    layer = mine.Swish(layer_name="h", dim=3, irange=1.0)
    mlp = MLP([layer], nvis=2)
    x = np.random.RandomState(0).normal(size=(4, 2)).astype("float32")
    z = x @ layer.get_weights()
    np.testing.assert_allclose(evaluate(mlp.fprop(shared(x))), z / (1 + np.exp(-z)), rtol=1e-5)
    scaled = mine.ScaledSwish(beta=2.0, layer_name="h", dim=3, irange=1.0)
    found = evaluate(scaled._activate(shared(z)))
    np.testing.assert_allclose(found, z / (1 + np.exp(-2 * z)), rtol=1e-5)
    factors = MLP([mine.Scale("s")], nvis=2)
    factors.set_param_vector(np.array([2.0, 3.0]))
    np.testing.assert_allclose(evaluate(factors.fprop(shared(x))), x * [2, 3], rtol=1e-6)
    real, fake = (np.array([[p], [q]], "float32") for p, q in ((0.9, 0.5), (0.2, 0.4)))
    outputs = [DiscriminatorOutput(None, shared(p)) for p in (real, fake)]
    cost = mine.LeastSquares()
    d = evaluate(cost._d_objective(*outputs))
    assert d == pytest.approx(0.5 * (((real - 1) ** 2).mean() + (fake**2).mean()))
    g = evaluate(cost._g_objective(None, outputs[1], outputs[1]))
    assert g == pytest.approx(0.5 * ((fake - 1) ** 2).mean())


def test_the_engine_of_the_page_is_a_class_and_an_entry(folder, monkeypatch):
    """It is chosen by its name, compiles what is asked, and describes itself."""
    mine = own()

    monkeypatch.setitem(engines.ENGINES, "python", mine.Interpreter())
    monkeypatch.setattr(engines, "NAMES", (*engines.ENGINES, "auto"))
    monkeypatch.setattr(engines, "_chosen", None)
    assert backend.choose("python") == "python" and backend.describe().startswith("Python")
    x = at.vector("x")
    assert backend.function([x], x.sum())([1, 2]) == 3
    assert backend.is_first_process() and backend.agree(5) == 5 and backend.processes() == 1
    with pytest.raises(ValueError, match="several devices or hosts"):
        backend.choose("python", devices=2)
