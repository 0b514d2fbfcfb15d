"""Restricts where a YAML file may write files, and which existing files it may replace.

The author of a YAML file, or of a model file that it loads, chose the paths in it, and may not be
the user. Within `confined_to(folder)`, files are written only to that folder and below, and only
with the endings of data files: not start-up scripts, modules or settings of other programs. Within
`protected()`, an existing file is replaced only if `permit` allows it, or if the run wrote it
itself, which is recognised by a mark in the file. A command calls `claim` for each file that it
writes, for the same rule: only `--overwrite` replaces an existing file.

A class that writes files declares their paths before an instance is made:

    class Diary(TrainExtension):
        def __init__(self, path):
            self.path = outputs.admitted(path)

        @classmethod
        def files_written(cls, arguments):
            return outputs.named(arguments, "path")

`arguments` are the arguments of its constructor, or the attributes of an instance, by name. So
`adversarial.run_files` can check and lock all files of a run before anything is compiled.

Within `placed(placement)`, files are written to another folder (`train.py --out`) or under another
name (`--seed`) than the YAML file says: `admitted` returns the path that is used instead.
`files.placement` computes it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Optional

from adversarial.files import lock, opening
from adversarial.files.opening import open_beside
from adversarial.files.placement import Placement
from adversarial.utils.string_utils import preprocess

# The endings that are allowed within `confined_to`: of models and their backups (.bak), tables,
# arrays, logs of TensorBoard and pictures.
PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".pgm", ".ppm")
ENDINGS = (".pkl", ".bak", ".csv", ".npy", ".npz", ".tfevents", *PICTURES)
# The resolved folder of `confined_to`; None: anywhere. A global, since it must hold in all threads.
_folder: Optional[str] = None
_what_folder = ""
# Resolved paths of the files that may be replaced; None: all.
_replaceable: Optional[set[str]] = None
# The mark that is written into the files of this run, by which a resumed run recognises them.
_mark: Optional[str] = None
_placement: Optional[Placement] = None
# Resolved paths of the files of `claim` that did not exist, and have not been written yet.
_claimed: set[str] = set()
# Those that existed, and are to be replaced.
_claimed_existing: set[str] = set()
# `carries` searches for the mark in this many bytes at the beginning and the end of a file.
_ENDS = 4096


class OutsideError(OSError, ValueError):
    """A path is outside the folder that may be written to, or has an ending that is not allowed."""


class Output(NamedTuple):
    """A file that will be written, and the path whose lock guards it."""

    path: str
    lock: str


def declared(writer: Any, arguments: Mapping[str, Any]) -> list[Output]:
    """The files that an instance of the class `writer` will write, by its YAML.

    `arguments` are those of its constructor, or the attributes of an instance, by name.
    """
    declare = getattr(writer, "files_written", None)
    found = declare(arguments) if isinstance(writer, type) and declare is not None else []
    if _placement is not None:
        # Of a pattern of names, which guards all of them, the YAML file says the pattern.
        _placement.distinct.update(path for path, lock in found if lock in _placement.distinct)
    return found


def named(arguments: Mapping[str, Any], *names: str) -> list[Output]:
    """The files whose paths are the values of `names` in `arguments`."""
    paths = [arguments.get(name) for name in names]
    return [
        Output(os.fspath(path), os.fspath(path))
        for path in paths
        if isinstance(path, (str, os.PathLike))
    ]


def beside(path: str | os.PathLike[str], ending: str) -> str:
    """`path`, the path of a model file, with its ending replaced by `ending`."""
    found = os.path.splitext(os.fspath(path))[0] + ending
    if _placement is not None and _placement.is_final(os.fspath(path)):
        _placement.keep(found)
    return found


@contextlib.contextmanager
def confined_to(
    folder: Optional[str | os.PathLike[str]], what: str = "the folder of the YAML"
) -> Iterator[None]:
    """Within this block, files may be written only to `folder` and below; None: anywhere.

    `what` says in messages which folder this is.
    """
    global _folder, _what_folder, _replaceable
    before = _folder, _what_folder, _replaceable
    _folder = None if folder is None else os.path.realpath(folder)
    _what_folder, _replaceable = what, None
    try:
        yield
    finally:
        _folder, _what_folder, _replaceable = before


@contextlib.contextmanager
def placed(placement: Optional[Placement]) -> Iterator[None]:
    """Within this block, `placement` says where the files are written that a YAML file names."""
    global _placement
    before, _placement = _placement, placement
    try:
        yield
    finally:
        _placement = before


def placed_path(path: str) -> str:
    """Where the file is written that a YAML file calls `path`; unlike `admitted`, no check."""
    return path if _placement is None else _placement.place(path)


def where_written(path: str | os.PathLike[str]) -> str:
    """Where to read the model file that a YAML file calls `path`.

    If this run, or an earlier one with the same folder or seed, has written the file to another
    place (see `placed`), it is read there; else at `path`.
    """
    path = os.fspath(path)
    found = placed_path(path)
    if found == path or not os.path.isfile(found):
        return path
    try:
        check_inside(found)
    except OutsideError:
        return path
    return found


@contextlib.contextmanager
def protected() -> Iterator[None]:
    """Within this block, existing files may be replaced only if `permit` allows it."""
    global _replaceable
    before, _replaceable = _replaceable, set()
    try:
        yield
    finally:
        _replaceable = before


def claim(path: str | os.PathLike[str], overwrite: bool = False) -> None:
    """Announce that a command will write the file `path`, before it computes what it writes.

    Raises FileExistsError if the file exists, unless `overwrite` is true. If the file is made later
    by somebody else, or if the command reads the file that it would replace, such as the data of a
    model, `check` raises it before the write.
    """
    target = os.path.realpath(path)
    _claimed.discard(target)
    _claimed_existing.discard(target)
    if not overwrite:
        _refuse_existing(path, target)
        _claimed.add(target)
    elif os.path.exists(target):
        opening.watch(target)
        _claimed_existing.add(target)


def permit(paths: Iterable[str | os.PathLike[str]]) -> None:
    """Allow the files `paths` to be replaced within the current `protected` block."""
    if _replaceable is not None:
        _replaceable.update(map(os.path.realpath, paths))


@contextlib.contextmanager
def marked(mark: Optional[str]) -> Iterator[None]:
    """Within this block, `mark` is written into pictures and model files."""
    global _mark
    before, _mark = _mark, mark
    try:
        yield
    finally:
        _mark = before


def mark() -> bytes:
    """The current mark, to be written into a file: ASCII letters and digits, or b""."""
    return (_mark or "").encode("ascii")


def carries(path: str | os.PathLike[str], mark: bytes) -> bool:
    """Whether the file `path` contains `mark`: it was written within `marked(mark)`."""
    try:
        with os.fdopen(open_beside(path, os.O_RDONLY), "rb") as stream:
            start = stream.read(_ENDS)
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - _ENDS))
            return bool(mark) and (mark in start or mark in stream.read(_ENDS))
    except OSError:
        return False


def admitted(path: str | os.PathLike[str]) -> str:
    """The path to use for the file `path` of a YAML file; constructors call this for their files.

    Each `${NAME}` is replaced, and the path is changed as `placed` says. Raises `OutsideError` if
    it may not be written to; TypeError or ValueError if it is not a path.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"a path must be text, not {path!r:.80}")
    path = preprocess(os.fspath(path))
    if not path or "\0" in path:
        raise ValueError(f"{path!r:.80} is not a path")
    if os.path.expanduser(path) != path:
        # Written as it is, it would make a folder called ~.
        raise ValueError(
            f"{path}: ~ is not replaced in the path of a file to write; give "
            f"{os.path.expanduser(path)}"
        )
    path = placed_path(path)
    check_inside(path)
    return path


def check(path: str | os.PathLike[str]) -> None:
    """Raise OSError if `path` may not be written to. Called before each write.

    Raises
    ------
    OutsideError
        If `path`, with symbolic links and `..` resolved, may not be written to.
    FileExistsError
        If the file exists and may not be replaced; see `permit` and `claim`.
    Held
        If another run has taken over this run's lock.
    """
    lock.confirm(path)
    path = os.fspath(path)
    target = os.path.realpath(path)
    _check_inside(path, target)
    if _replaceable is not None and target not in _replaceable:
        if not carries(target, mark()):
            _refuse_existing(path, target)
        _replaceable.add(target)
    if target in _claimed:
        _refuse_existing(path, target)
        _claimed.discard(target)
    if target in _claimed_existing:
        _claimed_existing.discard(target)
        if opening.was_read(target):
            raise FileExistsError(f"cannot write {path}: the command reads this file; name another")


def _refuse_existing(path: str | os.PathLike[str], target: str) -> None:
    if os.path.lexists(target):
        raise FileExistsError(f"{os.fspath(path)} exists already: --overwrite replaces it")


def check_inside(path: str) -> None:
    """Raise `OutsideError` if `path`, with links and `..` resolved, may not be written to."""
    _check_inside(path, os.path.realpath(path))


def _check_inside(path: str, target: str) -> None:
    if _folder is None:
        return
    if os.path.commonpath([_folder, target]) != _folder:
        leads = "" if target == os.path.abspath(path) else f", which leads to {target},"
        raise OutsideError(
            f"{path}{leads} is outside {_folder}, {_what_folder}; "
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
