"""Opens files that may not be regular files.

Opening a named pipe blocks, reading a device may never end, opening some devices has an effect, and
a symbolic link may lead anywhere. All commands open the files that a user names by `open_regular`,
and the files beside these by `open_beside`.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import os
import stat
from collections.abc import Iterator
from typing import BinaryIO, Optional, TextIO

from adversarial.utils import budget

TRUST_VARIABLE = "ADVERSARIAL_TRUST_PATHS"
# Without O_NONBLOCK, opening a named pipe waits until a process opens its other end.
_NONBLOCKING = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)

# File systems allow at most 255 bytes in a name, some fewer.
_LONGEST_STEM = 80

_is_trusting = False
# Files that are to be replaced, by device and inode: whether they have been read since `watch`.
_watched: dict[tuple[int, int], bool] = {}


def trust_paths(trust: bool) -> None:
    """Set whether this process trusts the paths inside model files."""
    global _is_trusting
    _is_trusting = trust


def trusts_paths() -> bool:
    """Whether the user trusts the paths inside model files (`--trust-paths`)."""
    return _is_trusting or os.environ.get(TRUST_VARIABLE) == "1"


def watch(path: str | os.PathLike[str]) -> None:
    """Note from now on whether `open_regular` opens the existing file `path`; see `was_read`."""
    _watched[_identity(os.stat(path))] = False


def was_read(path: str | os.PathLike[str]) -> bool:
    """Whether the file `path` has been opened since `watch`, which ends with this call."""
    try:
        return _watched.pop(_identity(os.stat(path)), False)
    except FileNotFoundError:
        return False


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino


class BadFile(ValueError):
    """A file is damaged, or is not of the expected kind."""


def open_regular(path: str | os.PathLike[str], or_device: bool = False) -> BinaryIO:
    """Open the file `path` for reading bytes; `BadFile` if it is not a regular file.

    Symbolic links are followed, since the user gave the path. `or_device` allows character devices,
    such as /dev/null, for callers that limit how many bytes they read.
    """
    # Check before opening, since opening has an effect on some devices; and again after opening,
    # since the file may have been replaced in between.
    _check_regular(path, os.stat(path), or_device)
    handle = os.open(path, os.O_RDONLY | _NONBLOCKING)
    try:
        found = os.fstat(handle)
        _check_regular(path, found, or_device)
    except BaseException:
        os.close(handle)
        raise
    budget.opened(found)
    if _identity(found) in _watched:
        _watched[_identity(found)] = True
    return os.fdopen(handle, "rb")


def open_text(path: str | os.PathLike[str], newline: Optional[str] = None) -> TextIO:
    """As `open_regular`, for text in UTF-8; `newline` is that of `open`."""
    return io.TextIOWrapper(open_regular(path), encoding="utf-8", newline=newline)


def open_beside(path: str | os.PathLike[str], flags: int, mode: int = 0o666) -> int:
    """A file descriptor of `path`, a file that this program keeps beside a file of the user.

    `flags` and `mode` are those of `os.open`. Raises OSError if `path` is a symbolic link or not a
    regular file.
    """
    with contextlib.suppress(FileNotFoundError):
        _check_not_link(path, os.lstat(path))
    try:
        handle = os.open(path, flags | _NONBLOCKING | _NO_LINK, mode)
    except OSError as error:
        if error.errno == errno.ELOOP:  # a link was put there after the check above
            _check_not_link(path, os.lstat(path))
        raise
    try:
        _check_not_link(path, os.fstat(handle))
    except BaseException:
        os.close(handle)
        raise
    return handle


def digest_of(stream: BinaryIO) -> str:
    """SHA-256 of the whole seekable `stream`, as hexadecimal text; its position becomes 0."""
    digest = hashlib.sha256()
    stream.seek(0)
    for chunk in iter(lambda: stream.read(1 << 20), b""):
        digest.update(chunk)
    stream.seek(0)
    return digest.hexdigest()


@contextlib.contextmanager
def open_named_by_a_file(path: str | os.PathLike[str], digest: str | None) -> Iterator[BinaryIO]:
    """Open the file `path`, from which a model file takes its arrays, for reading bytes.

    The author of the model file chose the path, which could lead to a private file. So the model
    file must hold the file's SHA-256 `digest`, which only somebody who has read the file can know.
    Model files of earlier versions have no digest (None), and are accepted if the user trusts their
    paths (`trust_paths`). Raises `BadFile` otherwise.
    """
    if digest is None and not trusts_paths():
        raise BadFile(
            f"its arrays are to be read from {os.fspath(path)!r}, and it does not hold their "
            "checksum: if you know who made the model file, --trust-paths (or "
            f"{TRUST_VARIABLE}=1) lets it read the files that it names"
        )
    with open_regular(path) as stream:
        if digest is not None and digest_of(stream) != digest:
            raise BadFile(f"its arrays are not in {os.fspath(path)!r}: that is another file")
        yield stream


def stem_for(name: str) -> str:
    """The common part of the names of the lock file and temporary files of a file `name`.

    `name` itself, or a digest of it if it is long, so that the longer names are valid as well.
    """
    raw = os.fsencode(name)
    return name if len(raw) <= _LONGEST_STEM else hashlib.sha256(raw).hexdigest()[:32]


def _check_regular(path: str | os.PathLike[str], found: os.stat_result, or_device: bool) -> None:
    if not stat.S_ISREG(found.st_mode) and not (or_device and stat.S_ISCHR(found.st_mode)):
        raise BadFile(f"{os.fspath(path)}: is not a regular file")


def _check_not_link(path: str | os.PathLike[str], found: os.stat_result) -> None:
    if stat.S_ISLNK(found.st_mode):
        raise OSError(f"{os.fspath(path)} is a symbolic link, which is not followed: remove it")
    if not stat.S_ISREG(found.st_mode):
        raise OSError(f"{os.fspath(path)} is not a regular file: remove it")
