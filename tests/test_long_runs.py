"""A run of many epochs takes no more memory, files or time an epoch than one of few."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

SCRIPT = """
import json, os, sys
sys.path.insert(0, sys.argv[3])
import numpy as np
import adversarial
from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
from adversarial.models.mlp import MLP, Sigmoid
from adversarial.costs.adversary import AdversaryCost2
from adversarial.models.adversary_pair import AdversaryPair
from adversarial.models.generator import Generator
from adversarial.termination_criteria import EpochCounter
from adversarial.train import Train
from adversarial.train_extensions import TrainExtension
from adversarial.train_extensions.report import EpochTable, MonitorCSV
from adversarial.training_algorithms.learning_rule import Momentum
from adversarial.training_algorithms.sgd import SGD

epochs, warm, seen = int(sys.argv[1]), int(sys.argv[2]), []

class Measure(TrainExtension):
    def on_monitor(self, model, dataset, algorithm):
        epoch = model.monitor.get_epochs_seen()
        if epoch in (warm, epochs):
            with open("/proc/self/statm") as stream:
                resident = int(stream.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
            files = len(os.listdir("/proc/self/fd"))
            seen.append((epoch, resident, files, os.path.getsize("m.monitor.csv")))

data = DenseDesignMatrix(X=np.random.RandomState(0).uniform(size=(10, 4)).astype("float32"))
pair = AdversaryPair(
    Generator(MLP([Sigmoid(layer_name="y", dim=4, irange=.1)], nvis=2)),
    MLP([Sigmoid(layer_name="y", dim=1, irange=.1)], nvis=4),
)
algorithm = SGD(
    .1, cost=AdversaryCost2(scale_grads=0), batch_size=5, learning_rule=Momentum(.5),
    monitoring_dataset=data, termination_criterion=EpochCounter(epochs),
)
extensions = [EpochTable(show=len), MonitorCSV("m.monitor.csv"), Measure()]
Train(data, pair, algorithm, "m.pkl", save_freq=1, extensions=extensions).main_loop()
print(json.dumps(seen))
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="needs /proc")
@pytest.mark.parametrize("epochs", [400, pytest.param(10_000, marks=pytest.mark.slow)])
def test_memory_files_and_table(epochs, tmp_path):
    warm = 100
    env = {**os.environ, "AESARA_FLAGS": "mode=FAST_COMPILE,cxx=", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(epochs), str(warm), str(ROOT)],
        cwd=tmp_path,
        env=env,
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    (_, before, files, table), (_, after, files_after, table_after) = json.loads(done.stdout)
    print(f"{epochs} epochs: {before / 1e6:.1f} to {after / 1e6:.1f} MB resident")
    assert after < 1.05 * before
    assert files_after == files
    # A row is a row, however late.
    assert table_after / epochs == pytest.approx(table / warm, rel=0.1)
    assert os.path.getsize(tmp_path / "m.pkl") < 1000 * epochs + 200_000
