"""Programs that work in turns, so that each has the machine to itself and all share its moods.

The parent gives a turn by writing a number of steps to a child's stdin; the child makes them and
answers one line of JSON.  While it is another's turn, a child is stopped (SIGSTOP), threads and
all: none spins for work that will not come.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Untimed steps: before a child reports that it is ready, and at the start of each turn, when its
# threads are asleep and its arrays are out of the caches.
STEPS_BEFORE_READY = 3
STEPS_BEFORE_TIMING = 1


class Dropped(Exception):
    """A contestant cannot take part; the message says why."""


class Turns:
    """The child's side: call it after every step.  It returns when there is another to make.

    Parameters
    ----------
    finish : waits for steps that were begun and are not done, where a library is asynchronous
    facts : what the parent should know, such as versions
    """

    def __init__(self, finish: Callable[[], Any] = lambda: None, **facts: Any) -> None:
        self._finish = finish
        self._facts = facts
        self._out = claim_stdout()
        self._left = STEPS_BEFORE_READY
        self._steps = 0
        self._timing = False
        self._began = self._cpu_began = 0.0

    def __call__(self, *_: Any) -> None:
        self._left -= 1
        if self._left:
            return
        self._finish()
        if self._steps and not self._timing:
            self._timing = True
            self._left = self._steps
            self._cpu_began, self._began = time.process_time(), time.perf_counter()
            return
        if self._timing:
            seconds = time.perf_counter() - self._began
            self._say(seconds=seconds, cpu=time.process_time() - self._cpu_began)
        else:
            self._say(**self._facts)
        self._await_turn()

    def _await_turn(self) -> None:
        line = sys.stdin.readline()
        if not line:
            raise SystemExit(0)
        self._steps = int(line)
        self._timing = False
        self._left = STEPS_BEFORE_TIMING

    def _say(self, **facts: Any) -> None:
        say(self._out, peak_mib=peak_mib(), **facts)


_stdout: Any | None = None


def claim_stdout() -> Any:
    """The process's stdout for this protocol alone; what libraries print goes to stderr."""
    global _stdout
    if _stdout is None:
        _stdout = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)
    return _stdout


def say(out: Any, **facts: Any) -> None:
    print(json.dumps(facts), file=out, flush=True)


def peak_mib() -> float:
    """The most memory this process has held, in MiB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def die_with_parent() -> None:
    """On Linux: a child that is stopped must not outlive the parent who would wake it."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(1, int(signal.SIGKILL))  # PR_SET_PDEATHSIG


def cpus() -> int:
    """The processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def use_cpus(count: int) -> None:
    """Keep this process to `count` processors; before any library counts them for its threads."""
    if count < cpus() and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])
        os.environ["OMP_NUM_THREADS"] = str(count)


DEVICES = ("cpu", "gpu")


def use_device(device: str) -> None:
    """Have libraries compute on the CPU, or on the first GPU; before any is imported."""
    if device == "cpu":
        os.environ.update(CUDA_VISIBLE_DEVICES="", JAX_PLATFORMS="cpu")
    else:
        os.environ.setdefault("CUDA_VISIBLE_DEVICES", "0")
        # So that contestants, of whom all are there at once, leave room for each other.
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
        os.environ.setdefault("JAX_DEFAULT_MATMUL_PRECISION", "float32")


class Player:
    """The parent's side of one child, which is stopped whenever it is not its turn.

    Raises `Dropped` when the child cannot take part or ends.
    """

    def __init__(
        self, name: str, command: list[str], environment: dict[str, str], folder: Path
    ) -> None:
        self.name = name
        self.times: list[float] = []  # seconds a step, one a turn
        self.cpu: list[float] = []
        self.peak_mib = 0.0
        # A session of its own, so that helpers it starts are stopped with it.
        self._process = subprocess.Popen(
            command,
            env=environment,
            cwd=folder,
            text=True,
            start_new_session=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        began = time.perf_counter()
        try:
            self.facts = self._hear()
        except BaseException:
            self.close()
            raise
        self.seconds_to_ready = time.perf_counter() - began
        self._signal(signal.SIGSTOP)

    def turn(self, steps: int) -> None:
        """Let the child make `steps` steps, and note seconds a step."""
        self._signal(signal.SIGCONT)
        try:
            self._process.stdin.write(f"{steps}\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended; `_hear` says how
        heard = self._hear()
        self.times.append(heard["seconds"] / steps)
        self.cpu.append(heard["cpu"] / steps)
        self._signal(signal.SIGSTOP)

    def close(self) -> None:
        self._signal(signal.SIGKILL)
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()

    def _hear(self) -> dict[str, Any]:
        line = self._process.stdout.readline()
        if not line:
            raise Dropped(f"it ended with status {self._process.wait()}")
        heard = json.loads(line)
        if "dropped" in heard:
            raise Dropped(heard["dropped"])
        self.peak_mib = max(self.peak_mib, heard["peak_mib"])
        return heard

    def _signal(self, number: int) -> None:
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            pass
