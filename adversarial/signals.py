"""Handling of Ctrl-C, SIGTERM and SIGHUP: a training loop ends between two of its steps.

`Train.main_loop` uses `StopRequest`, and the commands use `named`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any, Optional

from adversarial import backend

# Of several processes, every so many checks all exchange whether one has received a signal.
TOGETHER_EVERY = 16


class Interrupted(Exception):
    """Signal `signum` has stopped the training, after the model was saved."""

    def __init__(self, signum: int) -> None:
        super().__init__(f"stopped by {signal.Signals(signum).name}")
        self.signum = signum


# What ends a training between two batches and lets `Train.main_loop` save it: what was begun by
# then, such as a monitoring, is finished or undone.
STOPS = (Interrupted, backend.PeerLost)


class StopRequest:
    """Within a `with` block, the first signal only sets `signum`; a second one ends the process.

    The signals are SIGNALS.

    SIGUSR1, by which batch queues announce the end of a job's time, is ignored after a first
    signal, so that it does not end a save. A signal that was ignored before (SIGHUP under nohup)
    stays ignored. In another thread than the main one, this does nothing: Python runs signal
    handlers in the main thread only.

    Parameters
    ----------
    after : str
        Names the step after which the loop stops, for the message to the user.
    """

    # SIGHUP is sent when the terminal is closed. Windows has neither SIGHUP nor SIGUSR1.
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
        # os.write, since print is not reentrant: the signal may have interrupted a print.
        with contextlib.suppress(OSError):
            name = "Ctrl-C" if signum == signal.SIGINT else signal.Signals(signum).name
            stopping = f"\n{name}: stopping after {self._after}; a second Ctrl-C stops at once\n"
            os.write(2, stopping.encode())

    def check(self) -> None:
        """Raise Interrupted if this process, or another that trains with it, received a signal."""
        signum = self.signum
        if backend.processes() > 1:
            backend.check_peers()
            self._checks += 1
            together = self._checks % TOGETHER_EVERY == 0
            signum = (backend.agree(signum or 0) or None) if together else None
        if signum is not None:
            raise Interrupted(signum)


@contextlib.contextmanager
def named(program: str) -> Iterator[None]:
    """Within this block, a signal other than Ctrl-C prints its name and raises SystemExit.

    A signal that was ignored before stays ignored. A `StopRequest` within the block replaces this
    handler.
    """

    def end(signum: int, frame: Optional[FrameType]) -> None:
        # os.write, since print is not reentrant: the signal may have interrupted a print.
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
