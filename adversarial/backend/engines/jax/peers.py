"""Lets the processes of a training compare what they train, and notice a death.

`devices.use` calls `connect`; `scripts.train` calls `compare`, and commands call `blame` and
`leave` when they fail. JAX by itself aborts a process when another dies, in up to five minutes and
with a page of messages of its own. Here every process has a connection to process 0, which
`rendezvous` makes:

    {"compare": {name: digest}} ->   of the YAML file, the seed and the data
    <- {"verdict": difference}       "" if they are the same in all processes
    {"alive": 1} <->                 each second, as long as the training lasts
    {"ended": reason} ->             from a process that fails
    <- {"lost": what}                which process has ended
    {"bye": 1} <->                   from a process that has finished

The kernel closes the connections of a process that is killed, so the others know at once; of a host
that has vanished, after `SILENCE` seconds. Process 0 tells the rest. Then the main thread of each
has `GRACE` seconds to end by itself, with a save if it can; if it waits for the dead process in a
collective operation, a thread ends the process.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import selectors
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any, Optional

from adversarial.backend.engines.base import Cluster, PeerLost
from adversarial.backend.engines.jax import rendezvous
from adversarial.utils import errors

#: Seconds without a sign of life after which a process counts as dead.
SILENCE = 30.0
#: Seconds between two signs of life.
INTERVAL = 1.0
#: Seconds in which the main thread can end by itself, for instance finish a save, after a death.
GRACE = 15.0
# Holds JAX's coordination service, so that the other processes can say what has happened when
# process 0 has been killed: they are aborted as soon as the service ends. stdin is a pipe from
# process 0, which writes a byte when all goes well; it is at its end when process 0 is dead.
_SERVICE = """
import socket, sys, time
from jax._src import distributed
host, count, lingering = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
library = getattr(distributed, "_jax", None) or distributed.xla_extension
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
service = library.get_distributed_runtime_service(f"{host}:{port}", count)
print(port, flush=True)
time.sleep(1 if sys.stdin.buffer.read(1) else lingering)
"""

_peers: Optional[Peers] = None


class Peers:
    """The connections of this process, and the thread that watches them."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        #: By the number of the process at the other end.
        self.lines: dict[int, rendezvous.Line] = {}
        #: What has happened to another process; None: nothing.
        self.lost: Optional[str] = None
        self._departed: set[int] = set()
        self._compared: dict[int, Mapping[str, str]] = {}
        self._verdict: Optional[str] = None
        self._changed = threading.Condition()
        self._service: Optional[subprocess.Popen] = None
        self._watcher = threading.Thread(target=self._watch, name="peers", daemon=True)

    @property
    def is_first(self) -> bool:
        return self.cluster.process_id == 0

    def join(self) -> str:
        """Wait for all processes; return the address of JAX's coordination service."""
        self.lines, port = rendezvous.meet(self.cluster, self._start_service)
        for line in self.lines.values():
            line.connection.settimeout(SILENCE)
        self._watcher.start()
        return f"{self.cluster.coordinator.rpartition(':')[0]}:{port}"

    def _start_service(self, host: str) -> int:
        """Start JAX's coordination service at `host`; its port."""
        count, lingering = str(self.cluster.num_processes), str(GRACE + 5)
        self._service = subprocess.Popen(
            [sys.executable, "-c", _SERVICE, host, count, lingering],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is not for it
        )
        assert self._service.stdout is not None
        said = self._service.stdout.readline()
        if not said.strip().isdigit():
            raise OSError("JAX's coordination service could not be started in process 0")
        return int(said)

    def _watch(self) -> None:
        """Exchange signs of life, until another process is lost. Runs in a thread."""
        waiting = selectors.DefaultSelector()
        for number, line in self.lines.items():
            waiting.register(line.connection, selectors.EVENT_READ, number)
        silent = dict.fromkeys(self.lines, 0.0)
        # Intervals are counted, not time: a process that was suspended has not missed anything.
        sent = time.monotonic()
        while self.lost is None and waiting.get_map():
            for key, _ in waiting.select(INTERVAL / 2):
                line = self.lines[key.data]
                silent[key.data] = 0.0
                messages = line.receive()
                for message in messages or ():
                    self._hear(key.data, message)
                if messages is None:
                    waiting.unregister(line.connection)
                    if key.data not in self._departed:
                        name = self.cluster.name(key.data)
                        self._lose(f"{name} has ended without a word: it was killed, or crashed")
            if time.monotonic() - sent >= INTERVAL:
                sent = time.monotonic()
                for number, line in self.lines.items():
                    line.send(alive=1)
                    silent[number] += INTERVAL
                    if silent[number] > SILENCE and number not in self._departed:
                        name = self.cluster.name(number)
                        self._lose(
                            f"{name} has given no sign of life for {SILENCE:g} seconds: its host "
                            "may be down, or the network"
                        )
        if self.lost is not None:
            time.sleep(GRACE)
            self._end()

    def _hear(self, number: int, message: dict[str, Any]) -> None:
        with self._changed:
            if isinstance(message.get("compare"), dict):
                self._compared[number] = message["compare"]
            if isinstance(message.get("verdict"), str):
                self._verdict = message["verdict"]
            self._changed.notify_all()
        if "bye" in message:
            self._departed.add(number)
        if "ended" in message:
            self._departed.add(number)
            self._lose(f"{self.cluster.name(number)} has ended: {message['ended']}")
        if "lost" in message:
            self._lose(str(message["lost"]))

    def _lose(self, what: str) -> None:
        with self._changed:
            if self.lost is not None:
                return
            self.lost = what
            self._changed.notify_all()
        if self.is_first:
            for line in self.lines.values():
                line.send(lost=what)

    def _end(self) -> None:
        """Say what has happened, and end this process, whose main thread may wait for ever."""
        errors.say(f"{errors.program_name()}: error: {errors.printable(str(self.error()))}")
        os._exit(1)

    def error(self) -> PeerLost:
        return PeerLost(
            f"{self.lost}; so this training cannot go on\nStart all processes again, with --resume "
            "and the model file that process 0 has saved"
        )

    def check(self) -> None:
        if self.lost is not None:
            raise self.error()

    def compare(self, items: Mapping[str, str]) -> None:
        """Raise ValueError, in all processes, if `items` are not the same in all."""
        with self._changed:
            if self.is_first:
                while self.lost is None and len(self._compared) < len(self.lines):
                    self._changed.wait()
                verdict = ""
                for number, theirs in sorted(self._compared.items()):
                    both = {**items, **theirs}
                    names = [name for name in both if items.get(name) != theirs.get(name)]
                    if names and not verdict:
                        verdict = f"process {number} differs from process 0 in: {', '.join(names)}"
                self._verdict = verdict
                self._compared = {}
            else:
                self._verdict = None
                self.lines[0].send(compare=dict(items))
                while self.lost is None and self._verdict is None:
                    self._changed.wait()
        # Process 0 ends right after a verdict against, so that its end may be heard by now, too.
        if self.is_first or self._verdict is None:
            self.check()
        if self.is_first:
            for line in self.lines.values():
                line.send(verdict=self._verdict)
        if self._verdict:
            raise ValueError(
                f"{self._verdict}\nAll processes must train the same experiment: give them the "
                "same YAML file, options and data"
            )

    def leave(self, reason: Optional[str]) -> None:
        """Tell the others that this process ends, and why if it fails (`reason`)."""
        for line in self.lines.values():
            line.send(**({"bye": 1} if reason is None else {"ended": reason}))

    def end_service(self) -> None:
        if self._service is not None and self._service.stdin is not None:
            with contextlib.suppress(OSError):
                self._service.stdin.write(b".")
                self._service.stdin.flush()


def connect(cluster: Cluster) -> None:
    """Find the other processes, and connect JAX with them.

    Raises
    ------
    OSError
        When they do not all come, or two have the same number.
    """
    global _peers
    import jax
    from jax._src import distributed

    peers = Peers(cluster)
    address = peers.join()
    _peers = peers
    # JAX would start its service in process 0, where `Peers` has it in a process of its own.
    library = getattr(distributed, "_jax", None) or distributed.xla_extension
    made = library.get_distributed_runtime_service
    library.get_distributed_runtime_service = lambda *_, **named: None
    try:
        jax.distributed.initialize(address, cluster.num_processes, cluster.process_id)
    finally:
        library.get_distributed_runtime_service = made
    atexit.register(_part)


def compare(items: Mapping[str, str]) -> None:
    """Raise ValueError, in all processes, if `items` differ; PeerLost if one has died."""
    if _peers is not None:
        _peers.compare(items)


def check() -> None:
    """Raise PeerLost if another process has died."""
    if _peers is not None:
        _peers.check()


def blame(error: Exception) -> Exception:
    """`error`, or PeerLost if it is an error of JAX that comes of the death of another process."""
    if _peers is None or isinstance(error, PeerLost):
        return error
    of_jax = type(error).__name__ in ("JaxRuntimeError", "XlaRuntimeError")
    until = time.monotonic() + SILENCE
    while of_jax and _peers.lost is None and time.monotonic() < until:
        time.sleep(0.1)
    return _peers.error() if of_jax and _peers.lost is not None else error


def leave(reason: str, status: int) -> None:
    """Tell the others why this process fails, and end it: JAX would wait for them for minutes."""
    if _peers is not None:
        _peers.leave(reason)
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(status)


def _part() -> None:
    """At the end of a process: leave the others, and end the service."""
    import jax

    # Of a script that calls no command. An interactive session goes on after an exception.
    failure = getattr(sys, "last_value", None)
    if failure is not None and not hasattr(sys, "ps1"):
        leave(errors.describe(failure).partition("\n")[0], 1)
    if _peers is not None:
        _peers.leave(None)
        jax.distributed.shutdown()  # waits until all are here
        _peers.end_service()
