"""A reader of arrays of numbers in MATLAB files of version 5, compressed or not, for `TFD`.

`scipy.io.loadmat` cannot be given a bound on memory: its `whosmat` tells the shape of an array
before it is read, but not the type in which it is stored, and a small compressed file may hold
gigabytes. This reader also builds no cells, structures or functions. The format is described in
MathWorks, "MAT-File Format", level 5.
"""

from __future__ import annotations

import math
import os
import struct
import zlib
from collections.abc import Collection
from typing import IO, Union

import numpy as np

from adversarial.files.opening import BadFile, open_regular
from adversarial.utils.budget import PER_PACKED_BYTE, Budget

# Storage types, and the classes of array that hold plain numbers.
TYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
NUMBERS = range(6, 16)
MATRIX, COMPRESSED = 14, 15
COMPLEX = 0x08
MAX_AXES = 32
CHUNK = 1 << 16


def load_mat(
    path: str | os.PathLike[str], names: Collection[str], at_most: int
) -> dict[str, np.ndarray]:
    """Read some arrays of a file.

    Parameters
    ----------
    path : path
    names : collection of str
        The arrays to read, if the file has them.
    at_most : int
        How many bytes an array may take.

    Returns
    -------
    dict
        Name to array, in the type in which it is stored.

    Raises
    ------
    BadFile
        If it is no whole file of version 5, or one of the arrays holds anything but real numbers,
        or is too large.
    """
    path = os.fspath(path)
    with open_regular(path) as file:
        try:
            return _read_file(file, set(names), at_most)
        except (ValueError, struct.error, zlib.error) as error:
            raise BadFile(f"{path}: not a whole MATLAB file of version 5 ({error})") from error


def _read_file(file: IO[bytes], names: set[str], at_most: int) -> dict[str, np.ndarray]:
    size = os.fstat(file.fileno()).st_size
    header = file.read(128)
    if _is_hdf5(file, header):
        raise ValueError(
            "it is one of version 7.3, which is HDF5: in MATLAB, load it and save it with "
            "save(name, '-v7'); or in Python, read it with h5py, whose axes are reversed, and "
            "write it with scipy.io.savemat"
        )
    order = {b"IM": "<", b"MI": ">"}.get(header[126:128])
    if order is None or struct.unpack(order + "H", header[124:126])[0] >> 8 != 1:
        raise ValueError("it has another header")
    arrays: dict[str, np.ndarray] = {}
    budget = Budget.of_bytes(size, PER_PACKED_BYTE)
    while file.tell() < size:
        kind, length = struct.unpack(order + "II", _exactly(file, 8))
        end = file.tell() + length
        if end > size:
            raise ValueError(f"an element of {length} bytes goes beyond its end")
        stream: _Stream = file
        if kind == COMPRESSED:
            stream = _Inflated(file, length)
            kind, _ = struct.unpack(order + "II", _exactly(stream, 8))
        if kind == MATRIX:
            _read_matrix(stream, order, names, at_most, arrays, budget)
        file.seek(end)
    return arrays


def _is_hdf5(file: IO[bytes], header: bytes) -> bool:
    """Whether the file is of version 7.3: HDF5, mostly behind 512 bytes that say so."""
    if header.startswith((b"\x89HDF\r\n\x1a\n", b"MATLAB 7.3 MAT-file")):
        return True
    file.seek(512)
    behind = file.read(8)
    file.seek(len(header))
    return behind == b"\x89HDF\r\n\x1a\n"


def _read_matrix(
    stream: _Stream,
    order: str,
    names: set[str],
    at_most: int,
    arrays: dict[str, np.ndarray],
    budget: Budget,
) -> None:
    """Put the next array of `stream` into `arrays`, if it is one of `names`."""
    flags = _element(stream, order, 8)[1]
    dims = np.frombuffer(_element(stream, order, 4 * MAX_AXES)[1], order + "i4")
    name = bytes(_element(stream, order, 256)[1]).decode("latin1")
    if name not in names:
        return
    what = struct.unpack(order + "I", flags[:4])[0]
    if what & 0xFF not in NUMBERS or (what >> 8) & COMPLEX:
        raise ValueError(f"{name!r} holds something else than real numbers")
    if name in arrays:
        raise ValueError(f"it has two arrays {name!r}")
    shape = tuple(int(n) for n in dims)
    if min(shape, default=-1) < 0:
        raise ValueError(f"{name!r} has the shape {shape}")
    kind, data = _element(stream, order, at_most, name, budget)
    dtype = np.dtype(order + TYPES[kind]) if kind in TYPES else None
    if dtype is None or math.prod(shape) * dtype.itemsize != len(data):
        raise ValueError(f"{name!r} of shape {shape} has {len(data)} bytes of type {kind}")
    array = np.frombuffer(data, dtype).reshape(shape, order="F")
    arrays[name] = array.astype(dtype.newbyteorder("="), copy=False)


def _element(
    stream: _Stream, order: str, at_most: int, name: str = "", budget: Budget | None = None
) -> tuple[int, bytearray]:
    """Type and bytes of the next element of `stream`."""
    head = _exactly(stream, 8)
    kind, length = struct.unpack(order + "II", head)
    if kind >> 16:  # a small one: its length and its bytes are in the head
        kind, length = kind & 0xFFFF, kind >> 16
        if length > 4:
            raise ValueError(f"a small element of {length} bytes")
        return kind, head[4 : 4 + length]
    if length > at_most:
        raise ValueError(
            f"{name!r} takes {length} bytes, more than {at_most}"
            if name
            else f"an element of {length} bytes where at most {at_most} belong"
        )
    if budget is not None:
        budget.spend(f"the array {name!r}", length)
    data = _exactly(stream, length)
    _exactly(stream, -length % 8)
    return kind, data


def _exactly(stream: _Stream, count: int) -> bytearray:
    data = bytearray()
    while len(data) < count:
        part = stream.read(min(count - len(data), CHUNK))
        if not part:
            raise ValueError(f"it ends {count - len(data)} bytes too early")
        data += part
    return data


class _Inflated:
    """The uncompressed bytes of the next `left` bytes of `file`."""

    def __init__(self, file: IO[bytes], left: int) -> None:
        self._file, self._left = file, left
        self._inflate = zlib.decompressobj()

    def read(self, count: int) -> bytes:
        """Some of the next `count` bytes, at least one unless there are no more."""
        while not self._inflate.eof:
            packed = self._inflate.unconsumed_tail
            if not packed:
                packed = self._file.read(min(CHUNK, self._left))
                self._left -= len(packed)
                if not packed:
                    break
            data = self._inflate.decompress(packed, count)
            if data:
                return data
        return b""


_Stream = Union[IO[bytes], _Inflated]
