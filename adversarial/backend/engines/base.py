"""The interface of an engine: what compiles a graph to machine code and runs it."""

from __future__ import annotations

import abc
import contextlib
import gc
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Optional


@dataclass(frozen=True)
class Cluster:
    """The processes that train together.

    Parameters
    ----------
    coordinator : HOST:PORT at which the first process listens
    num_processes : number of processes, on all hosts
    process_id : number of this process, from 0

    Raises
    ------
    ValueError
        When the coordinator is not HOST:PORT, or there is no process of that number.

    Examples
    --------
    >>> Cluster("node1:5000", num_processes=2, process_id=0).num_processes
    2
    """

    coordinator: str
    num_processes: int
    process_id: int

    def __post_init__(self) -> None:
        host, _, port = self.coordinator.rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 2**16:
            raise ValueError(f"the coordinator must be HOST:PORT, not {self.coordinator!r}")
        if not 0 <= self.process_id < self.num_processes:
            raise ValueError(
                f"process_id must be 0 .. {self.num_processes - 1}, not {self.process_id}"
            )


class Engine(abc.ABC):
    """Compiles graphs and runs them.

    A new engine is a module with a subclass, and an entry in `engines.ENGINES`. The defaults are
    those of an engine that computes in one process on one device.
    """

    #: What ``--backend`` calls it.
    name: str
    #: What compiling takes, for a user who waits.
    compiling: str

    @abc.abstractmethod
    def compile(self, inputs: Any, outputs: Any, mode: Any, **options: Any) -> Any:
        """A function of `inputs`, by `aesara.function`, whose arguments `options` are.

        Raises
        ------
        ValueError
            When `mode` is one that this engine does not have.
        """

    @abc.abstractmethod
    def describe(self) -> str:
        """The library and devices that compute, with versions: ``JAX 0.6.2, 1 CPU``."""

    def is_first_choice(self, several: bool) -> bool:
        """Whether ``auto`` means this engine; `several` tells of more than one device or process.

        Asked at each start, so this must not import a large library without need.
        """
        return False

    def use(self, devices: Optional[int], cluster: Optional[Cluster]) -> None:
        """Prepare to compute on `devices` devices (1) of each process of `cluster` (this one).

        Raises
        ------
        ImportError
            When the engine's library is not installed.
        ValueError
            When there are not that many devices.
        """
        if (devices or 1) > 1 or cluster is not None:
            raise ValueError("several devices or hosts need the JAX engine: --backend jax")

    def is_first_process(self) -> bool:
        """Whether this process is the only one, or the one of several that writes files."""
        return True

    def agree(self, number: int) -> int:
        """The greatest `number` of all processes that train together; each must call this."""
        return number

    def processes(self) -> int:
        """How many processes train together."""
        return 1


@contextlib.contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Compiling makes millions of objects; garbage collection would take 10 % of its time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
