"""Gives the runs of a sweep to Dask's workers, until all are done or the sweep is stopped.

`scripts/sweep.py` calls `run_all`. A worker is given a run when it is free, not before, and the run
is not moved: Dask estimates how long tasks take, and would let a run wait behind one of hours while
another worker is idle. A run whose worker died begins again on the next that is free, any number
of times, since a machine may be taken away; but it must save now and then.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Optional

from adversarial.sweep import child, worker
from adversarial.sweep.records import LOG, Progress, State
from adversarial.sweep.worker import Task
from adversarial.utils import errors

TICK = 0.5  # seconds between two looks at the runs
PATIENCE = child.PATIENCE  # seconds in which runs must save when the sweep is stopped
# A run whose workers died so often, without a save in between, has failed.
MOST_LOSSES = 10


class LostScheduler(OSError):
    """The Dask scheduler of the sweep has ended."""


def run_all(
    client: Any,
    tasks: Sequence[Task],
    stopping: Callable[[], bool],
    show: Callable[[Mapping[str, Progress]], None],
) -> dict[str, Progress]:
    """The runs that have come to an end, by name: all, or those begun before `stopping()` was true.

    Parameters
    ----------
    client : distributed.Client
    tasks : the runs, in the order in which to begin them
    stopping : whether the runs have been told to stop; called every TICK seconds
    show : called every TICK seconds with the runs that have come to an end

    Raises
    ------
    LostScheduler
        If the scheduler ends.
    """
    by_name = {task.name: task for task in tasks}
    ended: dict[str, Progress] = {}
    saves: dict[str, list[Any]] = {name: [] for name in by_name}
    waiting = list(tasks)
    futures: dict[str, Any] = {}
    workers: dict[str, str] = {}  # addresses, by the name of the run
    stopped_at: Optional[float] = None
    while waiting or futures:
        if stopping() and stopped_at is None:
            stopped_at = time.monotonic()
            waiting = []
            for name in [name for name in futures if not worker.is_running(by_name[name])]:
                futures.pop(name).cancel()
        if client.status not in ("running", "connecting"):
            raise LostScheduler("the Dask scheduler has ended")
        threads = _threads(client)
        again: list[Task] = []
        for name, future in list(futures.items()):
            task = by_name[name]
            is_pending = future.status == "pending"
            is_lost = is_pending and bool(threads) and workers[name] not in threads
            has_stopped = stopped_at is not None and not worker.is_running(task)
            if is_pending and not is_lost and not has_stopped:
                continue
            del futures[name]
            if is_lost:
                future.cancel()
            if is_pending and has_stopped:  # saved, but its worker could no longer say so
                outcome: Optional[Progress] = Progress.read(task.folder)
            elif is_lost:
                outcome = _after_loss(task, saves[name])
            else:
                outcome = _outcome(future, task, saves[name])
            if outcome is None or (outcome.state == State.STOPPED and stopped_at is None):
                again.append(task)
            else:
                ended[name] = outcome
        if stopped_at is None:
            waiting = again + waiting
            free = _free(threads, [workers[name] for name in futures])
            for task, address in zip(waiting, free):
                workers[task.name] = address
                futures[task.name] = _submit(client, task, address)
            waiting = waiting[len(free) :]
        elif time.monotonic() - stopped_at > PATIENCE:
            break  # a worker that has been lost may never answer
        show(ended)
        if waiting or futures:
            time.sleep(TICK)
    return ended


def check(client: Any, task: Task, stopping: Callable[[], bool]) -> list[str]:
    """Make a dry run of a run: what is wrong is reported once, before any run.

    Compiled code is cached, so the runs begin sooner. Returns the names of the monitor channels; []
    if the sweep was stopped meanwhile.

    Raises
    ------
    ValueError
        If the dry run fails, with the message of train.py, or its workers die.
    """

    def submitted() -> Any:
        key = f"dry-run-{os.urandom(8).hex()}"
        return client.submit(worker.dry_run, task, pure=False, key=key)

    future = submitted()
    while future.status not in ("finished", "error"):
        if stopping() or client.status not in ("running", "connecting"):
            future.cancel()
            return []
        if future.status != "pending":  # "cancelled" or "lost": the scheduler was started anew
            future = submitted()
        time.sleep(TICK)
    try:
        error, names = future.result()
    except Exception as lost:
        if type(lost).__name__ != "KilledWorker":
            raise
        raise ValueError(
            f"{task.config}: the workers died during its dry run\nNothing was trained. The system "
            "may have killed them because it had too little memory"
        ) from None
    if error and not stopping():
        log = os.path.join(task.folder, LOG)
        raise ValueError(f"{error}\nNothing was trained; {log} has the output of a dry run")
    return names


def _outcome(future: Any, task: Task, saves: list[Any]) -> Optional[Progress]:
    """How a run ended; None if it is to be submitted again.

    `saves` collects what was saved each time that its worker had died.
    """
    if future.status != "error":
        # "cancelled" or "lost": the scheduler was started anew.
        return Progress(**future.result()) if future.status == "finished" else None
    error = future.exception()
    if type(error).__name__ != "KilledWorker":
        return _failed(task, errors.describe(error).partition("\n")[0])
    return _after_loss(task, saves)


def _after_loss(task: Task, saves: list[Any]) -> Optional[Progress]:
    """How a run ended whose worker has died; None if it is to be submitted again."""
    saves.append(worker.last_save(task))
    if len(saves) < MOST_LOSSES or len(set(saves[-MOST_LOSSES:])) > 1:
        return None
    return _failed(task, "its workers died again and again, without a save in between")


def _failed(task: Task, why: str) -> Progress:
    """Record, for `results`, a failure that the worker could not record."""
    with contextlib.suppress(OSError, ValueError):
        progress = Progress.read(task.folder)
        progress.state, progress.why, progress.process = State.FAILED, why, 0
        os.makedirs(task.folder, exist_ok=True)
        progress.write(task.folder)
    return Progress(State.FAILED, why)


def _threads(client: Any) -> dict[str, int]:
    """How many runs each worker does at once, by address; {} if the scheduler does not answer."""
    try:
        return client.nthreads()
    except OSError:
        return {}


def _free(threads: Mapping[str, int], taken: Iterable[str]) -> list[str]:
    """The address of a worker for each run that can begin now; `taken`: those of submitted runs.

    >>> _free({"a": 2, "b": 2}, taken=["b"])
    ['a', 'a', 'b']
    """
    used = Counter(taken)
    return [address for address, n in threads.items() for _ in range(n - used[address])]


def _submit(client: Any, task: Task, address: str) -> Any:
    return client.submit(
        worker.execute,
        task,
        pure=False,
        key=f"{task.name}-{os.urandom(4).hex()}",
        retries=0,
        workers=[address],
    )
