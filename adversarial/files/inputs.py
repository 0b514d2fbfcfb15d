"""Restricts which files may be read by the YAML text inside a model file.

A model file holds the YAML text of its data set and, for `--resume`, of its training. The paths in
this text (`!pkl:`, `pretrained:`, `path` of own data) are untrusted: the author of the file chose
them. A path could lead to a private model of the user, whose numbers would then be in pictures,
scores and saved models, which the user may publish. Within `confined(...)`, a file is read only in
these cases:

- it is in PYLEARN2_DATA_PATH, the user's folder of data;
- the model file holds its SHA-256, which only somebody who has read the file can know. While a YAML
  file is loaded, `noting` collects the digests of the files that it reads, and models are saved
  with them;
- the run that is resumed wrote it: it has the run's mark, and is in the folder of the model file;
- the user trusts the paths: `--trust-paths`, or the environment variable ADVERSARIAL_TRUST_PATHS=1.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, Optional

from adversarial.files import outputs
from adversarial.files.opening import digest_of, trusts_paths

DATA_PATH_VARIABLES = ("PYLEARN2_DATA_PATH", "ADVERSARIAL_DATA_PATH")


class UntrustedPath(ValueError):
    """A path inside a model file leads to a file that may be private."""


class _Confinement(NamedTuple):
    source: str
    digests: frozenset[str]
    marks: tuple[bytes, ...]


_confinement: Optional[_Confinement] = None
# One set of digests for each of the nested `noting` blocks, the innermost last.
_noted: list[set[str]] = []


def data_paths() -> list[Path]:
    """The directories that the user named for data, in the order in which they are searched.

    A variable that is set but empty names none: its path would be the current directory.
    """
    named = [os.environ.get(name) for name in DATA_PATH_VARIABLES]
    return [Path(os.path.expanduser(path)) for path in named if path]


@contextlib.contextmanager
def confined(
    source: str | os.PathLike[str], digests: object = (), marks: Iterable[str] = ()
) -> Iterator[None]:
    """Within this block, paths come from the model file `source`, and `check` restricts them.

    `digests` are the SHA-256 digests, as hexadecimal text, of the files that `source` may read.
    `marks` are the marks of the run that wrote it (see `outputs.marked`).
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
    """Collect the SHA-256 digests of the model files and the data that are read within this block.

    Files in PYLEARN2_DATA_PATH are omitted.
    """
    found: set[str] = set()
    _noted.append(found)
    try:
        yield found
    finally:
        _noted.pop()
        note(found)


def is_confined() -> bool:
    """Whether a `confined` block is active."""
    return _confinement is not None


def note(digests: Collection[str]) -> None:
    """Add `digests` to the set of the innermost `noting` block, if there is one."""
    if _noted:
        _noted[-1].update(digests)


def check(path: str | os.PathLike[str], stream: BinaryIO) -> None:
    """Check that the model file `path`, open as `stream`, may be read, and note its digest.

    Raises `UntrustedPath` if it may not be read. Everything that opens model files calls this.
    """
    check_digest(path, lambda: digest_of(stream))


def check_digest(path: str | os.PathLike[str], digest: Callable[[], str]) -> None:
    """As `check`, for data: a file or a folder whose digest is what `digest()` computes.

    The digest must be one that only somebody who has read the data can know.
    """
    if (not _noted and _confinement is None) or _is_data(path):
        return
    here = _confinement
    if _noted or (here is not None and here.digests):
        found = digest()
        note([found])
        if here is not None and found in here.digests:
            return
    if here is None or trusts_paths() or _is_of_run(path, here):
        return
    raise UntrustedPath(
        f"the model file {here.source} reads {os.fspath(path)}, and does not hold its checksum: "
        "if you know who made the model file, --trust-paths lets it read the files that it names"
    )


def _is_data(path: str | os.PathLike[str]) -> bool:
    for folder in map(os.path.abspath, data_paths()):
        # The user made the links in that folder, so they may lead out of it. A path with `..` after
        # a link must be resolved before it is compared.
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
