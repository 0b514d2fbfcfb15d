"""The idx reader reads valid files, and says what is wrong with others."""

from __future__ import annotations

import gzip
import hashlib
import struct

import numpy as np
import pytest

from adversarial.datasets.idx import read_idx
from adversarial.files.opening import BadFile

PIXELS = np.random.RandomState(0).randint(256, size=(4, 3, 2)).astype(np.uint8)


def idx(array=PIXELS, code=8, dims=None):
    dims = array.shape if dims is None else dims
    header = bytes([0, 0, code, len(dims)]) + b"".join(struct.pack(">I", n) for n in dims)
    return header + array.tobytes()


@pytest.fixture
def write(tmp_path):
    def write(content):
        path = tmp_path / "some-idx3-ubyte"
        path.write_bytes(content)
        return path

    return write


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_plain_and_gzipped(write, pack):
    sha256 = hashlib.sha256(idx()).hexdigest()
    path = write(pack(idx()))
    assert np.array_equal(read_idx(path, (4, 3, 2), sha256), PIXELS)
    assert np.array_equal(read_idx(str(path), (None, 3, None)), PIXELS)
    with pytest.raises(BadFile, match=f"some-idx3-ubyte: .*expected {'0' * 64}, got {sha256}"):
        read_idx(path, (4, 3, 2), "0" * 64)


LARGE = 2**32 - 1


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "begins with nothing"),
        (b"<html>", "begins with 3c68746d, expected 00000803"),
        (idx(code=13), "begins with 00000d03"),
        (idx()[:9], "ends within its header, after 9 bytes"),
        (idx(np.zeros((0, 3, 2), np.uint8)), "holds no examples: its header says 0 x 3 x 2"),
        (idx(PIXELS[:3]), "expected 4 x 3 x n values, its header says 3 x 3 x 2"),
        (idx()[:-1], "which makes 40 bytes, but the file has 39"),
        (idx() + b"!", "which makes 40 bytes, but the file has 41"),
        (idx(dims=(4, 3, LARGE)), "but the file has 40"),
        (gzip.compress(idx()[:-1]), "only 23 of the 24"),
        (gzip.compress(idx() + b"!" * 10_000_000), "more than the 24"),
        (gzip.compress(idx(dims=(4, 3, LARGE))), "more than its compressed data can hold"),
        (gzip.compress(idx())[:-9], "damaged gzip data"),
        (gzip.compress(idx())[:-8] + b"\0" * 8, "damaged gzip data"),
        (gzip.compress(idx())[:10] + b"\xff" * 30, "damaged gzip data"),
    ],
    ids=[
        "empty",
        "html",
        "float",
        "header",
        "none",
        "dims",
        "short",
        "long",
        "huge",
        "short-gz",
        "bomb",
        "huge-gz",
        "cut-gz",
        "crc-gz",
        "garbage-gz",
    ],
)
def test_damage_is_named(write, content, message):
    path = write(content)
    with pytest.raises(BadFile, match=message) as caught:
        read_idx(path, (4, 3, None))
    assert str(caught.value).startswith(f"{path}: ")


def test_a_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_idx(tmp_path / "none", (1,))
