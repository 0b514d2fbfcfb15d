"""Writes files so that each is always whole: written beside its place, synced, and renamed.

All files of a run are written by `atomic_write`: models, tables, pictures.
"""

from __future__ import annotations

import contextlib
import os
import socket
import tempfile
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from adversarial import backend
from adversarial.files import outputs
from adversarial.files.opening import stem_for

_STALE_SECONDS = 3600.0


@contextlib.contextmanager
def atomic_write(filepath: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A new file that becomes `filepath` when the block ends, or vanishes when it fails.

    Written aside in the same folder, synced to disk, renamed: at every instant `filepath` is the
    whole old file or the whole new one. The mode of an existing file is kept. Of several processes
    that train together, only the first writes.
    """
    outputs.check(filepath)
    if not backend.is_first_process():
        with tempfile.TemporaryFile() as nowhere:
            yield nowhere
        return
    target = Path(os.path.realpath(filepath))
    if target.exists() and not target.is_file():
        raise OSError(f"cannot save to {filepath}: it is not a regular file")
    if target.exists() and not os.access(target, os.W_OK):
        raise PermissionError(f"cannot save to {filepath}: it is read-only")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"cannot save to {filepath}: there is no folder {target.parent}")
    _remove_stale(target)
    aside, handle = _open_aside(target)
    try:
        with os.fdopen(handle, "w+b") as stream:
            if target.exists():
                with contextlib.suppress(OSError):
                    os.chmod(aside, target.stat().st_mode & 0o7777)
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(aside, target)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(aside)
        if isinstance(error, OSError) and error.filename is None and error.errno is not None:
            error.filename = os.fspath(filepath)
        raise
    _sync_folder(target.parent)


def check_writable(path: str | os.PathLike[str], what: str = "the model") -> None:
    """OSError that names `what` unless `atomic_write` can write `path`; to be told beforehand."""
    path = Path(path)
    folder = path.parent
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}, where {what} is to be saved, is no folder: make it")
    target = Path(os.path.realpath(path))
    try:
        exists = bool(os.lstat(target))
    except FileNotFoundError:
        exists = False
    except OSError as error:  # the name is too long
        raise OSError(f"{path}, where {what} is to be saved: {error.strerror}") from None
    if exists and not target.is_file():
        raise FileExistsError(f"{path}, where {what} is to be saved, is no file")
    if exists and not os.access(target, os.W_OK):
        raise PermissionError(f"{path}, where {what} is to be saved, is not writable")
    try:
        aside, handle = _open_aside(target)
    except OSError as error:
        raise PermissionError(
            f"{folder}, where {what} is to be saved, is not writable ({error.strerror})"
        ) from None
    os.close(handle)
    aside.unlink()


def _open_aside(target: Path) -> tuple[Path, int]:
    """A new file that is going to be `target`, and its descriptor."""
    aside = target.parent / f"{_aside(target)}{os.getpid()}-{time.time_ns():x}.saving"
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    return aside, os.open(aside, flags, 0o666)


def _aside(target: Path) -> str:
    # The machine's name, since a folder may be shared and process numbers are not.
    return f".{stem_for(target.name)}.{zlib.crc32(socket.gethostname().encode()):08x}-"


def _remove_stale(target: Path) -> None:
    # What a process that was killed while saving left behind.
    start = f".{stem_for(target.name)}."
    for leftover in target.parent.iterdir():
        if leftover.name.startswith(start) and leftover.name.endswith(".saving"):
            ours, _, rest = leftover.name.partition(_aside(target))
            pid = rest.partition("-")[0]
            with contextlib.suppress(OSError):
                old = time.time() - leftover.lstat().st_mtime > _STALE_SECONDS
                if old or (not ours and pid.isdigit() and not _runs(int(pid))):
                    leftover.unlink()


def _runs(pid: int) -> bool:
    """Whether there is a process of this number, as far as can be told."""
    if os.name != "posix":  # where signal 0 is no mere question
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        pass
    return True


def _sync_folder(folder: Path) -> None:
    # Some systems cannot open, or sync, a folder; the rename itself has succeeded by now.
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
