"""Own data in a .npy or .npz file of NumPy."""

from __future__ import annotations

import os
import struct
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from adversarial.datasets.data_file import find, open_data
from adversarial.datasets.own_data import OwnData
from adversarial.datasets.source import Source, rows_of
from adversarial.modelfile.npy import load_npz, naming, read_header
from adversarial.utils.budget import Fault
from adversarial.utils.string_utils import nearest

# An array of a compressed .npz cannot be read in parts.
LARGEST_PACKED = 8 << 30
# Of the arrays of an .npz, the one that is data unless `key` says so.
NAMES = ("X", "x", "data", "images", "features", "arr_0")
_LOCAL_HEADER = struct.Struct("<4s22xHH")


class NumpyFile(OwnData):
    """Examples along the first axis of an array in a .npy or .npz file.

    Arrays are read from the file when they are needed, except those of a compressed .npz
    (`numpy.savez_compressed`), which are unpacked into memory. No pickles are read: arrays of
    Python objects are refused.

    Parameters
    ----------
    path : str, or dict of part to str
        The file; or one for each of 'train', 'test' and perhaps 'valid', as for `key` and
        `targets`.
    key : str or dict, optional
        Which array of an .npz; by default X, x, data, images, features or the only one.
    targets : str or dict, optional
        The array of an .npz, or the other .npy file, with the labels or other targets.
    shape : [rows, columns] or [rows, columns, channels], optional
        Of the images, where an example is a row of numbers.
    axes : order of 'b', 0, 1 and 'c', optional
        Of the axes of the array; for rows, of the images from which they were made. By default
        channels are the last axis, and in rows one channel follows the other.
    **common
        which_set, split, seed, stratified, scale, data_range, classes, in_memory: see `OwnData`.

    Examples
    --------
    >>> np.savez("digits.npz", X=np.arange(120, dtype="uint8").reshape(10, 3, 4), y=np.arange(10))
    >>> data = NumpyFile("digits.npz", targets="y", split={"train": [0, 8], "test": [8, 10]})
    >>> data.X.shape, data.view_shape(), data.get_test_set().y.ravel().tolist()
    ((8, 12), (3, 4, 1), [8, 9])
    """

    def __init__(
        self,
        path: Any,
        key: Any = None,
        targets: Any = None,
        shape: Sequence[int] | None = None,
        axes: Sequence | None = None,
        **common: Any,
    ) -> None:
        self._keep_arguments(path=path, key=key, targets=targets, shape=shape, axes=axes, **common)
        super().__init__(**common)

    def _open(self, part: str) -> Source:
        path, key, targets = (self._of(name, part) for name in ("path", "key", "targets"))
        found = find(path)
        array, name = array_in(found, key)
        rows, image = rows_of(array, name, self.args["shape"], self.args["axes"])
        labels = None
        if targets is not None:
            if is_npz(found):
                labels, label_name = array_in(found, targets)
            else:
                labels, label_name = array_in(find(targets), None)
            labels = targets_of(labels, label_name, len(array), name)
        return Source(name, rows, image, labels)


def targets_of(array: Any, name: str, count: int, whose: str) -> np.ndarray:
    """The targets in an array, in memory; ValueError unless there are `count` of them."""
    is_column = array.ndim == 2 and array.shape[1] == 1
    # The name of a class is one text an example.
    has_many = array.ndim == 2 and not is_column and array.dtype.kind in "US"
    if array.dtype.kind not in "biufUS" or array.ndim not in (1, 2) or has_many:
        raise ValueError(
            f"{name} cannot be targets: it is {array.dtype} of shape {tuple(array.shape)}"
        )
    if len(array) != count:
        raise ValueError(f"{name} has {len(array)} targets, but {whose} has {count} examples")
    targets = np.asarray(array[:])
    if targets.dtype.kind == "S":
        # Names in another encoding must stay different ones.
        targets = np.char.decode(targets, "utf-8", "backslashreplace")
    return targets[:, 0] if is_column else targets


def is_npz(path: str | os.PathLike[str]) -> bool:
    """Whether `path` is an .npz file, by its content."""
    with open_data(path) as stream:
        return stream.read(2) == b"PK"


def array_in(path: Path, key: str | None) -> tuple[np.ndarray, str]:
    """(the array `key` of an .npz file, or the one in a .npy file, a name for messages).

    ValueError, which lists the arrays of the file, if there is none of this name.
    """
    with open_data(path) as stream:
        if stream.read(2) != b"PK":
            stream.seek(0)
            if key is not None:
                raise ValueError(
                    f"{path} is no .npz file, so it has no array {key!r}: leave it out"
                )
            return naming(path, lambda: _mapped(stream, 0, os.fstat(stream.fileno()).st_size)), str(
                path
            )
        stream.seek(0)
        found = naming(path, lambda: arrays_of(stream))
        chosen = choose(path, key, {name: shape for name, (shape, _) in found.items()})
        array = naming(path, lambda: _stored(stream, chosen))
        if array is None:
            array = load_npz(path, [chosen], LARGEST_PACKED, stream)[chosen]
        return array, f"{path} (array {chosen!r})"


def choose(path: Any, key: str | None, shapes: Mapping[str, tuple[int, ...]]) -> str:
    """`key`, or the name of the array that is data; ValueError lists those that there are."""
    if key is None:
        known = [name for name in NAMES if name in shapes] or list(shapes)
        if len(known) == 1 or (known and known[0] in NAMES):
            return known[0]
        raise ValueError(
            f"{path} has several arrays: give key the one of examples: {listed(shapes)}"
        )
    if key in shapes:
        return key
    close = nearest(str(key), shapes)
    hint = f"; did you mean {close!r}?" if close else "."
    raise ValueError(f"{path} has no array {key!r}{hint} It has {listed(shapes)}")


def listed(shapes: Mapping[str, tuple[int, ...]], most: int = 20) -> str:
    """The arrays of a file and their shapes, in words."""
    listed = [f"{name} {list(shape)}" for name, shape in list(shapes.items())[:most]]
    more = f" and {len(shapes) - most} more" if len(shapes) > most else ""
    return ", ".join(listed) + more if listed else "none"


def arrays_of(stream: BinaryIO) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
    """The shape and type of each array in an .npz file, of which only headers are read."""
    found = {}
    with zipfile.ZipFile(stream) as archive:
        for info in archive.infolist():
            if info.filename.endswith(".npy"):
                name = info.filename[: -len(".npy")]
                with archive.open(info) as member:
                    shape, _, dtype, _ = read_header(member, info.file_size, name)
                found[name] = shape, dtype
    return found


def _stored(stream: BinaryIO, key: str) -> np.ndarray | None:
    """The array of an .npz file, mapped into memory; None if it is compressed."""
    with zipfile.ZipFile(stream) as archive:
        info = archive.getinfo(f"{key}.npy")
    if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1:
        return None
    stream.seek(info.header_offset)
    signature, name_length, extra_length = _LOCAL_HEADER.unpack(stream.read(_LOCAL_HEADER.size))
    if signature != b"PK\x03\x04":
        raise Fault(f"has no array {key!r} where its directory says")
    start = info.header_offset + _LOCAL_HEADER.size + name_length + extra_length
    if start + info.file_size > os.fstat(stream.fileno()).st_size:
        raise Fault(f"ends within its array {key!r}")
    return _mapped(stream, start, info.file_size, key)


def _mapped(stream: BinaryIO, start: int, size: int, name: str = "it") -> np.ndarray:
    """The array in `size` bytes of a file from `start` on, which the system reads when needed."""
    stream.seek(start)
    shape, fortran, dtype, offset = read_header(stream, size, name)
    if not shape or 0 in shape:
        raise Fault(f"has an array of shape {shape}, which holds no example")
    mapped: Any = np.memmap  # whose types know no BinaryIO
    return mapped(stream, dtype, "r", start + offset, shape, "F" if fortran else "C")
