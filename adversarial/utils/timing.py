"""`log_timing`, which logs how long a block takes."""

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
    """Log `task` at the beginning of the block, and at its end the seconds that it took.

    `final_msg` replaces the text before the seconds.
    """
    began = time.monotonic()
    logger.log(level, "%s...", task)
    yield
    seconds = time.monotonic() - began
    logger.log(level, "%s %.3f s", final_msg or f"{task} done. Time elapsed:", seconds)
