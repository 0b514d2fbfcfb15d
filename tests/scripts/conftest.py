"""Model files of small trained models, and commands that run in this process."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from adversarial import modelfile
from adversarial.models.adversary_pair import AdversaryPair
from adversarial.models.generator import Generator
from adversarial.models.maxout import Maxout
from adversarial.models.mlp import MLP, Sigmoid
from adversarial.monitor import Monitor, MonitorChannel
from adversarial.scripts import cli
from adversarial.utils import serial

YAML = """!obj:adversarial.datasets.dense_design_matrix.DenseDesignMatrix {
    X: !obj:numpy.zeros { shape: [50, 36] } }"""


@pytest.fixture
def command(request):
    """Runs the command that the test file is named after; returns its exit status."""
    name = request.module.__name__.rpartition("test_")[2]
    module = importlib.import_module(f"adversarial.scripts.{name}")

    def run(*argv):
        return cli.run(lambda: module.main([str(arg) for arg in argv]))

    run.module = module
    return run


def add_channel(monitor, name, values, epochs):
    channel = MonitorChannel(None, None, name, None, None)
    channel.val_record.extend(values)
    channel.epoch_record.extend(epochs)
    channel.batch_record.extend(10 * epoch for epoch in epochs)
    channel.example_record.extend(1000 * epoch for epoch in epochs)
    channel.time_record.extend(2.5 * epoch for epoch in epochs)
    monitor.channels[name] = channel


def saved_runs(pair, folder, sets=((),), seeds=(0, 1, 2)):
    """Model files with these settings and seeds; G's objective is 10 * group + seed + epoch."""
    paths = []
    for number, settings in enumerate(sets):
        for seed in seeds:
            channel = pair.monitor.channels["valid_objective_g"]
            del channel.val_record[:]
            channel.val_record.extend(10 * number + seed + epoch for epoch in range(4))
            about = {"yaml": "text", "yaml_path": "gan.yaml", "seed": seed, "settings": settings}
            path = folder / f"gan_{number}_{seed}.pkl"
            modelfile.save(path, pair, training={"experiment": about})
            paths.append(path)
    return paths


@pytest.fixture
def pair():
    """A pair that makes images of 6 x 6, monitored after epochs 0 to 3."""
    G = MLP([Sigmoid(layer_name="y", dim=36, irange=1.0)], nvis=5)
    D = MLP(
        [
            Maxout("h0", num_units=4, num_pieces=2, irange=0.1),
            Sigmoid(layer_name="y", dim=1, irange=0.1),
        ],
        nvis=36,
    )
    pair = AdversaryPair(Generator(G), D)
    pair.dataset_yaml_src = YAML
    monitor = Monitor.get_monitor(pair)
    add_channel(monitor, "valid_objective_d", [0.7, 0.5, np.nan, 0.25], range(4))
    add_channel(monitor, "valid_objective_g", [0.7, 1.5, 2.5, 3.5], range(4))
    add_channel(monitor, "late", [9.0], [3])
    for _ in range(3):
        monitor.report_epoch()
        for _ in range(10):
            monitor.report_batch(100)
    return pair


@pytest.fixture
def model(pair, tmp_path):
    """The model file of `pair`."""
    path = tmp_path / "faces.v2.pkl"
    serial.save(path, pair)
    return path


@pytest.fixture
def refused(command, capsys):
    """Runs a command that must fail; returns its one line on stderr."""

    def run(*argv):
        assert command(*argv) == 1
        out, err = capsys.readouterr()
        assert out == "" and err.count("\n") == 1 and err.endswith("\n")
        return err

    return run
