"""Where files may be written while a YAML is at work, and which files may be replaced.

The paths in a YAML, and those in a model file that it loads, are its author's, who need not be the
user. Within `confined_to(folder)` whatever writes for them may do so in that folder and below, and
only files of data: no path becomes a start-up script, a module or another program's settings.
Within `protected(...)` it replaces no file that it finds: only those that the run has been allowed
to replace, and those that it has made itself, which a mark in them tells.

A class that writes files says which, before an instance is made:

    class Diary(TrainExtension):
        def __init__(self, path):
            self.path = outputs.admitted(path)

        @classmethod
        def files_written(cls, arguments):
            return outputs.named(arguments, "path")

`arguments` are those of its constructor, or the attributes of an instance, by name. All files of a
run are collected so, and checked and locked before anything is compiled (`adversarial.run_files`).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Optional

from adversarial.files import lock
from adversarial.files.opening import open_beside
from adversarial.utils.string_utils import preprocess

# Models and what `save` keeps of replaced ones, tables, arrays, pictures.
PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".pgm", ".ppm")
ENDINGS = (".pkl", ".bak", ".csv", ".npy", ".npz", *PICTURES)
# What `train.py` writes beside a model file, in place of that file's ending.
TABLE, PICTURE, DIVERGED = ".monitor.csv", ".png", ".diverged.pkl"
# The resolved folder, None for anywhere. Not a ContextVar: it holds in every thread.
_folder: Optional[str] = None
# Resolved paths that may be replaced; None: all.
_replaceable: Optional[set[str]] = None
# What the files of this run carry, so that it knows them again when it is resumed.
_mark: Optional[str] = None
# Marks are looked for in this many bytes at either end of a file.
_ENDS = 4096


class OutsideError(OSError, ValueError):
    """A path that may not be written to."""


class Output(NamedTuple):
    """A file that is going to be written, and the path whose lock keeps other runs from it."""

    path: str
    lock: str


def named(arguments: Mapping[str, Any], *names: str) -> list[Output]:
    """The files at the paths that stand under `names` in `arguments`."""
    paths = [arguments.get(name) for name in names]
    return [
        Output(os.fspath(path), os.fspath(path))
        for path in paths
        if isinstance(path, (str, os.PathLike))
    ]


def beside(path: str | os.PathLike[str], ending: str) -> str:
    """The path of what belongs to the model file `path`, with `ending` for its own."""
    return os.path.splitext(os.fspath(path))[0] + ending


@contextlib.contextmanager
def confined_to(folder: Optional[str | os.PathLike[str]]) -> Iterator[None]:
    """Within this block files are written to `folder` and below only; None: anywhere."""
    global _folder, _replaceable
    before = _folder, _replaceable
    _folder, _replaceable = None if folder is None else os.path.realpath(folder), None
    try:
        yield
    finally:
        _folder, _replaceable = before


@contextlib.contextmanager
def protected() -> Iterator[None]:
    """Within this block no file is replaced that was there before, unless `permit` allows it."""
    global _replaceable
    before, _replaceable = _replaceable, set()
    try:
        yield
    finally:
        _replaceable = before


def permit(paths: Iterable[str | os.PathLike[str]]) -> None:
    """Within `protected`: these may be replaced, too."""
    if _replaceable is not None:
        _replaceable.update(map(os.path.realpath, paths))


@contextlib.contextmanager
def marked(mark: Optional[str]) -> Iterator[None]:
    """Within this block pictures and model files carry `mark`."""
    global _mark
    before, _mark = _mark, mark
    try:
        yield
    finally:
        _mark = before


def mark() -> bytes:
    """What a file that is written now is to carry: ASCII letters and digits, or nothing."""
    return (_mark or "").encode("ascii")


def carries(path: str | os.PathLike[str], mark: bytes) -> bool:
    """Whether the file `path` carries `mark`, as those do that were written within `marked`."""
    try:
        with os.fdopen(open_beside(path, os.O_RDONLY), "rb") as stream:
            start = stream.read(_ENDS)
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - _ENDS))
            return bool(mark) and (mark in start or mark in stream.read(_ENDS))
    except OSError:
        return False


def admitted(path: str | os.PathLike[str]) -> str:
    """`path`, its `${NAME}` replaced, if it may be written to: for those who will write there.

    Raises `OutsideError`; TypeError or ValueError for what is no path at all.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"a path must be text, not {path!r:.80}")
    path = preprocess(os.fspath(path))
    if not path or "\0" in path:
        raise ValueError(f"{path!r:.80} is no path")
    _check_inside(path, os.path.realpath(path))
    return path


def check(path: str | os.PathLike[str]) -> None:
    """Raise OSError if `path` may not be written to: for those who write, before they do.

    `OutsideError` by where it leads: symbolic links are followed and `..` is resolved.
    FileExistsError where it is there and may not be replaced, `Held` where this run's lock was lost
    to another run.
    """
    lock.confirm(path)
    path = os.fspath(path)
    target = os.path.realpath(path)
    _check_inside(path, target)
    if _replaceable is not None and target not in _replaceable:
        if os.path.lexists(target) and not carries(target, mark()):
            raise FileExistsError(f"{path} exists already: --overwrite replaces it")
        _replaceable.add(target)


def _check_inside(path: str, target: str) -> None:
    if _folder is None:
        return
    if os.path.commonpath([_folder, target]) != _folder:
        leads = "" if target == os.path.abspath(path) else f", which leads to {target},"
        raise OutsideError(
            f"{path}{leads} is outside {_folder}, the folder of the YAML; "
            "--allow-outside lets it be written"
        )
    if os.path.islink(path):
        raise OutsideError(
            f"{path} is a symbolic link, to {target}; --allow-outside lets that be written"
        )
    for name in (path, target):
        if os.path.splitext(name)[1].lower() not in ENDINGS:
            raise OutsideError(
                f"{name} does not end in {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}; "
                "--allow-outside lets it be written"
            )
