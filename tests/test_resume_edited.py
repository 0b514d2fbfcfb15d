"""Resuming compares data and YAML with what the training had, and goes on by an edited file."""

from __future__ import annotations

import platform
from pathlib import Path

import aesara
import numpy as np
import pytest

import adversarial
from adversarial import backend, checkpoint
from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
from adversarial.datasets.fingerprint import describe_difference, fingerprint
from adversarial.datasets.vector_spaces_dataset import VectorSpacesDataset
from adversarial.reconfigure import Edits
from adversarial.scripts import train
from adversarial.space import CompositeSpace, VectorSpace
from adversarial.train_extensions.best_params import MonitorBasedSaveBest
from adversarial.train_extensions.snapshots import Snapshots
from adversarial.utils import serial

EXPERIMENT = """
!obj:adversarial.train.Train {
    dataset: &train !obj:sized.rows {},
    model: !obj:adversarial.AdversaryPair {
        generator: !obj:adversarial.Generator {
            noise: uniform,
            mlp: !obj:adversarial.models.mlp.MLP {
                nvis: 2,
                layers: [!obj:adversarial.models.mlp.Linear {
                    layer_name: y, dim: 6, irange: .5 }] } },
        discriminator: !obj:adversarial.models.mlp.MLP {
            nvis: 6,
            layers: [!obj:adversarial.models.mlp.Sigmoid {
                layer_name: y, dim: 1, irange: .5 }] } },
    algorithm: !obj:adversarial.training_algorithms.sgd.SGD {
        batch_size: 10, learning_rate: .1, monitoring_dataset: { train: *train },
        learning_rule: !obj:adversarial.training_algorithms.learning_rule.Momentum {
            init_momentum: .5 },
        update_callbacks: !obj:adversarial.training_algorithms.schedules.ExponentialDecay {
            decay_factor: 1.01, min_lr: .0001 },
        cost: !obj:adversarial.AdversaryCost2 { scale_grads: 0 },
        termination_criterion: !obj:adversarial.termination_criteria.EpochCounter {
            max_epochs: 4 } },
    extensions: [
        !obj:adversarial.train_extensions.momentum.MomentumAdjustor {
            start: 1, saturate: 9, final_momentum: .9 }
    ],
    save_path: "${PYLEARN2_TRAIN_FILE_FULL_STEM}.pkl",
    save_freq: 1
}
"""
SIZED = """
import numpy as np
from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
def rows():
    n, width, seed = map(int, open("size.txt").read().split())
    return DenseDesignMatrix(X=np.random.RandomState(seed).rand(n, width))
"""
RUN = ["--allow-module", "sized"]


@pytest.fixture
def folder(tmp_path, monkeypatch, fast_compile):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "sized.py").write_text(SIZED)
    (tmp_path / "size.txt").write_text("40 6 0")
    (tmp_path / "x.yaml").write_text(EXPERIMENT)
    yield tmp_path
    import sys

    sys.modules.pop("sized", None)


def run(*arguments):
    return train.main([*arguments, *RUN])


def edited(*replacements, name="new.yaml"):
    text = EXPERIMENT
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new)
    Path(name).write_text(text)


def channel(name, path="x.pkl"):
    return np.asarray(serial.load(path).monitor.channels[name].val_record)


@pytest.mark.parametrize(
    "size, words",
    [
        ("30 6 0", "30 examples instead of 40"),
        ("39 6 0", "39 examples instead of 40"),
        ("40 6 1", "other values"),
        ("40 7 0", "shape"),
    ],
)
def test_other_data_are_refused(size, words, folder):
    assert run("x.yaml", "--max-epochs", "1") == 0
    before = Path("x.pkl").read_bytes()
    Path("size.txt").write_text(size)
    with pytest.raises(ValueError, match=words) as error:
        run("--resume", "x.pkl")
    assert "--resume x.pkl --config x.yaml" in str(error.value)
    assert Path("x.pkl").read_bytes() == before


def test_other_data_are_taken_where_the_user_says_so(folder, caplog):
    assert run("x.yaml", "--max-epochs", "1") == 0
    Path("size.txt").write_text("30 6 0")
    assert run("--resume", "x.pkl", "--config", "x.yaml") == 0
    assert "30 examples instead of 40" in caplog.text
    monitor = serial.load("x.pkl").monitor
    assert (monitor.get_epochs_seen(), monitor.get_batches_seen()) == (4, 4 + 3 * 3)
    caplog.clear()
    assert run("--resume", "x.pkl") == 0  # now these are its data
    assert "instead of" not in caplog.text


def test_a_yaml_edited_beside_the_model_is_noticed(folder, caplog):
    assert run("x.yaml", "--max-epochs", "1") == 0
    edited(("learning_rate: .1", "learning_rate: .05"), name="x.yaml")
    assert run("--resume", "x.pkl", "--max-epochs", "2") == 0
    assert "x.yaml was edited, from line 16 on" in caplog.text
    assert "--resume x.pkl --config x.yaml" in caplog.text
    rates = channel("learning_rate")
    np.testing.assert_allclose(rates, 0.1 / 1.01 ** (4 * np.arange(3)), rtol=1e-5)


def test_the_yaml_as_it_was_says_nothing_and_ends_in_the_same_bits(folder, caplog):
    assert run("x.yaml") == 0
    whole = [p.get_value() for p in serial.load("x.pkl").get_params()]
    assert run("x.yaml", "--max-epochs", "2", "--overwrite") == 0
    caplog.clear()
    assert run("--resume", "x.pkl", "--config", "x.yaml", "--quiet") == 0
    assert not caplog.records
    for value, param in zip(whole, serial.load("x.pkl").get_params()):
        np.testing.assert_array_equal(value, param.get_value())


def test_an_edited_rate_is_used_and_its_schedule_goes_on(folder, caplog):
    assert run("x.yaml", "--max-epochs", "2") == 0
    edited(("learning_rate: .1", "learning_rate: .02"))
    assert run("--resume", "x.pkl", "--config", "new.yaml") == 0
    assert "algorithm.learning_rate: " in caplog.text
    decayed = 1.01 ** (4.0 * np.arange(5))
    np.testing.assert_allclose(channel("learning_rate")[:3], 0.1 / decayed[:3], rtol=1e-5)
    np.testing.assert_allclose(channel("learning_rate")[3:], 0.02 / decayed[3:], rtol=1e-5)
    # What was used is what the file says it is.
    assert "learning_rate: .02" in checkpoint.read("x.pkl").experiment["yaml"]


def test_an_edited_schedule_and_criterion(folder):
    """Of a finished training; the momentum's schedule has other ends, and extensions moved."""
    assert run("x.yaml") == 0
    edited(
        ("max_epochs: 4", "max_epochs: 7"), ("init_momentum: .5", "init_momentum: .1"),
        ("saturate: 9, final_momentum: .9", "saturate: 5, final_momentum: .4"),
        ("extensions: [", "extensions: [!obj:adversarial.ActivateGenerator "
                          "{ active_after: 99 },"),
    )  # fmt: skip
    assert run("--resume", "x.pkl", "--config", "new.yaml") == 0
    momentum = channel("momentum")
    assert len(momentum) == 8
    # As measured after an epoch, before the next one's is set.
    np.testing.assert_allclose(momentum[1:5], 0.5 + 0.4 * np.arange(4) / 8, rtol=1e-5)
    np.testing.assert_allclose(momentum[5:], 0.4, rtol=1e-5)


def test_an_edited_list_of_callbacks(folder, caplog):
    """A callback that comes before the schedule does not take its state, or its place."""
    assert run("x.yaml", "--max-epochs", "2") == 0
    schedule = EXPERIMENT[EXPERIMENT.index("!obj:adversarial.training_algorithms.schedules") :]
    schedule = schedule[: schedule.index("}") + 1]
    cycler = "!obj:adversarial.training_algorithms.cycler.Cycler { k: 2 }"
    edited((schedule, f"[{cycler}, {schedule}]"))
    assert run("--resume", "x.pkl", "--config", "new.yaml", "--max-epochs", "4") == 0
    rates = 0.1 / 1.01 ** (4.0 * np.arange(5))
    np.testing.assert_allclose(channel("learning_rate"), rates, rtol=1e-5)
    assert "has a place" not in caplog.text


CRITERION = "!obj:adversarial.termination_criteria.%s"
NEVER = CRITERION % "ChannelInf { channel_name: learning_rate }"
NEW_CHANNEL = CRITERION % "ChannelTarget { channel_name: new_objective, target: 1000000. }"


def counter(epochs):
    return CRITERION % f"EpochCounter {{ max_epochs: {epochs} }}"


def patience(epochs):
    """The rate falls by 4 % an epoch, which is too little."""
    settings = f"prop_decrease: .5, N: {epochs}, channel_name: learning_rate"
    return CRITERION % f"MonitorBased {{ {settings} }}"


def both(*criteria):
    return CRITERION % f"And {{ criteria: [{', '.join(criteria)}] }}"


@pytest.mark.parametrize(
    "old, before, new, epochs",
    [
        (counter(2), 2, both(NEVER, counter(3)), 3),
        (counter(4), 2, both(counter(3), NEVER), 3),
        (NEVER, 2, counter(3), 3),
        (NEVER, 2, counter(2), 2),
        (patience(2), 2, counter(3), 3),
        (patience(3), 1, both(counter(9), patience(3)), 3),
        (counter(4), 2, NEW_CHANNEL, 3),
    ],
)
def test_an_edited_criterion_is_of_the_whole_training(old, before, new, epochs, folder):
    """Whether the old one had ended the training or not."""
    criterion = EXPERIMENT[EXPERIMENT.index("!obj:adversarial.termination") :].partition(" },")[0]
    edited((criterion, old), name="x.yaml")
    edited((criterion, new), ("{ train: *train }", "{ train: *train, new: *train }"))
    assert run("x.yaml", "--max-epochs", str(before)) == 0
    assert serial.load("x.pkl").monitor.get_epochs_seen() == before
    assert run("--resume", "x.pkl", "--config", "new.yaml", "--max-epochs", "5") == 0
    assert serial.load("x.pkl").monitor.get_epochs_seen() == epochs


def test_a_finished_training_says_how_to_go_on(folder, caplog):
    assert run("x.yaml") == 0
    assert run("--resume", "x.pkl", "--max-epochs", "9") == 0
    nothing = "nothing to train: the model has 4 epochs"
    assert caplog.text.count(nothing) == 1 and "--config COPY.yaml" in caplog.text
    edited(("max_epochs: 4", "max_epochs: 3"))
    assert run("--resume", "x.pkl", "--config", "new.yaml", "--max-epochs", "9") == 0
    assert caplog.text.count(nothing) == 2
    assert serial.load("x.pkl").monitor.get_epochs_seen() == 4


@pytest.mark.parametrize(
    "old, new",
    [
        ("nvis: 2", "nvis: 3"),
        (
            "layers: [!obj:adversarial.models.mlp.Linear {",
            "layers: [!obj:adversarial.models.mlp.Linear { layer_name: h, dim: 5, irange: .5 },"
            " !obj:adversarial.models.mlp.Linear {",
        ),
    ],
)
def test_another_model_is_refused(old, new, folder):
    assert run("x.yaml", "--max-epochs", "1") == 0
    edited((old, new))
    with pytest.raises(ValueError, match="another than that of the edited file: model."):
        run("--resume", "x.pkl", "--config", "new.yaml")


def test_a_second_extension_of_a_class_does_not_take_the_state_of_the_first():
    def best(channel, cost=np.inf):
        item = MonitorBasedSaveBest(channel, store_best_model=True)
        item.best_cost = cost
        return item

    old = {"extensions": [best("objective"), Snapshots([1], "a{epoch}.pkl")], "callbacks": []}
    new = {
        **old,
        "extensions": [best("misclass"), Snapshots([2], "a{epoch}.pkl"), best("objective")],
    }
    edits = Edits.between(old, new)
    assert edits.moved == {"extensions[0]": "extensions[2]", "extensions[1]": "extensions[1]"}
    assert edits.value("extensions[2].best_cost", 0.3) == 0.3


def test_config_is_for_resuming(folder, capsys):
    with pytest.raises(SystemExit):
        run("x.yaml", "--config", "x.yaml")
    assert "--config is for --resume" in capsys.readouterr().err


def flag(name, value):
    return lambda patch: patch.setattr(aesara.config, name, value)


# What the bits depend on -> how it becomes another.
ELSEWHERE = {
    "engine": lambda patch: patch.setattr(backend, "describe", lambda: "C, MKL (64 threads)"),
    "processor": lambda patch: patch.setattr(checkpoint, "_processor", lambda: "Z80"),
    "instruction sets": lambda patch: patch.setattr(checkpoint, "processor_mark", lambda: "0"),
    "compiler": lambda patch: patch.setattr(checkpoint, "gcc_version", lambda: "2.95"),
    "compiler flags": flag("gcc__cxxflags", "-O0"),
    "mode": flag("mode", "FAST_RUN"),
    "linker": flag("linker", "py"),
    "rewrites": flag("optimizer", "o2"),
    "versions: Python": lambda patch: patch.setattr(platform, "python_version", lambda: "2.7.6"),
    "versions: NumPy": lambda patch: patch.setattr(np, "__version__", "1.8"),
    "versions: Aesara": lambda patch: patch.setattr(aesara, "__version__", "0.6"),
    "versions: adversarial-nets": lambda patch: patch.setattr(adversarial, "__version__", "0"),
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A function that copies a trained experiment into the current folder."""
    made = []

    def trained():
        if not made:
            assert run("x.yaml", "--max-epochs", "1") == 0
            made.append(Path("x.pkl").read_bytes())
        Path("x.pkl").write_bytes(made[0])

    return trained


@pytest.mark.parametrize("what", [None, *ELSEWHERE])
def test_what_is_another_where_a_run_is_resumed_is_told(what, trained, folder, caplog):
    trained()
    saved = checkpoint.read("x.pkl").machine
    assert set(saved) == {name.partition(":")[0] for name in ELSEWHERE}
    with pytest.MonkeyPatch.context() as patch:
        if what is not None:
            ELSEWHERE[what](patch)
        told = checkpoint.other_machine(saved)
    if what is None:
        assert told is None
    else:
        name, _, part = what.partition(": ")
        assert told.startswith(f"{name} '") and told.count(", now '") == 1 and part in told


def test_another_machine_is_told(folder, caplog, monkeypatch):
    assert run("x.yaml", "--max-epochs", "1") == 0
    other = {**checkpoint.machine(), "processor": "Z80", "mode": "DebugMode"}
    monkeypatch.setattr(checkpoint, "machine", lambda: other)
    assert run("--resume", "x.pkl", "--max-epochs", "2") == 0
    (line,) = [r.getMessage() for r in caplog.records if "bit for bit" in r.getMessage()]
    assert "now 'Z80'" in line and "now 'DebugMode'" in line and "versions" not in line


def test_other_monitored_data_are_told(folder, caplog):
    other = "monitoring_dataset: { valid: !obj:sized.others {} }"
    edited(("monitoring_dataset: { train: *train }", other), name="x.yaml")
    code = (
        SIZED
        + """
def others():
    n = int(open("others.txt").read())
    return DenseDesignMatrix(X=np.ones((n, 6)))
"""
    )
    Path("sized.py").write_text(code)
    Path("others.txt").write_text("20")
    assert run("x.yaml", "--max-epochs", "1") == 0
    Path("others.txt").write_text("30")
    assert run("--resume", "x.pkl", "--max-epochs", "2") == 0
    assert "the monitored set valid has 30 examples instead of 20" in caplog.text


def test_a_stream_that_does_not_know_its_size():
    class Stream:
        def iterator(self, **kwargs):
            return iter(())

    data = fingerprint(Stream())
    assert data == {"examples": None, "shapes": {}, "checksum": None}
    assert describe_difference(data, data) is None
    assert "unknown number" in describe_difference({"examples": [1]}, data)


def test_fingerprints():
    rng = np.random.RandomState(0)
    X, y = rng.rand(5000, 3), rng.randint(3, size=(5000, 1))
    data = fingerprint(DenseDesignMatrix(X=X, y=y))
    assert data["examples"] == 5000 and data["shapes"] == {"X": [3], "y": [1]}
    assert (
        describe_difference(data, fingerprint(DenseDesignMatrix(X=X.copy(order="F"), y=y))) is None
    )
    X[4999, 2] += 1
    assert "other values" in describe_difference(data, fingerprint(DenseDesignMatrix(X=X, y=y)))
    X[4999, 2] -= 1
    y[17] += 1
    assert "other values" in describe_difference(data, fingerprint(DenseDesignMatrix(X=X, y=y)))
    assert "of shape" in describe_difference(data, fingerprint(DenseDesignMatrix(X=X)))


@pytest.mark.parametrize("count", [1, 2])
def test_fingerprints_of_arrays_with_names(count):
    def data(*arrays):
        spaces = [VectorSpace(array.shape[1]) for array in arrays[:count]]
        names = ("features", "others")[:count]
        if count == 1:
            return VectorSpacesDataset(arrays[0], (spaces[0], names[0]))
        return VectorSpacesDataset(arrays[:count], (CompositeSpace(spaces), names))

    X = np.random.RandomState(0).rand(20, 3).astype("float32")
    found = fingerprint(data(X, X[:, :2]))
    assert found["shapes"] == dict([("features", [3]), ("others", [2])][:count])
    assert describe_difference(found, fingerprint(data(X.copy(), X[:, :2]))) is None
    changed = fingerprint(data(X + 1, X[:, :2]))
    assert "other values" in describe_difference(found, changed)
    # Earlier versions did not know these arrays.
    assert describe_difference({"examples": 20, "shapes": {}, "checksum": None}, found) is None
