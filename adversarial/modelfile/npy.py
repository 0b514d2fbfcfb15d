"""Reads arrays from untrusted .npy and .npz files: no pickles, and no Python objects.

The size that a header states is compared with the size of the file before memory is allocated.
"""

from __future__ import annotations

import contextlib
import io
import math
import os
import zipfile
from collections.abc import Callable, Collection
from typing import Any, BinaryIO

import numpy as np

from adversarial.files.opening import BadFile, open_regular
from adversarial.utils.budget import PER_PACKED_BYTE, Budget, Fault

MAX_HEADER = 10_000  # bytes; NumPy's own limit, since ast.literal_eval is unsafe for longer text
MAX_ITEM = 1 << 16
# An array with an axis of length 0 takes no bytes, but a loop over another axis could take hours.
MAX_EMPTY_AXIS = 1 << 24
_CHUNK = 1 << 20
# Version -> (number of bytes that hold the header's length, NumPy's function that reads it).
_VERSIONS = {
    (1, 0): (2, np.lib.format.read_array_header_1_0),
    (2, 0): (4, np.lib.format.read_array_header_2_0),
}


def read_array(stream: Any, size: int, name: str) -> np.ndarray:
    """Read an array from the next `size` bytes of `stream`; `name` is for messages.

    Raises `Fault`, or an exception of NumPy.
    """
    shape, fortran, dtype, offset = read_header(stream, size, name)
    count, left = math.prod(shape), size - offset
    flat = np.empty(count, dtype)
    view = flat.view(np.uint8).data if count else memoryview(b"")
    for begin in range(0, left, _CHUNK):
        part = stream.read(min(_CHUNK, left - begin))
        if len(part) != min(_CHUNK, left - begin):
            raise Fault(f"ends within its array {name!r}")
        view[begin : begin + len(part)] = part
    return flat.reshape(shape[::-1]).transpose() if fortran else flat.reshape(shape)


def read_header(stream: Any, size: int, name: str) -> tuple[tuple[int, ...], bool, np.dtype, int]:
    """Read and check the header of an array in the next `size` bytes of `stream`.

    Returns
    -------
    (shape, whether in the order of Fortran, dtype, bytes of the header)

    Raises `Fault`, or an exception of NumPy.
    """
    version = np.lib.format.read_magic(stream)
    if version not in _VERSIONS:
        raise Fault(f"has an array {name!r} of unknown version {version}")
    width, read = _VERSIONS[version]
    length = stream.read(width)
    header_size = int.from_bytes(length, "little")
    if len(length) < width or header_size > MAX_HEADER:
        raise Fault(f"has an array {name!r} with a header of {header_size} bytes")
    shape, fortran, dtype = read(io.BytesIO(length + stream.read(header_size)))
    offset = 8 + width + header_size
    count, left = check_dtype_and_count(shape, dtype), size - offset
    if count * dtype.itemsize != left:
        raise Fault(f"has an array {name!r} of shape {shape} and type {dtype} in {left} bytes")
    return shape, fortran, dtype, offset


def check_dtype_and_count(shape: tuple[int, ...], dtype: np.dtype) -> int:
    """The number of elements of an array; `Fault` if the shape or the dtype is not supported."""
    if dtype.hasobject:
        raise Fault(f"has an array of Python objects ({dtype})")
    if not 0 < dtype.itemsize <= MAX_ITEM or dtype.subdtype is not None:
        raise Fault(f"has an array of an unsupported type ({dtype})")
    if any(type(length) is not int or length < 0 for length in shape):
        raise Fault(f"has an array of shape {shape}")
    count = math.prod(shape)
    if not count and max(shape) > MAX_EMPTY_AXIS:
        raise Fault(f"has an array of shape {shape}, without values")
    return count


def load_npy(path: str | os.PathLike[str], file: BinaryIO | None = None) -> np.ndarray:
    """The array in the .npy file `path`, or in `file`, the same file, opened.

    Raises ValueError, with the file's name.
    """
    with contextlib.nullcontext(file) if file else open_regular(path) as stream:
        return naming(path, lambda: read_array(stream, os.fstat(stream.fileno()).st_size, "it"))


def load_npz(
    path: str | os.PathLike[str],
    names: Collection[str],
    at_most: int = 1 << 30,
    file: BinaryIO | None = None,
) -> dict[str, np.ndarray]:
    """The arrays `names` of a .npz file, compressed or not; names that the file lacks are omitted.

    Parameters
    ----------
    path : str or path-like
    names : collection of str
    at_most : int
        The largest size of an array, in bytes.
    file : binary file, optional
        The same file, opened.

    Raises
    ------
    ValueError
        With the file's name, if the file is damaged or an array is too large.
    """

    def read(stream: BinaryIO) -> dict[str, np.ndarray]:
        arrays = {}
        budget = Budget.of_bytes(os.fstat(stream.fileno()).st_size, PER_PACKED_BYTE)
        with zipfile.ZipFile(stream) as archive:
            for name in names:
                if f"{name}.npy" not in archive.namelist():
                    continue
                info = archive.getinfo(f"{name}.npy")
                if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    raise Fault(f"has an array {name!r} packed in an unknown way")
                if info.file_size > at_most:
                    raise Fault(
                        f"has an array {name!r} of {info.file_size} bytes, more than {at_most}"
                    )
                budget.spend(f"the array {name!r}", info.file_size)
                with archive.open(info) as member:
                    arrays[name] = read_array(member, info.file_size, name)
        return arrays

    with contextlib.nullcontext(file) if file else open_regular(path) as stream:
        return naming(path, lambda: read(stream))


def naming(path: str | os.PathLike[str], read: Callable[[], Any]) -> Any:
    """What `read()` returns; its errors become `BadFile`, a ValueError, that names the file."""
    try:
        return read()
    except Fault as fault:
        raise BadFile(f"{os.fspath(path)}: {fault}") from None
    except OSError:
        raise
    # For damaged bytes, zipfile, zlib and NumPy raise a dozen types of exception.
    except Exception as error:
        words = " ".join(str(error).split())[:120]
        raise BadFile(
            f"{os.fspath(path)}: is damaged, or not NumPy's ({type(error).__name__}: {words})"
        ) from error
