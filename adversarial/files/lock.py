"""One process at a time for each file that a run writes again and again.

The lock is on a hidden file beside that file. It is the operating system's (`flock`) and belongs to
the process: when the process dies, however it dies, the lock is gone.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Optional

from adversarial.files.opening import open_beside, stem_for

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

log = logging.getLogger(__name__)

# How flock says that another process has the lock. Whatever else it says (ENOLCK, ENOSYS,
# EOPNOTSUPP, EINVAL, ...; file systems differ) means that there are no locks here.
_TAKEN = (errno.EACCES, errno.EAGAIN, errno.EWOULDBLOCK)
# A lock file holds one line, which names its holder. One that is longer is not ours to write into.
_LONGEST_NOTE = 256

_held: list[Lock] = []
_warned: set[Path] = set()


class Held(OSError):
    """Another process writes this file."""


@contextlib.contextmanager
def exclusive(
    path: str | os.PathLike[str], wait: Optional[Callable[[], object]] = None, tidy: bool = False
) -> Iterator[Lock]:
    """For this block, no other process that asks may write the file `path`; `Held` if one does.

    The block is given the set of resolved paths that this lock guards, to add others to.

    With `wait`, call that and wait for the other process instead. On a file system without locks
    nothing is locked, and a warning says so. OSError where something else than a lock file lies in
    its place. `tidy` removes that file at the end.
    """
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise FileNotFoundError(f"cannot lock {path}: there is no folder {target.parent}")
    lock = Lock(os.fspath(path), target)
    for held in _held if wait is None else ():  # who waits will see when it is free
        if held.file == lock.file:
            held.confirm()
    lock.acquire(wait)
    _held.append(lock)
    try:
        yield lock
    finally:
        if lock in _held:  # not so in a process that was forked within the block
            _held.remove(lock)
            lock.release(tidy)


def confirm(path: str | os.PathLike[str]) -> None:
    """`Held` if this process had a lock that guards `path` and lost it; before that is written.

    A lock whose file was deleted is taken again, so that a second run is still refused.
    """
    place = os.path.realpath(path)
    for lock in _held:
        if place in lock.guarded:
            lock.confirm()


def _forget() -> None:
    """A forked process has none of its parent's locks, and keeps none when that has died."""
    for lock in _held:
        lock.drop()
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def lock_file(target: Path) -> Path:
    """The hidden file on which the lock of `target` is."""
    return target.parent / f".{stem_for(target.name)}.lock"


class Lock:
    """What `exclusive` gives to its block.

    Attributes
    ----------
    guarded : set of str
        The resolved paths that it guards; others may be added.
    was_left : bool
        Whether the process that had it before, and wrote, was killed while it had it.
    """

    def __init__(self, name: str, target: Path) -> None:
        self.name = name
        self.file = lock_file(target)
        self.guarded = {os.fspath(target)}
        self._left = ""  # the note of one that was killed
        self._is_settled = False
        self._handle: Optional[int] = None  # the file is locked for as long as this is open
        self._is_lost = False

    def acquire(self, wait: Optional[Callable[[], object]] = None) -> None:
        while True:
            handle = self._open()
            try:
                self._lock(handle, wait)
                # Whoever had the lock before may have deleted the file, or a user.
                if self._is_file(handle):
                    break
            except BaseException:
                os.close(handle)
                raise
            os.close(handle)
        self._handle = handle
        self._left = _read_note(handle)
        _note(handle, f"process {os.getpid()} on {socket.gethostname()}")

    @property
    def was_left(self) -> bool:
        return bool(self._left)

    def confirm(self) -> None:
        self.settle()
        if self._handle is None or (not self._is_lost and self._is_file(self._handle)):
            return
        if not self._is_lost:
            old = self._handle
            try:
                self.acquire()
                os.close(old)
                return
            except Held:
                self._is_lost = True
        raise Held(
            f"{self.file} was deleted while this run wrote {self.name}, and another run "
            "writes that now"
        )

    def settle(self) -> None:
        """What a killed process has left is of no use any more."""
        self._is_settled = True

    def release(self, tidy: bool) -> None:
        if self._handle is not None:
            _note(self._handle, "" if self._is_settled else self._left)
            # While it is locked: who waits for it will see that it is gone, and make another.
            if tidy and not self._is_lost and self._is_ours(self._handle):
                with contextlib.suppress(OSError):
                    self.file.unlink()
        self.drop()

    def drop(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _open(self) -> int:
        try:
            return open_beside(self.file, os.O_RDWR | os.O_CREAT)
        except PermissionError:
            if not self.file.exists():
                raise
            # Another user's, in a folder that several share: a lock needs no more than to read it.
            return open_beside(self.file, os.O_RDONLY)

    def _lock(self, handle: int, wait: Optional[Callable[[], object]]) -> None:
        try:
            if fcntl is None:
                raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in _TAKEN:
                self._warn(error)
            elif wait is None:
                holder = _read_note(handle) or "another process"
                raise Held(
                    f"{self.name} is being written by {holder}: wait for it, stop it, or "
                    "save elsewhere"
                ) from None
            else:
                wait()
                fcntl.flock(handle, fcntl.LOCK_EX)

    def _warn(self, error: OSError) -> None:
        folder = self.file.parent
        if _warned.isdisjoint((folder, *folder.parents)):
            _warned.add(folder)
            log.warning(
                "%s cannot be locked (%s), so nothing keeps another run from writing the same "
                "files: start only one at a time there",
                self.name,
                error.strerror or error,
            )

    def _is_ours(self, handle: int) -> bool:
        return self._is_file(handle) and os.fstat(handle).st_size == 0

    def _is_file(self, handle: int) -> bool:
        """Whether the file at our path is still the one that is open."""
        try:
            return os.path.samestat(os.fstat(handle), os.lstat(self.file))
        except FileNotFoundError:
            return False


def _note(handle: int, text: str) -> None:
    # For people only. What is not a note of ours, or has another name too, is left as it is.
    with contextlib.suppress(OSError):
        found = os.fstat(handle)
        if found.st_size <= _LONGEST_NOTE and found.st_nlink == 1:
            os.lseek(handle, 0, os.SEEK_SET)
            os.ftruncate(handle, 0)
            os.write(handle, text.encode()[:_LONGEST_NOTE])


def _read_note(handle: int) -> str:
    try:
        os.lseek(handle, 0, os.SEEK_SET)
        text = os.read(handle, _LONGEST_NOTE).decode(errors="replace")
    except OSError:
        return ""
    # What a terminal would obey is not shown.
    return " ".join(re.sub(r"[^ -~]", " ", text).split())[:200]
