"""How many processors this process may use."""

from __future__ import annotations

import os


def available_processors() -> int:
    """The number of processors that this process may use.

    The package sets OMP_NUM_THREADS to the container's share of them, unless the user has set it.
    """
    try:
        available = len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS
        available = os.cpu_count() or 1
    share = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, min(available, int(share)) if share.isdigit() else available)
