"""Writes files atomically: to a temporary file in the same folder, which is synced and renamed.

Models, tables and pictures are all written by `atomic_write`.
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

# A temporary file of another machine is removed after this time: no save takes an hour.
_STALE_SECONDS = 3600.0


@contextlib.contextmanager
def atomic_write(filepath: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A new file that replaces `filepath` when the block ends, and is removed if the block raises.

    At every moment, also after a crash, `filepath` is the complete old file or the complete new
    one. The mode of an existing file is kept. Of several processes that train together, only the
    first writes.
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


def make_folder(path: str | os.PathLike[str]) -> list[Path]:
    """Make the folder of the file `path`, and those above it; return the new ones, outermost first.

    The caller has checked, by `outputs.check`, that `path` may be written to.
    """
    missing: list[Path] = []
    folder = Path(path).parent
    while not folder.is_dir():
        missing.insert(0, folder)
        folder = folder.parent
    made = []
    for folder in missing:
        with contextlib.suppress(FileExistsError):  # another run made it meanwhile
            folder.mkdir()
            made.append(folder)
    return made


def check_out(folder: str) -> None:
    """Raise OSError if `folder`, which --out gives, is another kind of file."""
    if not folder.strip():
        raise FileNotFoundError("--out: an empty name is no folder")
    if os.path.lexists(folder) and not os.path.isdir(folder):
        raise NotADirectoryError(f"--out: {folder} is not a folder")


def _check_can_make(folder: Path, what: str) -> None:
    """Raise OSError unless `folder`, which does not exist, could be made."""
    above = folder
    while not os.path.lexists(above):
        above = above.parent
    if not above.is_dir():
        raise NotADirectoryError(f"{above}, where {what} is to be saved, is not a folder")
    if not os.access(above, os.W_OK | os.X_OK):
        raise PermissionError(
            f"{folder}, where {what} is to be saved, cannot be made: {above} is not writable"
        )


def check_writable(path: str | os.PathLike[str], what: str = "the model") -> None:
    """Raise OSError, which names `what`, if `atomic_write` could not write `path`.

    Its folder may be missing, if `make_folder` can make it.
    """
    path = Path(path)
    folder = path.parent
    if not folder.is_dir():
        _check_can_make(folder, what)
        return
    target = Path(os.path.realpath(path))
    try:
        exists = bool(os.lstat(target))
    except FileNotFoundError:
        exists = False
    except OSError as error:  # such as a name that is too long
        raise OSError(f"{path}, where {what} is to be saved: {error.strerror}") from None
    if exists and not target.is_file():
        raise FileExistsError(f"{path}, where {what} is to be saved, is not a regular file")
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
    """(path of a new temporary file for `target`, its file descriptor)."""
    aside = target.parent / f"{_aside_prefix(target)}{os.getpid()}-{time.time_ns():x}.saving"
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    return aside, os.open(aside, flags, 0o666)


def _aside_prefix(target: Path) -> str:
    # With a digest of the host's name: on a shared folder, equal process ids may be of two hosts.
    return f".{stem_for(target.name)}.{zlib.crc32(socket.gethostname().encode()):08x}-"


def _remove_stale(target: Path) -> None:
    # Remove temporary files that processes left when they were killed while saving.
    start = f".{stem_for(target.name)}."
    for leftover in target.parent.iterdir():
        if leftover.name.startswith(start) and leftover.name.endswith(".saving"):
            ours, _, rest = leftover.name.partition(_aside_prefix(target))
            pid = rest.partition("-")[0]
            with contextlib.suppress(OSError):
                old = time.time() - leftover.lstat().st_mtime > _STALE_SECONDS
                if old or (not ours and pid.isdigit() and not _runs(int(pid))):
                    leftover.unlink()


def _runs(pid: int) -> bool:
    """Whether a process with this id is running; True if unknown."""
    if os.name != "posix":  # on Windows, os.kill with signal 0 ends the process
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        pass
    return True


def _sync_folder(folder: Path) -> None:
    # Not all systems can open or sync a folder. The file has been renamed, so ignore errors.
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
