"""Lets the processes of a training find each other, compare what they train, and notice a death.

`devices.use` calls `connect`; `scripts.train` calls `compare`, and
commands call `blame` and `leave` when they fail. JAX by itself aborts a process when another does
not come, comes twice or dies, in up to five minutes and with a page of messages of its own. Here
every process has a connection to process 0, which listens at the coordinator's address:

    process 1   {"hello": ...} ->  process 0     until all have come; then JAX's own port comes back
                {"compare": ...} ->              the YAML file, the seed and the data; a verdict
                {"alive": ...} <->               each second, as long as the training lasts
                {"ended": reason} ->             the last words of a process that fails

The kernel closes the connections of a process that is killed, so the others know at once; of a host
that has vanished, after `SILENCE` seconds. Process 0 tells the rest. Then the main thread of each
has `GRACE` seconds to end by itself, with a save if it can; if it waits for the dead process in a
collective operation, a thread ends the process.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import selectors
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any, Optional

from adversarial.backend.engines.base import Cluster, PeerLost
from adversarial.utils import errors

#: Seconds until all processes must have come. Hosts may start minutes apart: JAX's own limit.
JOINING = 300.0
#: Seconds without a sign of life after which a process counts as dead.
SILENCE = 30.0
#: Seconds between two signs of life.
INTERVAL = 1.0
#: Seconds in which the main thread can end by itself, for instance finish a save, after a death.
GRACE = 15.0
# Of one message; that of `compare` has a few digests.
_LONGEST = 1 << 20

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


class _Line:
    """A connection that carries one JSON object a line."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.silent = 0.0
        self._received = b""
        self._lock = threading.Lock()

    def send(self, **message: Any) -> None:
        """Send `message`; a connection that is gone is noticed when it is read."""
        with self._lock, contextlib.suppress(OSError):
            self.connection.sendall(json.dumps(message).encode() + b"\n")

    def receive(self) -> Optional[list[dict[str, Any]]]:
        """The messages that have come; None at the end of the connection."""
        try:
            found = self.connection.recv(1 << 16)
        except socket.timeout:
            return []
        except OSError:
            return None
        self._received += found
        *lines, self._received = self._received.split(b"\n")
        if not found or len(self._received) > _LONGEST:
            return None
        try:
            messages = [json.loads(line) for line in lines]
        except ValueError:
            return None
        return messages if all(isinstance(each, dict) for each in messages) else None

    def wait(self, name: str, until: float) -> Optional[dict[str, Any]]:
        """The next message with the key `name`; None if the connection or the time has ended."""
        while time.monotonic() < until:
            self.connection.settimeout(max(0.01, until - time.monotonic()))
            messages = self.receive()
            if messages is None:
                return None
            for message in messages:
                if name in message:
                    return message
        return None


class Peers:
    """The connections of this process, and the thread that watches them."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        host, _, port = cluster.coordinator.rpartition(":")
        self.host = host.strip("[]")
        self.port = int(port)
        #: By the number of the process at the other end.
        self.lines: dict[int, _Line] = {}
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

    def name(self, number: int) -> str:
        return f"process {number} of {self.cluster.num_processes}"

    def join(self) -> str:
        """Wait for all processes; return the address of JAX's coordination service."""
        until = time.monotonic() + JOINING
        port = self._gather(until) if self.is_first else self._meet(until)
        self._watcher.start()
        return f"{self.cluster.coordinator.rpartition(':')[0]}:{port}"

    def _gather(self, until: float) -> int:
        """In process 0: wait for the others, and start JAX's service."""
        count, here = self.cluster.num_processes, _is_loopback(self.host)
        try:
            if not here and socket.has_dualstack_ipv6():
                door = socket.create_server(
                    ("::", self.port), family=socket.AF_INET6, dualstack_ipv6=True
                )
            else:
                door = socket.create_server((self.host if here else "", self.port))
        except OSError as error:
            raise OSError(
                f"process 0 cannot listen at {self.cluster.coordinator}: {error.strerror}\n"
                "Another process 0 may be running here; or choose another port, the same "
                "--coordinator in all processes"
            ) from error
        with door:
            with _reporting(self._who_is_missing):
                while len(self.lines) < count - 1:
                    left = until - time.monotonic()
                    if left <= 0:
                        raise self._refused(
                            f"{self._who_is_missing()} of {count} did not join process 0 at "
                            f"{self.cluster.coordinator} within {JOINING:g} seconds\nStart all "
                            "processes with the same --coordinator and --num-processes; the port "
                            "must be open between the hosts"
                        )
                    door.settimeout(left)
                    with contextlib.suppress(socket.timeout):
                        self._admit(_Line(door.accept()[0]))
        port = self._start_service("127.0.0.1" if here else "[::]")
        for line in self.lines.values():
            line.send(go=port)
        return port

    def _who_is_missing(self) -> str:
        missing = [i for i in range(1, self.cluster.num_processes) if i not in self.lines]
        some = ", ".join(map(str, missing[:5])) + (", ..." if len(missing) > 5 else "")
        return f"process{'es' if len(missing) > 1 else ''} {some}"

    def _admit(self, line: _Line) -> None:
        """Read who has connected; OSError, in all processes, if it does not fit in."""
        hello = (line.wait("hello", time.monotonic() + 10) or {}).get("hello")
        if not isinstance(hello, dict) or not isinstance(hello.get("id"), int):
            line.connection.close()  # not one of ours
            return
        number, count = hello["id"], self.cluster.num_processes
        earlier = self.lines.get(number)
        if earlier is not None:
            earlier.connection.settimeout(0.01)
            if earlier.receive() is None:  # it has died since, and was started again
                earlier = None
        wrong = None
        if hello.get("count") != count:
            wrong = f"process {number} has --num-processes {hello.get('count')}, process 0 {count}"
        elif earlier is not None or number == 0:
            wrong = f"two processes have --process-id {number}"
        if wrong is not None:
            line.send(refused=wrong)
            raise self._refused(
                f"{wrong}\nStart all processes again, each with a number of its own"
            )
        line.connection.settimeout(SILENCE)
        self.lines[number] = line

    def _refused(self, why: str) -> OSError:
        for line in self.lines.values():
            line.send(refused=why)
        return OSError(why)

    def _meet(self, until: float) -> int:
        """In the other processes: connect to process 0, and wait until all have come."""
        problem = "nothing has been tried"
        with _reporting(lambda: f"process 0 at {self.cluster.coordinator} ({problem})"):
            while True:
                try:
                    connection = socket.create_connection((self.host, self.port), timeout=10)
                    break
                except OSError as error:
                    problem = error.strerror or str(error)
                    unknown = isinstance(error, socket.gaierror)
                if unknown or time.monotonic() > until:
                    after = "" if unknown else f" within {JOINING:g} seconds"
                    raise OSError(
                        f"{self.name(self.cluster.process_id)} could not reach process 0 at "
                        f"{self.cluster.coordinator}{after}: {problem}\n--coordinator must be the "
                        "address of the host where --process-id 0 runs, and a port that is open "
                        "between the hosts"
                    )
                time.sleep(0.3)
        self.lines[0] = line = _Line(connection)
        line.send(hello={"id": self.cluster.process_id, "count": self.cluster.num_processes})
        with _reporting(lambda: "the other processes"):
            until += 2  # so that process 0, whose message says who is missing, is the first to end
            messages: Optional[list[dict[str, Any]]] = []
            while messages is not None and time.monotonic() < until:
                connection.settimeout(max(0.01, until - time.monotonic()))
                messages = line.receive()
                for message in messages or ():
                    if "refused" in message:
                        raise OSError(str(message["refused"]))
                    if isinstance(message.get("go"), int):
                        connection.settimeout(SILENCE)
                        return message["go"]
        raise OSError(
            "process 0 has ended before all processes had joined\nIts messages say why; start all "
            "processes again"
        )

    def _start_service(self, host: str) -> int:
        self._service = subprocess.Popen(
            [sys.executable, "-c", _SERVICE, host, str(self.cluster.num_processes),
             str(GRACE + 5)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is not for it
        )  # fmt: skip
        assert self._service.stdout is not None
        said = self._service.stdout.readline()
        if not said.strip().isdigit():
            raise self._refused("JAX's coordination service could not be started in process 0")
        return int(said)

    def _watch(self) -> None:
        """Exchange signs of life, until another process is lost. Runs in a thread."""
        waiting = selectors.DefaultSelector()
        for number, line in self.lines.items():
            waiting.register(line.connection, selectors.EVENT_READ, number)
        # Intervals are counted, not time: a process that was suspended has not missed anything.
        sent = time.monotonic()
        while self.lost is None and waiting.get_map():
            for key, _ in waiting.select(INTERVAL / 2):
                line = self.lines[key.data]
                line.silent = 0.0
                messages = line.receive()
                for message in messages or ():
                    self._hear(key.data, message)
                if messages is None:
                    waiting.unregister(line.connection)
                    if key.data not in self._departed:
                        self._lose(f"{self.name(key.data)} has ended without a word: it was "
                                   "killed, or crashed")  # fmt: skip
            if time.monotonic() - sent >= INTERVAL:
                sent = time.monotonic()
                for number, line in self.lines.items():
                    line.send(alive=1)
                    line.silent += INTERVAL
                    if line.silent > SILENCE and number not in self._departed:
                        self._lose(
                            f"{self.name(number)} has given no sign of life for {SILENCE:g} "
                            "seconds: its host may be down, or the network"
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
            self._lose(f"{self.name(number)} has ended: {message['ended']}")
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
                    names = [name for name in items if theirs.get(name) != items[name]]
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
    """At the end of a process that has not failed: leave the others, and end the service."""
    import jax

    if _peers is not None:
        _peers.leave(None)
        jax.distributed.shutdown()  # waits until all are here
        _peers.end_service()


def _is_loopback(host: str) -> bool:
    return host == "localhost" or host.startswith("127.")


@contextlib.contextmanager
def _reporting(whom: Any) -> Iterator[None]:
    """Within this block, log whom this process waits for, after 10 seconds and every minute."""
    done = threading.Event()

    def report() -> None:
        wait = 10.0
        while not done.wait(wait):
            errors.say(f"waiting for {whom()} to join")
            wait = 60.0

    threading.Thread(target=report, daemon=True).start()
    try:
        yield
    finally:
        done.set()
