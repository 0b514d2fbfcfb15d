"""Locks that keep two runs from writing the same file.

Each file that a run writes has a hidden lock file beside it, locked with `flock` while the run
lives. The operating system releases the lock when the process ends, even if it is killed.
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

# The errors by which flock reports that another process has the lock. Any other error (ENOLCK,
# ENOSYS, EOPNOTSUPP, EINVAL, ..., depending on the file system) means that locks are not supported.
_TAKEN = (errno.EACCES, errno.EAGAIN, errno.EWOULDBLOCK)
# A lock file holds one line, which names the process that has the lock. A longer file is not a lock
# file, and is not written to.
_LONGEST_NOTE = 256

_held: list[Lock] = []
_warned: set[Path] = set()


class Held(OSError):
    """Another process writes this file."""


@contextlib.contextmanager
def exclusive(
    path: str | os.PathLike[str],
    wait: Optional[Callable[[], object]] = None,
    tidy: bool | Callable[[], bool] = False,
) -> Iterator[Lock]:
    """Lock the file `path` within this block; `Held` if another process has the lock.

    On a file system that does not support locks, warns and locks nothing.

    Parameters
    ----------
    path : str or path-like
    wait : callable, optional
        If another process has the lock, call this and wait for the lock, instead of raising `Held`.
    tidy : bool, or a function that returns one
        Remove the lock file at the end of the block; a function is called then.

    Yields
    ------
    Lock
        Its set `guarded` holds the resolved paths that this lock guards; others may be added.

    Raises
    ------
    Held
        If another process has the lock, and there is no `wait`.
    OSError
        If the folder does not exist, or the lock file's path is not a regular file.
    """
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise FileNotFoundError(f"cannot lock {path}: there is no folder {target.parent}")
    lock = Lock(os.fspath(path), target)
    for held in _held if wait is None else ():  # with `wait`, `acquire` waits instead
        if held.file == lock.file:
            held.confirm()
    lock.acquire(wait)
    _held.append(lock)
    try:
        yield lock
    finally:
        if lock in _held:  # a process that was forked within the block has no locks
            _held.remove(lock)
            lock.release(tidy() if callable(tidy) else tidy)


def confirm(path: str | os.PathLike[str]) -> None:
    """Raise `Held` if this process lost the lock that guards `path`; called before each write.

    If the lock file was deleted, the lock is acquired again, so that a second run is still refused.
    """
    place = os.path.realpath(path)
    for lock in _held:
        if place in lock.guarded:
            lock.confirm()


def _forget() -> None:
    """In a forked process: close the parent's locks, which would otherwise outlive the parent."""
    for lock in _held:
        lock.drop()
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def lock_file(target: Path) -> Path:
    """The path of the lock file of `target`."""
    return target.parent / f".{stem_for(target.name)}.lock"


class Lock:
    """A lock that `exclusive` has acquired.

    Attributes
    ----------
    guarded : set of str
        The resolved paths that it guards; others may be added.
    was_left : bool
        Whether a process was killed while it had this lock, and its files were not written since.
    """

    def __init__(self, name: str, target: Path) -> None:
        self.name = name
        self.file = lock_file(target)
        self.guarded = {os.fspath(target)}
        self._left = ""  # the note of a process that was killed while it had the lock
        self._is_settled = False
        self._handle: Optional[int] = None  # the file is locked for as long as this is open
        self._is_lost = False

    def acquire(self, wait: Optional[Callable[[], object]] = None) -> None:
        while True:
            handle = self._open()
            try:
                self._lock(handle, wait)
                # The previous holder, or a user, may have deleted the file; then try again.
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
        """Discard the note of a killed process: its files have been replaced."""
        self._is_settled = True

    def release(self, tidy: bool) -> None:
        if self._handle is not None:
            _note(self._handle, "" if self._is_settled else self._left)
            # Remove the file before the lock is released. A process that waits for the lock then
            # notices that the file is gone, and makes a new one.
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
            # The lock file is another user's, in a shared folder. Read access is enough to lock it.
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
                "%s cannot be locked (%s), so another run could write the same files: start only "
                "one run at a time there",
                self.name,
                error.strerror or error,
            )

    def _is_ours(self, handle: int) -> bool:
        return self._is_file(handle) and os.fstat(handle).st_size == 0

    def _is_file(self, handle: int) -> bool:
        """Whether the lock file's path still leads to the open file `handle`."""
        try:
            return os.path.samestat(os.fstat(handle), os.lstat(self.file))
        except FileNotFoundError:
            return False


def _note(handle: int, text: str) -> None:
    # The note is for error messages only. A file that is too long to be a lock file, or that has
    # another hard link, is left unchanged.
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
    # Remove control characters, which a terminal would interpret.
    return " ".join(re.sub(r"[^ -~]", " ", text).split())[:200]
