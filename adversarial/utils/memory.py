"""The machine's memory: whether an array fits, and returning free memory to the system."""

from __future__ import annotations

import ctypes
import functools
import math
import os
from collections.abc import Callable

# The memory of the container, if there is a limit; a number of bytes, or "max".
_CONTAINER = "/sys/fs/cgroup/memory.max"


def check_fits(what: str, size: int) -> None:
    """Raise MemoryError, before memory is taken, if `size` bytes are more than the machine has.

    Linux promises more memory than there is, and ends a process that uses it.

    Examples
    --------
    >>> check_fits("10 samples", 40)
    >>> check_fits("10,000,000,000,000 samples", 40 * 10**12)
    Traceback (most recent call last):
    ...
    MemoryError: 10,000,000,000,000 samples take 37,252.9 GiB, but this machine has ...
    """
    there = total_memory()
    if size > there:
        raise MemoryError(
            f"{what} take {size / (1 << 30):,.1f} GiB, but this machine has "
            f"{there / (1 << 30):,.1f} GiB: ask for fewer"
        )


@functools.cache
def total_memory() -> float:
    """The bytes of memory that this process may use at most; infinite if that is not known."""
    try:
        there: float = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # not POSIX
        there = math.inf
    try:
        with open(_CONTAINER) as limit:
            there = min(there, int(limit.read()))
    except (OSError, ValueError):  # not Linux, another version of cgroups, or "max": no limit
        pass
    return there


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
