"""`Unavailable`: why a metric cannot be computed, apart from bad input; `metric` handles it."""

from __future__ import annotations

from typing import Optional


class Unavailable(ValueError):
    """An input of a metric cannot be had, or does not suit it; the message says why.

    Attributes
    ----------
    reason : str
        The message without the name of the metric.
    """

    def __init__(self, message: str, reason: Optional[str] = None) -> None:
        super().__init__(message)
        self.reason = message if reason is None else reason
