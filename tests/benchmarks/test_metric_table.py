"""The table of all models: each is trained and evaluated once, and the cells are its results."""

from __future__ import annotations

import csv
from pathlib import Path
from types import SimpleNamespace

import pytest

from adversarial.utils import serial
from benchmarks import metric_table
from benchmarks.metric_table import Recipe, main

TINY = """!obj:adversarial.train.Train {
    dataset: &data !obj:adversarial.datasets.dense_design_matrix.DenseDesignMatrix {
        X: !obj:numpy.eye { N: 9 } },
    model: !obj:adversarial.AdversaryPair {
        generator: !obj:adversarial.Generator { noise: uniform,
            mlp: !obj:adversarial.models.mlp.MLP { nvis: 2, layers: [
                !obj:adversarial.models.mlp.Sigmoid { layer_name: y, dim: 9, irange: .05 } ] } },
        discriminator: !obj:adversarial.models.mlp.MLP { nvis: 9, layers: [
            !obj:adversarial.models.mlp.Sigmoid { layer_name: y, dim: 1, irange: .05 } ] } },
    algorithm: !obj:adversarial.training_algorithms.sgd.SGD {
        batch_size: 3, learning_rate: .1, monitoring_dataset: { valid: *data },
        cost: !obj:adversarial.AdversaryCost2 { scale_grads: 0 } },
    save_path: "${PYLEARN2_TRAIN_FILE_FULL_STEM}.pkl", save_freq: 1 }
"""


@pytest.mark.slow
def test_models_are_made_and_judged_once(tmp_path, monkeypatch, capsys):
    config = tmp_path / "tiny.yaml"
    config.write_text(TINY)
    recipes = {f"tiny_{n}": Recipe(str(config), n, "tiny.pkl") for n in (1, 3)}
    monkeypatch.setattr(metric_table, "RECIPES", recipes)
    argv = [str(tmp_path / "all"), "--models", *recipes, "--metrics", "nearest_distance"]
    argv += ["--num-samples", "30"]
    main(argv)
    out, err = capsys.readouterr()
    assert "tiny_1: train.py" in err and "--resume" in err.partition("tiny_3: ")[2]
    table = out[out.index("| metric") :]
    assert table.startswith("| metric | data | tiny_1 | tiny_3 | noise |\n|---|---|---|---|---|\n")
    for name, epochs in (("tiny_1", 1), ("tiny_3", 3)):
        model = serial.load(tmp_path / "all" / f"{name}.pkl")
        assert model.monitor.get_epochs_seen() == epochs
        with open(tmp_path / "all" / f"{name}.csv", newline="") as stream:
            (row,) = csv.DictReader(stream)
        assert f"{float(row['value']):,.4g} +- {float(row['uncertainty']):.2g}" in table
    monkeypatch.setattr(metric_table.subprocess, "run", None)
    monkeypatch.setattr(metric_table.evaluate, "main", None)
    main(argv)
    assert capsys.readouterr().out == table


def test_a_model_of_too_many_epochs_is_not_published(tmp_path, monkeypatch):
    run = tmp_path / "trainings" / "tiny"
    run.mkdir(parents=True)
    monkeypatch.setattr(metric_table.subprocess, "run", lambda *args, **rest: None)
    monitor = SimpleNamespace(get_epochs_seen=lambda: 3)
    loaded = SimpleNamespace(monitor=monitor)
    monkeypatch.setattr(metric_table.modelfile, "load", lambda path: loaded)
    with pytest.raises(SystemExit, match="tiny.pkl has had 3 epochs, and early is to have 1\n"):
        metric_table.train(tmp_path, "early", Recipe("tiny.yaml", 1, "tiny.pkl"))
    assert not (tmp_path / "early.pkl").exists()


def test_the_experiments_are_there():
    for recipe in metric_table.RECIPES.values():
        text = (Path(metric_table.ROOT) / recipe.config).read_text()
        stem = Path(recipe.config).stem
        assert recipe.file in (f"{stem}.pkl", f"{stem}_averaged.pkl")
        assert recipe.file == f"{stem}.pkl" or "_averaged.pkl" in text
