"""What counts as the state of a training, and how it is put back."""

from __future__ import annotations

import numpy as np
import pytest
from saved_state import after, from_bytes

from adversarial import backend, checkpoint
from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
from adversarial.models.mlp import MLP, ConvElemwise, IdentityConvNonlinearity, Linear
from adversarial.monitor import Monitor, push_monitor
from adversarial.space import Conv2DSpace
from adversarial.train import Train
from adversarial.train_extensions import TrainExtension
from adversarial.training_algorithms.learning_rule import Momentum
from adversarial.training_algorithms.sgd import SGD
from adversarial.utils import serial


class Course(TrainExtension):
    is_finished = False


class Keeper(TrainExtension):
    kept_whole = ("best",)
    new_at_start = ("compiled",)

    def __init__(self):
        self.count = 0
        self.rate = backend.shared(0.5, "rate")
        self.history = [1.0]
        self.pairs = [(3, self.rate), (4, backend.shared(np.zeros(2), "two"))]
        self.table = {"a": 1, "b": [None]}
        self.array = np.zeros(3)
        self.rng = np.random.RandomState(0)
        self.path = "here"
        self.nothing = None
        self.best = None
        self.compiled = 7
        self.inner = Inner(self)
        self.function = len


class Inner(TrainExtension):
    def __init__(self, outer):
        self.outer = outer
        self.rng = outer.rng
        self.number = 1.5


def experiment():
    model = MLP([Linear(dim=2, layer_name="h", irange=1.0)], nvis=3)
    model.monitor = Monitor.get_monitor(model)
    data = DenseDesignMatrix(X=np.zeros((2, 3), "float32"))
    keeper = Keeper()
    keeper.data = data
    return {"model": model, "extensions": [keeper], "algorithm": None, "course": Course()}


def change(roots):
    (keeper,) = roots["extensions"]
    keeper.count, keeper.path, keeper.compiled = 5, "/etc/elsewhere", 8
    keeper.rate.set_value(np.float32(0.25))
    keeper.pairs[1][1].set_value(np.float32([1, 2]))
    keeper.history += [2.0, float("nan")]
    keeper.table["c"] = "text"
    keeper.array[1] = 9
    keeper.rng.uniform(size=5)
    keeper.inner.number = 2.5
    keeper.best = MLP([Linear(dim=1, layer_name="h", irange=1.0)], nvis=2)
    keeper.data.rng.uniform()
    roots["model"].layers[0].b.set_value(np.float32([7, 8]))
    roots["model"].theano_rng.state.set_value(np.uint32([1, 2, 3, 4]))
    roots["model"].tag["best"] = 1
    roots["model"].monitor.report_epoch()


def saved(roots):
    data = serial.to_string(roots["model"], training=checkpoint.document(roots, {"yaml": "x"}))
    return from_bytes(data)


def test_everything_that_can_have_changed_comes_back():
    old, new = experiment(), experiment()
    change(old)
    held = new["extensions"][0]
    history, rng = held.history, held.rng
    file = saved(old)
    assert (file.epochs, file.minibatches, file.experiment) == (1, 0, {"yaml": "x"})
    assert file.restore(new) == []
    (keeper,), (before,) = new["extensions"], old["extensions"]
    assert keeper.count == 5 and keeper.inner.number == 2.5
    assert keeper.rate.get_value() == 0.25 and keeper.pairs[0] == (3, keeper.rate)
    np.testing.assert_array_equal(keeper.pairs[1][1].get_value(), [1, 2])
    np.testing.assert_equal(keeper.history, [1.0, 2.0, float("nan")])
    assert keeper.table == {"a": 1, "b": [None], "c": "text"}
    np.testing.assert_array_equal(keeper.array, [0, 9, 0])
    # In place, so that what is shared stays shared.
    assert keeper.history is history and keeper.rng is rng is keeper.inner.rng
    assert keeper.rng.uniform() == before.rng.uniform()
    assert keeper.data.rng.uniform() == before.data.rng.uniform()
    np.testing.assert_array_equal(keeper.best.get_param_vector(), before.best.get_param_vector())
    # What is text, or made by setting up, is as it was.
    assert keeper.path == "here" and keeper.compiled == 7 and keeper.function is len
    model = new["model"]
    np.testing.assert_array_equal(model.layers[0].b.get_value(), [7, 8])
    np.testing.assert_array_equal(model.theano_rng.state.get_value(), [1, 2, 3, 4])
    assert model.tag == {"best": 1} and model.monitor.get_epochs_seen() == 1


def test_the_order_of_attributes_does_not_matter():
    """A variable that two attributes hold is found by either."""
    old, new = experiment(), experiment()
    change(old)
    layer = old["model"].layers[0]
    vars(layer)["_params"] = vars(layer).pop("_params")  # now the last of the attributes
    saved(old).restore(new)
    np.testing.assert_array_equal(new["model"].get_param_vector(), old["model"].get_param_vector())
    for way in (old, new):
        assert "model.layers[0].W" in checkpoint.slots(way, aliases=True)
        assert "model.layers[0]._params[0]" in checkpoint.slots(way, aliases=True)


@pytest.mark.parametrize("taken", [saved, checkpoint.Snapshot])
def test_restored_twice_is_restored_once(taken):
    """What training does after the first time does not reach what was saved."""
    old, new = experiment(), experiment()
    change(old)
    state = taken(old)
    for _ in range(2):
        state.restore(new)
        keeper = new["extensions"][0]
        assert len(keeper.history) == 3 and keeper.array[0] == 0
        keeper.history.append(1.0)
        keeper.array[0] = 5


def test_a_snapshot_brings_back_what_was():
    roots = experiment()
    model, keeper = roots["model"], roots["extensions"][0]
    change(roots)
    drawn, best = keeper.rng.get_state(legacy=False), keeper.best
    push_monitor(model, "first", transfer_experience=True)
    snapshot = checkpoint.Snapshot(roots)
    change(roots)
    model.layers[0].b.set_value(np.float32([0, 0]))
    keeper.best.layers[0].b.set_value(np.float32([5]))
    model.first.report_epoch()
    assert snapshot.restore(roots) == []
    np.testing.assert_equal(keeper.rng.get_state(legacy=False), drawn)
    np.testing.assert_array_equal(keeper.best.get_param_vector(), best.get_param_vector())
    np.testing.assert_array_equal(model.layers[0].b.get_value(), [7, 8])
    assert len(keeper.history) == 3 and keeper.path == "/etc/elsewhere"
    assert model.monitor.get_epochs_seen() == model.first.get_epochs_seen() == 1
    assert model.monitor.model is model


class Counter(TrainExtension):
    """Its class has the first values, until there are others."""

    rng = None
    count = 0
    best = None

    def __init__(self):
        self.drawn = np.random.RandomState(0)
        self.rng = self.drawn  # one generator, saved by the name that comes first


@pytest.mark.parametrize("taken", [saved, checkpoint.Snapshot])
def test_what_only_a_class_declares_comes_back(taken):
    old, new = experiment(), experiment()
    old["extensions"], new["extensions"] = [Counter()], [Counter()]
    first = taken(old)
    (counter,) = old["extensions"]
    counter.count, counter.best = 5, np.array([1.0, 2.0])
    counter.drawn.uniform(size=3)
    assert taken(old).restore(new) == []
    (again,) = new["extensions"]
    assert again.count == 5 and again.best.tolist() == [1, 2]
    assert again.rng is again.drawn and again.rng.uniform() == counter.rng.uniform()
    if taken is checkpoint.Snapshot:  # a rollback to a time at which there was nothing
        first.restore(new)
        assert again.count == 0 and again.best is None and len(vars(again)) == 2
    assert Counter.count == 0


def test_what_has_no_place_is_named():
    old, new = experiment(), experiment()
    old["extensions"][0].later = 3
    assert saved(old).restore(new) == ["extensions[0].later"]
    old["extensions"][0].pairs[1] = (4, backend.shared(np.zeros(3), "three"))
    with pytest.raises(ValueError, match=r"pairs\[1\]\[1\] has shape \(2,\), not the saved \(3,\)"):
        saved(old).restore(new)


def convolution():
    """A training of two epochs by a layer that flips its kernels."""
    layer = ConvElemwise(1, (2, 2), "h", IdentityConvNonlinearity(), irange=0.5)
    space = Conv2DSpace((3, 3), num_channels=1, axes=("b", 0, 1, "c"))
    rng = np.random.RandomState(1)
    data = DenseDesignMatrix(topo_view=rng.normal(size=(8, 3, 3, 1)), y=rng.normal(size=(8, 4)))
    model = MLP([layer, Linear(dim=4, layer_name="y", irange=0.5)], input_space=space)
    algorithm = SGD(0.1, batch_size=4, learning_rule=Momentum(0.9))
    return Train(data, model, algorithm)


@pytest.mark.parametrize("flips", [True, False])
def test_a_training_goes_on_with_the_kernels_it_began_with(flips, fast_compile):
    """False: as before this package flipped those of ConvElemwise; its files do not say so."""
    whole, first, second = convolution(), convolution(), convolution()
    for train in (whole, first):
        train.model.layers[0].filter_flip = flips
    whole.main_loop(max_epochs=2)
    first.main_loop(max_epochs=1)
    if not flips:
        del vars(first.model.layers[0])["filter_flip"]
    second.resume(after(first))
    second.main_loop(max_epochs=2)
    assert second.model.layers[0].filter_flip is flips
    np.testing.assert_array_equal(second.model.get_param_vector(), whole.model.get_param_vector())


def test_a_forged_file_cannot_say_where_to_write():
    old, new = experiment(), experiment()
    document = checkpoint.document(old, None)
    document["values"].update({f"extensions[0].{n}": "/etc/x" for n in ("path", "nothing")})
    data = serial.to_string(old["model"], training=document)
    from_bytes(data).restore(new)
    assert new["extensions"][0].path == "here" and new["extensions"][0].nothing is None


@pytest.mark.parametrize(
    "training, words",
    [
        (None, "no training to go on with"),
        (5, "another version"),
        ({"version": 0}, "another"),
        ({"version": 1}, "not valid"),
        (
            {
                "version": 1,
                "experiment": 0,
                "machine": 0,
                "seen": 3,
                "is_finished": 0,
                "values": {},
            },
            "not valid",
        ),
    ],
)
def test_what_is_no_training(training, words):
    model = experiment()["model"]
    with pytest.raises(ValueError, match=words):
        from_bytes(serial.to_string(model, training=training))
