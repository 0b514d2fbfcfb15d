"""Killed by SIGKILL at whatever it does, and resumed, train.py leaves what one run would."""

from __future__ import annotations

import csv
import os
import random
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from saved_state import contents

from adversarial.modelfile import Persistent, saving
from adversarial.run import Run
from adversarial.train import Train
from adversarial.train_extensions.report import MonitorCSV
from adversarial.train_extensions.samples import SampleGrid
from adversarial.training_algorithms.sgd import SGD
from adversarial.utils import serial

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:invalid:RuntimeWarning"),
]

SHARED = """
    algorithm: !obj:adversarial.training_algorithms.sgd.SGD {
        batch_size: 3, learning_rate: .1, monitoring_dataset: { train: *data },
        cost: !obj:adversarial.AdversaryCost2 { scale_grads: 0 },
        learning_rule: !obj:adversarial.training_algorithms.learning_rule.Momentum {
            init_momentum: .5 },
        update_callbacks: [ !obj:own.Glitch { at: 7 } ],
        termination_criterion: !obj:adversarial.termination_criteria.EpochCounter {
            max_epochs: 4 } },
    extensions: [ !obj:adversarial.train_extensions.best_params.MonitorBasedSaveBest {
        channel_name: train_objective,
        save_path: "${PYLEARN2_TRAIN_FILE_FULL_STEM}_${PYLEARN2_TRAIN_PHASE}_best.pkl" } ],
    save_path: "${PYLEARN2_TRAIN_FILE_FULL_STEM}_${PYLEARN2_TRAIN_PHASE}.pkl", save_freq: 1 }
"""
TEXT = (
    """- !obj:adversarial.train.Train {
    dataset: &data !obj:adversarial.datasets.dense_design_matrix.DenseDesignMatrix {
        X: !obj:numpy.eye { N: 9 } },
    model: !obj:adversarial.AdversaryPair {
        generator: &generator !obj:adversarial.Generator { noise: uniform, monitor_ll: 0,
            mlp: !obj:adversarial.models.mlp.MLP { nvis: 2, layers: [
                !obj:adversarial.models.mlp.Sigmoid { layer_name: y, dim: 9, irange: .05 } ] } },
        discriminator: !obj:adversarial.models.mlp.MLP { nvis: 9, layers: [
            !obj:adversarial.models.mlp.Sigmoid { layer_name: y, dim: 1, irange: .05 } ] },
        monitor_generator: False, monitor_discriminator: False },"""
    + SHARED
    + """
- !obj:adversarial.train.Train {
    dataset: *data,
    model: !obj:adversarial.AdversaryPair {
        generator: *generator,
        discriminator: !obj:adversarial.models.mlp.MLP { nvis: 9, layers: [
            !obj:adversarial.models.mlp.Sigmoid { layer_name: y, dim: 1, irange: .1 } ] },
        monitor_generator: False, monitor_discriminator: False },"""
    + SHARED
)
MODELS = ["a_phase1.pkl", "a_phase2.pkl"]
# What a process does -> where that begins, and how often it does.
STAGES = {
    "training": (SGD, "_on_minibatch", 24),
    "saving": (saving, "_write", 16),
    "between phases": (Run, "make", 2),
    "rollback": (Train, "_roll_back", 2),
    "table": (MonitorCSV, "on_monitor", 10),
    "picture": (SampleGrid, "on_save", 8),
}


class Glitch(Persistent):
    """Makes the training diverge after minibatch `at`, unless it has been rolled back before."""

    def __init__(self, at):
        self.at = at

    def __call__(self, algorithm):
        scale = float(algorithm.learning_rate_scale.get_value())
        if scale == 1 and algorithm.monitor.get_batches_seen() == self.at:
            algorithm.learning_rate.set_value(np.float32("inf"))


def watch(stage, at, pipe):
    """Have a byte written to `pipe` when this process begins that stage for the `at`-th time."""
    owner, name, _ = stage
    function, left = getattr(owner, name), [at]

    def begin(*args, **kwargs):
        left[0] -= 1
        if left[0] == 0:
            os.write(pipe, b".")
        return function(*args, **kwargs)

    setattr(owner, name, begin)


def life(run, args, stage, at, delay):
    """A process that runs train.py, killed `delay` seconds after `stage` begins for the `at`-th
    time; its status, or None if it was killed."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            if stage is not None:
                watch(stage, at, write)
            status, error = run(*args)
            if status:
                Path("error.txt").write_text(error)
        finally:
            os._exit(status)
    os.close(write)
    with os.fdopen(read, "rb", buffering=0) as pipe:
        if pipe.read(1):
            time.sleep(delay)
            os.kill(child, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return None if status == -signal.SIGKILL else status


def left_behind():
    """What a run leaves: models, tables without clocks, and pictures, by their names."""
    found = {}
    for path in sorted(Path().glob("a_*")):
        if path.suffix == ".csv":
            with open(path, newline="") as stream:
                found[path.name] = [
                    {name: value for name, value in row.items() if "seconds" not in name}
                    for row in csv.DictReader(stream)
                ]
        elif path.suffix == ".png":
            found[path.name] = path.read_bytes()
        elif path.name in MODELS:
            found[path.name] = contents(path)
        else:
            found[path.name] = serial.load(path).get_param_vector()
    return found


def run_again(run, stage=None, at=0, delay=0):
    """Begins the experiment, or resumes it by its last file; its status, None if it was killed."""
    last = [name for name in MODELS if os.path.exists(name)][-1:]
    args = [
        *(("--resume", *last) if last else ("a.yaml",)),
        "--nan-policy",
        "rollback",
        "--allow-module",
        "own",
    ]
    return life(run, args, stage, at, delay)


@pytest.mark.parametrize("kills", [3, pytest.param(100, marks=pytest.mark.slow)])
def test_killed_at_whatever_it_does(kills, folder, run, monkeypatch):
    monkeypatch.setitem(sys.modules, "own", sys.modules[__name__])
    monkeypatch.setattr(Glitch, "__module__", "own")
    assert all(callable(getattr(owner, name)) for owner, name, _ in STAGES.values())
    chance = random.Random(kills)
    Path("a.yaml").write_text(TEXT)
    assert run_again(run) == 0, Path("error.txt").read_text()
    whole = left_behind()
    assert {
        f"{phase}{end}"
        for phase in ("a_phase1", "a_phase2")
        for end in (".pkl", "_best.pkl", ".monitor.csv", ".png", ".diverged.pkl")
    } == set(whole)

    def begin():
        for name in whole:
            os.remove(name)

    def check():
        np.testing.assert_equal(left_behind(), whole)

    begin()
    killed = dict.fromkeys(STAGES, 0)
    while sum(killed.values()) < kills:
        # By turns, and first what happens least often.
        kind = min(STAGES, key=lambda kind: (killed[kind], STAGES[kind][2]))
        times = STAGES[kind][2]
        status = run_again(run, STAGES[kind], chance.randint(1, times), chance.uniform(0, 0.01))
        if status is None:
            killed[kind] += 1
        else:
            assert status == 0, Path("error.txt").read_text()
            check()
            begin()
    assert run_again(run) == 0, Path("error.txt").read_text()
    check()
    assert max(killed.values()) - min(killed.values()) <= 1


def test_killed_after_the_last_save(folder, run, monkeypatch):
    """The table and the picture of a training that is over are completed."""
    monkeypatch.setitem(sys.modules, "own", sys.modules[__name__])
    monkeypatch.setattr(Glitch, "__module__", "own")
    Path("a.yaml").write_text(TEXT[: TEXT.rindex("- !obj")])
    args = ("--allow-module", "own", "--nan-policy", "rollback")
    run("a.yaml", *args)
    whole = left_behind()
    Path("a_phase1.png").unlink()
    table = Path("a_phase1.monitor.csv")
    table.write_bytes(b"".join(table.read_bytes().splitlines(keepends=True)[:-1]))
    os.utime(table, ns=(0, 0))
    before = Path("a_phase1.pkl").read_bytes()
    assert run("--resume", "a_phase1.pkl", *args) == (0, "")
    np.testing.assert_equal(left_behind(), whole)
    assert Path("a_phase1.pkl").read_bytes() == before
    monkeypatch.setattr(Train, "setup", None)  # which nothing needs from now on
    assert run("--resume", "a_phase1.pkl", *args) == (0, "")
