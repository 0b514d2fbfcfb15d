"""Whether what a user put together has parts of the right kinds."""

from __future__ import annotations

from typing import Any


def check_part(what: str, part: Any, method: str) -> None:
    """TypeError unless `part` is an object with that method, which tells its kind."""
    if isinstance(part, type) or not hasattr(part, method):
        raise TypeError(f"{what} cannot be {part!r:.80}, which has no method {method}")
