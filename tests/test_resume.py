"""Interrupted anywhere and resumed any number of times, a training ends in the same bits."""

from __future__ import annotations

import os
import random
import signal
import time

import numpy as np
import pytest
from saved_state import contents

from adversarial import backend, checkpoint
from adversarial.costs.adversary import AdversaryCost2
from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
from adversarial.models.adversary_pair import AdversaryPair
from adversarial.models.generator import Generator
from adversarial.models.maxout import Maxout
from adversarial.models.mlp import MLP, RectifiedLinear, Sigmoid
from adversarial.monitor import measurement
from adversarial.signals import Interrupted, StopRequest
from adversarial.termination_criteria import And, EpochCounter, MonitorBased
from adversarial.train import Train
from adversarial.train_extensions import ChannelSmoother, TrainExtension
from adversarial.train_extensions.activate_generator import ActivateGenerator
from adversarial.train_extensions.best_params import KeepBestParams, MonitorBasedSaveBest
from adversarial.train_extensions.learning_rate import MonitorBasedLRAdjuster, OneOverEpoch
from adversarial.train_extensions.metrics import Metrics
from adversarial.train_extensions.momentum import MomentumAdjustor
from adversarial.train_extensions.polyak import PolyakAveraging
from adversarial.training_algorithms import k_steps, sgd, sgd_alt
from adversarial.training_algorithms.cycler import Cycler
from adversarial.training_algorithms.epoch_monitor import EpochMonitor
from adversarial.training_algorithms.learning_rule import AdaDelta, AdaGrad, Momentum, RMSProp
from adversarial.training_algorithms.schedules import ExponentialDecay, LinearDecay

pytestmark = [
    pytest.mark.usefixtures("fast_compile"),
    # Monitored as D's top layer saturates.
    pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning"),
]

EPOCHS = 4
BATCHES = 5  # an epoch


class Plain:
    """A user's callback: derived from nothing, yet its numbers are part of the training."""

    def __init__(self):
        self.calls = 0
        self.seen = []

    def __call__(self, algorithm):
        self.calls += 1
        self.seen.append(float(algorithm.learning_rate.get_value()))


class Interrupter(TrainExtension):
    """Sends SIGINT once so many minibatches are done; `None` never."""

    only_watches = True

    def __init__(self, at):
        self.at = at

    def setup(self, model, dataset, algorithm):
        algorithm.update_callbacks.append(self.look)

    def look(self, algorithm):
        if algorithm.monitor.get_batches_seen() == self.at:
            signal.raise_signal(signal.SIGINT)


def images(n, seed):
    X = np.random.RandomState(seed).uniform(size=(n, 8)).astype("float32")
    return DenseDesignMatrix(X=X)


def simultaneous(**kw):
    cost = game(init_now_train_generator=False)
    return (
        sgd.SGD(cost=cost, learning_rule=Momentum(0.5), **kw),
        [ExponentialDecay(1.01, 1e-6), Plain()],
        [MomentumAdjustor(0.7, 1, 3), ActivateGenerator(1), PolyakAveraging(1, every=3)],
    )


def steps_of_d(**kw):
    return (
        k_steps.SGD(
            cost=game(),
            learning_rule=RMSProp(0.9),
            discriminator_steps=3,
            train_iteration_mode="random_uniform",
            batches_per_iter=BATCHES,
            **kw,
        ),
        [LinearDecay(2, 9, 0.1)],
        [
            OneOverEpoch(1),
            Metrics(["fid_pixels", "nearest_distance"], images(20, 2), every=2, num_samples=20),
        ],
    )


def alternating(**kw):
    return (
        sgd_alt.SGD(cost=game(), learning_rule=AdaDelta(), discriminator_steps=2, **kw),
        [Cycler(2)],
        [MonitorBasedLRAdjuster(channel_name="smooth")],
    )


def ada_grad(**kw):
    return (
        sgd.SGD(
            cost=game(),
            learning_rule=AdaGrad(),
            train_iteration_mode="batchwise_shuffled_sequential",
            **kw,
        ),
        [],
        [],
    )


def game(**kw):
    return AdversaryCost2(
        scale_grads=0,
        discriminator_default_input_include_prob=0.5,
        discriminator_default_input_scale=2.0,
        noise_both=0.1,
        **kw,
    )


def experiment(kind, path, stop_at=None, epochs=EPOCHS):
    pair = AdversaryPair(
        Generator(
            MLP(
                [
                    RectifiedLinear(layer_name="h", dim=5, irange=0.5),
                    Sigmoid(layer_name="y", dim=8, irange=0.5),
                ],
                nvis=3,
            ),
            noise="uniform",
        ),
        MLP(
            [
                Maxout("h", num_units=4, num_pieces=2, irange=0.5),
                Sigmoid(layer_name="y", dim=1, irange=0.5),
            ],
            nvis=8,
        ),
        # What takes longest to compile, and takes no part in training.
        monitor_generator=False,
        monitor_discriminator=False,
    )
    valid = images(12, 1)
    algorithm, callbacks, extensions = kind(
        learning_rate=0.1,
        batch_size=6,
        monitoring_dataset={"valid": valid},
        monitoring_batches=2,
        termination_criterion=And([EpochCounter(epochs), MonitorBased(0.0, 50, "smooth")]),
        update_callbacks=None,
    )
    algorithm.update_callbacks += callbacks
    extensions = [
        ChannelSmoother("valid_objective", "smooth", 2),
        *extensions,
        KeepBestParams(pair, algorithm.cost, valid, 6),
        MonitorBasedSaveBest("smooth", store_best_model=True),
        Interrupter(stop_at),
    ]
    return Train(
        images(6 * BATCHES, 0), pair, algorithm, str(path), save_freq=1, extensions=extensions
    )


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """uninterrupted(kind) -> contents of the file of a run that was never stopped."""
    made = {}

    def run(kind):
        if kind not in made:
            path = tmp_path_factory.mktemp("whole") / "whole.pkl"
            experiment(kind, path).main_loop()
            made[kind] = contents(path)
        return made[kind]

    return run


def interrupted_at(kind, path, points, epochs=EPOCHS):
    """Train to the end, stopped after each of these numbers of minibatches; contents at the end."""
    for number, point in enumerate([*points, None]):
        train = experiment(kind, path, point, epochs)
        if number:
            train.resume(checkpoint.read(path))
        if point is None:
            train.main_loop()
        else:
            with pytest.raises(Interrupted):
                train.main_loop()
            assert train.is_saved and checkpoint.read(path).minibatches == point
    return contents(path)


KINDS = [simultaneous, steps_of_d, alternating, ada_grad]


@pytest.mark.parametrize(
    "kind, points",
    [(simultaneous, [1, 7, 8, 15]), (steps_of_d, [7, 15]), (alternating, [8]), (ada_grad, [12])],
)
def test_stopped_and_resumed_gives_the_same_bits(kind, points, uninterrupted, tmp_path):
    """Stopped within epochs, at the end of one, twice in one, and after the first minibatch."""
    found = interrupted_at(kind, tmp_path / "m.pkl", points)
    np.testing.assert_equal(found, uninterrupted(kind))


@pytest.mark.parametrize("kind, calls", [(simultaneous, [3, 2, 5]), (alternating, [10])])
def test_stopped_within_a_monitoring(kind, calls, uninterrupted, tmp_path, monkeypatch):
    """Stopped at these monitoring batches of each attempt, two to a monitoring: after the first
    epoch, again while that is measured anew, after the third; after the last epoch."""

    class Stopping(measurement.Progress):
        at, count = None, 0

        def __call__(self, *args):
            Stopping.count += 1
            if Stopping.count == Stopping.at:
                signal.raise_signal(signal.SIGTERM)
            super().__call__(*args)

    monkeypatch.setattr(measurement, "Progress", Stopping)
    path = tmp_path / "m.pkl"
    for number, call in enumerate([*calls, None]):
        Stopping.at, Stopping.count = call, 0
        train = experiment(kind, path)
        if number:
            train.resume(checkpoint.read(path))
        if call is None:
            train.main_loop()
        else:
            with pytest.raises(Interrupted, match="SIGTERM"):
                train.main_loop()
            records = train.model.monitor.channels["valid_objective"].val_record
            assert len(records) == train.model.monitor.get_epochs_seen()
            assert train.is_saved
    np.testing.assert_equal(contents(path), uninterrupted(kind))


def test_stopped_while_a_callback_measures(tmp_path, monkeypatch):
    """The measurement is completed, and the callbacks after it are called."""

    def training(path):
        train = experiment(ada_grad, path)
        callbacks = train.algorithm.update_callbacks
        callbacks[:] = [EpochMonitor(train.model, monitor_rate=3), Plain()]
        return train

    training(tmp_path / "whole.pkl").main_loop()
    train = training(tmp_path / "m.pkl")

    class Stopping(measurement.Progress):
        stopped = False

        def __call__(self, *args):
            # In the monitoring after the third minibatch of the second epoch.
            if train.model.monitor.get_batches_seen() == 8 and not Stopping.stopped:
                Stopping.stopped = True
                signal.raise_signal(signal.SIGTERM)
            super().__call__(*args)

    monkeypatch.setattr(measurement, "Progress", Stopping)
    with pytest.raises(Interrupted, match="SIGTERM"):
        train.main_loop()
    assert train.is_saved and train.model.monitor.get_batches_seen() == 8
    train = training(tmp_path / "m.pkl")
    train.resume(checkpoint.read(tmp_path / "m.pkl"))
    train.main_loop()
    np.testing.assert_equal(contents(tmp_path / "m.pkl"), contents(tmp_path / "whole.pkl"))


@pytest.mark.parametrize("at", [11, 13])
def test_a_peer_is_lost_within_a_monitoring(at, uninterrupted, tmp_path, monkeypatch):
    """At this check of the training: in the monitoring after the first epoch, or in the extension
    that comes after it. The file is as if the monitoring had not begun."""
    check, checks = StopRequest.check, []

    def losing(self):
        checks.append(self)
        if len(checks) == at:
            raise backend.PeerLost("process 1 of 2 has ended")
        check(self)

    monkeypatch.setattr(StopRequest, "check", losing)
    path = tmp_path / "m.pkl"
    with pytest.raises(backend.PeerLost):
        experiment(simultaneous, path).main_loop()
    assert checkpoint.read(path).minibatches == BATCHES
    train = experiment(simultaneous, path)
    train.resume(checkpoint.read(path))
    train.main_loop()
    np.testing.assert_equal(contents(path), uninterrupted(simultaneous))


class Long(TrainExtension):
    """Changes the learning rate, and is then stopped, after `stop_at` epochs."""

    may_be_interrupted = True
    stop_at = None

    def on_monitor(self, model, dataset, algorithm):
        if model.monitor.get_epochs_seen() == self.stop_at:
            algorithm.learning_rate.set_value(np.float32(7))
            signal.raise_signal(signal.SIGINT)
            model.monitor.between_batches()


@pytest.mark.parametrize("kind, calls", [(simultaneous, [3, 1, 4]), (alternating, [4])])
def test_stopped_within_a_long_extension(kind, calls, uninterrupted, tmp_path, monkeypatch):
    """Stopped at these batches of `KeepBestParams`, two to an epoch: those that come before it in
    the list were called already."""
    mean_cost = KeepBestParams._mean_cost
    at, count = [None], [0]

    def stopping(self, between_batches):
        def check():
            count[0] += 1
            if count[0] == at[0]:
                signal.raise_signal(signal.SIGTERM)
            between_batches()

        return mean_cost(self, check)

    monkeypatch.setattr(KeepBestParams, "_mean_cost", stopping)
    path = tmp_path / "m.pkl"
    for number, call in enumerate([*calls, None]):
        at[0], count[0] = call, 0
        train = experiment(kind, path)
        if number:
            train.resume(checkpoint.read(path))
        if call is None:
            train.main_loop()
        else:
            with pytest.raises(Interrupted, match="SIGTERM"):
                train.main_loop()
            assert count[0] == call  # it waited for no further batch
            records = train.model.monitor.channels["valid_objective"].val_record
            assert len(records) == train.model.monitor.get_epochs_seen()
            assert train.is_saved
    np.testing.assert_equal(contents(path), uninterrupted(kind))


def test_a_training_goes_on_in_the_same_process(tmp_path):
    """Stopped in a user's own long extension, before the first epoch and after another."""
    found = []
    for name, stops in (("whole.pkl", []), ("m.pkl", [0, 2])):
        train = experiment(simultaneous, tmp_path / name)
        train.extensions.insert(0, Long())
        for epochs in stops:
            train.extensions[0].stop_at = epochs
            with pytest.raises(Interrupted):
                train.main_loop()
        train.extensions[0].stop_at = None
        train.main_loop()
        found.append(contents(tmp_path / name))
    np.testing.assert_equal(*found)


@pytest.mark.slow
@pytest.mark.parametrize("point", range(1, EPOCHS * BATCHES))
@pytest.mark.parametrize("kind", KINDS)
def test_stopped_after_any_minibatch(kind, point, uninterrupted, tmp_path):
    found = interrupted_at(kind, tmp_path / "m.pkl", [point])
    np.testing.assert_equal(found, uninterrupted(kind))


def test_the_comparison_sees_what_matters(uninterrupted, tmp_path):
    found = uninterrupted(simultaneous)
    for part in (
        "learning_rule.accumulators['vel_h_W#2']",
        "_rng_of_epoch",
        "callbacks[1].calls",
        "extensions[5].best_cost",
        "theano_rng.state",
        "_worker._steps",
        "termination_criterion._criteria[1].countdown",
        "channel valid_objective val",
    ):
        assert any(part in name for name in found), part
    assert np.isfinite(uninterrupted(steps_of_d)["monitor: channel fid_pixels val"]).all()
    assert found["callbacks[1].calls"] == EPOCHS * BATCHES == len(found["callbacks[1].seen"])


class Report(TrainExtension):
    """Writes a byte to a pipe after each minibatch."""

    only_watches = True

    def __init__(self, pipe):
        self.pipe = pipe

    def setup(self, model, dataset, algorithm):
        algorithm.update_callbacks.append(lambda algorithm: os.write(self.pipe, b"."))


def train_in_child(kind, path, minibatches, delay):
    """A process that trains, killed `delay` seconds after so many minibatches; True if it ended."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            train = experiment(kind, path)
            train.extensions.append(Report(write))
            if os.path.exists(path):
                train.resume(checkpoint.read(path))
            train.main_loop()
            status = 0
        finally:
            os._exit(status)
    os.close(write)
    with os.fdopen(read, "rb", buffering=0) as reports:
        if minibatches is not None and len(read_all(reports, minibatches)) == minibatches:
            time.sleep(delay)
            os.kill(child, signal.SIGKILL)
        else:
            read_all(reports, 10**9)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def read_all(stream, count):
    found = b""
    while len(found) < count and (more := stream.read(count - len(found))):
        found += more
    return found


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("kills", [3, pytest.param(60, marks=pytest.mark.slow)])
def test_killed_at_random_and_resumed_from_the_last_save(kills, uninterrupted, tmp_path):
    clock = random.Random(kills)
    path = tmp_path / "m.pkl"
    for _ in range(kills):
        if train_in_child(simultaneous, path, clock.randint(1, 9), clock.uniform(0, 0.02)):
            np.testing.assert_equal(contents(path), uninterrupted(simultaneous))
            path.unlink()
    assert train_in_child(simultaneous, path, None, 0)
    np.testing.assert_equal(contents(path), uninterrupted(simultaneous))
