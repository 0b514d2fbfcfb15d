"""Numbers in a model file that no constructor would take: named with file and path, not trained."""

from __future__ import annotations

import numpy as np
import pytest

from adversarial import checkpoint, preflight
from adversarial.config import yaml_parse
from adversarial.scripts import cli, train
from adversarial.utils import serial

pytestmark = pytest.mark.usefixtures("fast_compile")

MODEL = """!obj:adversarial.models.mlp.MLP { nvis: 3, layers: [
    !obj:adversarial.models.mlp.Sigmoid { layer_name: h, dim: 4, irange: .1, max_col_norm: 2.,
        W_lr_scale: .5 },
    !obj:adversarial.models.mlp.Linear { layer_name: y, dim: 2, irange: .1 } ] }"""
YAML = """!obj:adversarial.train.Train {
    dataset: &data !obj:adversarial.datasets.dense_design_matrix.DenseDesignMatrix {
        X: !obj:numpy.ones { shape: [6, 3] }, y: !obj:numpy.ones { shape: [6, 2] } },
    model: MODEL,
    algorithm: !obj:adversarial.training_algorithms.sgd.SGD {
        learning_rate: .1, batch_size: 3, monitoring_dataset: { train: *data },
        cost: !obj:adversarial.costs.dropout.Dropout { input_include_probs: { h: .5 } },
        learning_rule: !obj:adversarial.training_algorithms.learning_rule.Momentum {
            init_momentum: .5 },
        termination_criterion: !obj:adversarial.termination_criteria.EpochCounter {
            max_epochs: 2 } },
    extensions: [ !obj:adversarial.train_extensions.momentum.MomentumAdjustor {
        start: 0, saturate: 3, final_momentum: .7 } ],
    save_path: "${PYLEARN2_TRAIN_FILE_FULL_STEM}.pkl",
    save_freq: 1
}"""


@pytest.fixture
def saved(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.yaml").write_text(YAML.replace("MODEL", MODEL))
    assert train.main(["x.yaml", "--quiet", "--max-epochs", "1"]) == 0
    return serial.load("x.pkl"), serial.load_training("x.pkl")


@pytest.mark.parametrize("number", [np.nan, np.inf])
@pytest.mark.parametrize(
    "place", ["learning_rate", "learning_rule.momentum", "cost.default_input_scale"]
)
def test_in_a_training_that_is_resumed(place, number, saved, capsys):
    model, training = saved
    path = f"algorithm.{place}"
    before = training["values"][path]
    training["values"][path] = np.full_like(before, number) if np.ndim(before) == 0 else number
    serial.save("forged.pkl", model, training=training)
    assert cli.run(lambda: train.main(["--resume", "forged.pkl", "--quiet"])) == 1
    error = capsys.readouterr().err
    assert f"forged.pkl: {path} is {number}, and must be finite" in error
    assert checkpoint.read("forged.pkl").epochs == 1


@pytest.mark.parametrize("probability", [7.0, -0.5])
def test_a_probability_in_a_training_that_is_resumed(probability, saved, capsys):
    model, training = saved
    training["values"]["algorithm.cost.input_include_probs"] = {"h": probability}
    serial.save("forged.pkl", model, training=training)
    assert cli.run(lambda: train.main(["--resume", "forged.pkl", "--quiet"])) == 1
    error = capsys.readouterr().err
    assert "forged.pkl: algorithm.cost.input_include_probs" in error
    assert f"is {probability}, and a probability is from 0 to 1" in error


@pytest.mark.parametrize("name", ["max_col_norm", "W_lr_scale"])
def test_in_a_model(name, saved, capsys, tmp_path):
    model, training = saved
    setattr(model.layers[0], name, np.inf)
    serial.save("forged.pkl", model, training=training)
    assert cli.run(lambda: train.main(["--resume", "forged.pkl", "--quiet"])) == 1
    error = capsys.readouterr().err
    assert "forged.pkl: model.layers[0]" in error and f"{name} is inf" in error
    # And in a training that starts with it.
    text = YAML.replace("MODEL", "!pkl: forged.pkl")
    (tmp_path / "y.yaml").write_text(text)
    assert cli.run(lambda: train.main(["y.yaml", "--quiet"])) == 1
    error = capsys.readouterr().err
    assert "model.layers[0]" in error and f"{name} (y.yaml line 4) is inf, and must be" in error


def test_what_was_changed_in_python(saved):
    experiment = yaml_parse.load(
        YAML.replace("MODEL", MODEL), {"PYLEARN2_TRAIN_FILE_FULL_STEM": "z"}, name="z.yaml"
    )
    preflight.before_compiling(experiment)
    experiment.extensions[0].final_momentum = float("nan")
    with pytest.raises(ValueError, match=r"extensions\[0\].final_momentum \(z.yaml line \d+\) is"):
        preflight.before_compiling(experiment)
