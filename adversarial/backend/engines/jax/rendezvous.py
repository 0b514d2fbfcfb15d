"""How the processes of a training find each other, before anything is computed.

`peers` calls `meet`. Process 0 listens at the coordinator's address, and the others connect to it:

    process 1   {"hello": ...} ->  process 0     until all have come
                <- {"go": port}                  of JAX's coordination service
                <- {"refused": why}              if a process does not fit in

The connections stay open. JAX by itself would abort a process whose others do not come, or come
twice, after up to five minutes and with a page of messages of its own.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Optional

from adversarial.backend.engines.base import Cluster
from adversarial.utils import errors

#: Seconds until all processes must have come. Hosts may start minutes apart: JAX's own limit.
JOINING = 300.0
# Of one message. That in which processes compare what they train has a few digests.
_LONGEST = 1 << 20


class Line:
    """A connection that carries one JSON object a line."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
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

    def wait(self, until: float, *names: str) -> dict[str, Any]:
        """The next message with one of the keys; {} if the connection or the time has ended."""
        while time.monotonic() < until:
            self.connection.settimeout(max(0.01, until - time.monotonic()))
            messages = self.receive()
            if messages is None:
                break
            for message in messages:
                if any(name in message for name in names):
                    return message
        return {}


def meet(cluster: Cluster, serve: Callable[[str], int]) -> tuple[dict[int, Line], int]:
    """Wait until all processes have come.

    Parameters
    ----------
    cluster : Cluster
    serve : callable
        Process 0 calls it when all have come, with the address at which they can reach it. It
        starts the service through which they go on, and returns its port.

    Returns
    -------
    lines : dict
        The connections of this process, by the number of the process at the other end: process 0
        has one to each of the others, which have one to process 0.
    port : int
        That of the service.

    Raises
    ------
    OSError
        When they do not all come, or one does not fit in, or the service does not start.
    """
    host, _, port = cluster.coordinator.rpartition(":")
    address = (host.strip("[]"), int(port))
    until = time.monotonic() + JOINING
    if cluster.process_id:
        return _join(cluster, address, until)
    return _Gathering(cluster).all(address, until, serve)


class _Gathering:
    """What process 0 does."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.lines: dict[int, Line] = {}

    def all(
        self, address: tuple[str, int], until: float, serve: Callable[[str], int]
    ) -> tuple[dict[int, Line], int]:
        count = self.cluster.num_processes
        is_loopback = address[0] == "localhost" or address[0].startswith("127.")
        with self._listen(address, is_loopback) as server, _reporting(self._missing):
            while len(self.lines) < count - 1:
                left = until - time.monotonic()
                if left <= 0:
                    raise self._refused(
                        f"{self._missing()} of {count} did not join process 0 at "
                        f"{self.cluster.coordinator} within {JOINING:g} seconds\nStart all "
                        "processes with the same --coordinator and --num-processes; the port "
                        "must be open between the hosts"
                    )
                server.settimeout(left)
                with contextlib.suppress(socket.timeout):
                    self._admit(Line(server.accept()[0]))
        try:
            port = serve("127.0.0.1" if is_loopback else "[::]")
        except OSError as error:
            raise self._refused(str(error)) from error
        for line in self.lines.values():
            line.send(go=port)
        return self.lines, port

    def _listen(self, address: tuple[str, int], is_loopback: bool) -> socket.socket:
        host, port = address
        try:
            if not is_loopback and socket.has_dualstack_ipv6():
                family = socket.AF_INET6
                return socket.create_server(("::", port), family=family, dualstack_ipv6=True)
            return socket.create_server((host if is_loopback else "", port))
        except OSError as error:
            raise OSError(
                f"process 0 cannot listen at {self.cluster.coordinator}: {error.strerror}\n"
                "Another process 0 may be running here; or choose another port, the same "
                "--coordinator in all processes"
            ) from error

    def _missing(self) -> str:
        missing = [i for i in range(1, self.cluster.num_processes) if i not in self.lines]
        some = ", ".join(map(str, missing[:5])) + (", ..." if len(missing) > 5 else "")
        return f"process{'es' if len(missing) > 1 else ''} {some}"

    def _admit(self, line: Line) -> None:
        """Read who has connected; OSError, in all processes, if it does not fit in."""
        hello = line.wait(time.monotonic() + 10, "hello").get("hello")
        if not isinstance(hello, dict) or not isinstance(hello.get("id"), int):
            line.connection.close()  # not one of ours
            return
        number, count = hello["id"], self.cluster.num_processes
        earlier = self.lines.get(number)
        if earlier is not None:
            earlier.connection.settimeout(0.01)
            if earlier.receive() is None:  # it has died since, and was started again
                earlier.connection.close()
                earlier = None
        wrong = None
        if hello.get("count") != count:
            wrong = f"process {number} has --num-processes {hello.get('count')}, process 0 {count}"
        elif earlier is not None or number == 0:
            wrong = f"two processes have --process-id {number}"
        if wrong is not None:
            why = f"{wrong}\nStart all processes again, each with a number of its own"
            line.send(refused=why)
            raise self._refused(why)
        self.lines[number] = line

    def _refused(self, why: str) -> OSError:
        for line in self.lines.values():
            line.send(refused=why)
        return OSError(why)


def _join(cluster: Cluster, address: tuple[str, int], until: float) -> tuple[dict[int, Line], int]:
    """What the other processes do."""
    problem = "nothing has been tried"
    with _reporting(lambda: f"process 0 at {cluster.coordinator} ({problem})"):
        while True:
            try:
                line = Line(socket.create_connection(address, timeout=10))
                break
            except OSError as error:
                problem = error.strerror or str(error)
                is_unknown = isinstance(error, socket.gaierror)
            if is_unknown or time.monotonic() > until:
                after = "" if is_unknown else f" within {JOINING:g} seconds"
                raise OSError(
                    f"{cluster.name(cluster.process_id)} could not reach process 0 at "
                    f"{cluster.coordinator}{after}: {problem}\n--coordinator must be the address "
                    "of the host where --process-id 0 runs, and a port that is open between the "
                    "hosts"
                )
            time.sleep(0.3)
    line.send(hello={"id": cluster.process_id, "count": cluster.num_processes})
    with _reporting(lambda: "the other processes"):
        # Process 0 listened before this connection was made, so it gives up before this process
        # does, and its message says who is missing.
        answer = line.wait(time.monotonic() + JOINING + 2, "go", "refused")
    if "refused" in answer:
        raise OSError(str(answer["refused"]))
    if not isinstance(answer.get("go"), int):
        raise OSError(
            "process 0 has ended before all processes had joined\nIts messages say why; start all "
            "processes again"
        )
    return {0: line}, answer["go"]


@contextlib.contextmanager
def _reporting(whom: Callable[[], str]) -> Iterator[None]:
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
