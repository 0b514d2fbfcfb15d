"""What a Dask worker does for a run: start its process, resume it, score its model.

`schedule` submits `execute`, with a `Task` as its argument, to Dask. `execute` may be called again
for the same run, on another machine, after a worker has died: it continues with what is in the
run's folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Optional

from adversarial.files import shipped
from adversarial.files.opening import open_beside, open_regular
from adversarial.sweep import child
from adversarial.sweep.records import LOG, LOST_AFTER, SCORES, Progress, State, Watch
from adversarial.utils.string_utils import matching

POLL = 0.25  # seconds between two looks at the process and at the sweep
# A run that a signal kills so often, without a save in between, has failed: out of memory, say.
MOST_DEATHS = 3
# Seconds to wait for another process that still writes the run's files: one whose worker has died,
# and which is saving, or one of a worker that Dask has lost.
PATIENCE = 2 * child.PATIENCE
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
# Dask sets it for its workers; it slows memory allocation in a training.
_OF_DASK = "MALLOC_TRIM_THRESHOLD_"
_LONGEST_LOG = 1 << 20  # bytes
_LONGEST_REASON = 4096  # bytes at the end of a log, in which the error is found


@dataclass(frozen=True)
class Task:
    """A run, as a worker needs it.

    Attributes
    ----------
    sweep : str
        The start of the sweep (`records.Heart`).
    root, name : str
        The folder of the sweep, and of the run within it.
    cwd : str
        The folder to which the paths in the arguments are relative.
    config, digest : str
        The YAML file, and the SHA-256 of its content when the sweep began.
    begin, go_on : tuple of str
        Arguments of train.py for a new run, and for one that is resumed, without the model's path.
    models : tuple of str
        The model files that the phases save, in order.
    metrics : tuple of str
        Arguments of `evaluate` after the model's path; empty: the model is not scored.
    scored : str
        The name of the model file to score, in which ``*`` matches any text.
    threads : int
        Of each run.
    lost_after : float
        Seconds without a beat of the sweep after which it counts as dead.
    """

    sweep: str
    root: str
    name: str
    cwd: str
    config: str
    digest: str
    begin: tuple[str, ...]
    go_on: tuple[str, ...]
    models: tuple[str, ...]
    threads: int = 1
    metrics: tuple[str, ...] = ()
    scored: str = ""
    lost_after: float = field(default=LOST_AFTER, compare=False)

    @property
    def folder(self) -> str:
        return os.path.join(self.root, self.name)


def execute(task: Task) -> dict[str, Any]:
    """Train a run to its end, or until the sweep stops it, and score it; a `Progress` as dict."""
    return vars(_Run(task).to_end())


def last_model(task: Task) -> Optional[str]:
    """The model file of the last phase that has saved one."""
    there = [path for path in task.models if os.path.exists(os.path.join(task.cwd, path))]
    return there[-1] if there else None


def last_save(task: Task) -> Optional[tuple[str, int, int]]:
    """What identifies the last save of a run: another save gives something else."""
    model = last_model(task)
    if model is None:
        return None
    found = os.stat(os.path.join(task.cwd, model))
    return model, found.st_mtime_ns, found.st_size


def is_over(task: Task) -> bool:
    """Whether nothing is left to do for a run. One that failed is tried again."""
    state = Progress.read(task.folder).state
    is_scored = not task.metrics or os.path.exists(os.path.join(task.folder, SCORES))
    return state == State.DIVERGED or (state == State.DONE and is_scored)


def is_running(task: Task) -> bool:
    """Whether a worker of this sweep works on a run."""
    with contextlib.suppress(OSError, ValueError):  # a file system may fail for a moment
        found = Progress.read(task.folder)
        return found.state == State.RUNNING and found.sweep == task.sweep
    return False


def dry_run(task: Task) -> tuple[str, list[str]]:
    """Compile and measure what a run would train: (the error or "", names of its channels)."""
    return _Run(task).dry()


class _Run:
    def __init__(self, task: Task) -> None:
        if not os.path.isdir(task.root):
            raise FileNotFoundError(
                f"{socket.gethostname()} has no folder {task.root}: the folder of a sweep must be "
                "on a file system that all machines share"
            )
        self.task = task
        self.watch = Watch(task.root, task.sweep, task.lost_after)
        os.makedirs(task.folder, exist_ok=True)
        self.progress = Progress.read(task.folder)
        self.was_asked_to_stop = False
        # Where the log of the process that was started last begins.
        self._log_start = 0

    def to_end(self) -> Progress:
        progress = self.progress
        if is_over(self.task):
            return progress
        progress.state, progress.why, progress.sweep = State.RUNNING, "", self.task.sweep
        progress.host, progress.worker = socket.gethostname(), os.getpid()
        if not progress.trained:
            progress.state, progress.why = self._train()
            progress.trained = progress.state == State.DONE
        if progress.trained:
            progress.state, progress.why = State.RUNNING, ""
            progress.state, progress.why = self._score() if self.task.metrics else (State.DONE, "")
        progress.process = 0
        progress.write(self.task.folder)
        return progress

    def dry(self) -> tuple[str, list[str]]:
        begin = [*self.task.begin, "--max-epochs", "0", "--all-channels"]
        status = self._start("train", begin, is_dry=True)
        if self._is_over():
            return "", []
        number = _signal_of(status)
        if number is not None:
            return f"the dry run was ended by {_name_of(number)}", []
        if status:
            return self._reason() or f"the dry run ended with status {status}", []
        with open_regular(os.path.join(self.task.folder, LOG)) as stream:
            stream.seek(self._log_start)
            text = stream.read(_LONGEST_LOG).decode("utf-8", "replace")
        return "", re.findall(r"^    (\S+): \S+$", text, re.MULTILINE)

    def _train(self) -> tuple[str, str]:
        """(state, reason) after the training."""
        deaths, last = 0, last_save(self.task)
        deadline: Optional[float] = None
        while not self._is_over():
            model = last_model(self.task)
            if model is None:
                changed = self._changed_config()
                if changed:
                    return State.FAILED, changed
                arguments = self.task.begin
            else:
                arguments = ("--resume", model, *self.task.go_on)
            status = self._start("train", arguments)
            if status == 0:
                return State.DONE, ""
            if status == child.DIVERGED:
                return State.DIVERGED, self._reason()
            if status == child.TAKEN:
                deadline = deadline or time.monotonic() + PATIENCE
                if time.monotonic() > deadline:
                    return State.FAILED, self._reason()
                self._sleep(4.0)
                continue
            number = _signal_of(status)
            if number is None:
                return State.FAILED, self._reason() or f"exit status {status}"
            saved = last_save(self.task)
            deaths = 1 if saved != last else deaths + 1
            last = saved
            if deaths >= MOST_DEATHS and not self._is_over():
                return (
                    State.FAILED,
                    f"ended by {_name_of(number)} {deaths} times without a save between",
                )
        return State.STOPPED, ""

    def _score(self) -> tuple[str, str]:
        if self._is_over():
            return State.STOPPED, ""
        found = sorted(matching(self.task.scored or "*.pkl", os.listdir(self.task.folder)))
        if self.task.scored:
            if len(found) != 1:
                what = f"has {len(found)} files" if found else "has no file"
                return State.FAILED, f"{self.task.folder} {what} {self.task.scored} to score"
            model = os.path.join(self.task.folder, found[0])
        else:
            last = last_model(self.task)
            if last is None:
                return State.FAILED, "saved no model to score"
            model = last
        table = os.path.join(self.task.folder, SCORES)
        # A worker that was killed may have left a table.
        arguments = (model, *self.task.metrics, "--csv", table, "--overwrite")
        status = self._start("evaluate", arguments)
        if status == 0:
            return State.DONE, ""
        number = _signal_of(status)
        if number is None:
            return State.FAILED, self._reason() or f"the score ended with status {status}"
        if self._is_over():
            return State.STOPPED, ""
        return State.FAILED, f"the score was ended by {_name_of(number)}"

    def _start(self, program: str, arguments: Sequence[str], is_dry: bool = False) -> int:
        """Run a command in a process of its own; its exit status, negative if a signal killed it.

        SIGTERM stops it, which saves, if the sweep is over.
        """
        began = time.monotonic()
        before = self.progress.seconds
        with self._log() as log:
            self._log_start = os.fstat(log).st_size
            process = subprocess.Popen(
                [sys.executable, os.path.abspath(child.__file__), program, *arguments],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=self.task.cwd,
                env=_environment(os.environ, self.task.threads),
                # Ctrl-C in the sweep's terminal is for the sweep, which then stops its runs.
                start_new_session=True,
            )
        try:
            if not is_dry:
                self.progress.process = process.pid
                self.progress.starts += program == "train"
                self.progress.write(self.task.folder)
            asked = False
            while True:
                try:
                    status = process.wait(POLL)
                    break
                except subprocess.TimeoutExpired:
                    if not asked and self._is_over():
                        asked = True
                        process.send_signal(signal.SIGTERM)
            return status
        finally:
            process.kill()
            process.wait()
            if process.stdin is not None:
                process.stdin.close()
            self.progress.seconds = round(before + time.monotonic() - began, 1)

    @contextlib.contextmanager
    def _log(self) -> Iterator[int]:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        handle = open_beside(os.path.join(self.task.folder, LOG), flags)
        try:
            yield handle
        finally:
            os.close(handle)

    def _is_over(self) -> bool:
        self.was_asked_to_stop = self.was_asked_to_stop or self.watch.is_over()
        return self.was_asked_to_stop

    def _sleep(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self._is_over():
            time.sleep(POLL)

    def _changed_config(self) -> str:
        """The error if the YAML file is not the one that the sweep began with; else ""."""
        try:
            path = os.path.join(self.task.cwd, self.task.config)
            path = path if os.path.exists(path) else shipped.source_of(self.task.config)
            with open_regular(path) as stream:
                digest = hashlib.sha256(stream.read()).hexdigest()
        except OSError as error:
            return f"{socket.gethostname()} cannot read {self.task.config}: {error.strerror}"
        if digest != self.task.digest:
            return f"{self.task.config} was changed after the sweep had begun"
        return ""

    def _reason(self) -> str:
        """The error at the end of the log of the process that was started last."""
        with open_regular(os.path.join(self.task.folder, LOG)) as stream:
            size = os.fstat(stream.fileno()).st_size
            stream.seek(max(self._log_start, size - _LONGEST_REASON))
            lines = stream.read().decode("utf-8", "replace").splitlines()
        marks = [
            i for i, line in enumerate(lines) if re.search(r"\.py: (error: |unexpected )", line)
        ]
        if marks:
            return lines[marks[-1]].split(": ", 1)[1].removeprefix("error: ")
        return lines[-1] if lines else ""


def _signal_of(status: int) -> Optional[int]:
    """The number of the signal that ended a process; None if it ended by itself."""
    number = -status if status < 0 else status - 128
    return number if number in set(signal.Signals) else None


def _name_of(number: int) -> str:
    hint = " (out of memory?)" if number == signal.SIGKILL else ""
    return f"{signal.Signals(number).name}{hint}"


def _environment(environ: Mapping[str, str], threads: int) -> dict[str, str]:
    """The environment of a run: its share of the processors is known before a BLAS is loaded."""
    found = {name: value for name, value in environ.items() if name != _OF_DASK}
    return {**found, **dict.fromkeys(THREAD_VARIABLES, str(threads))}
