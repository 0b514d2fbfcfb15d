"""Data sets whose files are damaged, foreign or forged: the file is named, little memory is taken.

Each is met as a user would, in a YAML that train.py reads.
"""

from __future__ import annotations

import gzip
import io
import pickle
import struct
import zlib

import hostile_corpus as corpus
import numpy as np
import pytest

HEADER = bytes([0, 0, 8, 3]) + struct.pack(">3I", 60000, 28, 28)


def bomb(head: bytes, size: int) -> bytes:
    """gzip of `head` and `size` zeros, of which one chunk is packed once and repeated."""
    stream = io.BytesIO()
    with gzip.GzipFile(fileobj=stream, mode="wb", compresslevel=1) as file:
        file.write(head)
        for _ in range(size >> 22):
            file.write(bytes(1 << 22))
    return stream.getvalue()


def npz(compressed=True, **arrays) -> bytes:
    stream = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(stream, **arrays)
    return stream.getvalue()


def claiming(shape, kind="<f8") -> bytes:
    """A .npz whose array `data` claims a shape that it has not."""
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    header = header.ljust(117) + b"\n"
    return corpus.zipped([("data.npy", corpus.NPY + struct.pack("<H", len(header)) + header)])


def batch(labels, tail=b"") -> bytes:
    """The beginning of a pickled batch, with these instructions for its labels."""
    return b"\x80\x02}(U\x04dataK\x00U\x06labels" + labels + tail + b"u."


def nested() -> bytes:
    """Ten lists, each ten times the one before it."""
    code = b"](]q\x00(" + b"K\x00" * 10 + b"e"
    for n in range(9):
        code += b"]q" + bytes([n + 1]) + b"(" + (b"h" + bytes([n])) * 10 + b"e"
    return code + b"e"


def element(kind: int, data: bytes, length=None) -> bytes:
    return (
        struct.pack("<II", kind, len(data) if length is None else length)
        + data
        + bytes(-len(data) % 8)
    )


def mat(*elements: bytes) -> bytes:
    return b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM" + b"".join(elements)


def matrix(name=b"images", dims=(4, 48, 48), kind=9, data=None, length=None) -> bytes:
    parts = (
        element(6, struct.pack("<II", kind, 0))
        + element(5, struct.pack(f"<{len(dims)}i", *dims))
        + element(1, name)
    )
    parts += element(2, bytes(9) if data is None else data, length)
    return element(14, parts)


def packed_bomb() -> bytes:
    """A compressed matrix of one kind byte for each of four thousand million zeros."""
    head = matrix(dims=(1_800_000, 48, 48), data=b"", length=1_800_000 * 48 * 48)
    pack = zlib.compressobj(1)
    data = pack.compress(head) + b"".join(pack.compress(bytes(1 << 22)) for _ in range(64))
    return mat(struct.pack("<II", 15, len(data)) + data)


MNIST = "mnist/train-images-idx3-ubyte"
LABELS = "mnist/train-labels-idx1-ubyte"
CIFAR = "cifar10/cifar-10-batches-py/data_batch_1"
TFD = "faces/TFD/TFD_48x48.mat"
NPZ = "mnist/mnist_rotation_back_image/train.npz"
SETS = {
    MNIST: "mnist.MNIST",
    MNIST + ".gz": "mnist.MNIST",
    LABELS: "mnist.MNIST",
    CIFAR: "cifar10.CIFAR10",
    TFD: "tfd.TFD",
    NPZ: "mnist.MNIST_rotated_background",
}

# name: (file, what makes its content, what the line must hold)
FILES = {
    "idx, empty": (MNIST, lambda: b"", "begins with nothing"),
    "idx, wrong magic": (MNIST, lambda: b"\x00\x00\x0d\x03" + HEADER[4:], "not an idx file"),
    "idx, text": (MNIST, lambda: b"<html>404</html>" * 100, "not an idx file"),
    "idx, header cut": (MNIST, lambda: HEADER[:7], "ends within its header"),
    "idx, wrong count": (MNIST, lambda: HEADER[:4] + struct.pack(">3I", 59999, 28, 28), "expected"),
    "idx, huge count": (MNIST, lambda: HEADER[:4] + b"\xff" * 12, "expected 60000"),
    "idx, zero images": (MNIST, lambda: HEADER[:4] + bytes(12), "holds no examples"),
    "idx, truncated": (MNIST, lambda: HEADER + bytes(1000), "but the file has"),
    "idx, too long": (MNIST, lambda: HEADER + bytes(60000 * 784 + 1), "but the file has"),
    "idx, other digits": (MNIST, lambda: HEADER + bytes(60000 * 784), "SHA-256 expected"),
    "gzip, cut": (MNIST + ".gz", lambda: bomb(HEADER, 60000 * 784)[:-9999], "damaged gzip"),
    "gzip, flipped": (MNIST + ".gz", lambda: b"\x1f\x8b\x08" + b"\xff" * 99, "damaged gzip"),
    "gzip, short": (MNIST + ".gz", lambda: gzip.compress(HEADER), "more than its compressed"),
    "gzip, bomb": (MNIST + ".gz", lambda: bomb(HEADER, 1 << 28), "holds more than"),
    "cifar, empty": (CIFAR, lambda: b"", "not a batch"),
    "cifar, a command": (CIFAR, lambda: pickle.dumps(corpus.Touch(), 2), "posix.system"),
    "cifar, another dict": (CIFAR, lambda: pickle.dumps({"a": 1}, 2), "'data'"),
    "cifar, a list": (CIFAR, lambda: pickle.dumps([1], 2), "not a batch"),
    "cifar, cut": (CIFAR, lambda: batch(nested())[:40], "not a batch"),
    "cifar, far memo": (CIFAR, lambda: batch(b"]r\xff\xff\xff\x7f"), "remembers something"),
    "cifar, nested": (CIFAR, lambda: batch(nested()), "'data' is no"),
    "cifar, no bytes": (CIFAR, lambda: b"\x80\x05\x96" + b"\xff" * 7 + b"\x0f.", "not a batch"),
    "cifar, copies": (
        CIFAR,
        lambda: batch(
            b"](c_codecs\nencode\nq\x01X\x00\x00\x00\x01"
            + b"a" * (1 << 24)
            + b"q\x02U\x06latin1\x86R"
            + b"h\x01h\x02U\x06latin1\x86R" * 3000,
            b"e",
        ),
        "more than",
    ),
    "cifar, too large": (CIFAR, lambda: bytes(41 << 20), "too many"),
    "mat, empty": (TFD, lambda: b"", "not a whole MATLAB file"),
    "mat, hdf5": (TFD, lambda: b"\x89HDF\r\n\x1a\n" + bytes(600), "not a whole MATLAB file"),
    "mat, nothing in it": (TFD, lambda: mat(), "no array 'images'"),
    "mat, cut": (TFD, lambda: mat(matrix())[:-20], "goes beyond its end"),
    "mat, huge shape": (TFD, lambda: mat(matrix(dims=(2**30, 2**30))), "of shape"),
    "mat, negative shape": (TFD, lambda: mat(matrix(dims=(-1, 48, 48))), "has the shape"),
    "mat, no axes": (TFD, lambda: mat(matrix(dims=())), "has the shape"),
    "mat, cells": (TFD, lambda: mat(matrix(kind=1)), "something else than real numbers"),
    "mat, a function": (TFD, lambda: mat(matrix(kind=16)), "something else than real numbers"),
    "mat, long element": (TFD, lambda: mat(matrix(length=1 << 31)), "takes 2147483648 bytes"),
    "mat, twice": (TFD, lambda: mat(*[matrix(dims=(9, 1))] * 2), "two arrays"),
    "mat, bomb": (TFD, packed_bomb, "more than"),
    "mat, bad zlib": (TFD, lambda: mat(element(15, b"x" * 64)), "not a whole MATLAB file"),
    "npz, empty": (NPZ, lambda: b"", "not a file with"),
    "npz, objects": (NPZ, lambda: npz(data=np.array([{}] * 3), labels=np.zeros(3)), "objects"),
    "npz, huge shape": (NPZ, lambda: claiming((1 << 40, 784)), "of shape"),
    "npz, negative": (NPZ, lambda: claiming((-1, 784)), "of shape"),
    "npz, deep header": (NPZ, lambda: claiming("(" * 9000), "not a file with"),
    "npz, bomb": (
        NPZ,
        lambda: corpus.zipped([("data.npy", bytes(1 << 28)), ("labels.npy", b"")], 8),
        "not a file with",
    ),
    "npz, texts": (NPZ, lambda: npz(data=np.full((3, 784), "x"), labels=np.zeros(3)), "numbers"),
    "npz, mismatched labels": (
        NPZ,
        lambda: npz(data=np.zeros((3, 784), "f4"), labels=np.zeros(4)),
        "'labels'",
    ),
    "npz, no images": (NPZ, lambda: npz(data=np.zeros((0, 784)), labels=np.zeros(0)), "(0, 784)"),
    "npz, other classes": (
        NPZ,
        lambda: npz(data=np.zeros((3, 784)), labels=np.array([1, 2, 30])),
        "outside 0 to 9",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_bad_data_file(name, command, unchanged, tmp_path, monkeypatch):
    file, content, culprit = FILES[name]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYLEARN2_DATA_PATH", str(tmp_path))
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    path.write_bytes(content())
    (tmp_path / "bad.yaml").write_text(
        f"!obj:adversarial.train.Train {{model: {corpus.MLP}, "
        f"dataset: !obj:adversarial.datasets.{SETS[file]} {{which_set: train}}}}"
    )
    unchanged()
    command("train", "bad.yaml").names(
        "train.py: error: ", path.name if "other classes" not in name else "bad.yaml", culprit
    )
    unchanged()


def test_mnist_with_the_labels_of_another_set(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYLEARN2_DATA_PATH", str(tmp_path))
    (tmp_path / "mnist").mkdir()
    (tmp_path / MNIST).write_bytes(HEADER + bytes(60000 * 784))
    (tmp_path / LABELS).write_bytes(bytes([0, 0, 8, 1]) + struct.pack(">I", 9) + bytes(9))
    from adversarial.datasets import mnist

    monkeypatch.setitem(mnist.SHA256, "train-images-idx3-ubyte", None)
    (tmp_path / "bad.yaml").write_text("!obj:adversarial.datasets.mnist.MNIST {which_set: train}")
    command("train", "bad.yaml").names("train-labels-idx1-ubyte", "expected 60000", "says 9")
