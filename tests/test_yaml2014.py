"""YAML files in the spelling of 2014, in tests/yaml2014/: read, compared with today's, trained.

The five experiments hold the paper's values; the other files use every argument of every class.
"""

from __future__ import annotations

import hashlib
import os
import runpy
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
from aesara.compile.mode import get_mode

from adversarial.backend import function
from adversarial.config import yaml_parse
from adversarial.datasets import cifar10, mnist
from adversarial.termination_criteria import EpochCounter
from adversarial.utils import serial

HERE = Path(__file__).parent
OF_2014 = HERE / "yaml2014"
OF_TODAY = HERE.parent / "yaml"
make_tfd = runpy.run_path(str(HERE / "datasets" / "make_tfd.py"))["make_tfd"]

FIVE = [
    "mnist",
    "cifar10_fully_connected",
    "cifar10_convolutional",
    "tfd_pretrain/pretrain",
    "tfd_pretrain/train",
]


def read(folder, name, **environ):
    path = folder / f"{name}.yaml"
    return yaml_parse.load_path(path, environ=environ, instantiate=False)


def plain(value):
    """Proxies as (what is called, its arguments)."""
    if isinstance(value, yaml_parse.Proxy):
        return value.callable, {k: plain(v) for k, v in value.keywords.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


def parts(proxy, *names):
    for name in names:
        proxy = proxy.keywords[name]
    return proxy


def shape(layers):
    """For each layer: its class, its name, and what else is given but norms."""
    found = []
    for layer in layers:
        keywords = {k: plain(v) for k, v in layer.keywords.items()}
        name, norm = keywords.pop("layer_name"), keywords.pop("max_col_norm", None)
        found.append((layer.callable.__name__, name, norm, *keywords.items()))
    return found


@pytest.mark.parametrize("name", FIVE)
def test_what_all_have_in_common(name):
    train = read(OF_2014, name)
    algorithm = parts(train, "algorithm").keywords
    assert parts(train, "algorithm", "learning_rule").keywords == {"init_momentum": 0.5}
    assert parts(train, "algorithm", "update_callbacks").keywords == {
        "decay_factor": 1.000004,
        "min_lr": 1e-6,
    }
    (adjustor,) = parts(train, "extensions")
    assert adjustor.keywords == {"start": 1, "saturate": 250, "final_momentum": 0.7}
    first = parts(train, "model", "discriminator", "layers")[0].keywords["layer_name"]
    assert algorithm["cost"].keywords == {
        "scale_grads": 0,
        "discriminator_default_input_include_prob": 0.5,
        "discriminator_input_include_probs": {first: 0.8},
        "discriminator_default_input_scale": 2.0,
        "discriminator_input_scales": {first: 1.25},
    }
    assert train.keywords["save_path"] == str(OF_2014 / f"{name}.pkl")
    assert train.keywords["save_freq"] == 1


SETS = {
    "mnist": ({"start": 0, "stop": 50000}, {"start": 50000, "stop": 60000}),
    "cifar": ({"start": 0, "stop": 40000, "gcn": 55}, {"start": 40000, "stop": 50000, "gcn": 55}),
    "tfd": ({"which_set": "unlabeled", "scale": 1}, {"which_set": "valid", "scale": 1}),
}
SETTINGS = [  # name, data, batch size, learning rate, epochs, noise, monitor_ll
    ("mnist", "mnist", 100, 0.1, None, "uniform", 1),
    ("cifar10_fully_connected", "cifar", 100, 0.025, None, "gaussian", 0),
    ("cifar10_convolutional", "cifar", 128, 0.004, None, "gaussian", 0),
    ("tfd_pretrain/pretrain", "tfd", 100, 0.05, 50, "gaussian", 1),
    ("tfd_pretrain/train", "tfd", 100, 0.05, 22, "gaussian", 1),
]


@pytest.mark.parametrize(("name", "data", "batch", "rate", "epochs", "noise", "ll"), SETTINGS)
def test_the_settings(name, data, batch, rate, epochs, noise, ll):
    train = read(OF_2014, name)
    algorithm = parts(train, "algorithm").keywords
    assert (algorithm["batch_size"], algorithm["learning_rate"]) == (batch, rate)
    criterion = algorithm.get("termination_criterion")
    assert (criterion and criterion.keywords) == (epochs and {"max_epochs": epochs})
    generator = parts(train, "model", "generator").keywords
    assert (generator["noise"], generator.get("monitor_ll", 0)) == (noise, ll)
    sets = parts(train, "dataset"), algorithm["monitoring_dataset"]["valid"]
    for found, wanted in zip(sets, SETS[data]):
        axes = {"axes": ["c", 0, 1, "b"]} if "convolutional" in name else {}
        which = {"which_set": "train"}
        assert found.keywords == {**which, **wanted, **axes}


def test_the_layers_of_the_fully_connected_cifar10():
    train = read(OF_2014, "cifar10_fully_connected")
    generator, discriminator = (
        parts(train, "model", "generator", "mlp"),
        parts(train, "model", "discriminator"),
    )
    assert (generator.keywords["nvis"], discriminator.keywords["nvis"]) == (100, 3072)
    assert shape(generator.keywords["layers"]) == [
        ("RectifiedLinear", "gh0", None, ("dim", 8000), ("irange", 0.05)),
        ("Sigmoid", "h1", None, ("dim", 8000), ("irange", 0.05)),
        ("Linear", "y", None, ("irange", 0.5), ("dim", 3072)),
    ]
    assert shape(discriminator.keywords["layers"]) == [
        ("Maxout", "dh0", None, ("num_units", 1600), ("num_pieces", 5), ("irange", 0.005)),
        ("Maxout", "h1", None, ("num_units", 1600), ("num_pieces", 5), ("irange", 0.005)),
        ("Sigmoid", "y", None, ("dim", 1), ("irange", 0.005)),
    ]


def test_the_layers_of_both_tfd_trainings():
    pretrain, train = (read(OF_2014, f"tfd_pretrain/{name}") for name in ("pretrain", "train"))
    below = parts(train, "model", "generator", "mlp", "mlp")
    norm = 1.9365
    assert shape(parts(pretrain, "model", "generator", "mlp", "layers")[:2]) == [
        ("RectifiedLinear", "h0", norm, ("dim", 8000), ("irange", 0.05)),
        ("Sigmoid", "h1", norm, ("dim", 8000), ("irange", 0.05), ("init_bias", -2.0)),
    ]
    top = parts(pretrain, "model", "generator", "mlp", "layers")[2]
    bias = top.keywords["init_bias"]
    assert bias.callable.__name__ == "init_sigmoid_bias_from_marginals"
    assert bias.keywords["dataset"] is pretrain.keywords["dataset"]
    assert {k: v for k, v in top.keywords.items() if v is not bias} == {
        "layer_name": "y",
        "dim": 2304,
        "sparse_init": 100,
        "max_col_norm": norm,
    }
    assert shape(below.keywords["layers"]) == [
        ("RectifiedLinear", "h0", norm, ("dim", 8000), ("irange", 0.05)),
        ("Sigmoid", "h1", norm, ("dim", 100), ("irange", 0.05), ("init_bias", -2.0)),
    ]
    for file in (pretrain, train):
        assert parts(file, "model", "discriminator").keywords["nvis"] == 2304
        assert shape(parts(file, "model", "discriminator", "layers")) == [
            ("Maxout", "h0", norm, ("num_units", 1200), ("num_pieces", 5), ("irange", 0.005)),
            ("Maxout", "h1", norm, ("num_units", 1200), ("num_pieces", 5), ("irange", 0.005)),
            ("Sigmoid", "y", norm, ("dim", 1), ("irange", 0.005)),
        ]


@pytest.mark.parametrize("name", FIVE)
def test_todays_file_says_the_same(name):
    old, new = (read(folder, name, PYLEARN2_TRAIN_DIR="./") for folder in (OF_2014, OF_TODAY))
    old, new = plain(old), plain(new)
    for tree in (old, new):
        assert tree[1].pop("save_path").endswith(f"{name}.pkl")
    # Hints for a graphics card of 2014, which change nothing.
    for layer in old[1]["model"][1]["discriminator"][1]["layers"]:
        layer[1].pop("partial_sum", None)
    assert old == new


# Training, with small layers on small data


def idx(array):
    return (
        bytes([0, 0, 8, array.ndim])
        + struct.pack(f">{array.ndim}I", *array.shape)
        + array.tobytes()
    )


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A world where MNIST and CIFAR-10 have 20 training examples, TFD 16 unlabeled ones."""
    path = tmp_path / "data"
    monkeypatch.setenv("PYLEARN2_DATA_PATH", str(path))
    monkeypatch.delenv("ADVERSARIAL_DATA_PATH", raising=False)
    rng = np.random.RandomState(0)
    (path / "mnist" / "mnist_rotation_back_image").mkdir(parents=True)
    np.savez(
        path / "mnist" / "mnist_rotation_back_image" / "train.npz",
        data=rng.uniform(size=(5, 784)),
        labels=np.arange(5),
    )
    hashes = {}
    for prefix, n in (("train", 20), ("t10k", 10)):
        for kind, shape in (("images-idx3", (n, 28, 28)), ("labels-idx1", (n,))):
            name = f"{prefix}-{kind}-ubyte"
            content = idx(rng.randint(256 if len(shape) > 1 else 10, size=shape).astype("uint8"))
            hashes[name] = hashlib.sha256(content).hexdigest()
            (path / "mnist" / name).write_bytes(content)
    monkeypatch.setattr(mnist, "SIZES", {"train": 20, "test": 10})
    monkeypatch.setattr(mnist, "SHA256", hashes)
    images = rng.randint(256, size=(20, 3072)).astype("uint8")
    labels = rng.randint(10, size=20).astype("uint8")
    monkeypatch.setattr(cifar10, "BATCH_SIZE", 4)
    monkeypatch.setattr(cifar10, "load_arrays", lambda which_set: (images, labels))
    make_tfd(path, labeled=21, unlabeled=16)
    return path


SMALLER = {
    "mnist": {
        "50000": "16",
        "60000": "20",
        "dim: 1200": "dim: 7",
        "num_units: 240": "num_units: 3",
    },
    "cifar10_fully_connected": {
        "40000": "16",
        "50000": "20",
        "dim: 8000": "dim: 7",
        "num_units: 1600": "num_units: 3",
    },
    "cifar10_convolutional": {
        "40000": "16",
        "50000": "20",
        "batch_size: 128": "batch_size: 8",
        "dim: 8000": "dim: 300",
        "num_channels: 80": "num_channels: 3",
        "num_channels: 32": "num_channels: 2",
        "num_channels: 192": "num_channels: 2",
        "num_units: 500": "num_units: 3",
    },
    "tfd_pretrain/pretrain": {
        "dim: 8000": "dim: 7",
        "num_units: 1200": "num_units: 3",
        "sparse_init: 100": "sparse_init: 4",
        "max_epochs: 50": "max_epochs: 1",
    },
    "tfd_pretrain/train": {
        "dim: 8000": "dim: 6",
        "num_units: 1200": "num_units: 3",
        "max_epochs: 22": "max_epochs: 1",
    },
}


def scaled_down(folder, name, to):
    """A copy of the file with small layers and sets, and batches of 8; where it is."""
    text = (folder / f"{name}.yaml").read_text()
    changes = dict(SMALLER[name])
    if "batch_size: 128" not in changes:
        changes["batch_size: 100"] = "batch_size: 8"
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    path = to / f"{name}.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def mode():
    """Without C; convolutions, which then are loops in Python, pass."""
    return get_mode("FAST_COMPILE").excluding("AbstractConvCheck")


def train_an_epoch(path):
    """Two minibatches of the experiment at `path`; the pair, restored from its file."""
    train = yaml_parse.load_path(path)
    train.algorithm.theano_function_mode = mode()
    if train.algorithm.termination_criterion is None:
        train.algorithm.termination_criterion = EpochCounter(1)
    train.main_loop()
    assert train.model.monitor.get_batches_seen() == 2
    pair = serial.load(path.with_suffix(".pkl"))
    assert {"valid_objective_d", "valid_objective_g"} <= set(pair.monitor.channels)
    for channel in pair.monitor.channels.values():
        assert len(channel.val_record) == 2 and np.isfinite(channel.val_record).all(), channel
    return pair


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("mnist", (4, 784)),
        ("cifar10_fully_connected", (4, 3072)),
        ("cifar10_convolutional", (3, 32, 32, 4)),
    ],
)
def test_trains(name, shape, data, tmp_path, fast_compile):
    pair = train_an_epoch(scaled_down(OF_2014, name, tmp_path))
    samples = function([], pair.generator.sample(4), mode=mode())()
    assert samples.shape == shape and np.isfinite(samples).all()


@pytest.mark.slow
def test_tfd_pretrains_then_trains(data, tmp_path, monkeypatch, fast_compile):
    first = train_an_epoch(scaled_down(OF_2014, "tfd_pretrain/pretrain", tmp_path))
    before = [layer.get_weights() for layer in first.generator.mlp.layers]
    # The old file finds the first model where the command is given, today's one beside itself.
    monkeypatch.chdir(tmp_path / "tfd_pretrain")
    started = yaml_parse.load_path(scaled_down(OF_2014, "tfd_pretrain/train", tmp_path))
    monkeypatch.chdir("/")
    layers = started.model.generator.mlp.layers
    assert [type(layer).__name__ for layer in layers] == [
        "RectifiedLinear",
        "Sigmoid",
        "RectifiedLinear",
        "Sigmoid",
        "Sigmoid",
    ]
    for layer, weights in zip(layers[2:], before):
        np.testing.assert_array_equal(layer.get_weights(), weights)
    pair = train_an_epoch(scaled_down(OF_TODAY, "tfd_pretrain/train", tmp_path))
    after = [layer.get_weights() for layer in pair.generator.mlp.layers]
    assert [weights.shape for weights in after] == [(100, 6), (6, 100), (100, 7), (7, 7), (7, 2304)]
    # The pretrained layers go on learning, within their norms.
    assert all(np.abs(now - then).max() > 0 for now, then in zip(after[2:], before))
    assert max(np.linalg.norm(weights, axis=0).max() for weights in after) <= 1.9366
    samples = function([], pair.generator.sample(5), mode=mode())()
    assert samples.shape == (5, 2304) and 0 <= samples.min() <= samples.max() <= 1


def test_tfd_says_what_is_missing(data, tmp_path):
    path = scaled_down(OF_TODAY, "tfd_pretrain/train", tmp_path)
    with pytest.raises(OSError, match="pretrain.pkl"):
        yaml_parse.load_path(path)


@pytest.mark.parametrize("name", ["every_argument", "convolutional_layers"])
def test_everything_can_be_made(name, data, tmp_path):
    path = tmp_path / f"{name}.yaml"
    shutil.copy(OF_2014 / path.name, path)
    made = yaml_parse.load_path(path)
    if name == "every_argument":
        assert made["trainings"][0].save_path == (
            f"{tmp_path}{os.sep}every_argument_of_every_argument.yaml.pkl"
        )
        assert made["trainings"][0].model is made["monitors"][0].model
        assert made["photographs"][0].X.shape == (10, 784)
