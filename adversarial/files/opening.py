"""Opening files that came from elsewhere: what lies at a path may be anything.

A pipe would keep us waiting, a device may never end or act when it is opened, and a symbolic link
leads wherever its author wished. All commands open what they are given, and what lies beside it,
by the two functions here.
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
# Without O_NONBLOCK opening a pipe waits for its other end.
_CAREFULLY = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)


# File systems allow 255 bytes, or fewer, in a name.
_LONGEST_STEM = 80


_is_trusting = False


def trust_paths(trust: bool) -> None:
    """Whether the paths inside model files are trusted, in this process from now on."""
    global _is_trusting
    _is_trusting = trust


def trusts_paths() -> bool:
    """Whether the user trusts the paths inside model files (`--trust-paths`)."""
    return _is_trusting or os.environ.get(TRUST_VARIABLE) == "1"


class BadFile(ValueError):
    """A file that is not a whole, genuine one of its kind."""


def open_regular(path: str | os.PathLike[str], or_device: bool = False) -> BinaryIO:
    """`path`, opened to read bytes; `BadFile` for what is there but is no regular file.

    Symbolic links are followed: the path is the user's own. `or_device`: such as /dev/null, for
    those who bound what they read.
    """
    # Looked at first, since opening alone makes some devices act; and again once it is open, since
    # what is there may have been swapped.
    _check_regular(path, os.stat(path), or_device)
    handle = os.open(path, os.O_RDONLY | _CAREFULLY)
    try:
        found = os.fstat(handle)
        _check_regular(path, found, or_device)
    except BaseException:
        os.close(handle)
        raise
    budget.opened(found)
    return os.fdopen(handle, "rb")


def open_text(path: str | os.PathLike[str], newline: Optional[str] = None) -> TextIO:
    """As `open_regular`, to read text in UTF-8; `newline` as of `open`."""
    return io.TextIOWrapper(open_regular(path), encoding="utf-8", newline=newline)


def open_beside(path: str | os.PathLike[str], flags: int, mode: int = 0o666) -> int:
    """A file descriptor of `path`, a file that this program keeps beside one that it was given.

    `flags` as of `os.open`. Raises OSError where `path` is a symbolic link or no regular file.
    """
    with contextlib.suppress(FileNotFoundError):
        _refuse_strange(path, os.lstat(path))
    try:
        handle = os.open(path, flags | _CAREFULLY | _NO_LINK, mode)
    except OSError as error:
        if error.errno == errno.ELOOP:  # a link that came in between
            _refuse_strange(path, os.lstat(path))
        raise
    try:
        _refuse_strange(path, os.fstat(handle))
    except BaseException:
        os.close(handle)
        raise
    return handle


def digest_of(stream: BinaryIO) -> str:
    """SHA-256 of all of the seekable `stream`, whose position is where it began afterwards."""
    digest = hashlib.sha256()
    stream.seek(0)
    for chunk in iter(lambda: stream.read(1 << 20), b""):
        digest.update(chunk)
    stream.seek(0)
    return digest.hexdigest()


@contextlib.contextmanager
def open_named_by_a_file(path: str | os.PathLike[str], digest: str | None) -> Iterator[BinaryIO]:
    """`path`, which a model file names as where its arrays are, opened to read bytes.

    The path is its author's: without the SHA-256 `digest` of what is there, which one who has not
    read it cannot know, any private file could become part of a model. Files of earlier versions
    have none, and are believed where the user trusts their paths (`trust_paths`).
    Raises `BadFile`.
    """
    if digest is None and not trusts_paths():
        raise BadFile(
            f"its arrays are to be read from {os.fspath(path)!r}, and it does not tell their "
            "checksum: if you know who made the model file, --trust-paths (or "
            f"{TRUST_VARIABLE}=1) lets it read what it names"
        )
    with open_regular(path) as stream:
        if digest is not None and digest_of(stream) != digest:
            raise BadFile(f"its arrays are not in {os.fspath(path)!r}: that is another file")
        yield stream


def stem_for(name: str) -> str:
    """What the names of lock and temporary files of a file `name` are made from, by adding to it.

    `name` itself, or where that is long a digest of it: where `name` fits, they have to.
    """
    raw = os.fsencode(name)
    return name if len(raw) <= _LONGEST_STEM else hashlib.sha256(raw).hexdigest()[:32]


def _check_regular(path: str | os.PathLike[str], found: os.stat_result, or_device: bool) -> None:
    if not stat.S_ISREG(found.st_mode) and not (or_device and stat.S_ISCHR(found.st_mode)):
        raise BadFile(f"{os.fspath(path)}: is not a regular file")


def _refuse_strange(path: str | os.PathLike[str], found: os.stat_result) -> None:
    if stat.S_ISLNK(found.st_mode):
        raise OSError(f"{os.fspath(path)} is a symbolic link, which is not followed: remove it")
    if not stat.S_ISREG(found.st_mode):
        raise OSError(f"{os.fspath(path)} is not a regular file: remove it")
