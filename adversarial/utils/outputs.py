"""Where files may be written while a YAML is at work.

The paths in a YAML, and those in a model file that it loads, are its author's, who need not be the
user. Within `confined_to(folder)` whatever writes for them may do so in that folder and below, and
only files of data: no path becomes a start-up script, a module or another program's settings.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Optional

from adversarial.utils import lock
from adversarial.utils.string_utils import preprocess

# Models and what `save` keeps of replaced ones, tables, arrays, pictures.
ENDINGS = (
    ".pkl", ".bak", ".csv", ".npy", ".npz",
    ".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".pgm", ".ppm",
)
# The resolved folder, None for anywhere. Not a ContextVar: it holds in every thread.
_folder: Optional[str] = None


class OutsideError(OSError, ValueError):
    """A path that may not be written to."""


@contextlib.contextmanager
def confined_to(folder: Optional[str | os.PathLike[str]]) -> Iterator[None]:
    """Within this block files are written to `folder` and below only; None: anywhere."""
    global _folder
    before, _folder = _folder, None if folder is None else os.path.realpath(folder)
    try:
        yield
    finally:
        _folder = before


def admitted(path: str | os.PathLike[str]) -> str:
    """`path`, its `${NAME}` replaced, if it may be written to: for those who will write there.

    Raises `OutsideError`; TypeError or ValueError for what is no path at all.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"a path must be text, not {path!r:.80}")
    path = preprocess(os.fspath(path))
    if not path or "\0" in path:
        raise ValueError(f"{path!r:.80} is no path")
    check(path)
    return path


def check(path: str | os.PathLike[str]) -> None:
    """Raise OSError if `path` may not be written to: for those who write, before they do.

    `OutsideError` by where it leads: symbolic links are followed and `..` is resolved. `Held` where
    this run's lock was lost to another run.
    """
    lock.confirm()
    if _folder is None:
        return
    path = os.fspath(path)
    target = os.path.realpath(path)
    if os.path.commonpath([_folder, target]) != _folder:
        leads = "" if target == os.path.abspath(path) else f", which leads to {target},"
        raise OutsideError(
            f"{path}{leads} is outside {_folder}, the folder of the YAML; "
            "--allow-outside lets it be written"
        )
    for name in (path, target):
        if os.path.splitext(name)[1].lower() not in ENDINGS:
            raise OutsideError(
                f"{name} does not end in {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}; "
                "--allow-outside lets it be written"
            )
