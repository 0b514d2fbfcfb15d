"""Memory that is free, and the system's."""

from __future__ import annotations

import ctypes
import functools
import os
from collections.abc import Callable


def give_back() -> None:
    """Return to the system what the C library keeps for later, where that is glibc.

    Records that grow, each a little, leave holes behind as they move: over a long run, a quarter
    of what they take.
    """
    _trim()(0)


@functools.cache
def _trim() -> Callable[[int], int]:
    library = ctypes.CDLL(None) if os.name == "posix" else None
    return getattr(library, "malloc_trim", lambda keep: 0)
