from __future__ import annotations

import numpy as np
import pytest

from adversarial.backend import floatX
from adversarial.models.mlp import MLP, Linear
from adversarial.reconfigure import Edits
from adversarial.train import Train
from adversarial.train_extensions.polyak import PolyakAveraging
from adversarial.training_algorithms.sgd import SGD
from adversarial.utils import serial


@pytest.fixture
def train(model, algorithm):
    """Minibatches that set the parameters at random; keeps every value in `history`."""
    rng = np.random.default_rng(0)

    def minibatches(epoch, count=4):
        for _ in range(count):
            values = [rng.normal(size=p.get_value().shape).astype(floatX) for p in model.params]
            for param, value in zip(model.params, values):
                param.set_value(value)
            minibatches.history.append(values)
            for callback in algorithm.update_callbacks:
                callback(algorithm)

    minibatches.history = []
    return minibatches


def mean_of(history):
    return [np.mean(values, axis=0, dtype="float64") for values in zip(*history)]


def assert_close(values, expected):
    for value, wanted in zip(values, expected):
        np.testing.assert_allclose(value, wanted, rtol=1e-5, atol=1e-6)


def test_averages_every_minibatch_after_the_start(model, monitored, train):
    extension = PolyakAveraging(start=2)
    monitored(extension, 5, train=train)
    # Two epochs of four minibatches came before.
    expected = mean_of(train.history[8:])
    own = [param.get_value() for param in model.params]
    with extension.averaged(model) as averaged:
        assert averaged is model
        assert_close([param.get_value() for param in model.params], expected)
    for param, value in zip(model.params, own):
        np.testing.assert_array_equal(param.get_value(), value)
        assert np.abs(value).max() > 0


def test_averages_each_so_many_minibatches(model, monitored, train):
    extension = PolyakAveraging(start=1, every=3)
    monitored(extension, 5, train=train)
    expected = mean_of(train.history[4:][2::3])
    with extension.averaged(model):
        assert_close([param.get_value() for param in model.params], expected)


def test_saves_the_average_and_leaves_training_alone(model, monitored, train, load, tmp_path):
    path = tmp_path / "average.pkl"
    means = {}

    def read():
        epoch = model.monitor.epochs
        saved = path.exists()
        if saved:
            means[epoch] = [param.get_value() for param in load(str(path)).params]
            path.unlink()
        for param, value in zip(model.params, train.history[-1] if train.history else []):
            np.testing.assert_array_equal(param.get_value(), value)
        return saved

    saved = monitored(PolyakAveraging(1, save_path=str(path), save_freq=2), 5, read, train)
    assert saved == [False, False, True, False, True, False]
    assert_close(means[2], mean_of(train.history[4:8]))
    assert_close(means[4], mean_of(train.history[4:16]))


def test_a_failed_save_is_a_warning(model, monitored, train, tmp_path, monkeypatch, caplog):
    def full(path, obj, **kwargs):
        raise OSError("no space left")

    monkeypatch.setattr("adversarial.modelfile.saving.save", full)
    extension = PolyakAveraging(0, save_path=str(tmp_path / "average.pkl"))
    monitored(extension, 1, train=train)
    assert "average.pkl: no space left" in caplog.text
    for param, value in zip(model.params, train.history[-1]):
        np.testing.assert_array_equal(param.get_value(), value)


@pytest.mark.parametrize("with_model", [True, False])
def test_restored_average_goes_on(model, algorithm, monitored, train, load, tmp_path, with_model):
    extension = PolyakAveraging(start=0)
    monitored(extension, 2, train=train)
    saved = [model, extension, list(algorithm.update_callbacks)] if with_model else [extension]
    serial.save(str(tmp_path / "all.pkl"), saved)
    restored = load(str(tmp_path / "all.pkl"))
    if with_model:
        _, extension, algorithm.update_callbacks = restored
        model.params[:] = restored[0].params
    else:
        extension, algorithm.update_callbacks = restored[0], []
    extension.setup(model, None, algorithm)
    assert len(algorithm.update_callbacks) == 1
    train(3)
    with extension.averaged(model):
        assert_close([param.get_value() for param in model.params], mean_of(train.history))


def test_tells_the_model_of_the_averages(model, algorithm, monitored):
    told = {}
    model.add_polyak_channels = lambda means, data: told.update(means=means, data=data)
    monitored(PolyakAveraging(0), 0)
    assert list(told["means"]) == model.params
    assert told["data"] == algorithm.monitoring_dataset


def test_mistakes(model, algorithm, monitored):
    with pytest.raises(ValueError, match="start .* is -1"):
        PolyakAveraging(-1)
    with pytest.raises(ValueError, match="save_freq .* is 0"):
        PolyakAveraging(1, save_freq=0)
    with pytest.raises(ValueError, match="every .* is 0"):
        PolyakAveraging(1, every=0)
    with pytest.raises(ValueError, match="no average yet: averaging begins after epoch 3"):
        with PolyakAveraging(3).averaged(model):
            pass
    with pytest.raises(ValueError, match="an algorithm with update_callbacks .* not none at all"):
        PolyakAveraging(0).setup(model, None, None)
    extension = PolyakAveraging(0)
    monitored(extension, 0)
    model.params.pop()
    with pytest.raises(ValueError, match="another model"):
        extension.setup(model, None, algorithm)


def test_an_edited_number_of_minibatches_holds_after_resuming(data, fast_compile, tmp_path):
    path, history = str(tmp_path / "m.pkl"), []

    def note(algorithm):
        history.append([param.get_value() for param in algorithm.params])

    def training(every):
        model = MLP([Linear(2, "y", irange=1.0)], nvis=6)
        algorithm = SGD(0.1, batch_size=5, update_callbacks=[note])
        average = PolyakAveraging(start=0, every=every)
        return Train(data, model, algorithm, path, save_freq=1, extensions=[average]), average

    training(2)[0].main_loop(max_epochs=1)
    (old, _), (new, average) = training(2), training(3)
    new.resume(path, Edits.between(old.roots(), new.roots()))
    new.main_loop(max_epochs=2)
    assert len(history) == 10
    with average.averaged(new.model):
        values = [param.get_value() for param in new.model.get_params()]
    assert_close(values, mean_of([history[n - 1] for n in (2, 4, 6, 9)]))


def test_averages_anew_each_so_many_minibatches(model, monitored, train):
    extension = PolyakAveraging(start=0, every=5)
    monitored(extension, 3, train=train)
    extension.begin_anew()
    train(4, count=11)
    expected = mean_of(train.history[-11:][4::5])
    with extension.averaged(model):
        assert_close([param.get_value() for param in model.params], expected)


def test_averages_anew(model, monitored, train):
    extension = PolyakAveraging(start=0)
    monitored(extension, 3, train=train)
    extension.begin_anew()
    with extension.averaged(model):  # of nothing yet: the parameters as they are
        assert_close([param.get_value() for param in model.params], train.history[-1])
    train(3)
    train(4, count=3)
    with extension.averaged(model):
        assert_close([param.get_value() for param in model.params], mean_of(train.history[-7:]))
    with pytest.raises(ValueError, match="begins after epoch 3"):
        PolyakAveraging(start=3).begin_anew()
