"""The live view of a sweep: how many runs are done, and a line for each run that is training.

`schedule.run_all` calls it every half second. In a terminal the lines are drawn again in place;
elsewhere, as in the log file of a batch job, a line is printed when a run ends, and once a minute.
The values come from the tables of channels that the runs write after each epoch.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Optional, TextIO

from adversarial.files import outputs, placement
from adversarial.scripts.inputs.histories import History, read_history
from adversarial.sweep.records import Progress, State
from adversarial.sweep.results import chosen_channels
from adversarial.sweep.worker import Task, is_running
from adversarial.utils import errors

REDRAW, REPORT = 1.0, 60.0  # seconds, in a terminal and elsewhere
MOST_SHOWN = 4  # channels in a line
_UP, _CLEAR = "\x1b[{}A\r", "\x1b[J"


class LiveView:
    """Shows the runs of `tasks` on `stream`.

    Parameters
    ----------
    tasks : the runs
    channels : names of the channels to show, in which ``*`` matches any text; () chooses
    stream : by default, stderr
    """

    def __init__(
        self, tasks: Sequence[Task], channels: Sequence[str] = (), stream: Optional[TextIO] = None
    ) -> None:
        self._tasks = tasks
        self._channels = channels
        self._stream = stream or sys.__stderr__
        self._in_place = bool(self._stream and self._stream.isatty())
        self._began = time.monotonic()
        self._next = 0.0 if self._in_place else self._began + REPORT
        self._lines = 0
        self._told: set[str] = set()
        self._seen: dict[str, tuple[int, History]] = {}  # by table, with its time

    def __call__(self, ended: Mapping[str, Progress]) -> None:
        new = [task for task in self._tasks if task.name in ended and task.name not in self._told]
        now = time.monotonic()
        is_due = now >= self._next
        if not new and not is_due:
            return
        if is_due:
            self._next = now + (REDRAW if self._in_place else REPORT)
        self._told.update(task.name for task in new)
        lines = [self._of_ended(task, ended[task.name]) for task in new]
        lines = [line for line in lines if line]
        if not is_due and not self._in_place:
            self._write(lines, [])
            return
        running = [task for task in self._tasks if task.name not in ended and is_running(task)]
        last = [self._summary(ended, len(running))]
        last += [f"  {self._of_run(task)}" for task in running]
        self._write(lines, last)

    def close(self) -> None:
        """Remove what is drawn in place."""
        self._write([], [])

    def _write(self, lines: Sequence[str], last: Sequence[str]) -> None:
        """Print `lines`, which stay, and `last`, which the next call replaces in a terminal."""
        if self._stream is None:
            return
        width, height = shutil.get_terminal_size()
        if self._in_place:
            most = max(2, height - 2)
            if len(last) > most:
                last = [*last[: most - 1], f"  and {len(last) - most + 1} more"]
            last = [line[: width - 1] for line in last]
        text = "".join(f"{errors.printable(line)}\n" for line in (*lines, *last))
        if self._in_place and self._lines:
            text = _UP.format(self._lines) + _CLEAR + text
        self._lines = len(last)
        with contextlib.suppress(OSError, ValueError):  # a closed terminal
            encoding = self._stream.encoding or "utf-8"
            self._stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
            self._stream.flush()

    def _summary(self, ended: Mapping[str, Progress], running: int) -> str:
        states = [progress.state for progress in ended.values()]
        done = states.count(State.DONE)
        waiting = len(self._tasks) - len(ended) - running
        parts = [f"{done} of {len(self._tasks)} runs done", f"{running} running"]
        parts += [f"{waiting} waiting"] if waiting else []
        for state in (State.DIVERGED, State.FAILED, State.STOPPED):
            parts += [f"{states.count(state)} {state}"] if state in states else []
        return f"{', '.join(parts)}; {duration(time.monotonic() - self._began)}"

    def _of_ended(self, task: Task, progress: Progress) -> str:
        if progress.state == State.STOPPED:
            return ""
        why = f": {progress.why}" if progress.why else ""
        values = self._values(task) if progress.state == State.DONE else ""
        return f"{task.name}: {progress.state}{why}{'; ' if values else ''}{values}"

    def _of_run(self, task: Task) -> str:
        return f"{task.name}: {self._values(task) or 'starting'}"

    def _values(self, task: Task) -> str:
        history = self._history(task)
        if not history:
            return ""
        epoch = max(record.counts["epochs"][-1] for record in history.values())
        names = chosen_channels(history, self._channels)
        shown = [f"{name} {history[name].values[-1]:.4g}" for name in names[:MOST_SHOWN]]
        return ", ".join([f"epoch {epoch:.0f}", *shown])

    def _history(self, task: Task) -> History:
        """The channels of a run's last phase, read again if the table has changed."""
        for model in reversed(task.models):
            path = os.path.join(task.cwd, outputs.beside(model, placement.TABLE))
            with contextlib.suppress(OSError, ValueError):
                changed = os.stat(path).st_mtime_ns
                if self._seen.get(path, (None, None))[0] != changed:
                    self._seen[path] = changed, read_history(path)
                return self._seen[path][1]
        return History()


def duration(seconds: float) -> str:
    """A duration in words.

    >>> duration(59), duration(754), duration(7260)
    ('59 s', '12 min 34 s', '2 h 1 min')
    """
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
