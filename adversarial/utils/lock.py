"""One process at a time for each file that a run writes again and again."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import filelock


class Held(OSError):
    """Another process writes this file."""


@contextlib.contextmanager
def exclusive(path: str | os.PathLike[str]) -> Iterator[None]:
    """For this block, no other process that asks may write the file `path`; `Held` if one does.

    The lock is on a hidden file beside it, which says who holds it. It belongs to the process, not
    to that file: when the process dies, however it dies, the lock is gone. On a file system without
    locks nothing is locked.
    """
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():  # some versions of filelock would make it
        raise FileNotFoundError(f"cannot lock {path}: there is no folder {target.parent}")
    beside = target.parent / f".{target.name}.lock"
    # Read first: trying may empty the file.
    holder = _read(beside)
    # A lock of its own, not one that this process may enter twice.
    lock = filelock.FileLock(os.fspath(beside), timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout:
        with contextlib.suppress(OSError):
            beside.write_text(holder)
        raise Held(f"{path} is being written by {holder or 'another process'}: wait for it, "
                   "stop it, or save elsewhere") from None
    except NotImplementedError:
        yield
        return
    try:
        beside.write_text(f"process {os.getpid()} on {socket.gethostname()}")
        yield
    finally:
        with contextlib.suppress(OSError):
            beside.write_text("")
        lock.release()


def _read(path: Path) -> str:
    try:
        return " ".join(path.read_text(errors="replace").split())[:200]
    except OSError:
        return ""
