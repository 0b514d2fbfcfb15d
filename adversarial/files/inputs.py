"""Which model files may be read while the YAML text inside a model file is at work.

A model file holds the YAML of its data set, and that of its training for `--resume`. Whoever made
the file chose the paths in them (`!pkl:`, `pretrained:`). A path to a private file of the user's
would bring that file's numbers into pictures, scores and the models that are saved next, which the
user may pass on. Within `confined(...)` a file is read only if one of these holds:

- it lies under PYLEARN2_DATA_PATH, where the user keeps data;
- the model file tells its SHA-256, which somebody who has not read the file cannot know: what a
  YAML file reads is noted (`noting`) and kept in the models that are saved;
- it was written by the run that is resumed, whose mark it carries, and lies beside the model file;
- the user trusts the paths: `--trust-paths`, or the environment variable ADVERSARIAL_TRUST_PATHS=1.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterable, Iterator
from typing import BinaryIO, NamedTuple, Optional

from adversarial.files import outputs
from adversarial.files.opening import digest_of, trusts_paths
from adversarial.utils.string_utils import EnvironmentVariableError, lookup

_DATA_VARIABLES = ("PYLEARN2_DATA_PATH", "ADVERSARIAL_DATA_PATH")


class UntrustedPath(ValueError):
    """A path inside a model file that leads to a file which may be private."""


class _Confinement(NamedTuple):
    source: str
    digests: frozenset[str]
    marks: tuple[bytes, ...]


_confinement: Optional[_Confinement] = None
# The innermost of nested `noting` blocks is the last.
_noted: list[set[str]] = []


@contextlib.contextmanager
def confined(
    source: str | os.PathLike[str], digests: object = (), marks: Iterable[str] = ()
) -> Iterator[None]:
    """Within this block the model file `source` decides what is read.

    `digests` are the SHA-256 that it holds of what it may read, as hexadecimal text; `marks` those
    of the run that wrote it (see `outputs.marked`).
    """
    global _confinement
    known = digests if isinstance(digests, (list, tuple)) else ()
    before = _confinement
    _confinement = _Confinement(
        os.fspath(source),
        frozenset(digest for digest in known if isinstance(digest, str)),
        tuple(mark.encode("ascii") for mark in marks),
    )
    try:
        yield
    finally:
        _confinement = before


@contextlib.contextmanager
def noting() -> Iterator[Collection[str]]:
    """The SHA-256 of the model files that are read within this block, but for data of the user's.

    Data is what lies under PYLEARN2_DATA_PATH.
    """
    found: set[str] = set()
    _noted.append(found)
    try:
        yield found
    finally:
        _noted.pop()
        note(found)


def is_confined() -> bool:
    """Whether a model file decides what is read."""
    return _confinement is not None


def note(digests: Collection[str]) -> None:
    """Take model files with these digests for read, within `noting`."""
    if _noted:
        _noted[-1].update(digests)


def check(path: str | os.PathLike[str], stream: BinaryIO) -> None:
    """For those who read model files: note the file `path`, which is open as `stream`.

    Raises `UntrustedPath` where it may not be read.
    """
    if (not _noted and _confinement is None) or _is_data(path):
        return
    here = _confinement
    if _noted or (here is not None and here.digests):
        found = digest_of(stream)
        note([found])
        if here is not None and found in here.digests:
            return
    if here is None or trusts_paths() or _is_of_run(path, here):
        return
    raise UntrustedPath(
        f"the model file {here.source} asks for {os.fspath(path)}, and does not tell its checksum: "
        "if you know who made the model file, --trust-paths lets it read what it names"
    )


def _is_data(path: str | os.PathLike[str]) -> bool:
    for name in _DATA_VARIABLES:
        with contextlib.suppress(EnvironmentVariableError):
            folder = os.path.abspath(os.path.expanduser(lookup(name)))
            # Links in that folder are the user's own, but not `..` behind one.
            is_plain = os.pardir not in os.fspath(path).replace("\\", "/").split("/")
            if (is_plain and _is_inside(os.path.abspath(path), folder)) or _is_inside(
                os.path.realpath(path), os.path.realpath(folder)
            ):
                return True
    return False


def _is_of_run(path: str | os.PathLike[str], here: _Confinement) -> bool:
    target, source = os.path.realpath(path), os.path.realpath(here.source)
    if target == source:
        return True
    return _is_inside(target, os.path.dirname(source)) and any(
        outputs.carries(target, mark) for mark in here.marks
    )


def _is_inside(path: str, folder: str) -> bool:
    try:
        return os.path.commonpath([path, folder]) == folder
    except ValueError:  # another drive
        return False
