"""benchmarks/startup.py stops train.py after its first minibatch, and changes nothing else."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from adversarial.config import yaml_parse

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks import startup  # noqa: E402

DECAY = "!obj:adversarial.training_algorithms.schedules.ExponentialDecay"
MORE = f"{DECAY} {{decay_factor: 2., min_lr: .1}}"


@pytest.mark.parametrize(
    "callbacks, others",
    [("", 0), (f"update_callbacks: {MORE},", 1), (f"update_callbacks: [{MORE}, {MORE}],", 2)],
)
def test_the_stopping_callback_is_last(callbacks, others):
    text = f"""!obj:adversarial.train.Train {{
        dataset: &data !obj:adversarial.datasets.mnist.MNIST {{which_set: train}},
        model: !obj:adversarial.models.mlp.Sigmoid {{layer_name: y, dim: 3}},
        algorithm: !obj:adversarial.training_algorithms.sgd.SGD {{
            {callbacks} learning_rate: .1, monitoring_dataset: *data
        }},
        save_path: "${{PYLEARN2_TRAIN_FILE_FULL_STEM}}.pkl"
    }}"""
    train = yaml_parse.load(
        startup.with_stop(text),
        {"PYLEARN2_TRAIN_FILE_FULL_STEM": "here"},
        instantiate=False,
        allow_modules=[startup.MODULE],
    ).keywords
    algorithm = train["algorithm"].keywords
    found = algorithm["update_callbacks"]
    found = found if isinstance(found, list) else [found]
    assert [x.name for x in found] == ["ExponentialDecay"] * others + ["FirstMinibatch"]
    assert algorithm["monitoring_dataset"] is train["dataset"]
    assert train["save_path"] == "here.pkl"


def test_a_failed_start_is_reported(tmp_path):
    with pytest.raises(SystemExit, match="status"):
        startup.seconds(tmp_path / "none.yaml", tmp_path / "compiled")
