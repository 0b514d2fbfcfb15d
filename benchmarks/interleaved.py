"""Interleaved timing: worker processes run alternately, a few steps at a time.

`benchmarks/step.py` (the parent) starts a `Worker` for each implementation; each worker process
calls a `StepTimer` after every training step. Interleaving has two reasons: a worker has all
processors to itself while it is timed, and slow and fast periods of the machine affect all workers
alike, so that ratios are stable.

The protocol: the parent writes a number of steps to a worker's stdin; the worker makes them and
answers with one line of JSON. Between its turns a worker is stopped with SIGSTOP, including its
threads, since threads that spin while they wait for work would slow the others.
"""

from __future__ import annotations

import contextlib
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

# Untimed steps: before a worker reports that it is ready, and at the start of each turn, when its
# threads are asleep and its arrays are no longer in the processor's caches.
STEPS_BEFORE_READY = 3
STEPS_BEFORE_TIMING = 1


class Unavailable(Exception):
    """An implementation cannot be measured here; the message says why."""


class StepTimer:
    """The worker's side: call it after every step. It returns when the next step is wanted.

    Parameters
    ----------
    finish : callable, optional
        Waits until all steps that were started are done. Needed where a library is asynchronous.
    gpu_bytes : callable, optional
        The peak of the GPU's memory that this process has used.
    **facts
        Sent to the parent as they are, for example `versions`.
    """

    def __init__(
        self,
        finish: Callable[[], Any] = lambda: None,
        gpu_bytes: Callable[[], int] = lambda: 0,
        **facts: Any,
    ) -> None:
        self._finish = finish
        self._gpu_bytes = gpu_bytes
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
            self._send(seconds=seconds, cpu=time.process_time() - self._cpu_began)
        else:
            self._send(**self._facts)
        self._await_turn()

    def _await_turn(self) -> None:
        line = sys.stdin.readline()
        if not line:
            raise SystemExit(0)
        self._steps = int(line)
        self._timing = False
        self._left = STEPS_BEFORE_TIMING

    def _send(self, **facts: Any) -> None:
        send(self._out, peak_mib=peak_mib(), gpu_mib=self._gpu_bytes() / 2**20, **facts)


_stdout: Any | None = None


def claim_stdout() -> Any:
    """Reserve stdout for the protocol. What libraries print goes to stderr instead."""
    global _stdout
    if _stdout is None:
        _stdout = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)
    return _stdout


def send(out: Any, **facts: Any) -> None:
    print(json.dumps(facts), file=out, flush=True)


def peak_mib() -> float:
    """Peak resident memory of this process, in MiB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def die_with_parent() -> None:
    """On Linux: end this process when its parent ends. A stopped process would stay for ever."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(1, int(signal.SIGKILL))  # PR_SET_PDEATHSIG


def cpus() -> int:
    """Number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def use_cpus(count: int) -> None:
    """Restrict this process to `count` processors. Call before importing numerical libraries."""
    if count < cpus() and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])
        os.environ["OMP_NUM_THREADS"] = str(count)


DEVICES = ("cpu", "gpu")
# What products of float32 on a GPU are computed in, and JAX's word for it.
PRECISIONS = {"float32": "float32", "tf32": "tensorfloat32"}
_PRECISION = "JAX_DEFAULT_MATMUL_PRECISION"


def use_device(device: str, precision: str = "float32") -> None:
    """Select the CPU or the first GPU. Call before importing numerical libraries."""
    os.environ[_PRECISION] = PRECISIONS[precision]
    if device == "cpu":
        os.environ.update(CUDA_VISIBLE_DEVICES="", JAX_PLATFORMS="cpu")
    else:
        os.environ.setdefault("CUDA_VISIBLE_DEVICES", "0")
        # All workers are in memory at once, so none may reserve the whole GPU.
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")


def is_tf32() -> bool:
    return os.environ.get(_PRECISION) == PRECISIONS["tf32"]


class Worker:
    """The parent's side of one worker process, which is stopped except during its turns.

    Parameters
    ----------
    name : str
    command : list of str
        Starts the worker process.
    environment : dict of str to str
    folder : Path
        The worker's working directory.

    Raises
    ------
    Unavailable
        If the worker says that it cannot run, or ends.
    """

    def __init__(
        self, name: str, command: list[str], environment: dict[str, str], folder: Path
    ) -> None:
        self.name = name
        self.times: list[float] = []  # seconds per step, one entry per turn
        self.cpu: list[float] = []
        self.peak_mib = self.gpu_mib = 0.0
        # A process group of its own, so that its child processes are stopped with it.
        self._process = subprocess.Popen(
            command,
            env=environment,
            cwd=folder,
            text=True,
            start_new_session=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdin is not None and self._process.stdout is not None  # pipes
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        began = time.perf_counter()
        try:
            self.facts = self._receive()
        except BaseException:
            self.close()
            raise
        self.seconds_to_ready = time.perf_counter() - began
        self._signal(signal.SIGSTOP)

    def turn(self, steps: int) -> None:
        """Let the worker make `steps` steps, and record the seconds per step."""
        self._signal(signal.SIGCONT)
        try:
            self._stdin.write(f"{steps}\n")
            self._stdin.flush()
        except BrokenPipeError:
            pass  # it has ended; `_receive` says how
        received = self._receive()
        self.times.append(received["seconds"] / steps)
        self.cpu.append(received["cpu"] / steps)
        self._signal(signal.SIGSTOP)

    def close(self) -> None:
        self._signal(signal.SIGKILL)
        self._process.wait()
        # It may hold what could not be written to a worker that had died.
        with contextlib.suppress(BrokenPipeError):
            self._stdin.close()
        self._stdout.close()

    def _receive(self) -> dict[str, Any]:
        line = self._stdout.readline()
        if not line:
            raise Unavailable(f"{self.name} has ended with status {self._process.wait()}")
        received = json.loads(line)
        if "unavailable" in received:
            raise Unavailable(received["unavailable"])
        self.peak_mib = max(self.peak_mib, received["peak_mib"])
        self.gpu_mib = max(self.gpu_mib, received.get("gpu_mib", 0.0))
        return received

    def _signal(self, number: int) -> None:
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            pass
