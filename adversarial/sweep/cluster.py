"""Dask's clusters for a sweep: of this machine, at an address, of SLURM.

`scripts/sweep.py` enters one of them; each yields a Dask client. Dask is optional, and is imported
here only, within functions.
"""

from __future__ import annotations

import contextlib
import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

CONNECT_SECONDS = 20.0
# Dask's event loops wake up to 100 times a second to sample what the workers do and to measure
# their own delay. That takes about 5 % of a processor in each process, which runs could use.
_QUIET = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "500ms",
    "distributed.admin.system-monitor.interval": "5s",
}


class NoScheduler(OSError):
    """There is no Dask scheduler at the address."""


def shares(processors: int, runs: int, workers: int | None = None) -> tuple[int, int]:
    """(workers, threads of each run) that use all processors: as many runs at once as possible.

    Runs do not wait for one another, as threads of one run do.

    >>> shares(16, runs=100), shares(16, runs=3), shares(16, runs=100, workers=4)
    ((16, 1), (3, 5), (4, 4))
    """
    workers = workers or max(1, min(processors, runs))
    return workers, max(1, processors // workers)


def distributed() -> Any:
    """Dask.distributed.

    Raises
    ------
    ImportError
        Where it is not installed; the message says how to install it.
    """
    try:
        import distributed
    except ImportError:
        raise ImportError('sweeps need Dask.distributed: pip install -e ".[sweep]"') from None
    # The sweep itself says what happens to runs whose workers died.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    return distributed


@contextlib.contextmanager
def local(workers: int) -> Iterator[Any]:
    """Workers on this machine, each for one run at a time."""
    dask = distributed()
    try:
        # Otherwise all users of this machine could run code as this user.
        security = dask.Security.temporary()
    except ImportError:
        raise ImportError('sweeps need cryptography: pip install -e ".[sweep]"') from None
    from dask import config

    with contextlib.ExitStack() as stack:
        stack.enter_context(config.set(_QUIET))
        with _ignoring_interrupts():
            cluster = dask.LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                # Dask would count a worker's own memory; its runs are other processes.
                memory_limit=0,
                security=security,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",
                silence_logs=logging.CRITICAL,
            )
        stack.enter_context(cluster)
        yield stack.enter_context(dask.Client(cluster))


@contextlib.contextmanager
def _ignoring_interrupts() -> Iterator[None]:
    """Within this block, Ctrl-C is ignored, also by processes that are started in it, for ever.

    A terminal sends it to the workers, too, which must live until their runs are saved.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def at_address(address: str) -> Iterator[Any]:
    """The workers of the scheduler at `address`, such as tcp://10.0.0.1:8786.

    Raises
    ------
    NoScheduler
        If none answers within CONNECT_SECONDS.
    """
    dask = distributed()
    try:
        client = dask.Client(address, timeout=CONNECT_SECONDS)
    except (OSError, ValueError) as error:
        first = str(error).partition("\n")[0]
        raise NoScheduler(
            f"no Dask scheduler answers at {address} ({first})\n"
            "Start one with `dask scheduler`, and workers with `dask worker ADDRESS --nthreads 1`; "
            "it prints its address"
        ) from None
    with client:
        yield client


def slurm_cluster(jobs: int, threads: int, options: Mapping[str, str]) -> Any:
    """A cluster whose workers are jobs of SLURM; no job is submitted yet.

    Parameters
    ----------
    jobs : int
        The greatest number of jobs at once.
    threads : int
        Processors of each job, which does one run at a time.
    options : mapping
        Arguments of `dask_jobqueue.SLURMCluster`, such as queue, account, walltime and memory, as
        text. Others come from its own configuration file, ~/.config/dask/jobqueue.yaml.
    """
    distributed()
    try:
        import dask
        from dask_jobqueue import SLURMCluster
    except ImportError:
        raise ImportError('--slurm needs dask-jobqueue: pip install -e ".[sweep]"') from None
    arguments: dict[str, Any] = {
        # One Dask thread: one run at a time. SLURM reserves the processors of its threads.
        "cores": 1,
        "processes": 1,
        "job_cpu": threads,
        "memory": dask.config.get("jobqueue.slurm.memory", None) or "4GB",
        "python": sys.executable,
        "job_name": "adversarial-sweep",
        **options,
    }
    for name in ("cores", "processes", "job_cpu"):
        try:
            arguments[name] = int(arguments[name])
        except ValueError:
            raise ValueError(f"--slurm {name}={arguments[name]}: must be a whole number") from None
    for name in ("job_extra_directives", "job_script_prologue", "worker_extra_args"):
        if isinstance(arguments.get(name), str):
            arguments[name] = [arguments[name]]
    try:
        return SLURMCluster(**arguments)
    except (TypeError, ValueError) as error:
        first = str(error).partition(". ")[0].partition("\n")[0]
        raise ValueError(
            f"--slurm: {first}\nThe keys are the arguments of dask_jobqueue.SLURMCluster"
        ) from None


@contextlib.contextmanager
def slurm(
    jobs: int, threads: int, options: Mapping[str, str], runs: Callable[[], int]
) -> Iterator[Any]:
    """Workers that are jobs of SLURM: one for each of the `runs()` to do, and at most `jobs`."""
    dask = distributed()
    with slurm_cluster(jobs, threads, options) as cluster:
        cluster.adapt(Adaptive=as_many_as(runs), minimum_jobs=0, maximum_jobs=jobs)
        with dask.Client(cluster) as client:
            yield client


def as_many_as(runs: Callable[[], int]) -> type:
    """Dask's `Adaptive`, with as many workers as there are runs to do.

    Dask's own counts the tasks that it has been given; `schedule` holds back runs that must wait.
    """

    class ForRuns(distributed().Adaptive):  # type: ignore[misc]
        async def target(self) -> int:
            return runs()

    return ForRuns


def dashboard(client: Any) -> str:
    """Where Dask's page about its workers is, for the end of a line; "" if it has none."""
    try:
        import bokeh  # noqa: F401
    except ImportError:  # Dask then has no page
        return ""
    link = getattr(client, "dashboard_link", None)
    return f"; Dask's dashboard: {link}" if link else ""
