"""Detects damaged files in the folder of compiled code, by SHA-256 digests.

Loading a truncated library ends the process by SIGBUS, and a library with a changed byte may
compute anything. So each file that is loaded from the folder has a digest:

- a module (a folder with a library and a file `key.pkl`, which identifies what it computes): after
  the pickle in `key.pkl`, which Aesara does not read to its end
- the two modules without a `key.pkl` (`lazylinker_ext`, `cutils_ext`): in a file beside the library
- a rewritten graph: at the beginning of its file (`graph_cache`)

`compiled_code` calls `remove_damaged` before Aesara is imported, and `config` calls `keep_digests`
after that.
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
# Between the pickle in key.pkl and the digest.
_MARK = b"\nsha256 "
# The name of the file with the digest of a module without a key.
_DIGEST = "sha256"
_WITHOUT_KEY = ("lazylinker_ext", "cutils_ext")
# In bytes, above which nothing is read: a damaged file system may give a file any length.
_LARGEST = 1 << 30
# How long to wait for another process that compiles, before damaged files are removed.
_SECONDS_FOR_LOCK = 60


def digest(*parts: bytes) -> bytes:
    """The SHA-256 digest of the concatenated `parts`."""
    return hashlib.sha256(b"".join(parts)).digest()


def remove_damaged(folder: Path) -> None:
    """Remove damaged modules and graphs from `folder`, with one warning that counts them."""
    if not _damaged(folder):
        return
    # A file may look damaged because another process is writing it.
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
    """Warn, once per process and folder, that files were removed and will be made again."""
    if folder in _folders_named:
        return
    _folders_named.add(folder)
    warnings.warn(
        f"{what} in the folder of compiled code, {folder}, could not be used ({why}). What could "
        "not be used is removed and made again.",
        RuntimeWarning,
        stacklevel=2,
    )


def keep_digests() -> None:
    """Replace Aesara's `KeyData.save_pkl` by a function that also writes the digest."""
    from aesara.link.c.cmodule import KeyData

    KeyData.save_pkl = _save_key


def keep_digests_without_key(folder: Path) -> None:
    """Write the digests of Aesara's modules without a key, if they are compiled."""
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
    """Replaces Aesara's `KeyData.save_pkl`: writes atomically, and adds the digest."""
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
    """The damaged modules and graphs in `folder`."""
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries)
    return [folder / name for name in names if _is_damaged(folder / name)]


def _is_damaged(path: Path) -> bool:
    try:
        if path.suffix == GRAPH:
            return _is_damaged_graph(path)
        if path.name in _WITHOUT_KEY:
            return _is_damaged_without_key(path)
        # A folder without key.pkl belongs to a compilation that runs, or that was aborted.
        return (path / _KEY).exists() and _is_damaged_module(path)
    except PermissionError:  # the folder of another user
        return False
    except OSError:  # `path` is not a file or folder of the expected kind
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
    # Without a digest, the file is from an earlier version or truncated. A pickle ends with a dot.
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
    """Whether a library is not truncated: an ELF file ends with its section header table."""
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
    """The contents of the file `path`; b"" if it is not a regular file or cannot be read."""
    try:
        whole = path.is_file() and path.stat().st_size <= _LARGEST
        return path.read_bytes() if whole else b""  # reading a named pipe would block
    except OSError:
        return b""


def replace(path: Path, content: bytes) -> None:
    """Write the file `path` atomically."""
    aside = path.with_suffix(f".{os.getpid()}")
    try:
        aside.write_bytes(content)
        os.replace(aside, path)
    except OSError:
        aside.unlink(missing_ok=True)
        raise
