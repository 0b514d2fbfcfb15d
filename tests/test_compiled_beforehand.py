"""Nothing is compiled once the first epoch has begun, whatever takes part in training."""

from __future__ import annotations

import errno
import os
import pkgutil
import sys
from importlib import import_module
from pathlib import Path

import aesara
import numpy as np
import pytest
from aesara.compile.function.types import FunctionMaker

import adversarial.train_extensions
from adversarial import backend
from adversarial.modelfile import Persistent
from adversarial.train_extensions import TrainExtension
from adversarial.training_algorithms import schedules, sgd
from adversarial.utils import serial

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:.*:RuntimeWarning")

DATA = """&data !obj:adversarial.datasets.zca_dataset.ZCA_Dataset {
        preprocessed_dataset: !obj:adversarial.datasets.dense_design_matrix.DenseDesignMatrix {
            X: !obj:numpy.eye { N: 9 }, y: !obj:numpy.eye { N: 9 },
            preprocessor: &zca !obj:preprocessing.ZCA {},
            fit_preprocessor: True,
            view_converter: !obj:adversarial.datasets.dense_design_matrix.DefaultViewConverter {
                shape: [3, 3, 1] } },
        preprocessor: *zca }""".replace("obj:preproc", "obj:adversarial.datasets.preproc")
MLP = """!obj:adversarial.models.mlp.MLP { nvis: %d, layers: [
        !obj:adversarial.models.mlp.Sigmoid {
            layer_name: y, dim: %d, irange: .05, max_col_norm: 1. } ] }"""
PAIR = f"""&model !obj:adversarial.AdversaryPair {{
        generator: !obj:adversarial.Generator {{
            noise: uniform, monitor_ll: 1, mlp: {MLP % (2, 9)} }},
        discriminator: {MLP % (9, 1)} }}"""
FOR_ALL = """[
        !obj:adversarial.train_extensions.best_params.KeepBestParams {
            model: *model, cost: *cost, monitoring_dataset: *data, batch_size: 3 },
        !obj:adversarial.train_extensions.best_params.MonitorBasedSaveBest {
            channel_name: train_objective, save_path: "best.pkl", store_best_model: True },
        !obj:adversarial.train_extensions.window_flip.WindowAndFlip {
            window_shape: [3, 3], randomize: [*data], pad_randomized: 1 },
        !obj:adversarial.train_extensions.ChannelSmoother {
            channel_to_smooth: train_objective, channel_to_publish: smooth },
        !obj:adversarial.train_extensions.snapshots.Snapshots {
            epochs: [1, 2], save_path: "at{epoch}.pkl" },
        !obj:adversarial.train_extensions.tensorboard.TensorBoard { log_dir: log },
        !obj:adversarial.train_extensions.inline_samples.InlineSamples { n: 4 },
        !obj:adversarial.train_extensions.report.EpochTable {},
        !obj:adversarial.train_extensions.progress.Progress { bar: True } ]"""
EXTENSIONS = (
    FOR_ALL[:-2]
    + """,
        !obj:adversarial.train_extensions.polyak.PolyakAveraging {
            start: 1, save_path: "polyak.pkl" },
        !obj:adversarial.train_extensions.learning_rate.MonitorBasedLRAdjuster {
            channel_name: train_objective },
        !obj:adversarial.train_extensions.learning_rate.OneOverEpoch { start: 1 },
        !obj:adversarial.train_extensions.learning_rate.LinearDecayOverEpoch {
            start: 0, saturate: 3, decay_factor: .5 },
        !obj:adversarial.train_extensions.metrics.Metrics {
            metrics: [fid, nearest_distance], test: *data, every: 2, num_samples: 9,
            classifier: !obj:adversarial.models.mlp.MLP { nvis: 9, layers: [
                !obj:adversarial.models.mlp.Sigmoid { layer_name: h, dim: 3, irange: 1. },
                !obj:adversarial.models.mlp.Softmax {
                    n_classes: 2, layer_name: y, irange: 1. } ] } },
        !obj:adversarial.train_extensions.report.MonitorCSV { path: "own.csv" },
        !obj:adversarial.train_extensions.samples.SampleGrid { path: "own.png", rows: 2, cols: 2 },
        %s ]"""
)
TRAIN = """!obj:adversarial.train.Train {
    dataset: %s,
    model: %s,
    algorithm: %s,
    extensions: %s,
    save_path: "a.pkl", save_freq: 1 }
"""
# Of the algorithm, whichever it is.
COMMON = """batch_size: 3, monitoring_dataset: { train: *data },
        termination_criterion: !obj:adversarial.termination_criteria.EpochCounter {
            max_epochs: 4 }"""
CALLBACKS = """[
            !obj:adversarial.training_algorithms.%s,
            !obj:adversarial.training_algorithms.cycler.Cycler { k: 2 },
            !obj:adversarial.training_algorithms.epoch_monitor.EpochMonitor {
                model: *model, tick_rate: 1, monitor_rate: 2 },
            !obj:own.Glitch { at: 5 } ]"""
SGD = f"""!obj:adversarial.training_algorithms.%s {{ {COMMON},
        learning_rate: .1, cost: &cost !obj:adversarial.AdversaryCost2 {{ scale_grads: 0 }},
        learning_rule: !obj:adversarial.training_algorithms.learning_rule.%s,
        update_callbacks: %s }}"""
CLASSIFIER = f"&model {MLP % (9, 9)}"
BGD = f"""!obj:adversarial.training_algorithms.bgd.BGD {{ {COMMON},
        line_search_mode: exhaustive, conjugate: True, updates_per_batch: 2,
        cost: &cost !obj:adversarial.costs.default.Default {{}} }}"""
SETTER = """!obj:adversarial.train_extensions.activate_generator.ActivateGenerator {
            active_after: 1 }"""
MOMENTUM = """!obj:adversarial.train_extensions.momentum.MomentumAdjustor {
            final_momentum: .9, start: 0, saturate: 3 }"""


def trained_by(algorithm, rule, schedule, last):
    callbacks = CALLBACKS % schedule
    return TRAIN % (DATA, PAIR, SGD % (algorithm, rule, callbacks), EXTENSIONS % last)


TEXTS = {
    "sgd": trained_by(
        "sgd.SGD",
        "Momentum { init_momentum: .5 }",
        "sgd.ExponentialDecay { decay_factor: 1.1, min_lr: .01 }",
        f"{SETTER}, {MOMENTUM}",
    ),
    "sgd_alt": trained_by(
        "sgd_alt.SGD",
        "AdaDelta {}",
        "sgd.LinearDecay { start: 1, saturate: 9, decay_factor: .5 }",
        SETTER,
    ),
    "k_steps": trained_by(
        "k_steps.SGD", "RMSProp {}", "sgd.AnnealedLearningRate { anneal_start: 3 }", SETTER
    ),
    "bgd": TRAIN % (DATA, CLASSIFIER, BGD, FOR_ALL),
}


class Glitch(Persistent):
    """Makes the training diverge after minibatch `at`, unless it has been rolled back before."""

    def __init__(self, at):
        self.at = at

    def __call__(self, algorithm):
        scale = float(algorithm.learning_rate_scale.get_value())
        if scale == 1 and algorithm.monitor.get_batches_seen() == self.at:
            algorithm.learning_rate.set_value(np.float32("inf"))


class CompilesLate(TrainExtension):
    """Compiles after the second epoch, which fails."""

    raises = None

    def on_monitor(self, model, dataset, algorithm):
        if model.monitor.get_epochs_seen() == 2:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(FunctionMaker, "__init__", self._fail)
                backend.function([], [])

    def _fail(self, *args, **kwargs):
        raise self.raises


@pytest.fixture
def nothing_compiled(monkeypatch):
    """From the first epoch on, compiling is an error; a list with an entry for each epoch."""
    monkeypatch.setitem(sys.modules, "own", sys.modules[__name__])
    monkeypatch.setattr(Glitch, "__module__", "own")
    begun = []
    make = FunctionMaker.__init__

    def refuse(self, *args, **kwargs):
        assert not begun, "compiled while training"
        make(self, *args, **kwargs)

    train = sgd.SGD.train

    def note(self, dataset):
        begun.append(self)
        train(self, dataset)

    monkeypatch.setattr(sgd.SGD, "train", note)
    monkeypatch.setattr(FunctionMaker, "__init__", refuse)
    return begun


def subclasses(cls):
    return {cls, *(each for child in cls.__subclasses__() for each in subclasses(child))}


def test_every_extension_and_schedule_takes_part():
    package = adversarial.train_extensions
    for module in pkgutil.iter_modules(package.__path__):
        import_module(f"{package.__name__}.{module.name}")
    named = "".join(TEXTS.values())
    for base in (TrainExtension, schedules.Schedule):
        ours = [cls for cls in subclasses(base) if cls.__module__.startswith("adversarial.")]
        for cls in ours:
            is_base = any(cls in other.__bases__ for other in ours)
            # SharedSetter is given shared variables, which no YAML has. What trackers compile is in
            # their base class.
            is_left_out = cls is package.SharedSetter or cls.__name__ in ("MLflow", "WandB")
            if not is_base and not is_left_out:
                assert f".{cls.__name__} " in named, cls


@pytest.mark.parametrize("kind", TEXTS)
def test_nothing_is_compiled_while_training(kind, folder, run, nothing_compiled):
    Path("a.yaml").write_text(TEXTS[kind])
    args = ("--allow-module", "own", "--nan-policy", "rollback")
    status, err = run("a.yaml", *args, "--max-epochs", "3")
    assert status == 0 and ("rolled back" in err) == (kind != "bgd"), err
    assert len(nothing_compiled) >= 3
    made = {"best.pkl", "at2.pkl"} | (
        {"polyak.pkl", "own.csv", "own.png"} if kind != "bgd" else set()
    )
    assert made <= {path.name for path in folder.iterdir()}
    nothing_compiled.clear()
    status, err = run("--resume", "a.pkl", *args)
    assert status == 0 and len(nothing_compiled) == 1, err


@pytest.mark.parametrize("raised_by", ["the system", "the compiler"])
def test_a_disk_that_is_full_by_then_names_the_folder(raised_by, folder, run, monkeypatch):
    """Also where something of the user's own compiles in the middle of a training."""
    monkeypatch.setitem(sys.modules, "own", sys.modules[__name__])
    monkeypatch.setattr(CompilesLate, "__module__", "own")
    error = {
        "the system": OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
        "the compiler": RuntimeError("g++: fatal error: cannot write: No space left on device"),
    }[raised_by]
    monkeypatch.setattr(CompilesLate, "raises", error)
    text = TRAIN % (
        DATA,
        PAIR,
        SGD % ("sgd.SGD", "AdaDelta {}", "[]"),
        "[ !obj:own.CompilesLate {} ]",
    )
    Path("a.yaml").write_text(text)
    status, err = run("a.yaml", "--allow-module", "own")
    assert status == 1 and aesara.config.compiledir in err.splitlines()[-2], err
    assert serial.load("a.pkl").monitor.get_epochs_seen() == 1
