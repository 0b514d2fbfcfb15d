"""Few labels, networks with new heads, and the command that compares them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import sandbox.semi_supervised
from adversarial import AdversaryPair, Generator
from adversarial.config import yaml_parse
from adversarial.datasets import mnist
from adversarial.models.maxout import Maxout
from adversarial.models.mlp import MLP, Linear, RectifiedLinear, Sigmoid, Softmax
from adversarial.scripts import cli
from adversarial.utils import seeding, serial
from sandbox.classifier import Classifier
from sandbox.semi_supervised import (
    FewLabels,
    freeze_below_head,
    recapitate,
    reinitialize,
    shuffle_below_head,
)
from sandbox.semi_supervised import measure as script

FOLDER = Path(__file__).parents[2] / "sandbox"
EXPERIMENT = FOLDER / "semi_supervised" / "experiment.yaml"


@pytest.fixture(autouse=True)
def digits(monkeypatch, request):
    """MNIST of 600 and 50 images of noise; the classes are not equally frequent."""
    if request.node.get_closest_marker("slow"):
        return
    rng = np.random.RandomState(0)
    sizes = {"train": 600, "test": 50}
    arrays = {
        name: (
            rng.randint(256, size=(count, 28, 28)).astype("uint8"),
            (rng.permutation(count) ** 2 * 10 // count**2).astype("uint8"),
        )
        for name, count in sizes.items()
    }
    monkeypatch.setattr(mnist, "SIZES", sizes)
    monkeypatch.setattr(mnist, "load_arrays", arrays.get)
    monkeypatch.setattr(sandbox.semi_supervised, "POOL", 500)


def discriminator():
    return MLP(
        [
            Maxout("h0", 4, 2, irange=0.5),
            Sigmoid(layer_name="y", dim=1, irange=1.0),
        ],
        nvis=784,
    )


def inferer():
    return MLP(
        [
            RectifiedLinear(layer_name="h0", dim=5, irange=0.1, init_bias=0.1, W_lr_scale=0.1),
            Linear(layer_name="z", dim=3, irange=1.0),
        ],
        nvis=784,
    )


def pair(with_inferer=True):
    G = Generator(MLP([Sigmoid(layer_name="y", dim=784, irange=0.1)], nvis=3))
    return AdversaryPair(G, discriminator(), inferer() if with_inferer else None)


def head():
    return Softmax(layer_name="class", n_classes=10, irange=1.0)


# Labels.


@pytest.mark.parametrize("count", [10, 200])
def test_equally_many_labels_of_each_class(count):
    some, all_of_them = FewLabels(count), mnist.MNIST("train", start=0, stop=500)
    assert some.X.shape == (count, 784) and some.y_labels == 10
    np.testing.assert_array_equal(np.bincount(some.y.ravel()), [count // 10] * 10)
    # Labels belong to their digits, and no digit occurs twice.
    rows = {image.tobytes(): label for image, label in zip(all_of_them.X, all_of_them.y.ravel())}
    assert [rows[image.tobytes()] for image in some.X] == some.y.ravel().tolist()
    assert len({image.tobytes() for image in some.X}) == count


def test_the_seed_chooses_the_labels():
    first, again, other = FewLabels(100), FewLabels(100), FewLabels(100, seed=1)
    np.testing.assert_array_equal(first.X, again.X)
    assert np.any(first.X != other.X)
    seeding.set_base_seed(7)
    assert np.any(FewLabels(100).X != first.X)


@pytest.mark.parametrize("count", [0, 5, 105, 100.0, "100"])
def test_counts_that_are_not_multiples_of_ten(count):
    with pytest.raises(ValueError, match="a multiple of 10"):
        FewLabels(count)


def test_more_labels_than_there_are():
    with pytest.raises(ValueError, match="there are not 50 examples of each class"):
        FewLabels(500)


# Networks.


def test_a_new_head_against_numpy(fast_compile):
    network = discriminator()
    below = network.layers[0]
    assert recapitate(network, head()) is network and network.layers[0] is below
    x = mnist.MNIST("test").X
    z = (x @ below.W.get_value() + below.b.get_value()).reshape(50, 4, 2).max(axis=2)
    logits = z @ network.layers[1].W.get_value() + network.layers[1].b.get_value()
    np.testing.assert_array_equal(Classifier(network).classes(x), logits.argmax(axis=1))


def test_a_new_head_of_one_layer_and_one_that_does_not_fit():
    network = MLP([Sigmoid(layer_name="y", dim=1, irange=0.1)], nvis=4)
    assert recapitate(network, head()).layers[0].get_input_space().dim == 4
    network = discriminator()
    before, values = list(network.layers), network.get_param_vector()
    with pytest.raises(ValueError, match="two layers are named"):
        recapitate(network, Sigmoid(layer_name=before[0].layer_name, dim=1, irange=0.1))
    assert network.layers == before
    np.testing.assert_array_equal(network.get_param_vector(), values)


def test_learning_rate_factors_of_the_inferer_are_removed():
    assert inferer().get_lr_scalers() and not recapitate(inferer(), head()).get_lr_scalers()


@pytest.mark.parametrize("make", [discriminator, inferer])
def test_reinitialize_draws_new_weights(make):
    networks = [recapitate(make(), head()) for _ in range(3)]
    rng = np.random.RandomState(0)
    for network in networks:
        for param in network.get_params():
            param.set_value(rng.normal(size=param.get_value().shape).astype("float32") + 9)
    first, same, other = (
        reinitialize(network, seed).get_param_values() for network, seed in zip(networks, (1, 1, 2))
    )
    for a, b, c, layer in zip(first[::2], same[::2], other[::2], networks[0].layers):
        np.testing.assert_array_equal(a, b)
        assert np.any(a != c) and 0.9 < np.abs(a).max() / layer.irange <= 1
    assert not any(bias.any() for bias in first[1::2])


def test_layers_without_biases_are_drawn_again_and_shuffled():
    below, top = Linear(3, "h", irange=1.0, use_bias=False), Linear(1, "y", irange=1.0)
    network = MLP([below, top], nvis=4)
    before = network.get_param_values()
    again = reinitialize(network, 1).get_param_values()
    assert len(again) == 3 and np.any(again[0] != before[0])
    shuffled = shuffle_below_head(network, 1).get_param_values()
    np.testing.assert_array_equal(np.sort(shuffled[0].ravel()), np.sort(again[0].ravel()))


def test_shuffled_weights_have_the_same_values():
    network = recapitate(discriminator(), head())
    before = network.get_param_values()
    below = shuffle_below_head(network, 1).get_param_values()
    for old, new in zip(before[:2], below[:2]):
        np.testing.assert_array_equal(np.sort(old.ravel()), np.sort(new.ravel()))
    assert np.mean(before[0] == below[0]) < 0.01
    for old, new in zip(before[2:], below[2:]):
        np.testing.assert_array_equal(old, new)
    again = shuffle_below_head(recapitate(discriminator(), head()), 1).get_param_values()
    other = shuffle_below_head(recapitate(discriminator(), head()), 2).get_param_values()
    np.testing.assert_array_equal(below[0], again[0])
    assert np.any(below[0] != other[0])


@pytest.mark.parametrize("make", [discriminator, inferer])
def test_frozen_below_the_head(fast_compile, make):
    network = freeze_below_head(recapitate(make(), head()))
    before = [layer.get_weights() for layer in network.layers]
    script.train(network, FewLabels(20), steps=3)
    assert network.monitor.get_batches_seen() == 3
    after = [layer.get_weights() for layer in network.layers]
    np.testing.assert_array_equal(before[0], after[0])
    assert np.any(before[1] != after[1])


# The experiment and the command.


def described(path):
    loaded = yaml_parse.load_path(path, {"PYLEARN2_TRAIN_FILE_FULL_STEM": "x"}, instantiate=False)
    return loaded if isinstance(loaded, list) else [loaded]


def plain(value):
    if isinstance(value, yaml_parse.Proxy):
        return value.callable.__name__, {k: plain(v) for k, v in value.keywords.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return {k: plain(v) for k, v in value.items()} if isinstance(value, dict) else value


def test_its_gan_equals_that_of_sandbox_inference():
    gan, alone = (
        plain(described(FOLDER / name / "experiment.yaml")[0])
        for name in ("semi_supervised", "inference")
    )
    assert gan[1].pop("save_path") == "x_pair.pkl" and alone[1].pop("save_path") == "x.pkl"
    assert gan == alone


def test_the_command_trains_as_the_experiment_does():
    _, (_, second) = plain(described(EXPERIMENT))
    kind, described_as = second["algorithm"]
    epochs = described_as["termination_criterion"][1]["max_epochs"]
    assert epochs * second["dataset"][1]["count"] == script.STEPS * script.BATCH
    made = script.training_algorithm(recapitate(discriminator(), head()), epochs)
    assert type(made).__name__ == kind and made.batch_size == described_as["batch_size"]
    assert made.learning_rate.get_value() == pytest.approx(described_as["learning_rate"])
    for name, value in described_as["cost"][1].items():
        assert getattr(made.cost, name) == value
    momentum = described_as["learning_rule"][1]["init_momentum"]
    assert made.learning_rule.momentum.get_value() == pytest.approx(momentum)
    top = second["model"][1]["new_head"][1]
    ours = script.new_head()
    assert top == {"layer_name": ours.layer_name, "n_classes": 10, "irange": ours.irange}


@pytest.fixture
def command(fast_compile):
    return lambda *argv: cli.run(lambda: script.main([str(arg) for arg in argv]))


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "pair.pkl"
    serial.save(path, pair())
    return path


def test_measuring(command, model, capsys, monkeypatch):
    monkeypatch.setattr(script, "train", lambda network, labelled, steps: network)
    assert command(model, model, "--labels", 100, "--labels", 200, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [(each["labels"], each["seed"]) for each in found] == [
        (100, 0),
        (100, 1),
        (200, 0),
        (200, 1),
    ]
    names = [
        f"{player}, {how}"
        for player in ("D", "inferer")
        for how in ("all layers", "head alone", "from scratch", "shuffled")
    ]
    assert list(found[0]["errors"]) == [*names, "nearest neighbour on pixels"]
    labelled, test = FewLabels(200, 1), mnist.MNIST("test")
    distances = np.linalg.norm(test.X[:, None] - labelled.X, axis=2)
    wrong = labelled.y.ravel()[distances.argmin(axis=1)] != test.y.ravel()
    assert found[3]["errors"]["nearest neighbour on pixels"] == pytest.approx(wrong.mean())
    network = recapitate(serial.load(model).discriminator, script.new_head())
    wrong = Classifier(network).classes(test.X) != test.y.ravel()
    assert found[0]["errors"]["D, all layers"] == pytest.approx(wrong.mean())
    # The table of one model has no standard errors.
    assert command(model, "--labels", 100) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "100 labels: error rate on 50 digits"
    assert out[1].split() == ["D,", "all", "layers", f"{wrong.mean():.4f}"] and len(out) == 10


def test_without_an_inferer(monkeypatch, fast_compile):
    monkeypatch.setattr(script, "train", lambda network, labelled, steps: network)
    errors = script.measure(pair(with_inferer=False), 100, mnist.MNIST("test"))
    assert [name.split(",")[0] for name in errors] == ["D"] * 4 + ["nearest neighbour on pixels"]


def test_mistakes_are_one_line(command, model, tmp_path, capsys):
    other = tmp_path / "generator.pkl"
    serial.save(other, pair().generator)
    for argv, message in [
        ([tmp_path / "none.pkl"], "none.pkl"),
        ([EXPERIMENT], "experiment.yaml"),
        ([other], "a Generator has no discriminator"),
        ([model, "--labels", 15], "a multiple of 10"),
    ]:
        assert command(*argv) == 1
        out, err = capsys.readouterr()
        assert out == "" and message in err and err.count("\n") == 1
