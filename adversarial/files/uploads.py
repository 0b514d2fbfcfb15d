"""Whether an experiment may send data to a server: `train.py --allow-upload`.

A YAML file can come from a stranger. An extension that logs to a server sends channels, samples and
the YAML text with the user's own account or key. One that a YAML file names calls `check`, which
refuses it unless the user has allowed it. An object that the user makes in Python is the user's
choice.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from adversarial.utils import origin

_allowed = False


@contextlib.contextmanager
def allowed(allow: bool) -> Iterator[None]:
    """Within this block, objects that a YAML file describes may send data, if `allow`."""
    global _allowed
    before, _allowed = _allowed, allow
    try:
        yield
    finally:
        _allowed = before


def check(sender: Any, where: str) -> None:
    """Raise PermissionError if a YAML file describes `sender` and the user has not allowed it.

    Examples
    --------
    >>> check(object(), "a server")  # not from a YAML file
    """
    place = origin.of(sender)
    if place and not _allowed:
        raise PermissionError(
            f"{type(sender).__name__}{place} would send the channels, samples and text of the "
            f"experiment to {where}: if you trust the YAML file, --allow-upload lets it"
        )
