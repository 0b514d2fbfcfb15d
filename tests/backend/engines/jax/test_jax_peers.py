"""Processes that train together: who joins, what must be the same, and what ends them all."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time

import pytest
from time_bounds import LONGEST

from adversarial.backend.engines.base import Cluster, PeerLost
from adversarial.backend.engines.jax import peers, rendezvous


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Short limits; JAX's service is not started, and no process is ended."""
    monkeypatch.setattr(rendezvous, "JOINING", 20.0)
    monkeypatch.setattr(peers, "GRACE", 0.1)
    monkeypatch.setattr(peers, "INTERVAL", 0.2)
    monkeypatch.setattr(peers.Peers, "_start_service", lambda self, host: 4321)
    ended = []
    monkeypatch.setattr(peers.Peers, "_end", lambda self: ended.append(self.cluster.process_id))
    return ended


@pytest.fixture
def address():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


def all_at_once(*calls):
    """What each call returns, or the exception that it raises."""
    found = [None] * len(calls)

    def one(i):
        try:
            found[i] = calls[i]()
        except Exception as error:
            found[i] = error

    threads = [threading.Thread(target=one, args=(i,), daemon=True) for i in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONGEST)
        assert not thread.is_alive(), found
    return found


@pytest.fixture
def three(address):
    made = [peers.Peers(Cluster(address, 3, i)) for i in range(3)]
    assert all_at_once(*(each.join for each in made)) == ["127.0.0.1:4321"] * 3
    yield made
    end(*made)


def close(peer):
    """What the kernel does with the connections of a process that ends."""
    for line in peer.lines.values():
        with contextlib.suppress(OSError):
            line.connection.shutdown(socket.SHUT_RDWR)


def die(peer):
    """As if its process were killed: it says nothing more."""
    peer.lost = "it is this one that has died"
    close(peer)


def end(*made):
    """End the threads of `made`, which otherwise would end the tests."""
    for each in made:
        each._departed |= set(each.lines)
    for each in made:
        close(each)
        each._watcher.join(LONGEST)


def wait_for(condition):
    end = time.monotonic() + LONGEST
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_what_is_the_same_and_what_differs(three):
    same = {"the YAML file": "a", "--seed": "1"}
    calls = [lambda each=each: each.compare(same) for each in three]
    assert all_at_once(*calls) == [None] * 3
    calls[2] = lambda: three[2].compare({**same, "--seed": "2"})
    for error in all_at_once(*calls):
        assert isinstance(error, ValueError)
        assert str(error).startswith("process 2 differs from process 0 in: --seed\n")
    # What only another process has is a difference, too.
    calls[2] = lambda: three[2].compare({**same, "the model file": "b"})
    for error in all_at_once(*calls):
        assert str(error).startswith("process 2 differs from process 0 in: the model file\n")
    assert all(each.lost is None for each in three)


def test_the_end_of_one_is_known_to_all(three, quick):
    die(three[2])
    wait_for(lambda: three[0].lost and three[1].lost)
    for each in three[:2]:
        with pytest.raises(
            PeerLost, match="^process 2 of 3 has ended without a word.*\n.*--resume"
        ):
            each.check()
    wait_for(lambda: {0, 1} <= set(quick))


def test_the_end_of_process_0_is_known_to_all(three, quick):
    die(three[0])
    wait_for(lambda: {1, 2} <= set(quick))
    assert all("process 0 of 3 has ended" in each.lost for each in three[1:])


def test_the_last_words_of_one_are_told_to_all(three, quick):
    three[1].leave("no such file: x.npy")
    wait_for(lambda: {0, 2} <= set(quick))
    assert {each.lost for each in (three[0], three[2])} == {
        "process 1 of 3 has ended: no such file: x.npy"
    }


def test_who_has_taken_leave_is_not_missed(three, quick):
    for each in three:
        each.leave(None)
    wait_for(lambda: all(len(each._departed) == len(each.lines) for each in three))
    close(three[2])
    time.sleep(3 * peers.INTERVAL)
    assert not quick and all(each.lost is None for each in three)


def test_a_loss_ends_a_comparison(three):
    results = all_at_once(
        lambda: three[0].compare({}), lambda: three[1].compare({}), lambda: die(three[2])
    )
    assert [type(each) for each in results] == [PeerLost, PeerLost, type(None)]


def test_a_verdict_counts_more_than_the_end_that_follows_it(three, monkeypatch):
    def answer(**message):
        three[1]._hear(0, {"verdict": "process 1 differs from process 0 in: --seed"})
        three[1]._hear(0, {"ended": "process 1 differs"})

    monkeypatch.setattr(three[1].lines[0], "send", answer)
    with pytest.raises(ValueError, match="^process 1 differs from process 0 in: --seed\n"):
        three[1].compare({"--seed": "2"})
    assert three[1].lost


def test_one_that_gives_no_sign_of_life(address, monkeypatch, quick):
    monkeypatch.setattr(peers, "SILENCE", 1.0)
    first = peers.Peers(Cluster(address, 2, 0))
    host, port = address.split(":")

    def silent():
        while True:
            try:
                connection = socket.create_connection((host, int(port)))
                break
            except OSError:
                time.sleep(0.05)
        connection.sendall(json.dumps({"hello": {"id": 1, "count": 2}}).encode() + b"\n")
        return connection

    _, connection = all_at_once(first.join, silent)
    with connection:
        wait_for(lambda: quick)
    end(first)
    assert first.lost.startswith("process 1 of 2 has given no sign of life for 1 seconds")


def test_others_who_connect_are_ignored(address):
    host, port = address.split(":")

    def stranger():
        while True:
            try:
                with socket.create_connection((host, int(port))) as connection:
                    connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
                    return connection.recv(100)
            except ConnectionRefusedError:
                time.sleep(0.05)

    first, second = (peers.Peers(Cluster(address, 2, i)) for i in range(2))

    def later():
        time.sleep(1)
        return second.join()

    found = all_at_once(first.join, stranger, later)
    assert [found[0], found[2]] == ["127.0.0.1:4321"] * 2
    end(first, second)


@pytest.mark.parametrize(
    "others, words",
    [
        ([(2, 1), (3, 2)], "process 1 has --num-processes 2, process 0 3"),
        ([(3, 1), (3, 1)], "two processes have --process-id 1"),
    ],
)
def test_those_who_do_not_fit_end_all(address, others, words):
    made = [peers.Peers(Cluster(address, 3, 0))]
    made += [peers.Peers(Cluster(address, count, i)) for count, i in others]
    found = all_at_once(*(each.join for each in made))
    assert all(isinstance(error, OSError) for error in found)
    assert words in str(found[0]) and any(words in str(error) for error in found[1:])
    for error in found:
        assert len(str(error).splitlines()) == 2  # what is wrong, and what to do


def test_one_that_never_joins(address, monkeypatch):
    monkeypatch.setattr(rendezvous, "JOINING", 2.0)
    made = [peers.Peers(Cluster(address, 3, i)) for i in range(2)]
    found = all_at_once(*(each.join for each in made))
    for error in found:
        assert isinstance(error, OSError)
        assert str(error).startswith(f"process 2 of 3 did not join process 0 at {address} within 2")


def test_a_wrong_address(address, monkeypatch):
    monkeypatch.setattr(rendezvous, "JOINING", 1.0)
    with pytest.raises(OSError, match=f"^process 1 of 2 could not reach process 0 at {address} w"):
        peers.Peers(Cluster(address, 2, 1)).join()
    # A name that is unknown stays unknown.
    monkeypatch.setattr(rendezvous, "JOINING", 600.0)
    with pytest.raises(
        OSError, match="could not reach process 0 at nowhere.invalid:99: .*\n--coord"
    ):
        peers.Peers(Cluster("nowhere.invalid:99", 2, 1)).join()


def test_a_service_that_does_not_start(address, monkeypatch):
    def fails(self, host):
        raise OSError("no service here")

    monkeypatch.setattr(peers.Peers, "_start_service", fails)
    made = [peers.Peers(Cluster(address, 3, i)) for i in range(3)]
    found = all_at_once(*(each.join for each in made))
    assert [str(error) for error in found] == ["no service here"] * 3


def test_who_joins_long_before_process_0_hears_its_verdict(address, monkeypatch):
    monkeypatch.setattr(rendezvous, "JOINING", 6.0)
    early, first = peers.Peers(Cluster(address, 3, 1)), peers.Peers(Cluster(address, 3, 0))

    def later():
        time.sleep(4)
        return first.join()

    for error in all_at_once(early.join, later):
        assert str(error).startswith("process 2 of 3 did not join process 0")


def test_a_port_that_is_taken(address):
    host, port = address.split(":")
    with socket.create_server((host, int(port))):
        with pytest.raises(OSError, match=f"^process 0 cannot listen at {address}: .*in use"):
            peers.Peers(Cluster(address, 2, 0)).join()


class JaxRuntimeError(RuntimeError):
    """Called like JAX's own."""


def test_an_error_of_jax_is_put_down_to_the_loss(three, monkeypatch):
    monkeypatch.setattr(peers, "_peers", three[0])
    monkeypatch.setattr(peers, "SILENCE", 30.0)
    own = ValueError("of this process")
    assert peers.blame(own) is own
    threading.Timer(0.3, die, [three[1]]).start()
    found = peers.blame(JaxRuntimeError("Gloo: connection closed by peer"))
    assert isinstance(found, PeerLost) and "process 1 of 3" in str(found)
    monkeypatch.setattr(peers, "SILENCE", 0.1)
    monkeypatch.setattr(peers, "_peers", peers.Peers(three[0].cluster))  # nobody is lost there
    other = JaxRuntimeError("out of memory")
    assert peers.blame(other) is other
