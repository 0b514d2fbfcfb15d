"""The train loop in this process.  (The command: test_train_cli.py.)"""

from __future__ import annotations

import functools
import logging
import os
import shutil
import signal
import subprocess
import time

import numpy as np
import pytest
from time_bounds import LONGEST

from adversarial import checkpoint
from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
from adversarial.models.mlp import MLP, Linear
from adversarial.models.model import Model
from adversarial.monitor import Monitor, push_monitor, read_channel
from adversarial.reconfigure import Edits
from adversarial.signals import Interrupted
from adversarial.termination_criteria import And, EpochCounter, MonitorBased
from adversarial.train import Train, say_if_slow
from adversarial.train_extensions import TrainExtension
from adversarial.train_extensions.best_params import MonitorBasedSaveBest
from adversarial.train_extensions.report import EpochTable
from adversarial.training_algorithms.learning_rule import Momentum
from adversarial.training_algorithms.sgd import SGD
from adversarial.training_algorithms.training_algorithm import TrainingDiverged
from adversarial.utils import serial

pytestmark = pytest.mark.usefixtures("either_engine", "fast_compile")


class Diary(TrainExtension):
    """Writes down what happens, with the number of epochs seen."""

    def __init__(self):
        self.events = []

    def setup(self, model, dataset, algorithm):
        self.events.append("setup")

    def on_monitor(self, model, dataset, algorithm):
        self.events.append(("monitor", model.monitor.get_epochs_seen()))

    def on_save(self, model, dataset, algorithm):
        self.events.append(("save", model.monitor.get_epochs_seen()))

    def saves(self):
        return [event[1] for event in self.events if event[0] == "save"]


def net():
    return MLP([Linear(dim=2, layer_name="h", irange=1.0)], nvis=6)


def experiment(data, epochs=3, callbacks=(), **kwargs):
    """(Train, its Diary) for so many epochs; None: without end."""
    diary = Diary()
    criterion = None if epochs is None else EpochCounter(max_epochs=epochs)
    algorithm = SGD(
        0.1,
        batch_size=5,
        monitoring_dataset={"valid": data},
        termination_criterion=criterion,
        update_callbacks=list(callbacks),
    )
    return Train(data, net(), algorithm, extensions=[diary], **kwargs), diary


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "model.pkl")


def test_epochs(data):
    train, diary = experiment(data)
    train.main_loop()
    monitor = train.model.monitor
    assert monitor.training_succeeded
    assert (monitor.get_epochs_seen(), monitor.get_examples_seen()) == (3, 69)
    assert diary.events == ["setup", *(("monitor", epoch) for epoch in range(4))]
    objective = monitor.channels["valid_objective"]
    assert list(objective.epoch_record) == [0, 1, 2, 3]
    assert objective.val_record[3] < objective.val_record[0]


def test_seconds_are_channels(data):
    train, _ = experiment(data)
    train.main_loop()
    channels = train.model.monitor.channels
    trained = channels["training_seconds_this_epoch"].val_record
    whole = channels["total_seconds_last_epoch"].val_record
    assert trained[0] == whole[0] == whole[1] == 0
    # An epoch takes at least the time of its training, and is reported one epoch later.
    assert all(0 < t < w for t, w in zip(trained[1:], whole[2:]))


@pytest.mark.parametrize(
    "freq, epochs, saves",
    [(1, 3, [1, 2, 3]), (2, 5, [2, 4, 5]), (2, 4, [2, 4]), (0, 3, [])],
)
def test_saves(freq, epochs, saves, data, path):
    train, diary = experiment(data, epochs, save_path=path, save_freq=freq)
    train.main_loop()
    assert diary.saves() == saves
    assert train.is_saved == bool(saves)
    if saves:
        again = serial.load(path)
        np.testing.assert_array_equal(again.get_param_vector(), train.model.get_param_vector())
        assert again.monitor.get_epochs_seen() == epochs and again.monitor.training_succeeded
        record = again.monitor.channels["valid_objective"].epoch_record
        assert list(record) == list(range(epochs + 1))


def test_the_file_remembers_the_data(data, path):
    data.yaml_src = "!obj:data {}"
    train, _ = experiment(data, 1, save_path=path, save_freq=1)
    train.main_loop()
    assert serial.load(path).dataset_yaml_src == "!obj:data {}"


def test_a_restored_model_goes_on(data, path):
    """Four epochs, or two and then two: the same minibatches, records and weights."""
    whole, _ = experiment(data, 4)
    whole.main_loop()
    first, _ = experiment(data, 2, save_path=path, save_freq=2)
    first.main_loop()
    second, diary = experiment(data, 2)
    second.model = serial.load(path)
    second.algorithm.rng = first.algorithm.rng
    second.main_loop()
    assert second.model.monitor.get_epochs_seen() == 4
    np.testing.assert_allclose(
        second.model.get_param_vector(), whole.model.get_param_vector(), rtol=1e-6
    )
    # The epoch at which they met was monitored by both.
    assert list(second.model.monitor.channels["valid_objective"].epoch_record) == [0, 1, 2, 2, 3, 4]


def test_time_budget(data, path, caplog, monkeypatch):
    """Looked at between epochs; the model is then saved."""

    class Clock(TrainExtension):
        def on_monitor(self, model, dataset, algorithm):
            now[0] += 100

    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    caplog.set_level(logging.INFO)
    train, diary = experiment(data, None, save_path=path, save_freq=10)
    train.extensions.append(Clock())
    train.main_loop(time_budget=350)
    assert train.model.monitor.get_epochs_seen() == 3
    assert "time budget of 350 s spent" in caplog.text and diary.saves() == [3]
    train, diary = experiment(data, None)
    train.main_loop(time_budget=0)
    assert diary.events == ["setup", ("monitor", 0)]


# Signals


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1])
def test_a_signal_ends_the_epoch_after_its_minibatch(signum, data, path, request):
    def send(algorithm):
        if algorithm.model.monitor.get_batches_seen() == 7:
            signal.raise_signal(signum)
            after.append(algorithm.model.get_param_vector())

    # One that is ignored, as SIGHUP is where the tests run under nohup, would stay so.
    request.addfinalizer(functools.partial(signal.signal, signum, signal.getsignal(signum)))
    signal.signal(signum, signal.default_int_handler)
    after, handlers = [], [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)]
    train, diary = experiment(data, None, [send], save_path=path, save_freq=10)
    with pytest.raises(Interrupted, match=signum.name) as stopped:
        train.main_loop()
    assert stopped.value.signum == signum
    assert diary.saves() == [1] and len(after) == 1
    again = serial.load(path)
    assert (again.monitor.get_epochs_seen(), again.monitor.get_batches_seen()) == (1, 7)
    assert not again.monitor.training_succeeded
    np.testing.assert_array_equal(again.get_param_vector(), after[0])
    assert [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)] == handlers


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGUSR1])
def test_a_signal_lets_the_save_at_the_end_be_done(signum, data, path, request):
    handler = signal.signal(signum, lambda *args: pytest.fail("ended the save"))
    request.addfinalizer(lambda: signal.signal(signum, handler))

    class Late(TrainExtension):
        def on_save(self, model, dataset, algorithm):
            signal.raise_signal(signum)

    train, _ = experiment(data, epochs=2, save_path=path, save_freq=5)
    train.extensions.append(Late())
    with pytest.raises(Interrupted):
        train.main_loop()
    assert train.is_saved and serial.load(path).monitor.get_epochs_seen() == 2


def test_an_untrained_model_does_not_replace_a_file(data, path):
    class Impatient(TrainExtension):
        def on_monitor(self, *args):
            signal.raise_signal(signal.SIGINT)

    with open(path, "w") as stream:
        stream.write("precious")
    train, _ = experiment(data, None, save_path=path, save_freq=1)
    train.extensions.append(Impatient())
    with pytest.raises(Interrupted):
        train.main_loop()
    with open(path) as stream:
        assert stream.read() == "precious"


def test_classes_that_no_file_may_hold_are_trained_and_interrupted(data):
    """Such as those of the program itself; nothing is saved, so nothing asks for their names."""

    class Own(Linear):
        pass

    class Long(TrainExtension):
        may_be_interrupted = True

        def on_monitor(self, model, dataset, algorithm):
            if model.monitor.get_epochs_seen() == stop_at:
                signal.raise_signal(signal.SIGINT)
                model.monitor.between_batches()

    vectors = []
    for stop_at in (None, 2):
        train, diary = experiment(data)
        train.model = MLP([Own(dim=2, layer_name="h", irange=1.0)], nvis=6)
        best = MonitorBasedSaveBest("valid_objective", store_best_model=True)
        train.extensions += [best, Long()]
        if stop_at is not None:
            with pytest.raises(Interrupted):
                train.main_loop()
            # As it was before the monitoring, which is repeated.
            assert best.best_cost == train.model.monitor.channels["valid_objective"].val_record[-1]
            assert best.best_model.monitor.get_epochs_seen() == 1
            stop_at = None
        train.main_loop()
        assert best.best_model.monitor.get_epochs_seen() == 3
        vectors.append(train.model.get_param_vector())
    np.testing.assert_array_equal(*vectors)


def test_errors_pass_through(data, path):
    def fail(algorithm):
        raise ZeroDivisionError

    train, diary = experiment(data, None, [fail], save_path=path, save_freq=1)
    with pytest.raises(ZeroDivisionError):
        train.main_loop()
    assert diary.saves() == []


# Saving that fails


def test_a_save_that_fails_is_a_warning(data, tmp_path, caplog):
    """And training goes on; the next save may succeed."""
    folder = tmp_path / "disk"
    folder.mkdir()

    class Unplug(TrainExtension):
        def on_monitor(self, model, dataset, algorithm):
            epoch = model.monitor.get_epochs_seen()
            if epoch == 1:
                shutil.rmtree(folder)
            if epoch == 3:
                folder.mkdir()

    train, diary = experiment(data, 3, save_path=str(folder / "model.pkl"), save_freq=1)
    train.extensions.append(Unplug())
    train.main_loop()
    warnings = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert len(warnings) == 2 and all("could not save" in line for line in warnings)
    assert str(folder) in warnings[0]
    assert diary.saves() == [1, 2, 3] and train.is_saved
    assert serial.load(folder / "model.pkl").monitor.get_epochs_seen() == 3


def test_a_full_disk(data, path, tmp_path, caplog):
    """At one save no file can grow past 4 kB: it fails, others do not, and no file is torn."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    epochs = []

    class Disk(TrainExtension):
        def on_save(self, model, dataset, algorithm):
            full = model.monitor.get_epochs_seen() == 2
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096 if full else soft, hard))

        def on_monitor(self, model, dataset, algorithm):
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            if os.path.exists(path):
                epochs.append(serial.load(path).monitor.get_epochs_seen())

    train, _ = experiment(data, 4, save_path=path, save_freq=1)
    train.extensions.append(Disk())
    try:
        train.main_loop()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caplog.text.count("could not save") == 1 and "File too large" in caplog.text
    assert epochs == [1, 1, 3]
    assert train.is_saved and os.listdir(tmp_path) == ["model.pkl"]


def test_a_read_only_file_system_is_refused_before_compiling(data, tmp_path, monkeypatch):
    """Where not even root can write."""
    mounted = tmp_path / "disk"
    mounted.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(mounted)]
    if not shutil.which("mount") or subprocess.run(mount, stderr=subprocess.DEVNULL).returncode:
        pytest.skip("no right to mount a file system")
    try:
        train, _ = experiment(data, save_path=str(mounted / "model.pkl"), save_freq=1)
        monkeypatch.setattr(train.algorithm, "setup", None)
        with pytest.raises(PermissionError, match="disk, where the model is .* is not writable"):
            train.main_loop()
    finally:
        subprocess.run(["umount", str(mounted)], check=True)


class Glitch:
    """Once, the minibatch after number `at` has an infinite learning rate; `times` in all."""

    def __init__(self, at, times=1):
        self.at, self.times = at, times
        self.rates = []

    def __call__(self, algorithm):
        self.rates.append(float(algorithm.learning_rate_scale.get_value()))
        if Glitch.left and algorithm.monitor.get_batches_seen() == self.at:
            Glitch.left -= 1
            algorithm.learning_rate.set_value(np.float32("inf"))


def glitched(data, path, times, at=7, **kwargs):
    Glitch.left = times
    return experiment(data, 3, [Glitch(at)], save_path=path, save_freq=1, **kwargs)


NO_WARNINGS = pytest.mark.filterwarnings("ignore:invalid:RuntimeWarning")


@NO_WARNINGS
def test_divergence_stops_and_keeps_the_last_good_model(data, path, tmp_path):
    train, _ = glitched(data, path, 1)
    with pytest.raises(TrainingDiverged, match="h_[Wb] is not finite after minibatch 3 of epoch 2"):
        train.main_loop()
    good = serial.load(path)
    assert good.monitor.get_epochs_seen() == 1 and np.isfinite(good.get_param_vector()).all()
    assert train.diverged_path == str(tmp_path / "model.diverged.pkl")
    bad = serial.load(train.diverged_path)
    assert bad.monitor.get_batches_seen() == 7 and not np.isfinite(bad.get_param_vector()).all()
    # The good one goes on, and to where it would have come without the glitch.
    again, _ = glitched(data, path, 0)
    again.resume(checkpoint.read(path))
    again.main_loop()
    clean, _ = glitched(data, str(tmp_path / "clean.pkl"), 0)
    clean.main_loop()
    np.testing.assert_array_equal(again.model.get_param_vector(), clean.model.get_param_vector())


@NO_WARNINGS
@pytest.mark.parametrize("at, back_to", [(7, "epoch 1, minibatch 5"), (2, "epoch 0, minibatch 0")])
def test_rollback(at, back_to, data, path, caplog):
    train, _ = glitched(data, path, 2, at)
    train.main_loop(nan_policy="rollback")
    assert train.is_saved and train.model.monitor.get_epochs_seen() == 3
    assert f"rolled back to {back_to}; going on with 0.5 times" in caplog.text
    assert "going on with 0.25 times the learning rate (rollback 2 of 5)" in caplog.text
    channel = train.model.monitor.channels["learning_rate"]
    assert channel.val_record[-1] == pytest.approx(0.025)
    assert list(channel.epoch_record) == [0, 1, 2, 3]
    # The lowered rate is part of the training.
    assert checkpoint.read(path).epochs == 3
    again, _ = glitched(data, path, 0)
    again.resume(checkpoint.read(path))
    again.main_loop()
    assert float(again.algorithm.learning_rate_scale.get_value()) == 0.25


@NO_WARNINGS
def test_a_rollback_needs_no_file(data, path, caplog):
    """The file may have been removed, and of several processes only the first writes it."""

    def remove(algorithm):
        if algorithm.monitor.get_batches_seen() == 6 and os.path.exists(path):
            os.remove(path)

    train, _ = glitched(data, path, 1)
    train.algorithm.update_callbacks.append(remove)
    train.main_loop(nan_policy="rollback")
    assert "rolled back to epoch 1, minibatch 5" in caplog.text
    assert serial.load(path).monitor.get_epochs_seen() == 3


@NO_WARNINGS
def test_a_rollback_keeps_what_was_edited(data, path):
    """Before the first save after a resumption: the learning rate, and the epochs to train."""
    glitched(data, path, 0)[0].main_loop()
    (old, _), (new, _) = glitched(data, path, 0), glitched(data, path, 1, at=17)
    new.algorithm.learning_rate.set_value(np.float32(0.01))
    new.algorithm.termination_criterion = EpochCounter(4)
    new.resume(path, Edits.between(old.roots(), new.roots()))
    new.main_loop(nan_policy="rollback")
    assert new.model.monitor.get_epochs_seen() == 4
    assert float(new.algorithm.learning_rate.get_value()) == pytest.approx(0.01)
    assert read_channel(new.model, "learning_rate") == pytest.approx(0.005)


@NO_WARNINGS
def test_rollbacks_end(data, path, caplog):
    train, _ = glitched(data, path, 100)
    with pytest.raises(TrainingDiverged, match="h_[Wb] is not finite"):
        train.main_loop(nan_policy="rollback")
    assert caplog.text.count("rolled back to epoch 1") == 5
    assert np.isfinite(serial.load(path).get_param_vector()).all()


def test_a_monitored_objective_counts(data, path):
    train, _ = experiment(data, 3, save_path=path, save_freq=1)
    train.setup()
    channel = train.model.monitor.channels["valid_objective"]
    channel.val_record.append(float("nan"))
    with pytest.raises(TrainingDiverged, match="channel valid_objective is nan after epoch 0"):
        train._check_objectives()


def test_wrong_nan_policy(data):
    with pytest.raises(ValueError, match="nan_policy .*'hope'"):
        experiment(data)[0].main_loop(nan_policy="hope")


def test_a_failed_save_is_tried_again_next_epoch(data, path, monkeypatch):
    """And not only when the next one is due."""
    saved, save = [], serial.save

    def flaky(where, model, **kwargs):
        if model.monitor.get_epochs_seen() == 2:
            raise OSError("no space left")
        saved.append(model.monitor.get_epochs_seen())
        save(where, model, **kwargs)

    monkeypatch.setattr("adversarial.modelfile.saving.save", flaky)
    train, _ = experiment(data, 6, save_path=path, save_freq=2)
    train.main_loop()
    assert saved == [3, 4, 6]


def test_save_paths_are_checked_first(data, tmp_path, path):
    (tmp_path / "file").touch()
    train, _ = experiment(data, save_path=str(tmp_path / "file" / "model.pkl"), save_freq=1)
    with pytest.raises(OSError, match="file.* is not a folder"):
        train.main_loop()
    train, _ = experiment(data, save_path=str(tmp_path), save_freq=1)
    with pytest.raises(FileExistsError, match="is not a regular file"):
        train.main_loop()
    open(path, "w").close()
    train, _ = experiment(data, save_path=path, save_freq=1, allow_overwrite=False)
    with pytest.raises(FileExistsError, match="allow_overwrite"):
        train.main_loop()


@pytest.mark.parametrize("freq", [-1, 1.5, "1"])
def test_wrong_save_freq(freq, data, path):
    with pytest.raises(ValueError, match="save_freq .*" + repr(freq)):
        experiment(data, save_path=path, save_freq=freq)


def test_saving_needs_a_path(data):
    with pytest.raises(ValueError, match="save_freq is 2, but no save_path"):
        experiment(data, save_freq=2)


# Without a monitoring set, or an algorithm


def test_nothing_need_be_monitored(data):
    train = Train(data, net(), SGD(0.1, batch_size=5, termination_criterion=EpochCounter(2)))
    train.main_loop()
    assert train.model.monitor.get_epochs_seen() == 2 and not train.model.monitor.channels


class TrainsItself(Model):
    def __init__(self):
        super().__init__()
        self.epochs = 0

    def train_all(self, dataset):
        self.epochs += 1

    def continue_learning(self):
        return self.epochs < 3


def test_a_model_may_train_itself(data):
    train = Train(data, TrainsItself())
    train.main_loop()
    assert train.model.epochs == 3 == train.model.monitor.get_epochs_seen()
    with pytest.raises(NotImplementedError, match="<Model>|Model has no training algorithm"):
        Train(data, Model()).main_loop()


# Words


def test_the_learning_rate_is_a_channel(data):
    train, _ = experiment(data, 1)
    train.main_loop()
    assert read_channel(train.model, "learning_rate") == pytest.approx(0.1)


def test_slow_work_is_announced(caplog):
    caplog.set_level(logging.INFO)
    with say_if_slow("compiling", seconds=60):
        pass
    assert not caplog.records
    began = time.monotonic()
    with say_if_slow("compiling", seconds=0.01):
        while not caplog.records and time.monotonic() < began + LONGEST:
            time.sleep(0.01)
    assert caplog.messages == ["compiling"]


# Before the first epoch, and ends that are not the criterion's


@pytest.mark.parametrize(
    "stop",
    [EpochCounter(0), EpochCounter(0, new_epochs=False), And([EpochCounter(5), EpochCounter(0)])],
)
def test_the_criterion_is_asked_before_the_first_epoch(stop, data, path):
    train, diary = experiment(data, save_path=path, save_freq=1)
    train.algorithm.termination_criterion = stop
    before = train.model.get_param_vector()
    train.main_loop()
    assert train.model.monitor.get_epochs_seen() == 0 and train.model.monitor.training_succeeded
    np.testing.assert_array_equal(train.model.get_param_vector(), before)
    assert diary.events == ["setup", ("monitor", 0), ("save", 0)]


@pytest.mark.parametrize("new, epochs", [(True, 4), (False, 2)])
def test_epochs_of_before_count_where_they_are_to(new, epochs, data):
    first, _ = experiment(data, 2)
    first.main_loop()
    second, _ = experiment(data)
    second.model = first.model
    second.algorithm.termination_criterion = EpochCounter(2, new_epochs=new)
    second.main_loop()
    assert first.model.monitor.get_epochs_seen() == epochs


class StopAt(TrainExtension):
    def __init__(self, epoch):
        self.epoch = epoch

    def on_monitor(self, model, dataset, algorithm):
        if model.monitor.get_epochs_seen() == self.epoch:
            raise StopIteration


@pytest.mark.parametrize("epoch", [0, 2])
def test_an_extension_may_end_training(epoch, data, path):
    train, diary = experiment(data, None, save_path=path, save_freq=10)
    train.extensions.insert(0, StopAt(epoch))
    train.main_loop()
    assert diary.events == ["setup", *(("monitor", e) for e in range(epoch + 1)), ("save", epoch)]
    again = serial.load(path).monitor
    assert again.training_succeeded and again.get_epochs_seen() == epoch
    assert checkpoint.read(path).is_finished


def test_no_epochs_at_all_are_a_dry_run(data, path, tmp_path):
    train, diary = experiment(data, None, save_path=path, save_freq=1)
    train.main_loop(max_epochs=0)
    assert diary.events == ["setup"] and not os.listdir(tmp_path)
    assert list(train.model.monitor.channels["valid_objective"].epoch_record) == [0]
    assert not train.model.monitor.training_succeeded


# Constraints


def test_constraints_hold_before_the_first_monitoring_and_not_on_resume(data, path, monkeypatch):
    def constrained():
        train, _ = experiment(data, 1, save_path=path, save_freq=1)
        layer = Linear(dim=2, layer_name="h", istdev=1.0, max_col_norm=0.5)
        train.model = MLP([layer], nvis=6)
        return train, layer.get_params()[0]

    train, W = constrained()
    with_norms = np.sqrt((W.get_value() ** 2).sum(axis=0))
    assert (with_norms > 0.6).all()
    start = W.get_value() * (0.5 / (1e-7 + with_norms))
    train.setup()
    np.testing.assert_allclose(W.get_value(), start, rtol=1e-6)
    train.main_loop()
    measured = read_channel_at_start(train, "valid_h_col_norms_max")
    assert measured == pytest.approx(0.5, rel=1e-5)
    again, W = constrained()
    calls = []
    monkeypatch.setattr(MLP, "enforce_constraints", lambda self: calls.append(1))
    again.resume(checkpoint.read(path))
    again.main_loop()
    assert not calls


def read_channel_at_start(train, name):
    return train.model.monitor.channels[name].val_record[0]


# A watcher may never cost a model


class Broken(TrainExtension):
    only_watches = True

    def __init__(self, error, method):
        self.error = error
        setattr(self, method, self.fail)

    def fail(self, model, dataset, algorithm):
        raise self.error


@pytest.mark.parametrize("method", ["on_monitor", "on_save"])
@pytest.mark.parametrize(
    "error",
    [
        ValueError("no such colour"),
        MemoryError(),
        StopIteration(),
        UnicodeEncodeError("ascii", "ü", 0, 1, "ordinal not in range"),
    ],
)
def test_a_watcher_that_fails_is_a_warning(error, method, data, path, caplog):
    train, diary = experiment(data, 2, save_path=path, save_freq=1)
    train.extensions.insert(0, Broken(error, method))
    train.main_loop()
    assert serial.load(path).monitor.get_epochs_seen() == 2
    assert diary.saves() == [1, 2]
    (first, *_) = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert first.startswith(f"Broken.{method} failed ({type(error).__name__}")
    assert "test_train.py" in first


def test_watchers_are_called_once_the_model_is_saved(data, path):
    seen = []

    class Looks(TrainExtension):
        only_watches = True

        def on_monitor(self, model, dataset, algorithm):
            saved = serial.load(path).monitor.get_epochs_seen() if os.path.exists(path) else None
            seen.append(("monitor", model.monitor.get_epochs_seen(), saved))

        def on_save(self, model, dataset, algorithm):
            seen.append(
                (
                    "save",
                    model.monitor.get_epochs_seen(),
                    serial.load(path).monitor.get_epochs_seen(),
                )
            )

    train, _ = experiment(data, 2, save_path=path, save_freq=1)
    train.extensions.append(Looks())
    train.main_loop()
    assert seen == [
        ("monitor", 0, None),
        ("save", 1, 1),
        ("monitor", 1, 1),
        ("save", 2, 2),
        ("monitor", 2, 2),
    ]


# More than one training in one process


def state(train):
    return [param.get_value() for param in train.model.get_params()]


def test_the_main_loop_called_again_goes_on(data):
    """Two trainings of two epochs make the steps of one of four."""
    whole, _ = experiment(data, 4)
    whole.algorithm.learning_rule = Momentum(0.5)
    whole.main_loop()
    twice, diary = experiment(data, 2)
    twice.algorithm.learning_rule = Momentum(0.5)
    twice.main_loop()
    twice.main_loop()
    assert twice.model.monitor.get_epochs_seen() == 4
    assert diary.events.count("setup") == 1
    for ours, theirs in zip(state(twice), state(whole)):
        np.testing.assert_array_equal(ours, theirs)
    record = whole.model.monitor.channels["valid_objective"].val_record
    assert list(twice.model.monitor.channels["valid_objective"].val_record) == [
        *record[:3],
        *record[2:],
    ]


def test_the_main_loop_goes_on_where_it_was_interrupted(data):
    def interrupt(algorithm):
        if algorithm.model.monitor.get_batches_seen() == 7:
            signal.raise_signal(signal.SIGINT)

    whole, _ = experiment(data, 3)
    whole.main_loop()
    train, diary = experiment(data, 3, [interrupt])
    with pytest.raises(Interrupted):
        train.main_loop()
    train.main_loop()
    assert diary.events == ["setup", *(("monitor", epoch) for epoch in range(4))]
    for ours, theirs in zip(state(train), state(whole)):
        np.testing.assert_array_equal(ours, theirs)


def test_an_epoch_begins_anew_if_its_minibatches_are_others(data, path, caplog):
    """The second epoch was stopped after 2 of 5 minibatches; the resumed one makes 3 of it."""

    def interrupt(algorithm):
        if algorithm.model.monitor.get_batches_seen() == 7:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(Interrupted):
        experiment(data, 2, [interrupt], save_path=path, save_freq=1)[0].main_loop()
    (old, _), (new, _) = experiment(data, 2), experiment(data, 2)
    new.algorithm.batch_size = 10
    new.resume(path, Edits.between(old.roots(), new.roots()))
    new.main_loop()
    monitor = new.model.monitor
    assert (monitor.get_epochs_seen(), monitor.get_batches_seen()) == (2, 7 + 3)
    assert monitor.get_examples_seen() == 23 + 10 + 23
    assert "the epoch under way begins anew: the 2 minibatches" in caplog.text


def test_max_epochs_is_for_each_call(data):
    train, _ = experiment(data, 5)
    for epochs in (2, 4, 5):
        train.main_loop(max_epochs=2)
        assert train.model.monitor.get_epochs_seen() == epochs


def test_a_new_training_of_a_live_model(data):
    """As of one that was loaded: records go on, those of channels it no longer has stay."""
    first, _ = experiment(data, 2)
    first.main_loop()
    model, monitor = first.model, first.model.monitor
    other = DenseDesignMatrix(X=data.X[:7], y=data.y[:7])
    second, _ = experiment(other, 1)
    second.model = model
    second.algorithm.monitoring_dataset = {"test": other}
    second.main_loop()
    assert model.monitor is monitor and monitor.get_epochs_seen() == 3
    assert list(monitor.channels["valid_objective"].epoch_record) == [0, 1, 2]
    assert list(monitor.channels["test_objective"].epoch_record) == [2, 3]
    first.main_loop()
    assert list(monitor.channels["valid_objective"].epoch_record) == [0, 1, 2, 3, 4, 5]


def test_channels_of_the_users_own_stay(data):
    train, _ = experiment(data, 1)
    monitor = Monitor.get_monitor(train.model)
    monitor.add_dataset(data, "sequential", 5)
    W = train.model.get_params()[0]
    monitor.add_channel("mine", None, W.sum(), data)
    train.main_loop()
    again, _ = experiment(data, 1)
    again.model = train.model
    again.main_loop()
    assert list(monitor.channels["mine"].epoch_record) == [0, 1, 1, 2]
    assert list(monitor.channels["valid_objective"].epoch_record) == [0, 1, 1, 2]


def test_records_of_an_earlier_training_stay_as_they_are(data, capsys):
    """They are neither shown as if they were new, nor watched, nor do they end a training."""
    train, _ = experiment(data, 1)
    monitor = Monitor.get_monitor(train.model)
    monitor.add_dataset(data, "sequential", 5)
    monitor.add_channel("mine", None, train.model.get_params()[0].sum(), data)
    train.main_loop()
    monitor.channels["valid_objective"].val_record[-1] = np.nan  # that training diverged
    other = DenseDesignMatrix(X=data.X[:7], y=data.y[:7])
    again, _ = experiment(data, 2)
    again.model, again.extensions = train.model, [EpochTable()]
    again.algorithm.monitoring_dataset = {"test": other}
    again.main_loop()
    for name, epochs in (
        ("valid_objective", [0, 1]),
        ("test_objective", [1, 2, 3]),
        ("mine", [0, 1, 1, 2, 3]),
    ):
        channel = monitor.channels[name]
        assert list(channel.epoch_record) == epochs
        assert len(channel.val_record) == len(channel.batch_record) == len(epochs)
    shown = [line.split()[1] for line in capsys.readouterr().out.splitlines()[-3:]]
    values = monitor.channels["test_objective"].val_record
    np.testing.assert_allclose([float(word) for word in shown], values, atol=1e-4)


def test_a_learning_rule_that_was_replaced_is_used(data):
    train, diary = experiment(data, 1)
    train.main_loop()
    assert "momentum" not in train.model.monitor.channels
    train.algorithm.learning_rule = Momentum(0.5)
    train.main_loop()
    assert diary.events.count("setup") == 2
    assert list(train.model.monitor.channels["momentum"].val_record) == [0.5, 0.5]


def test_a_monitor_that_was_put_aside_is_replaced(data):
    train, diary = experiment(data, 1)
    train.main_loop()
    push_monitor(train.model, "of_before", transfer_experience=True)
    train.main_loop()
    assert train.model.monitor.get_epochs_seen() == 2
    assert list(train.model.monitor.channels["valid_objective"].epoch_record) == [1, 2]


def test_a_criterion_of_the_monitor_begins_anew(data):
    """Each training ends after the first epoch, which lowers the objective too little."""
    train, _ = experiment(data, 1)
    train.algorithm.termination_criterion = MonitorBased(
        prop_decrease=0.999, N=1, channel_name="valid_objective"
    )
    for epochs in (1, 2):
        train.main_loop()
        assert train.model.monitor.get_epochs_seen() == epochs


def test_a_part_that_was_replaced_is_set_up(data):
    train, diary = experiment(data, 1)
    train.main_loop()
    train.algorithm = SGD(
        0.1, batch_size=7, monitoring_dataset=data, termination_criterion=EpochCounter(1)
    )
    train.model.batch_size = None
    train.main_loop()
    assert diary.events.count("setup") == 2 and train.model.monitor.get_batches_seen() == 5 + 4


def test_monitoring_data_that_were_replaced_need_no_name(data):
    """As for the constructor, they may be one data set."""
    train, diary = experiment(data, 1)
    train.main_loop()
    train.algorithm.monitoring_dataset = DenseDesignMatrix(X=data.X[:7], y=data.y[:7])
    train.main_loop()
    assert diary.events.count("setup") == 2
    channels = train.model.monitor.channels
    assert list(channels["objective"].epoch_record) == [1, 2]
    train.algorithm.monitoring_dataset = 3
    with pytest.raises(TypeError, match="monitoring_dataset cannot be 3"):
        train.main_loop()
    infinite = DenseDesignMatrix(X=data.X[:7].copy(), y=data.y[:7])
    infinite.X[3, 1] = np.inf
    train.algorithm.monitoring_dataset = infinite
    with pytest.raises(ValueError, match="the monitoring data set holds 1 .*: row 3, column 1"):
        train.main_loop()
