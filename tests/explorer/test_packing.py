"""The layout of the constants."""

from __future__ import annotations

import numpy as np

from adversarial.explorer.packing import SMALL, Packer


def read(data, entry):
    """The array that an entry describes, read by NumPy."""
    kind = np.dtype(entry["type"]).newbyteorder("<")
    count = int(np.prod(entry["shape"], dtype=int))
    return np.frombuffer(data, kind, count, entry["at"]).reshape(entry["shape"])


def test_arrays_come_back():
    rng = np.random.RandomState(0)
    large = rng.normal(size=(SMALL // 8, 8)).astype("float32")
    arrays = {
        "W": large,
        "b": rng.normal(size=7).astype("float32"),
        "beyond": large * 1e6,  # of float16
        "flag": np.array([True, False, True]),
        "shape": np.array([-1, 4], "int64"),
        "end": np.array(2**62),
        "view": large.T,
        "number": np.float32(0.1),
    }
    packer = Packer()
    entries = dict(packer.add(name, value) for name, value in arrays.items())
    types = {name: entry["type"] for name, entry in entries.items()}
    assert types == {
        "W": "float16",
        "b": "float32",
        "beyond": "float32",
        "flag": "uint8",
        "shape": "int32",
        "end": "int32",
        "view": "float16",
        "number": "float32",
    }
    assert all(entry["at"] % 8 == 0 for entry in entries.values())
    for name, value in arrays.items():
        wanted = np.clip(value, None, 2**31 - 1) if name == "end" else value
        rtol = 2**-11 if types[name] == "float16" else 0
        np.testing.assert_allclose(read(packer.data, entries[name]), wanted, rtol=rtol, atol=1e-7)


def test_without_half_nothing_is_rounded():
    packer = Packer(half=False)
    W = np.random.RandomState(0).normal(size=(SMALL, 2)).astype("float32")
    _, entry = packer.add("W", W)
    assert entry["type"] == "float32" and (read(packer.data, entry) == W).all()


def test_every_float16_is_read_as_numpy_does(node):
    found = node("console.log(JSON.stringify(Array.from(halves(), String)))")
    values = np.array([float(value) for value in found], "float32")
    np.testing.assert_array_equal(values, np.arange(65536, dtype="uint16").view("float16"))
