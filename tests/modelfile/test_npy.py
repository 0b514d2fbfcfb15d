"""NumPy's files by the narrow door: what NumPy writes is read alike, the rest is named."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adversarial.modelfile import npy


@pytest.mark.parametrize(
    "array",
    [
        np.arange(24).reshape(2, 3, 4),
        np.asfortranarray(np.ones((3, 5), "f4")),
        np.zeros((0, 7)),
        np.array(2.5),
        np.array(["a", "bc"]),
        np.arange(9, dtype=">i2")[::2],
    ],
)
def test_as_numpy_reads_it(array, tmp_path):
    np.save(tmp_path / "a.npy", array)
    found = npy.load_npy(tmp_path / "a.npy")
    assert found.dtype == array.dtype and np.array_equal(found, array)
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "a.npz", a=array, b=np.ones(3))
        found = npy.load_npz(tmp_path / "a.npz", ("a", "c"))
        assert list(found) == ["a"] and np.array_equal(found["a"], array)


def test_too_much(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", a=np.zeros(100_000))
    with pytest.raises(ValueError, match=r"a.npz: has an array 'a' of 800128 bytes, more than 99"):
        npy.load_npz(tmp_path / "a.npz", ("a",), at_most=99)


def test_long_headers(tmp_path):
    (tmp_path / "a.npy").write_bytes(
        b"\x93NUMPY\x02\x00" + (20_000_000).to_bytes(4, "little") + b"(" * 20_000_000
    )
    with pytest.raises(ValueError, match="a.npy: has an array 'it' with a header of 20000000"):
        npy.load_npy(tmp_path / "a.npy")


def test_objects_are_not_unpickled(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{}]), allow_pickle=True)
    with pytest.raises(ValueError, match="a.npy: has an array of Python objects"):
        npy.load_npy(tmp_path / "a.npy")


def test_what_is_no_file(tmp_path):
    with pytest.raises(ValueError, match="is not a regular file"):
        npy.load_npy("/dev/zero")
    with pytest.raises(FileNotFoundError):
        npy.load_npy(tmp_path / "nothing.npy")


@settings(max_examples=200)
@given(st.integers(0, 300), st.integers(1, 255), st.integers(0, 300))
def test_damaged(tmp_path_factory, place, value, length):
    path = tmp_path_factory.getbasetemp() / "damaged.npy"
    np.save(path, np.arange(20.0))
    data = bytearray(path.read_bytes())
    data[place % len(data)] ^= value
    path.write_bytes(data[: len(data) - length % len(data)])
    try:
        assert npy.load_npy(path).nbytes <= 300
    except ValueError as error:
        assert "\n" not in str(error) and "damaged.npy: " in str(error)
