"""Checks that what the folder of compiled code holds is as it was written.

Loading a library that was cut short ends the process by SIGBUS, and one with a changed byte may
compute anything. So a SHA-256 digest is kept of all that is loaded from that folder:

- of a module, a folder with a library and the `key.pkl` that says what it computes: at the end of
  `key.pkl`, behind the pickle, where Aesara does not read
- of the two modules that Aesara keeps without a key (`lazylinker_ext`, `cutils_ext`): in a file
  beside the library
- of a rewritten graph: at the beginning of its file (`graph_cache`)

`config` calls `remove_damaged` before Aesara is imported, and `keep_digests` after that.
For the 88 entries that `yaml/mnist.yaml` needs, this takes 16 ms of a start of several seconds.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
import shutil
import struct
import sys
import warnings
from pathlib import Path

import filelock

GRAPH = ".graph"
_KEY = "key.pkl"
# Behind the pickle in key.pkl, before its digest.
_MARK = b"\nsha256 "
# Of modules without a key: the file with the digest.
_DIGEST = "sha256"
_WITHOUT_KEY = ("lazylinker_ext", "cutils_ext")
# How long to wait for a process that compiles, before what looks damaged is removed.
_SECONDS_FOR_LOCK = 60


def digest(*parts: bytes) -> bytes:
    """The digest of `parts`, one behind the other."""
    return hashlib.sha256(b"".join(parts)).digest()


def remove_damaged(folder: Path) -> None:
    """Remove damaged modules and graphs from `folder`, with one warning that counts them."""
    if not _damaged(folder):
        return
    # Another process may have been writing what looks damaged.
    lock = filelock.FileLock(folder / ".lock", timeout=_SECONDS_FOR_LOCK)
    with contextlib.suppress(filelock.Timeout, OSError):
        lock.acquire()
    try:
        removed = _damaged(folder)
        for path in removed:
            _remove(path)
    finally:
        lock.release()
    if removed:
        graphs = sum(path.suffix == GRAPH for path in removed)
        counts = [(len(removed) - graphs, "module"), (graphs, "rewritten graph")]
        words = " and ".join(f"{n} {what}{'s' * (n > 1)}" for n, what in counts if n)
        say_removed(words, folder, "damaged")


_folders_named: set[Path] = set()


def say_removed(what: str, folder: Path, why: str) -> None:
    """Warn, once in each process and folder, that something there is made again."""
    if folder in _folders_named:
        return
    _folders_named.add(folder)
    warnings.warn(
        f"{what} in the folder of compiled code, {folder}, could not be used ({why}): removed, "
        "to be made again",
        RuntimeWarning,
        stacklevel=2,
    )


def keep_digests() -> None:
    """Have Aesara keep digests with its keys from now on."""
    from aesara.link.c.cmodule import KeyData

    KeyData.save_pkl = _save_key


def keep_digests_without_key(folder: Path) -> None:
    """Keep digests of Aesara's modules without a key, once it has compiled them."""
    for place in (folder / name for name in _WITHOUT_KEY):
        if place in _recorded or not place.is_dir():
            continue
        with contextlib.suppress(OSError):
            now = _digest_of_module(place)
            if read(place / _DIGEST) != now:
                replace(place / _DIGEST, now)
            _recorded.add(place)


_recorded: set[Path] = set()


def _save_key(data: object) -> None:
    """Aesara's `KeyData.save_pkl`, in one step and with a digest."""
    path = Path(data.key_pkl)  # type: ignore[attr-defined]  # Aesara has no types
    try:
        content = pickle.dumps(data, protocol=pickle.HIGHEST_PROTOCOL)
    except pickle.PicklingError:
        warnings.warn(f"a module's key cannot be kept: {data.keys}", stacklevel=2)  # type: ignore[attr-defined]
        path.unlink(missing_ok=True)
        raise
    _write_key(path, content)


def _write_key(path: Path, content: bytes) -> None:
    replace(path, content + _MARK + _digest_of_module(path.parent, content))


def _damaged(folder: Path) -> list[Path]:
    """What is damaged in `folder`."""
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries)
    return [folder / name for name in names if _is_damaged(folder / name)]


def _is_damaged(path: Path) -> bool:
    try:
        if path.suffix == GRAPH:
            return _is_damaged_graph(path)
        if path.name in _WITHOUT_KEY:
            return _is_damaged_without_key(path)
        # A module without a key is being compiled, or was given up.
        return (path / _KEY).exists() and _is_damaged_module(path)
    except OSError:  # something else lies there
        return os.path.lexists(path)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()


def _is_damaged_graph(path: Path) -> bool:
    content = read(path)
    # A file of an earlier version has the digest of its content alone; no start asks for it.
    whole = digest(path.name.encode(), content[32:]), digest(content[32:])
    return content[:32] not in whole


def _is_damaged_module(place: Path) -> bool:
    content, mark, known = read(place / _KEY).rpartition(_MARK)
    if mark:
        return known != _digest_of_module(place, content)
    # Written by an earlier version, or cut. A pickle ends with a full stop.
    if not known.endswith(b".") or not _has_whole_library(place):
        return True
    with contextlib.suppress(OSError):
        _write_key(place / _KEY, known)
    return False


def _is_damaged_without_key(place: Path) -> bool:
    known = read(place / _DIGEST)
    if known:
        return known != _digest_of_module(place)
    return not _has_whole_library(place)


def _digest_of_module(place: Path, key: bytes = b"") -> bytes:
    parts = [key]
    for path in (place / "__init__.py", *_libraries(place)):
        parts += [path.name.encode(), read(path)]
    return digest(*parts)


def _libraries(place: Path) -> list[Path]:
    return sorted(path for path in place.iterdir() if path.suffix in (".so", ".pyd"))


def _has_whole_library(place: Path) -> bool:
    libraries = _libraries(place)
    return len(libraries) == 1 and _is_whole(read(libraries[0]))


def _is_whole(library: bytes) -> bool:
    """Whether a library has its end: of an ELF file that is the table of its sections."""
    if not sys.platform.startswith("linux"):
        return bool(library)
    if len(library) < 64 or library[:4] != b"\x7fELF":
        return False
    if library[4:6] != b"\x02\x01":  # not 64 bits, little-endian
        return True
    (start,) = struct.unpack_from("<Q", library, 40)
    length, count = struct.unpack_from("<HH", library, 58)
    return start + length * count <= len(library)


def read(path: Path) -> bytes:
    """What `path` holds; nothing where it is no file or cannot be read."""
    try:
        return path.read_bytes() if path.is_file() else b""  # a pipe would keep us waiting
    except OSError:
        return b""


def replace(path: Path, content: bytes) -> None:
    """Write `path` in one step."""
    aside = path.with_suffix(f".{os.getpid()}")
    try:
        aside.write_bytes(content)
        os.replace(aside, path)
    except OSError:
        aside.unlink(missing_ok=True)
        raise
