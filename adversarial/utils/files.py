"""Files that may be anything: only regular ones are opened."""

from __future__ import annotations

import os
from typing import BinaryIO


class BadFile(ValueError):
    """A file that is not a whole, genuine one of its kind."""


def open_regular(path: str | os.PathLike[str]) -> BinaryIO:
    """`path`, opened to read bytes; `BadFile` for what is there but is no regular file.

    A pipe or a device would keep us waiting, or never end.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        raise BadFile(f"{os.fspath(path)}: is not a regular file")
    return open(path, "rb")
