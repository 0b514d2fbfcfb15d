"""How long a piece of work takes, as a line of the log."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator
from typing import Optional


@contextlib.contextmanager
def log_timing(
    logger: logging.Logger, task: str, level: int = logging.INFO, final_msg: Optional[str] = None
) -> Iterator[None]:
    """Within this block `task` is done: log its beginning, and its end with the seconds taken.

    `final_msg` takes the place of the words before the seconds.
    """
    began = time.monotonic()
    logger.log(level, "%s...", task)
    yield
    seconds = time.monotonic() - began
    logger.log(level, "%s %.3f s", final_msg or f"{task} done. Time elapsed:", seconds)
