"""A reader of the idx format, in which MNIST is published, plain or gzipped.

A file holds two zero bytes, a type code, the number of axes, the length of each axis (four bytes,
most significant first), then the numbers. Only unsigned bytes, the type of MNIST, are read.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import os
import zlib
from typing import IO, cast

import numpy as np

from adversarial.files.opening import BadFile, open_regular
from adversarial.utils.budget import spend

UNSIGNED_BYTE = 8


class UnexpectedContent(BadFile):
    """A whole file of its format, but with another shape or hash than expected."""


def read_idx(
    path: str | os.PathLike[str], shape: tuple[int | None, ...], sha256: str | None = None
) -> np.ndarray:
    """The array in an idx file.

    Parameters
    ----------
    path : path
    shape : tuple
        The expected shape; None stands for an axis of any length but zero.
    sha256 : str, optional
        What the uncompressed file must hash to.

    Returns
    -------
    uint8 array of that shape

    Raises
    ------
    UnexpectedContent
        For a whole file of another shape or hash.
    BadFile
        For a file that is damaged, or no idx file of unsigned bytes. A wrong shape or size is
        noticed before memory is allocated for it.
    """
    path = os.fspath(path)
    try:
        with open_regular(path) as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            size = os.fstat(raw.fileno()).st_size
            if packed:
                with gzip.GzipFile(fileobj=raw) as unpacked:
                    # Deflate makes at most 1032 bytes of one.
                    return _read(
                        cast(IO[bytes], unpacked), path, shape, sha256, at_most=1032 * size
                    )
            return _read(raw, path, shape, sha256, exactly=size)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadFile(f"{path}: damaged gzip data ({error})") from error


def idx_shape(path: str | os.PathLike[str]) -> tuple[int, ...]:
    """The shape that the header of an idx file of unsigned bytes says; `BadFile` if it is none."""
    path = os.fspath(path)
    try:
        with open_regular(path) as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            file = cast(IO[bytes], gzip.GzipFile(fileobj=raw)) if packed else raw
            magic = file.read(4)
            axes = magic[3] if len(magic) == 4 else 0
            header = file.read(4 * axes)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadFile(f"{path}: damaged gzip data ({error})") from error
    if magic[:3] != bytes([0, 0, UNSIGNED_BYTE]) or not axes:
        raise BadFile(
            f"{path}: not an idx file of unsigned bytes: it begins with "
            f"{magic.hex() or 'nothing'}, expected 000008 and the number of axes"
        )
    if len(header) < 4 * axes:
        raise BadFile(f"{path}: ends within its header, after {4 + len(header)} bytes")
    return tuple(int(n) for n in np.frombuffer(header, ">u4"))


def _read(
    file: IO[bytes],
    path: str,
    shape: tuple[int | None, ...],
    sha256: str | None,
    exactly: int | None = None,
    at_most: int | None = None,
) -> np.ndarray:
    """The array in an uncompressed `file` of `exactly` so many bytes, or `at_most` so many."""

    header = file.read(4 + 4 * len(shape))
    magic = bytes([0, 0, UNSIGNED_BYTE, len(shape)])
    if header[:4] != magic:
        raise BadFile(
            f"{path}: not an idx file of unsigned bytes with {len(shape)} axes: it "
            f"begins with {header[:4].hex() or 'nothing'}, expected {magic.hex()}"
        )
    if len(header) < 4 + 4 * len(shape):
        raise BadFile(f"{path}: ends within its header, after {len(header)} bytes")
    found = tuple(int(n) for n in np.frombuffer(header, ">u4", offset=4))
    if 0 in found:
        raise BadFile(f"{path}: holds no examples: its header says {_times(found)}")
    if any(want not in (None, got) for want, got in zip(shape, found)):
        raise UnexpectedContent(
            f"{path}: expected {_times(shape)} values, its header says {_times(found)}"
        )
    count = math.prod(found)
    whole = len(header) + count
    if exactly not in (None, whole):
        raise BadFile(
            f"{path}: its header says {_times(found)} values, which makes {whole} bytes, "
            f"but the file has {exactly}"
        )
    if at_most is not None and whole > at_most:
        raise BadFile(
            f"{path}: its header says {_times(found)} values, more than its "
            f"compressed data can hold"
        )
    spend(f"{_times(found)} bytes of {path}", briefly=count)
    data = file.read(count + 1)  # one more byte tells a file that is too long
    if len(data) != count:
        what = "more than" if len(data) > count else f"only {len(data)} of"
        raise BadFile(f"{path}: holds {what} the {count} values that its header says")
    if sha256 is not None:
        digest = hashlib.sha256(header)
        digest.update(data)
        if digest.hexdigest() != sha256:
            raise UnexpectedContent(f"{path}: SHA-256 expected {sha256}, got {digest.hexdigest()}")
    return np.frombuffer(data, np.uint8).reshape(found)


def _times(shape: tuple[int | None, ...]) -> str:
    return " x ".join("n" if n is None else str(n) for n in shape)
