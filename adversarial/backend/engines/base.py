"""`Engine`, the interface through which the package compiles and runs graphs; `Cluster`."""

from __future__ import annotations

import abc
import contextlib
import gc
from collections.abc import Iterator, Mapping
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
        When the coordinator is not HOST:PORT, or `process_id` is not below `num_processes`.

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

    def name(self, number: int) -> str:
        """What messages call a process, for example "process 1 of 2"."""
        return f"process {number} of {self.num_processes}"


class PeerLost(ConnectionError):
    """Another of the processes that train together has ended; the message says what to do."""


class Engine(abc.ABC):
    """Compiles graphs and runs them.

    To add an engine, write a module with a subclass and add it to `engines.ENGINES`. The default
    methods are for an engine that computes in one process on one device.
    """

    #: The engine's value of ``--backend``.
    name: str
    #: A log message on how long compilation takes.
    compiling: str

    @abc.abstractmethod
    def compile(self, inputs: Any, outputs: Any, mode: Any, **options: Any) -> Any:
        """Compile a function of `inputs`; `options` are further arguments of `aesara.function`.

        Raises
        ------
        ValueError
            When this engine does not support `mode`.
        """

    @abc.abstractmethod
    def describe(self) -> str:
        """The library, with its version, and the devices: ``JAX 0.6.2, 1 CPU``."""

    def is_first_choice(self, several: bool) -> bool:
        """Whether ``auto`` chooses this engine.

        Called at each start, so an override must not import a large library without need.

        Parameters
        ----------
        several : whether there is more than one device or process
        """
        return False

    def use(self, devices: Optional[int], cluster: Optional[Cluster]) -> None:
        """Prepare to compute on `devices` devices of each process of `cluster`.

        Parameters
        ----------
        devices : number of devices; None: 1
        cluster : the processes; None: this process alone

        Raises
        ------
        ImportError
            When the engine's library is not installed.
        ValueError
            When there are fewer devices.
        """
        if (devices or 1) > 1 or cluster is not None:
            raise ValueError("several devices or hosts need the JAX engine: --backend jax")

    def multiply_in(self, precision: str) -> None:
        """Prepare for matrix products whose factors have this precision.

        Raises
        ------
        ValueError
            When there are none.
        """
        if precision != "float32":
            raise ValueError(f"--precision {precision} needs the C engine: --backend c")

    def is_first_process(self) -> bool:
        """Whether this process writes files: it is the only one, or the first of several."""
        return True

    def agree(self, number: int) -> int:
        """The maximum of `number` over all processes that train together; each must call this."""
        return number

    def processes(self) -> int:
        """The number of processes that train together."""
        return 1

    def compare(self, items: Mapping[str, str]) -> None:
        """Raise ValueError, in all processes, if `items` differ among them; each must call this."""
        return None

    def check_peers(self) -> None:
        """Raise PeerLost if another process has died."""
        return None

    def blame(self, error: Exception) -> Exception:
        """`error`, or PeerLost if `error` comes of the death of another process."""
        return error

    def leave(self, reason: str, status: int) -> None:
        """End this process, which fails for `reason`, with `status`, and tell the others why.

        A process that trains alone returns from this.
        """
        return None


@contextlib.contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Disable garbage collection in this block.

    Compilation allocates millions of objects, and garbage collection would take 10 % of its time.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
