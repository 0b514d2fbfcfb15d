"""Returns free memory to the operating system."""

from __future__ import annotations

import ctypes
import functools
import os
from collections.abc import Callable


def trim_heap() -> None:
    """Return free heap memory to the operating system by glibc's malloc_trim, if there is one.

    The monitor's records grow by reallocation, which fragments the heap: in a long run, without
    this, by a quarter of the records' size.
    """
    _trim()(0)


@functools.cache
def _trim() -> Callable[[int], int]:
    library = ctypes.CDLL(None) if os.name == "posix" else None
    return getattr(library, "malloc_trim", lambda keep: 0)
