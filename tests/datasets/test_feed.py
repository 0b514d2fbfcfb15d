"""Data that changes, and data sets with an iterator of their own, in training and in monitoring."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from adversarial import checkpoint
from adversarial.costs.cost import Cost, DefaultDataSpecsMixin
from adversarial.datasets.dataset import Dataset
from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
from adversarial.datasets.feed import is_streamed
from adversarial.datasets.preprocessing import Standardize
from adversarial.models.mlp import MLP, Linear
from adversarial.signals import Interrupted
from adversarial.termination_criteria import EpochCounter
from adversarial.train import Train
from adversarial.train_extensions import TrainExtension
from adversarial.train_extensions.best_params import KeepBestParams
from adversarial.training_algorithms.bgd import BGD
from adversarial.training_algorithms.sgd import SGD

pytestmark = pytest.mark.usefixtures("either_engine", "fast_compile")

RATE = 0.1


def net():
    return MLP([Linear(dim=2, layer_name="h", irange=1.0)], nvis=6)


def trained(data, epochs=2, extensions=(), monitored=None, **kwargs):
    algorithm = SGD(
        RATE,
        batch_size=5,
        train_iteration_mode="sequential",
        monitoring_dataset={"valid": data if monitored is None else monitored},
        termination_criterion=EpochCounter(epochs),
        **kwargs,
    )
    train = Train(data, net(), algorithm, extensions=list(extensions))
    train.main_loop()
    return train


def by_numpy(passes):
    """W and b after one step on each minibatch of each pass, a list of (x, y)."""
    W, b = (param.get_value().astype("float64") for param in reversed(net().get_params()))
    W, b = (W, b) if W.ndim == 2 else (b, W)
    for x, y in passes:
        error = x @ W + b - y
        W, b = W - RATE * 2 * x.T @ error / len(x), b - RATE * 2 * error.sum(axis=0) / len(x)
    return W, b


def minibatches(X, y):
    return [(X[i : i + 5], y[i : i + 5]) for i in range(0, len(X), 5)]


def objective(W, b, X, y):
    return np.square(X @ W + b - y).sum(axis=1).mean()


class Change(TrainExtension):
    """Changes the data after the first epoch."""

    def __init__(self, how, dataset=None):
        self.how = how
        self.dataset = dataset

    def on_monitor(self, model, dataset, algorithm):
        if model.monitor.get_epochs_seen() == 1:
            self.how(dataset if self.dataset is None else self.dataset)


def assign(data):
    data.X = 1 - data.X


def assign_doubles(data):
    data.X = (1 - data.X.astype("float64")).T.copy().T


def set_matrix(data):
    data.set_design_matrix(1 - data.X)


def in_place_announced(data):
    data.X[:] = 1 - data.X
    data.set_design_matrix(data.X)


def augmented_assignment(data):
    data.X *= 2


def preprocess(data):
    data.apply_preprocessor(Standardize(), can_fit=True)


class Halve:
    """A preprocessor that works in place, and tells nobody."""

    def apply(self, dataset, can_fit=False):
        dataset.get_design_matrix()[:] *= 0.5


def preprocess_in_place(data):
    data.apply_preprocessor(Halve())


def targets(data):
    data.y = data.y + 1


def fewer_rows(data):
    data.X, data.y = data.X[:13] * 2, data.y[:13]


def more_rows(data):
    data.X, data.y = np.tile(data.X, (2, 1)), np.tile(data.y, (2, 1))


CHANGES = [
    assign,
    assign_doubles,
    set_matrix,
    in_place_announced,
    augmented_assignment,
    preprocess,
    preprocess_in_place,
    targets,
    fewer_rows,
    more_rows,
]


@pytest.mark.parametrize("how", CHANGES)
def test_training_and_monitoring_follow_changes(how, data):
    before = data.X.astype("float64"), data.y.astype("float64")
    train = trained(data, 2, [Change(how)])
    after = data.X.astype("float64"), data.y.astype("float64")
    assert not all(np.array_equal(a, b) for a, b in zip(before, after))
    W, b = by_numpy(minibatches(*before) + minibatches(*after))
    found = {param.ndim: param.get_value() for param in train.model.get_params()}
    np.testing.assert_allclose(found[2], W, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found[1], b, rtol=1e-4, atol=1e-5)
    record = train.model.monitor.channels["valid_objective"].val_record
    np.testing.assert_allclose(record[2], objective(W, b, *after), rtol=1e-4)


@pytest.mark.parametrize("how", [assign, fewer_rows, targets])
def test_monitoring_follows_data_of_its_own(how, data):
    other = DenseDesignMatrix(X=data.X[::-1].copy(), y=data.y.copy())
    train = trained(data, 2, [Change(how, other)], monitored=other)
    W, b = by_numpy(2 * minibatches(data.X, data.y))
    record = train.model.monitor.channels["valid_objective"].val_record
    np.testing.assert_allclose(record[2], objective(W, b, other.X, other.y), rtol=1e-4)


def test_images_may_be_set_anew():
    rng = np.random.RandomState(0)
    images = rng.uniform(size=(10, 3, 2, 1))
    data = DenseDesignMatrix(topo_view=images, y=rng.normal(size=(10, 2)))

    def set_images(dataset):
        dataset.set_topological_view(
            images[..., 0].transpose(1, 0, 2)[..., None] * 2, axes=(0, "b", 1, "c")
        )

    before = data.X.copy()
    train = trained(data, 2, [Change(set_images)])
    np.testing.assert_allclose(data.X, 2 * before)
    W, _ = by_numpy(minibatches(before, data.y) + minibatches(data.X, data.y))
    (found,) = (p.get_value() for p in train.model.get_params() if p.ndim == 2)
    np.testing.assert_allclose(found, W, rtol=1e-4, atol=1e-5)
    data.set_topological_view(images.transpose(0, 2, 1, 3))
    with pytest.raises(ValueError, match=r"became \(2, 3, 1\).* were \(3, 2, 1\)"):
        train.algorithm.train(data)


@pytest.mark.parametrize(
    "change, message",
    [
        (dict(X=np.zeros((23, 5))), "features of a data set in use became 23 x 5 float64.*23 x 6"),
        (dict(y=np.zeros(23)), "targets of a data set in use became 23 "),
        (dict(X=np.zeros((22, 6))), "22 examples cannot have targets of shape"),
    ],
)
def test_rows_of_another_kind_are_refused(change, message, data):
    train = trained(data, 1)
    for name, value in change.items():
        setattr(data, name, value)
    with pytest.raises(ValueError, match=message):
        train.algorithm.train(data)


def test_the_best_parameters_are_those_on_the_data_as_they_are(data):
    algorithm = SGD(RATE, batch_size=5)
    model = net()
    algorithm.setup(model, data)
    keeper = KeepBestParams(model, algorithm.cost, data, batch_size=4)
    assert keeper._mean_cost() == pytest.approx(at_first(data), rel=1e-5)
    data.X = data.X * 3
    assert keeper._mean_cost() == pytest.approx(at_first(data), rel=1e-5)


def at_first(data):
    return objective(*by_numpy([]), data.X, data.y)


# Data sets with an iterator of their own


class Doubled(DenseDesignMatrix):
    """Only the iterator knows that the examples are doubled."""

    def iterator(self, *args, **kwargs):
        for x, y in super().iterator(*args, **kwargs):
            yield 2 * x, y


class WithOtherData(DenseDesignMatrix):
    def get_data(self):
        return 2 * self.X, self.y


class Stream(Dataset):
    """Of no known size, as in 2014 it need not be; float64, and no `rng` of its own."""

    def __init__(self, X, y):
        self.X, self.y = 2 * X.astype("float64"), y

    def iterator(
        self,
        mode=None,
        batch_size=None,
        num_batches=None,
        rng=None,
        data_specs=None,
        return_tuple=False,
    ):
        space, source = data_specs
        for x, y in minibatches(self.X, self.y):
            of = {"features": x, "targets": y}
            yield tuple(of[name] for name in source)


@pytest.mark.parametrize("kind", [Doubled, WithOtherData, Stream])
def test_an_iterator_of_its_own_is_honoured(kind, data, caplog):
    caplog.set_level(logging.INFO)
    own = kind(X=data.X, y=data.y)
    train = trained(own)
    W, b = by_numpy(2 * minibatches(2 * data.X, data.y))
    found = {param.ndim: param.get_value() for param in train.model.get_params()}
    np.testing.assert_allclose(found[2], W, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found[1], b, rtol=1e-4, atol=1e-5)
    monitor = train.model.monitor
    assert monitor.channels["valid_objective"].val_record[-1] == pytest.approx(
        objective(W, b, 2 * data.X, data.y), rel=1e-4
    )
    assert (monitor.get_examples_seen(), monitor.get_batches_seen()) == (46, 10)
    assert caplog.text.count(f"minibatches of {kind.__name__} come from its own iterator()") == 1


def test_only_what_overrides_is_streamed(data):
    class Both(Doubled):
        def symbolic_batch(self, indices, data_specs):
            return super().symbolic_batch(indices, data_specs)

    class Plain(DenseDesignMatrix):
        pass

    assert not is_streamed(data) and not is_streamed(Plain(X=data.X))
    assert is_streamed(Doubled(X=data.X)) and not is_streamed(Both(X=data.X))
    data.iterator = data.iterator
    assert is_streamed(data)


def test_streams_may_be_monitored_beside_data_in_memory(data):
    train = trained(data, 1, monitored=Stream(data.X, data.y))
    record = train.model.monitor.channels["valid_objective"].val_record
    np.testing.assert_allclose(record[0], objective(*by_numpy([]), 2 * data.X, data.y), rtol=1e-4)


@pytest.mark.parametrize(
    "parts, message",
    [
        (lambda x, y: (x,), "gave 1 arrays where 2 were asked for"),
        (lambda x, y: (x[:, :4], y), "gave features that do not fit"),
        (lambda x, y: (x[:3], y), r"gave arrays of \[3, 5\] examples"),
        (lambda x, y: (x[:0], y[:0]), "gave a minibatch without an example"),
    ],
)
def test_minibatches_that_do_not_fit_are_named(parts, message, data):
    class Bad(Stream):
        def iterator(self, **kwargs):
            for x, y in super().iterator(**kwargs):
                yield parts(x, y)

    with pytest.raises(ValueError, match=f"Bad.iterator {message}"):
        trained(Bad(data.X, data.y))


class Noisy(DenseDesignMatrix):
    """Augmentation: noise from the data set's own generator."""

    def iterator(self, *args, **kwargs):
        for x, y in super().iterator(*args, **kwargs):
            yield x + self.rng.normal(size=x.shape).astype("float32"), y


def test_augmented_training_resumes_to_the_bit(data, tmp_path):
    def make(callbacks=()):
        algorithm = SGD(
            RATE,
            batch_size=5,
            update_callbacks=list(callbacks),
            termination_criterion=EpochCounter(2),
        )
        own = Noisy(X=data.X, y=data.y)
        return Train(own, net(), algorithm, str(tmp_path / "model.pkl"), 1)

    def stop(algorithm):
        if algorithm.monitor.get_batches_seen() == 7:
            raise Interrupted(2)

    whole = make()
    whole.main_loop()
    with pytest.raises(Interrupted):
        make([stop]).main_loop()
    again = make()
    again.resume(checkpoint.read(str(tmp_path / "model.pkl")))
    again.main_loop()
    np.testing.assert_array_equal(again.model.get_param_vector(), whole.model.get_param_vector())


class Squares(DefaultDataSpecsMixin, Cost):
    supervised = True

    def expr(self, model, data, **kwargs):
        x, y = data
        return ((model.fprop(x) - y) ** 2).sum(axis=1).mean()


def test_line_searches_take_streams(data):
    algorithm = BGD(cost=Squares(), batch_size=23)
    own = Stream(data.X, data.y)
    model = net()
    algorithm.setup(model, own)
    before = objective(*by_numpy([]), own.X, own.y)
    algorithm.train(own)
    W, b = (model.layers[0].get_weights(), model.layers[0].get_biases())
    assert objective(W, b, own.X, own.y) < before
