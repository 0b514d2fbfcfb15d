"""The paper's MNIST experiment on both engines: one trajectory, and one kind of model file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from adversarial import backend
from adversarial.backend import engines
from adversarial.config.yaml_parse import load_train_file
from adversarial.datasets.data_path import DataUnavailable
from adversarial.evaluation.sampling import draw_samples
from adversarial.utils import serial

YAML = Path(__file__).parents[1] / "yaml" / "mnist.yaml"


@pytest.fixture
def on(monkeypatch):
    def on(name):
        monkeypatch.setattr(engines, "_chosen", None)
        return backend.choose(name)

    return on


@pytest.mark.slow
def test_a_hundred_steps_and_samples_agree(on, tmp_path):
    pytest.importorskip("jax", reason="JAX, the second engine, is not installed")
    records, samples = [], []
    for name in ("c", "jax"):
        on(name)
        try:
            train = load_train_file(YAML)
        except DataUnavailable as error:
            pytest.skip(f"no MNIST: {error}")
        train.algorithm.batches_per_iter = 100
        # A tenth of the validation set shows as much.
        train.algorithm.monitoring_batches = 10
        train.algorithm.monitoring_batch_size = 100
        train.setup()
        train.algorithm.train(dataset=train.dataset)
        train.model.monitor()
        records.append(
            {
                channel: record.val_record[0]
                for channel, record in train.model.monitor.channels.items()
            }
        )
        serial.save(tmp_path / f"{name}.pkl", train.model)
        samples.append({})
        for other in ("c", "jax"):
            on(other)
            samples[-1][other] = draw_samples(serial.load(tmp_path / f"{name}.pkl"), 20, seed=3)
    for channel, value in records[0].items():
        assert records[1][channel] == pytest.approx(value, rel=1e-2, abs=1e-4), channel
    for of_model in samples:
        np.testing.assert_allclose(of_model["c"], of_model["jax"], rtol=1e-4, atol=1e-6)
