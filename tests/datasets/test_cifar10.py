"""CIFAR-10: pickles read safely, examples scaled as the arguments say, pictures in range."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import struct
import tarfile

import numpy as np
import pytest

from adversarial.datasets import cifar10, cifar10_batch
from adversarial.datasets.cifar10 import CIFAR10
from adversarial.datasets.data_path import DataUnavailable, cache_dir
from adversarial.datasets.preprocessing import RemapInterval, Standardize
from adversarial.files.opening import BadFile

SIZE = 4  # examples in a batch, in place of 10,000
RNG = np.random.RandomState(0)
NAMES = [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]
PIXELS = {name: RNG.randint(256, size=(SIZE, 3072)).astype(np.uint8) for name in NAMES}
LABELS = {name: RNG.randint(10, size=SIZE) for name in NAMES}
TRAIN = np.concatenate([PIXELS[name] for name in NAMES[:5]]).astype(float)
TEST = PIXELS["test_batch"].astype(float)


class OldPickler(pickle._Pickler):
    """Writes bytes as Python 2 wrote its strings, the form of the published files."""

    dispatch = dict(pickle._Pickler.dispatch)

    def save_string(self, obj):
        if len(obj) < 256:
            self.write(pickle.SHORT_BINSTRING + bytes([len(obj)]) + obj)
        else:
            self.write(pickle.BINSTRING + struct.pack("<i", len(obj)) + obj)
        self.memoize(obj)

    dispatch[bytes] = save_string


def old_pickle(content):
    file = io.BytesIO()
    OldPickler(file, 2).dump(content)
    return file.getvalue()


def batch(name, dump=old_pickle):
    return dump(
        {
            b"batch_label": name.encode(),
            b"labels": LABELS[name].tolist(),
            b"data": PIXELS[name],
            b"filenames": [b"a.png"] * SIZE,
        }
    )


@pytest.fixture
def small(data_path, monkeypatch):
    monkeypatch.setattr(cifar10, "BATCH_SIZE", SIZE)
    return data_path


@pytest.fixture
def present(small):
    folder = small / "cifar10" / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    for name in NAMES:
        (folder / name).write_bytes(batch(name))
    return folder


def test_pixels_labels_and_their_order(present):
    dataset = CIFAR10("train")
    assert np.array_equal(dataset.X, TRAIN) and dataset.X.dtype == np.float32
    assert np.array_equal(dataset.y.ravel(), np.concatenate([LABELS[n] for n in NAMES[:5]]))
    assert dataset.y.dtype == np.int64 and dataset.y.shape == (20, 1) and dataset.y_labels == 10
    images = dataset.get_topological_view()
    assert images[7, 5, 9, 2] == TRAIN[7, 2 * 1024 + 5 * 32 + 9]
    c01b = CIFAR10("test", axes=("c", 0, 1, "b")).get_topological_view()
    assert np.array_equal(c01b, TEST.reshape(SIZE, 3, 32, 32).transpose(1, 2, 3, 0))
    assert CIFAR10("test").label_names[3] == "cat"


def gcn(X, scale):
    X = X - X.mean(axis=1, keepdims=True)
    return X / (np.sqrt((X**2).sum(axis=1, keepdims=True)) / scale)


@pytest.mark.parametrize(
    "arguments, expected",
    [
        ({"center": True}, lambda X: X - 127.5),
        ({"rescale": True}, lambda X: X / 127.5),
        ({"center": True, "rescale": True}, lambda X: (X - 127.5) / 127.5),
        ({"gcn": 55.0}, lambda X: gcn(X, 55.0)),
        ({"gcn": 1, "center": True, "rescale": True}, lambda X: gcn(X, 1.0)),
        ({"toronto_prepro": True}, lambda X: X / 255 - TRAIN.mean(axis=0) / 255),
        (
            {"toronto_prepro": True, "rescale": True},
            lambda X: (X - TRAIN.mean(axis=0)) / 255 / 127.5,
        ),
    ],
)
def test_preparation(present, arguments, expected):
    train = CIFAR10("train", **arguments)
    assert np.allclose(train.X, expected(TRAIN), rtol=1e-4, atol=1e-4)
    part = CIFAR10("train", start=3, stop=9, **arguments)
    assert np.allclose(part.X, train.X[3:9], rtol=1e-6)
    assert np.array_equal(part.y, train.y[3:9])
    assert np.allclose(part.get_test_set().X, expected(TEST), rtol=1e-4, atol=1e-4)


def test_a_fitted_preprocessor_is_applied(present):
    standardize = Standardize()
    standardize.fit(TRAIN.astype("float32"))
    expected = (TEST - TRAIN.mean(axis=0)) / (TRAIN.std(axis=0) + 1e-4)
    assert np.allclose(CIFAR10("test", preprocessor=standardize).X, expected, atol=1e-3)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"center": True},
        {"rescale": True},
        {"center": True, "rescale": True},
        {"toronto_prepro": True},
        {"toronto_prepro": True, "rescale": True},
    ],
)
def test_shown_images_are_the_original_pixels(present, arguments):
    dataset = CIFAR10("test", **arguments)
    shown = TEST / 127.5 - 1
    assert np.allclose(dataset.adjust_for_viewer(dataset.X), shown, atol=1e-3)
    images = dataset.get_topological_view()
    assert np.allclose(
        dataset.adjust_for_viewer(images),
        shown.reshape(SIZE, 3, 32, 32).transpose(0, 2, 3, 1),
        atol=1e-3,
    )
    assert np.allclose(dataset.adjust_to_be_viewed_with(dataset.X, dataset.X * 9), shown, atol=1e-3)


def test_images_after_gcn_are_divided_by_the_absolute_maximum(present):
    dataset = CIFAR10("test", gcn=55.0)
    largest = np.abs(dataset.X).max(axis=1, keepdims=True)
    assert np.allclose(dataset.adjust_for_viewer(dataset.X), dataset.X / largest)
    images = dataset.get_topological_view()
    assert np.allclose(dataset.adjust_for_viewer(images), images / largest[:, :, None, None])
    assert np.allclose(
        dataset.adjust_to_be_viewed_with(dataset.X, 2 * dataset.X), dataset.X / largest.max() / 2
    )
    assert np.allclose(
        dataset.adjust_to_be_viewed_with(dataset.X, 2 * dataset.X, True), dataset.X / largest / 2
    )


@pytest.mark.parametrize(
    "arguments, message",
    [
        (
            {"which_set": "valid"},
            "'valid'; the validation set is which_set 'train' with start 40000",
        ),
        ({"which_set": "test", "start": 0, "stop": 5}, "start 0 and stop 5 do not select from 4"),
        ({"which_set": "train", "toronto_prepro": True, "gcn": 55.0}, "neither center nor gcn"),
        ({"which_set": "train", "axes": "b01"}, "order of 'b', 0, 1 and 'c'"),
    ],
)
def test_mistakes_are_named(present, arguments, message):
    with pytest.raises(ValueError, match=message):
        CIFAR10(**arguments)


@pytest.mark.parametrize("protocol", [0, 2, 3, 4])
def test_pickles_of_python_3_are_read_too(present, protocol):
    path = present / "test_batch"
    path.write_bytes(batch("test_batch", lambda content: pickle.dumps(content, protocol)))
    pixels, labels = cifar10.read_batch(path, SIZE)
    assert np.array_equal(pixels, PIXELS["test_batch"])
    assert np.array_equal(labels, LABELS["test_batch"])


class Evil:
    def __reduce__(self):
        return os.system, ("touch evil",)


GOOD = {"data": PIXELS["test_batch"], "labels": LABELS["test_batch"].tolist()}


@pytest.mark.parametrize(
    "content, message",
    [
        ({**GOOD, "more": Evil()}, r"it asks for posix\.system"),
        ({**GOOD, "more": eval}, r"it asks for (__builtin__|builtins)\.eval"),
        ({**GOOD, "data": np.array([[Evil()]], object)}, "it holds an array of"),
        ({**GOOD, "data": GOOD["data"].astype("float32")}, "not of unsigned bytes"),
        ({**GOOD, "data": GOOD["data"][:, 1:]}, r"no uint8 array of shape \(4, 3072\)"),
        ({**GOOD, "data": [1, 2]}, "no uint8 array"),
        ({**GOOD, "labels": [0, 1, 2, 10]}, "class numbers from 0 to 9"),
        ({**GOOD, "labels": [0, 1, 2]}, "class numbers from 0 to 9"),
        ({"data": GOOD["data"]}, "KeyError"),
        ([1, 2, 3], "not a batch of CIFAR-10"),
    ],
    ids=["call", "eval", "objects", "floats", "shape", "list", "label", "count", "key", "type"],
)
def test_files_that_are_no_batches_are_named(present, content, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (present / "test_batch").write_bytes(pickle.dumps(content, 2))
    with pytest.raises(BadFile, match=message) as caught:
        CIFAR10("test")
    assert str(present / "test_batch") in str(caught.value)
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize(
    "damage",
    [lambda b: b[:-100], lambda b: b[100:], lambda b: b""],
    ids=["end", "beginning", "empty"],
)
def test_damaged_files_are_named(present, damage):
    (present / "test_batch").write_bytes(damage(batch("test_batch")))
    with pytest.raises(BadFile, match="test_batch: not a batch of CIFAR-10"):
        CIFAR10("test")


def test_far_too_large_a_file_is_not_read(present, monkeypatch):
    monkeypatch.setattr(cifar10_batch, "LARGEST_BATCH", 1000)
    with pytest.raises(BadFile, match="too many for a batch"):
        CIFAR10("test")


def archive():
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name in NAMES:
            entry = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            entry.size = len(batch(name))
            tar.addfile(entry, io.BytesIO(batch(name)))
    return packed.getvalue()


def test_fetching_once_into_the_cache(small, site, monkeypatch):
    content = archive()
    site.files["/cifar-10-python.tar.gz"] = content
    site.break_off_after, site.breaks = len(content) // 2, 1
    monkeypatch.setattr(cifar10, "URL", site.url + "/cifar-10-python.tar.gz")
    monkeypatch.setattr(cifar10, "SHA256", hashlib.sha256(content).hexdigest())
    assert np.array_equal(CIFAR10("test").X, TEST)
    assert np.array_equal(CIFAR10("train").X, TRAIN)
    assert [r for _, r in site.requests] == [None, f"bytes={len(content) // 2}-"]
    assert [p.name for p in (cache_dir() / "cifar10").iterdir() if not p.name.startswith(".")] == [
        "cifar-10-batches-py"
    ]


def test_a_damaged_archive_in_the_cache_is_fetched_again(small, site, monkeypatch):
    content = archive()
    site.files["/cifar-10-python.tar.gz"] = content
    monkeypatch.setattr(cifar10, "URL", site.url + "/cifar-10-python.tar.gz")
    monkeypatch.setattr(cifar10, "SHA256", hashlib.sha256(content).hexdigest())
    cached = cache_dir() / "cifar10" / "cifar-10-python.tar.gz"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(content[: len(content) // 2])
    assert np.array_equal(CIFAR10("test").X, TEST)
    assert len(site.requests) == 1 and not cached.exists()


def test_a_whole_archive_in_the_cache_is_not_fetched(small, site, monkeypatch):
    content = archive()
    monkeypatch.setattr(cifar10, "SHA256", hashlib.sha256(content).hexdigest())
    monkeypatch.setattr(cifar10, "URL", site.url + "/cifar-10-python.tar.gz")
    cached = cache_dir() / "cifar10" / "cifar-10-python.tar.gz"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(content)
    assert np.array_equal(CIFAR10("test").X, TEST)
    assert not site.requests


def test_one_message_when_it_cannot_be_fetched(small, site, monkeypatch):
    monkeypatch.setattr(cifar10, "URL", site.url + "/cifar-10-python.tar.gz")
    with pytest.raises(DataUnavailable, match="HTTP 404.* set PYLEARN2_DATA_PATH") as caught:
        CIFAR10("train")
    assert str(small) in str(caught.value)
    site.files["/cifar-10-python.tar.gz"] = b"another file"
    with pytest.raises(DataUnavailable, match="SHA-256 expected 6d958be0"):
        CIFAR10("train")


def test_test_and_validation_sets_are_treated_as_the_training_set_was(monkeypatch):
    """The preprocessor as the training set left it: fitted once."""
    pixels = {
        name: np.random.RandomState(len(name)).randint(256, size=(n, 3072)).astype(np.uint8)
        for name, n in (("train", 50), ("test", 10))
    }
    monkeypatch.setattr(cifar10, "BATCH_SIZE", 10)
    monkeypatch.setattr(cifar10, "VALID", (40, 50))
    labels = {name: np.zeros(len(rows)) for name, rows in pixels.items()}
    monkeypatch.setattr(cifar10, "load_arrays", lambda name: (pixels[name], labels[name]))
    scale = RemapInterval([-1, 1], [0, 2])
    train = CIFAR10("train", center=True, rescale=True, stop=40, preprocessor=scale)
    for found, expected in (
        (train.get_test_set(), pixels["test"]),
        (train.get_valid_set(), pixels["train"][40:]),
    ):
        np.testing.assert_allclose(found.X, (expected - 127.5) / 127.5 + 1, atol=1e-6)


@pytest.mark.parametrize(
    "state", [(3, "|", None, None, None, -1, -1, 63), (3, ">", None, ("x",), {}, 9, 9, 1), None]
)
def test_flags_of_a_forged_type_reach_no_array(present, state):
    """What a pickle says of a type, beyond its name, is not given to NumPy."""

    class Forged:
        def __reduce__(self):
            return np.dtype, ("u1", 0, 1), *(() if state is None else (state,))

    class Data:
        def __reduce__(self):
            name = NAMES[0]
            rebuild = np.zeros(0, "u1").__reduce__()[0]
            return (
                rebuild,
                (np.ndarray, (0,), b"b"),
                (1, PIXELS[name].shape, Forged(), False, PIXELS[name].tobytes()),
            )

    content = {
        "batch_label": "x",
        "labels": LABELS[NAMES[0]].tolist(),
        "data": Data(),
        "filenames": ["a.png"] * SIZE,
    }
    (present / NAMES[0]).write_bytes(pickle.dumps(content, 2))
    X = CIFAR10("train", stop=SIZE).X
    assert np.array_equal(X, PIXELS[NAMES[0]]) and not X.dtype.hasobject
