"""The small files in the folder of a sweep, by which its processes know of one another.

    sweep.json          what was asked; the same command with the same folder continues the sweep
    .sweep.beat         a number that the sweep's own process increases while it lives; on a full
                        disk, only the time of the file changes
    RUN/run.json        how far a run is, written by the worker that trains it
    RUN/scores.csv      the metrics of its model, if the sweep computes any
    RUN/log.txt         what train.py has printed

All machines of a sweep see this folder by the same path.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from dataclasses import asdict, dataclass, fields
from typing import Any, Optional

from adversarial.files.atomic_write import atomic_write
from adversarial.files.opening import open_regular

SWEEP, BEAT, RUN, SCORES, LOG = "sweep.json", ".sweep.beat", "run.json", "scores.csv", "log.txt"
_LARGEST = 16 << 20  # bytes of a JSON file: a sweep of 10,000 runs has 2 MB
# Seconds between two beats, and after how many without one the sweep counts as dead. File systems
# over a network may show a change only after a minute.
BEAT_EVERY, LOST_AFTER = 5.0, 150.0


class State:
    """The states of a run."""

    WAITING = "waiting"
    RUNNING = "running"
    STOPPED = "stopped"  # saved; goes on when the sweep does
    DONE = "done"
    DIVERGED = "diverged"
    FAILED = "failed"


@dataclass
class Progress:
    """How far a run is.

    Attributes
    ----------
    state : str
        One of `State`.
    why : str
        Of a run that failed or diverged: the error.
    sweep : str
        The start of the sweep during which the state was written.
    trained : bool
        Whether the training is over.
    host, worker, process : str, int, int
        Where it runs: the machine, and the process ids of the worker and of the run.
    starts : int
        How often it was begun or resumed.
    seconds : float
        How long it has run, in all.
    """

    state: str = State.WAITING
    why: str = ""
    sweep: str = ""
    trained: bool = False
    host: str = ""
    worker: int = 0
    process: int = 0
    starts: int = 0
    seconds: float = 0.0

    @classmethod
    def read(cls, folder: str) -> Progress:
        """That of the run in `folder`; of one that waits, if there is no record."""
        found = read_json(os.path.join(folder, RUN))
        if not isinstance(found, dict):
            return cls()
        progress = cls()
        for each in fields(cls):
            default = getattr(progress, each.name)
            value = found.get(each.name, default)
            if isinstance(value, int) and isinstance(default, float):
                value = float(value)
            if type(value) is not type(default):
                raise ValueError(f"{os.path.join(folder, RUN)}: {each.name} is {value!r:.40}")
            setattr(progress, each.name, value)
        return progress

    def write(self, folder: str) -> None:
        write_json(os.path.join(folder, RUN), asdict(self))


def read_json(path: str) -> Any:
    """What a JSON file holds; None if there is no file.

    Raises
    ------
    ValueError
        If the file is no JSON.
    """
    try:
        with open_regular(path) as stream:
            text = stream.read(_LARGEST + 1)
    except FileNotFoundError:
        return None
    if len(text) > _LARGEST:
        raise ValueError(f"{path}: is larger than {_LARGEST >> 20} MiB")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: is no JSON ({error})") from None


def read_sweep(folder: str) -> Optional[dict[str, Any]]:
    """What the file sweep.json in `folder` holds; None if there is no file.

    Raises
    ------
    ValueError
        If the file is of something else.
    """
    path = os.path.join(folder, SWEEP)
    found = read_json(path)
    if found is None:
        return None
    if isinstance(found, dict):
        kept: dict[str, Any] = {"experiments": {}, "options": {}, "threads": 1, **found}
        parts = [kept.get(name) for name in ("runs", "experiments", "options")]
        is_counted = isinstance(kept["threads"], int) and kept["threads"] > 0
        if is_counted and all(isinstance(part, dict) for part in parts):
            if all(map(_is_run, kept["runs"].values())):
                return kept
    raise ValueError(f"{path}: is not of a sweep")


def _is_run(run: Any) -> bool:
    """Whether `run` has what `scripts/sweep.py` writes of a run, as far as it is read again."""
    if not isinstance(run, dict):
        return False
    experiment, settings, models = (run.get(key) for key in ("experiment", "settings", "models"))
    return (
        isinstance(experiment, str)
        and isinstance(settings, dict)
        and isinstance(models, list)
        and all(isinstance(each, str) for each in (*settings.values(), *models))
    )


def write_json(path: str, content: Any) -> None:
    """Replace the file `path`, in one step."""
    with atomic_write(path) as stream:
        stream.write(json.dumps(content, indent=1, allow_nan=False).encode() + b"\n")


class Heart:
    """Within a `with` block, the workers know that the sweep `sweep` in `folder` lives.

    `stop` tells them to save all runs and to end.
    """

    def __init__(self, folder: str, sweep: str) -> None:
        self._path = os.path.join(folder, BEAT)
        self._content: dict[str, Any] = {"sweep": sweep, "beat": 0, "stop": False}
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> Heart:
        self._write()
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._end.set()
        self._thread.join()
        self.stop()

    def stop(self) -> None:
        """Tell the workers to stop; on a full disk, by no beats from now on."""
        self._content["stop"] = True
        self._try_to_write()

    def _write(self) -> None:
        with self._lock:
            self._content["beat"] += 1
            write_json(self._path, self._content)

    def _beat(self) -> None:
        while not self._end.wait(BEAT_EVERY):
            self._try_to_write()

    def _try_to_write(self) -> None:
        """Write; on a full disk, touch the file, which needs no space and is a beat as well."""
        try:
            self._write()
        except OSError:
            if not self._content["stop"]:
                with contextlib.suppress(OSError):
                    os.utime(self._path)


class Watch:
    """A worker's view of the `Heart` of the sweep `sweep`."""

    def __init__(self, folder: str, sweep: str, lost_after: float = LOST_AFTER) -> None:
        self._path = os.path.join(folder, BEAT)
        self._sweep = sweep
        self._lost_after = lost_after
        self._last: Any = None
        self._since = time.monotonic()

    def is_over(self) -> bool:
        """Whether the run is to be saved and stopped: the sweep says so, or is dead, or another."""
        try:
            found = read_json(self._path)
            touched = os.stat(self._path).st_mtime_ns
        except (OSError, ValueError):
            found, touched = None, 0
        now = time.monotonic()
        if isinstance(found, dict):
            if found.get("stop") or found.get("sweep") != self._sweep:
                return True
            beat = found.get("beat"), touched
            if beat != self._last:
                self._last, self._since = beat, now
        return now - self._since > self._lost_after
