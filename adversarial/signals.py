"""Ctrl-C, SIGTERM, a lost terminal: requests that a loop honours between two of its steps."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any, Optional

from adversarial import backend

# Checks between two at which several processes tell each other of signals.
TOGETHER_EVERY = 16


class Interrupted(Exception):
    """Training stopped because of signal `signum`, after saving."""

    def __init__(self, signum: int) -> None:
        super().__init__(f"stopped by {signal.Signals(signum).name}")
        self.signum = signum


class StopRequest:
    """While active, the first of SIGNALS sets `signum`; a second one acts at once.

    SIGUSR1, with which batch queues warn of the end of a job's time, never ends a save that an
    earlier signal has begun.

    One that is ignored (SIGHUP under nohup) stays so. Elsewhere than in the main thread, where
    Python delivers no signals, this does nothing.  `after` names what is still done.
    """

    # Not every system knows SIGHUP, which comes when the terminal goes, and SIGUSR1.
    SIGNALS = tuple(
        getattr(signal, name)
        for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1")
        if hasattr(signal, name)
    )

    def __init__(self, after: str = "this minibatch") -> None:
        self.signum: Optional[int] = None
        self._after = after
        self._previous: dict[int, Any] = {}
        self._checks = 0

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            for signum in self.SIGNALS:
                if signum == signal.SIGINT or signal.getsignal(signum) is not signal.SIG_IGN:
                    self._previous[signum] = signal.signal(signum, self._on_signal)
        return self

    def __exit__(self, *exc: object) -> None:
        for signum, handler in self._previous.items():
            signal.signal(signum, handler)
        self._previous = {}

    def _on_signal(self, signum: int, frame: Optional[FrameType]) -> None:
        if self.signum is not None:
            if signum == getattr(signal, "SIGUSR1", None):
                return
            # Saves are atomic, so stopping in the middle of one loses nothing.
            signal.signal(signum, signal.SIG_DFL)
            signal.raise_signal(signum)
        self.signum = signum
        # Not print: the signal may have come in the middle of one.
        with contextlib.suppress(OSError):
            name = "Ctrl-C" if signum == signal.SIGINT else signal.Signals(signum).name
            stopping = f"\n{name}: stopping after {self._after}; a second Ctrl-C stops at once\n"
            os.write(2, stopping.encode())

    def check(self) -> None:
        """Interrupted if a signal has come; where several processes train, to any, and in all."""
        signum = self.signum
        if backend.processes() > 1:
            self._checks += 1
            together = self._checks % TOGETHER_EVERY == 0
            signum = (backend.agree(signum or 0) or None) if together else None
        if signum is not None:
            raise Interrupted(signum)


@contextlib.contextmanager
def named(program: str) -> Iterator[None]:
    """Within this block a signal other than Ctrl-C ends the process by SystemExit, and is named.

    One that is ignored stays so, and a `StopRequest` within the block comes first.
    """

    def end(signum: int, frame: Optional[FrameType]) -> None:
        # Not print: the signal may have come in the middle of one.
        with contextlib.suppress(OSError):
            line = f"{program}: terminated by {signal.Signals(signum).name}\n"
            os.write(2, line.encode(errors="replace"))
        raise SystemExit(128 + signum)

    previous: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for signum in StopRequest.SIGNALS:
            if signum != signal.SIGINT and signal.getsignal(signum) is not signal.SIG_IGN:
                previous[signum] = signal.signal(signum, end)
    try:
        yield
    finally:
        for signum, handler in previous.items():
            signal.signal(signum, handler)
