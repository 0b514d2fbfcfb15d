"""The format of a model file: a zip archive of JSON documents and arrays, with checksums.

    object.json             the object graph (see `schema`)
    0.npy, 1.npy            its arrays, in NumPy's own format, never pickled
    training.json           the state of the training, also an object graph; optional
    training/0.npy          its arrays
    SHA256SUMS              a digest of each member, in the format of `sha256sum -c`

Nothing is compressed, so a member is never larger than the file. `read` reads one of the two graphs
without reading the other.

The archive follows the bytes of `PREFIX`. For `pickle.load` these are a pickle whose loading fails
with a message that says how to load the file. Zip readers begin at a file's end, and so ignore
them. Files of earlier versions have no prefix.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
import zipfile
from typing import Any, BinaryIO, Optional

import numpy as np

from adversarial.modelfile.npy import read_array
from adversarial.utils.budget import PER_ARRAY_BYTE, PER_BYTE, Budget, Fault

GRAPH = "object.json"
TRAINING = "training.json"
SUMS = "SHA256SUMS"
MAX_JSON = 16 << 20
MESSAGE = (
    "This is a model file of adversarial-nets and not a pickle: load it with "
    "adversarial.utils.serial.load(path)"
)


def _as_text(text: str) -> bytes:
    """The opcode of a pickle that pushes `text`."""
    return b"\x8c" + bytes([len(text)]) + text.encode("ascii")


# Protocol 4: dict.__getitem__({}, MESSAGE), which raises KeyError(MESSAGE). It names nothing but a
# method of a built-in type, so that unpickling imports and runs nothing.
PREFIX = b"".join(
    (
        b"\x80\x04",
        _as_text("builtins") + _as_text("dict.__getitem__") + b"\x93",
        b"}" + _as_text(MESSAGE) + b"\x86R.",
    )
)
_CHUNK = 1 << 20
_BEGINNING = 4096  # bytes in which `read` searches for signs of another file format
# Bytes of memory per byte of SHA256SUMS: the text, its lines and a dict of them.
_PER_SUMS_BYTE = 8
_EPOCH = (1980, 1, 1, 0, 0, 0)
_ZIP = b"PK\x03\x04"
_PICKLE = "a Python pickle, which could run code and is never opened here"
# (pattern that occurs in the first bytes of a pickle, advice for the error message).
_PICKLES = (
    (
        rb"pylearn2|theano",
        "; it was made by Pylearn2, whose pickles only its own code can read: train its YAML file "
        "again",
    ),
    (
        rb"adversarial|sandbox",
        "; of objects of this program: if you trust it, load it with pickle.load in Python and "
        "save what it holds with adversarial.utils.serial.save(path, model)",
    ),
)
_OTHER_FORMATS = (
    (_ZIP, "a zip archive of something else"),
    (b"\x80", _PICKLE),
    (b"\x1f\x8b", "a gzip file"),
    (b"\x93NUMPY", "a single NumPy array"),
    (b"\x89HDF", "an HDF5 file"),
)


class _HashingFile:
    """A writable stream that passes data on and computes its SHA-256."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.digest = hashlib.sha256()

    def write(self, data: Any) -> int:
        self.digest.update(data)
        return self.stream.write(data)


# (document: JSON data, the arrays that it refers to by number).
Graph = tuple[Any, list[np.ndarray]]


def write(
    stream: BinaryIO,
    document: Any,
    arrays: list[np.ndarray],
    training: Optional[Graph] = None,
    mark: bytes = b"",
) -> None:
    """Write the graph (`document`, `arrays`), and `training`, into the empty seekable `stream`.

    `mark` (see `outputs.marked`) becomes the archive's comment, at the end of the file.
    """
    sums = []
    stream.write(PREFIX)
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        archive.comment = mark

        def member(name: str, size: int) -> Any:
            info = zipfile.ZipInfo(name, _EPOCH)
            info.file_size = size
            info.external_attr = 0o644 << 16
            return archive.open(info, "w")

        def add(name: str, size: int, fill: Any) -> None:
            with member(name, size) as target:
                hashing = _HashingFile(target)
                fill(hashing)
            sums.append(f"{hashing.digest.hexdigest()}  {name}\n")

        for graph, content in ((GRAPH, (document, arrays)), (TRAINING, training)):
            if content is None:
                continue
            text = json.dumps(content[0], separators=(",", ":"), allow_nan=False).encode("ascii")
            if len(text) > MAX_JSON:
                raise ValueError(f"{graph} would take {len(text)} bytes, more than {MAX_JSON}")
            add(graph, len(text), lambda target, text=text: target.write(text))
            for index, array in enumerate(content[1]):
                add(
                    _array_name(graph, index),
                    array.nbytes + (1 << 16),
                    lambda target, array=array: np.lib.format.write_array(
                        target, array, allow_pickle=False
                    ),
                )
        body = "".join(sums).encode("ascii")
        with member(SUMS, len(body)) as target:
            target.write(body)


def begins_model_file(start: bytes) -> bool:
    """Whether a file that begins with the bytes `start`, at least 200, may be a model file."""
    return start.startswith((_ZIP, PREFIX + _ZIP))


def _array_name(graph: str, index: int) -> str:
    return f"{index}.npy" if graph == GRAPH else f"{graph.partition('.')[0]}/{index}.npy"


def read(stream: BinaryIO, graph: str = GRAPH, budget: Budget | None = None) -> Graph:
    """Read one graph (GRAPH or TRAINING) of a file that `write` wrote; `Fault` for other files.

    If there is no member TRAINING, that graph is (None, []). Memory is spent from `budget`, which
    first grows in proportion to the size of the graph's members.
    """
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    start = stream.read(_BEGINNING)
    stream.seek(max(size - 1, 0))
    end = stream.read(1)
    if not start:
        raise Fault("is empty")
    archive_start = start[len(PREFIX) :] if start.startswith(PREFIX) else start
    if archive_start[:4] != _ZIP or archive_start[30 : 30 + len(GRAPH)] != GRAPH.encode():
        if start[:30] == PREFIX[:30]:
            raise Fault("is truncated or damaged")
        kind = next((what for magic, what in _OTHER_FORMATS if start.startswith(magic)), None)
        # A pickle of protocol 0 or 1 has no magic number; it begins with one of a few opcodes, and
        # ends with a dot.
        if kind is None and start[:1] in b"(]}c" and end == b".":
            kind = _PICKLE
        if kind == _PICKLE:
            kind += next((hint for names, hint in _PICKLES if re.search(names, start)), "")
        raise Fault("is not a model file of this program" + (f": it is {kind}" if kind else ""))
    try:
        with zipfile.ZipFile(stream) as archive:
            budget = Budget.of_bytes(size, 0) if budget is None else budget
            infos = _checked_members(archive, size)
            budget.spend("the list of checksums", _PER_SUMS_BYTE * infos[SUMS].file_size)
            expected = _read_sums(archive, infos)
            if graph not in infos:
                return None, []
            names = _array_names(graph, infos)
            values = sum(infos[name].file_size for name in names)
            budget.grow(PER_BYTE * infos[graph].file_size + PER_ARRAY_BYTE * values)
            budget.spend("the arrays", values)
            text = _read_verified(archive, infos[graph], expected)
            arrays = [_read_array(archive, infos[name], expected) for name in names]
    except Fault:
        raise
    # For damaged bytes, zipfile and NumPy raise a dozen types of exception.
    except Exception as error:
        raise Fault(f"is truncated or damaged ({short(error)})") from error
    try:
        return json.loads(text, parse_constant=_no_constant), arrays
    except (ValueError, RecursionError) as error:
        raise Fault(f"holds an object graph that is not valid ({short(error)})") from error


def short(error: BaseException) -> str:
    """The type and message of an exception, in one line of limited length.

    A forged file may put much text into a message; 400 letters hold our own with a long path.
    """
    words = " ".join(str(error).split())[:400]
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} in JSON")


def _checked_members(archive: zipfile.ZipFile, size: int) -> dict[str, zipfile.ZipInfo]:
    infos = {info.filename: info for info in archive.infolist()}
    names = {GRAPH, SUMS, *_array_names(GRAPH, infos)}
    if TRAINING in infos:
        names.update((TRAINING, *_array_names(TRAINING, infos)))
    if len(infos) != len(archive.infolist()) or set(infos) != names:
        raise Fault("is truncated or damaged, or another program's zip archive")
    for info in infos.values():
        if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
            raise Fault(f"has a compressed member {info.filename!r}, which is never read here")
        if info.flag_bits & 1:
            raise Fault(f"has an encrypted member {info.filename!r}")
    total = sum(info.file_size for info in infos.values())
    if total > size:
        raise Fault(f"claims {total} bytes of contents but is only {size} bytes long")
    if any(infos[name].file_size > MAX_JSON for name in {GRAPH, TRAINING} & set(infos)):
        raise Fault(f"holds an object graph of more than {MAX_JSON} bytes")
    return infos


def _array_names(graph: str, infos: dict[str, zipfile.ZipInfo]) -> list[str]:
    """The names of the members with arrays of `graph`, from number 0 to the first missing one."""
    names = (_array_name(graph, index) for index in itertools.count())
    return list(itertools.takewhile(infos.__contains__, names))


def _read_sums(archive: zipfile.ZipFile, infos: dict[str, zipfile.ZipInfo]) -> dict[str, str]:
    lines = archive.read(infos[SUMS]).decode("ascii").splitlines()
    expected = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    if set(expected) != set(infos) - {SUMS}:
        raise Fault("is damaged: its list of checksums does not match its members")
    return expected


def _verify(info: zipfile.ZipInfo, digest: Any, expected: dict[str, str]) -> None:
    if digest.hexdigest() != expected[info.filename]:
        raise Fault(f"is damaged: the checksum of its member {info.filename!r} does not match")


def _read_verified(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, expected: dict[str, str]
) -> bytes:
    data = archive.read(info)
    _verify(info, hashlib.sha256(data), expected)
    return data


def _read_array(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, expected: dict[str, str]
) -> np.ndarray:
    # Two passes: verify the checksum, then read. So unverified data is never parsed.
    digest = hashlib.sha256()
    with archive.open(info) as stream:
        for chunk in iter(lambda: stream.read(_CHUNK), b""):
            digest.update(chunk)
    _verify(info, digest, expected)
    with archive.open(info) as stream:
        return read_array(stream, info.file_size, info.filename)
