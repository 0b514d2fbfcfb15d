from __future__ import annotations

import struct

import numpy as np
import pytest

from adversarial.datasets.lush import DTYPES
from adversarial.files.opening import BadFile
from adversarial.utils.serial import read_bin_lush_matrix

MAGIC = {np.dtype(dtype): magic for magic, dtype in DTYPES.items()}


def lush(array):
    listed = [*array.shape, *[1] * (3 - array.ndim)] if array.ndim else []
    head = struct.pack(f"<{2 + len(listed)}i", MAGIC[array.dtype], array.ndim, *listed)
    return head + array.tobytes()


@pytest.mark.parametrize("dtype", ["f4", "f8", "i4", "i2", "u1"])
@pytest.mark.parametrize("shape", [(), (5,), (2, 3), (2, 1, 3), (2, 2, 1, 2)])
def test_read(dtype, shape, tmp_path):
    array = np.arange(int(np.prod(shape)), dtype=dtype).reshape(shape)
    (tmp_path / "x.mat").write_bytes(lush(array))
    found = read_bin_lush_matrix(tmp_path / "x.mat")
    assert found.dtype == array.dtype and found.shape == shape
    np.testing.assert_array_equal(found, array)


GOOD = lush(np.zeros((2, 3), "f4"))


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "0 bytes"),
        (b"\0" * 30, "begins with 0"),
        (GOOD[:12], "ends within"),
        (GOOD[:-1], "23 bytes of elements"),
        (GOOD + b"x", "25 bytes"),
        (GOOD[:4] + struct.pack("<i", 10**6), "1000000 axes"),
        (GOOD[:8] + struct.pack("<3i", 2**30, 2**30, 1) + GOOD[20:], "24 bytes of elements"),
        (GOOD[:8] + struct.pack("<3i", -2, -3, 1) + GOOD[20:], "24 bytes"),
    ],
)
def test_what_is_no_matrix(content, message, tmp_path):
    (tmp_path / "x.mat").write_bytes(content)
    with pytest.raises(BadFile, match=message):
        read_bin_lush_matrix(tmp_path / "x.mat")
