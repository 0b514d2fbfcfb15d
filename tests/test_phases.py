"""Phases that share an object: a run that is killed in or between them ends in the same bits."""

from __future__ import annotations

import glob
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from saved_state import contents

from adversarial.train import Train

PHASE = """- !obj:adversarial.train.Train {
    dataset: %(data)s,
    model: %(model)s,
    algorithm: !obj:adversarial.training_algorithms.sgd.SGD {
        batch_size: 3, learning_rate: .1, monitoring_dataset: { train: *data },
        cost: !obj:adversarial.AdversaryCost2 { scale_grads: 0 }, %(algorithm)s
        termination_criterion: !obj:adversarial.termination_criteria.EpochCounter {
            max_epochs: 2 } },
    extensions: [%(extensions)s],
    save_path: "${PYLEARN2_TRAIN_FILE_FULL_STEM}_${PYLEARN2_TRAIN_PHASE}.pkl",
    save_freq: 1 }
"""
EYE = """&data !obj:adversarial.datasets.dense_design_matrix.DenseDesignMatrix {
        X: !obj:numpy.eye { N: 9 } }"""
PAIR = """!obj:adversarial.AdversaryPair { generator: %s, discriminator: %s,
        monitor_generator: False, monitor_discriminator: False }"""
GENERATOR = """!obj:adversarial.Generator { noise: uniform, monitor_ll: 0,
        mlp: !obj:adversarial.models.mlp.MLP { nvis: 2, layers: [
            !obj:adversarial.models.mlp.Sigmoid { layer_name: y, dim: 9, irange: .05 } ] } }"""
DISCRIMINATOR = """!obj:adversarial.models.mlp.MLP { nvis: 9, layers: [
            !obj:adversarial.models.mlp.Sigmoid { layer_name: y, dim: 1, irange: .05 } ] }"""
NEW = PAIR % (GENERATOR, DISCRIMINATOR)
RULE = """learning_rule: %s!obj:adversarial.training_algorithms.learning_rule.Momentum {
            init_momentum: .5 },"""
DECAY = """update_callbacks: [ %s ],"""
EXPONENTIAL = (
    "!obj:adversarial.training_algorithms.sgd.ExponentialDecay { decay_factor: 1.2, min_lr: .01 }"
)
MOMENTUM = (
    "!obj:adversarial.train_extensions.momentum.MomentumAdjustor "
    "{ final_momentum: .9, start: 0, saturate: 3 }"
)
PUSHED = (
    "!obj:adversarial.monitor.push_monitor { model: %s, name: before, "
    "transfer_experience: %d, save_records: %d }"
)
FIRST = '!pkl: "${PYLEARN2_TRAIN_FILE_FULL_STEM}_phase1.pkl"'


PREPROCESSED = """%s!obj:adversarial.datasets.dense_design_matrix.DenseDesignMatrix {
        X: !obj:numpy.eye { N: 9 }, preprocessor: %s, fit_preprocessor: %s,
        view_converter: !obj:adversarial.datasets.dense_design_matrix.DefaultViewConverter {
            shape: [3, 3, 1] } }"""
ZCA = "!obj:adversarial.datasets.preprocessing.ZCA {}"
CYCLER = "!obj:adversarial.training_algorithms.cycler.Cycler { k: 2 }"
ACTIVATE = (
    "!obj:adversarial.train_extensions.activate_generator.ActivateGenerator { active_after: 1 }"
)
POLYAK = """!obj:adversarial.train_extensions.polyak.PolyakAveraging {
        start: 1, save_path: "polyak.pkl" }"""
BEST = """!obj:adversarial.train_extensions.best_params.MonitorBasedSaveBest {
        channel_name: train_objective, save_path: "best.pkl" }"""
FLIP = """!obj:adversarial.train_extensions.window_flip.WindowAndFlip {
        window_shape: [3, 3], randomize: [*data], pad_randomized: 1 }"""
TABLE = '!obj:adversarial.train_extensions.report.MonitorCSV { path: "own.csv" }'
GRID = '!obj:adversarial.train_extensions.samples.SampleGrid { path: "own.png" }'
COUNTER = re.compile(r"!obj:adversarial.termination_criteria.EpochCounter [^}]*}")
IMPROVES = """!obj:adversarial.termination_criteria.And { criteria: [
        !obj:adversarial.termination_criteria.EpochCounter { max_epochs: 2 },
        !obj:adversarial.termination_criteria.MonitorBased {
            channel_name: train_objective, N: 2, prop_decrease: .0 } ] }"""


def phase(model, data="*data", algorithm="", extensions=""):
    return PHASE % dict(model=model, data=data, algorithm=algorithm, extensions=extensions)


# What is shared -> the phases.
KINDS = {
    "a generator": [
        phase(PAIR % (f"&g {GENERATOR}", DISCRIMINATOR), EYE),
        phase(PAIR % ("*g", DISCRIMINATOR)),
    ],
    "schedules": [
        phase(NEW, EYE, RULE % "&rule " + DECAY % f"&decay {EXPONENTIAL}", f"&momentum {MOMENTUM}"),
        phase(NEW, "*data", "learning_rule: *rule, " + DECAY % "*decay", "*momentum"),
    ],
    "an algorithm": [
        phase(NEW, EYE, RULE % "").replace("algorithm: ", "algorithm: &sgd "),
        re.sub("algorithm: [^@]*extensions", "algorithm: *sgd,\n    extensions", phase(NEW)),
    ],
    "a model": [phase(f"&model {NEW}", EYE), phase(PUSHED % ("*model", 0, 0))],
    "a model and its records": [phase(f"&model {NEW}", EYE), phase(PUSHED % ("*model", 1, 1))],
    "a model that is loaded": [
        phase(NEW, EYE),
        phase(
            "&pushed " + PUSHED % (f"&model {FIRST}", 1, 1),
            extensions="""
        !obj:adversarial.train_extensions.best_params.KeepBestParams {
            model: *model, cost: !obj:adversarial.AdversaryCost2 { scale_grads: 0 },
            monitoring_dataset: *data, batch_size: 3 }""",
        ),
    ],
    "a preprocessor": [
        phase(NEW, PREPROCESSED % ("&data ", "&zca " + ZCA, "True")),
        phase(NEW, PREPROCESSED % ("", "*zca", "False")),
    ],
    "a learning rule": [
        phase(NEW, EYE, RULE % "&rule ", MOMENTUM),
        phase(NEW, "*data", "learning_rule: *rule,"),
    ],
    "a cost": [
        phase(NEW, EYE, DECAY % CYCLER, ACTIVATE).replace("cost: !obj", "cost: &cost !obj"),
        re.sub("cost: [^}]*}", "cost: *cost", phase(NEW, algorithm=DECAY % CYCLER)),
    ],
    "an average": [
        phase(NEW, EYE, extensions=f"&average {POLYAK}"),
        phase(NEW, "*data", "", "*average"),
    ],
    "the best model": [
        phase(NEW, EYE, extensions=f"&best {BEST}"),
        phase(NEW, "*data", "", "*best"),
    ],
    "a table and a picture": [
        phase(NEW, EYE, extensions=f"&table {TABLE}, &grid {GRID}"),
        phase(NEW, "*data", "", "*table, *grid"),
    ],
    "a criterion": [
        COUNTER.sub(f"&stop {IMPROVES}", phase(NEW, EYE)),
        COUNTER.sub("*stop", phase(NEW)),
    ],
    "data that are flipped": [
        phase(NEW, PREPROCESSED % ("&data ", ZCA, "True"), extensions=f"&flip {FLIP}"),
        phase(NEW, extensions="*flip"),
    ],
    "a discriminator and its layer": [
        phase(PAIR % (GENERATOR, DISCRIMINATOR.replace("!obj", "&d !obj", 1)), EYE),
        phase(PAIR % (GENERATOR, "*d")),
    ],
    "with the phase before the last": [
        phase(PAIR % (f"&g {GENERATOR}", DISCRIMINATOR), EYE),
        phase(NEW),
        phase(PAIR % ("*g", DISCRIMINATOR)),
    ],
}


class Killed(BaseException):
    pass


@pytest.fixture
def killed(run, monkeypatch):
    """killed(saves, *args): train.py, which dies right after so many saves."""
    write = Train._write

    def killed(saves, *args):
        left = [saves]

        def dying(self, path):
            done = write(self, path)
            left[0] -= 1
            if left[0] == 0:
                raise Killed
            return done

        monkeypatch.setattr(Train, "_write", dying)
        try:
            with pytest.raises(Killed):
                run(*args)
        finally:
            monkeypatch.setattr(Train, "_write", write)

    return killed


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """whole(kind, run) -> what the files of a run hold that was never stopped, by their names."""
    made = {}

    def whole(kind, run):
        if kind not in made:
            here = os.getcwd()
            os.chdir(tmp_path_factory.mktemp("whole"))
            write(kind)
            assert run("a.yaml") == (0, "")
            made[kind] = {name: contents(name) for name in sorted(glob.glob("a_*.pkl"))}
            os.chdir(here)
        return made[kind]

    return whole


def write(kind):
    Path("a.yaml").write_text("".join(KINDS[kind]))


def assert_same(name, whole):
    np.testing.assert_equal(contents(name), whole[name], name)


# Each phase saves twice.
QUICK = {
    ("a generator", 2),
    ("schedules", 3),
    ("a model and its records", 2),
    ("a preprocessor", 3),
    ("an average", 3),
}
EVERY = [(kind, saves) for kind in KINDS for saves in range(2, 2 * len(KINDS[kind]))]


@pytest.mark.parametrize(
    ("kind", "saves"),
    [case if case in QUICK else pytest.param(*case, marks=pytest.mark.slow) for case in EVERY],
)
def test_killed_between_phases_and_in_a_later_one(kind, saves, folder, run, killed, whole):
    expected = whole(kind, run)
    write(kind)
    killed(saves, "a.yaml")
    resumed = sorted(glob.glob("a_*.pkl"))[-1]
    assert run("--resume", resumed) == (0, "")
    for name in expected:
        assert_same(name, expected)


@pytest.mark.parametrize(
    "kind",
    [
        kind
        if kind in ("a generator", "a model and its records", "data that are flipped")
        else pytest.param(kind, marks=pytest.mark.slow)
        for kind in KINDS
        if len(KINDS[kind]) == 2
    ],
)
def test_the_file_of_a_later_phase_holds_what_that_needs(kind, folder, run, killed, whole):
    expected = whole(kind, run)
    write(kind)
    killed(3, "a.yaml")
    os.remove("a_phase1.pkl")
    status, err = run("--resume", "a_phase2.pkl")
    if kind == "data that are flipped":  # data are not saved
        assert status == 1 and "Phase 1, whose model file cannot be used" in err
    else:
        assert (status, err) == (0, "")
        assert_same("a_phase2.pkl", expected)


@pytest.mark.parametrize("saves", [4, pytest.param(3, marks=pytest.mark.slow)])
def test_what_no_file_holds_is_told(saves, folder, run, killed):
    """Phase 3 trains the generator of phase 1, of which phase 2 knows nothing."""
    write("with the phase before the last")
    killed(saves, "a.yaml")
    first = Path("a_phase1.pkl").read_bytes()
    for change, words in [
        (os.remove, "whose model file cannot be used (cannot open a_phase1.pkl"),
        (lambda path: shutil.copy("a_phase2.pkl", path), "holds another experiment now"),
    ]:
        change("a_phase1.pkl")
        status, err = run("--resume", "a_phase2.pkl")
        assert status == 1 and "Generator (a.yaml line 4) is shared with phase 1, " in err
        assert words in err and "Bring back the model file of phase 1" in err
        assert not os.path.exists("a_phase3.pkl")
    Path("a_phase1.pkl").write_bytes(first)
    assert run("--resume", "a_phase2.pkl", "--max-epochs", "0") == (0, "")


def test_an_edited_file_cannot_share_with_a_phase_that_is_over(folder, run, killed):
    write("a model")
    killed(3, "a.yaml")
    Path("b.yaml").write_text(Path("a.yaml").read_text().replace("rate: .1", "rate: .2"))
    status, err = run("--resume", "a_phase2.pkl", "--config", "b.yaml")
    assert status == 1 and "cannot go on by an edited file: phase 1, which is over" in err
