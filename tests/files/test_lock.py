"""One process at a time, and a dead one never in the way."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
import threading
import tracemalloc

import pytest

from adversarial.files import lock
from adversarial.utils import serial

HOLD = """
import sys
from adversarial.files import lock
with lock.exclusive(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "m.pkl")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_the_second_is_told_who_holds_it_until_that_one_dies(holder, tmp_path):
    path = tmp_path / "m.pkl"
    for _ in range(3):  # asking does not make the answer worse
        with pytest.raises(lock.Held) as caught:
            with lock.exclusive(path):
                raise AssertionError("two at once")
        for word in (str(path), f"process {holder.pid}", socket.gethostname()):
            assert word in str(caught.value)
    # By another name, too.
    (tmp_path / "link.pkl").symlink_to(path)
    with pytest.raises(lock.Held):
        with lock.exclusive(tmp_path / "link.pkl"):
            pass
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with lock.exclusive(path) as held:
        assert str(os.getpid()) in (tmp_path / ".m.pkl.lock").read_text()
        assert held.was_left
    with lock.exclusive(path) as held:
        assert held.was_left  # until somebody writes
        lock.confirm(path)
    with lock.exclusive(path) as held:
        assert not held.was_left


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_keeps_no_lock(tmp_path):
    path = tmp_path / "m.pkl"
    forking = HOLD.replace(
        '    print("held", flush=True)',
        """
    import os
    if os.fork() == 0:
        os.write(1, b"held\\n")  # the child, since its lock is closed right after the fork
        os.read(int(sys.argv[2]), 1)  # until the test ends
        os._exit(0)""",
    )
    read, write = os.pipe()
    try:
        process = subprocess.Popen(
            [sys.executable, "-c", forking, str(path), str(read)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[read],
        )
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(lock.Held):
            with lock.exclusive(path):
                pass
        process.kill()
        process.wait()
        with lock.exclusive(path):
            pass
    finally:
        os.close(write)
        os.close(read)


def test_released_at_the_end_and_after_an_error(holder, tmp_path):
    path = tmp_path / "other.pkl"
    with pytest.raises(ZeroDivisionError):
        with lock.exclusive(path):
            raise ZeroDivisionError
    with lock.exclusive(path):
        pass
    holder.send_signal(signal.SIGTERM)
    holder.wait()
    with lock.exclusive(tmp_path / "m.pkl"):
        pass


def test_where_nothing_can_be_written(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no folder .*nowhere"):
        with lock.exclusive(tmp_path / "nowhere" / "m.pkl"):
            pass
    assert not (tmp_path / "nowhere").exists()


# Where there are no locks


@pytest.mark.parametrize("code", ["ENOLCK", "EOPNOTSUPP", "EINVAL", "ENOSYS", "EBADF", "EIO"])
def test_a_file_system_without_locks_is_one_warning(code, tmp_path, monkeypatch, caplog):
    number = getattr(errno, code)

    def refuse(handle, how):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(lock.fcntl, "flock", refuse)
    for name in ("a.pkl", "b.pkl", "a.pkl"):
        with lock.exclusive(tmp_path / name):
            lock.confirm(tmp_path / name)
            # A lock that was left by a killed process would look like this.
            with lock.exclusive(tmp_path / name):
                pass
    assert len(caplog.records) == 1
    assert os.strerror(number) in caplog.text and "a.pkl" in caplog.text


def test_a_killed_process_leaves_no_lock_where_there_are_none(tmp_path):
    hold = HOLD.replace(
        "import sys",
        """
import errno, fcntl, sys
def flock(handle, how):
    raise OSError(errno.ENOSYS, "Function not implemented")
fcntl.flock = flock""",
    )
    for _ in range(2):
        process = subprocess.Popen(
            [sys.executable, "-c", hold, str(tmp_path / "m.pkl")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout.readline() == "held\n"
        process.kill()
        process.communicate()


@pytest.mark.parametrize("code", ["EWOULDBLOCK", "EACCES"])
def test_what_says_that_another_has_it(code, tmp_path, monkeypatch):
    def refuse(handle, how):
        raise OSError(getattr(errno, code), code)

    monkeypatch.setattr(lock.fcntl, "flock", refuse)
    with pytest.raises(lock.Held, match="another process"):
        with lock.exclusive(tmp_path / "m.pkl"):
            pass


# A lock file that was deleted


def test_deleting_the_lock_file_lets_no_second_one_in(tmp_path):
    path, file = tmp_path / "m.pkl", tmp_path / ".m.pkl.lock"
    with lock.exclusive(path):
        file.unlink()
        with pytest.raises(lock.Held, match=f"process {os.getpid()}"):
            with lock.exclusive(path):
                pass
        file.unlink()
        lock.confirm(path)
        assert str(os.getpid()) in file.read_text()
        lock.confirm(path)
    with lock.exclusive(path):
        pass


def test_a_lock_that_was_lost_stays_lost(tmp_path, popen):
    """Else the first run would replace what the second has written, once that has ended."""
    path = tmp_path / "m.pkl"
    with lock.exclusive(path):
        (tmp_path / ".m.pkl.lock").unlink()
        other = popen(
            [sys.executable, "-c", HOLD, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert other.stdout.readline() == "held\n"
        with pytest.raises(lock.Held, match="was deleted"):
            serial.save(path, 1)
        other.communicate("")
        with pytest.raises(lock.Held, match="was deleted"):
            serial.save(path, 1)
    assert not path.exists()
    with lock.exclusive(path):
        serial.save(path, 1)


def test_only_what_a_lost_lock_guards_is_lost(tmp_path, popen):
    path = tmp_path / "m.pkl"
    with lock.exclusive(path) as held, lock.exclusive(tmp_path / "other.pkl"):
        held.guarded.add(str(tmp_path / "m.csv"))
        (tmp_path / ".m.pkl.lock").unlink()
        other = popen(
            [sys.executable, "-c", HOLD, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert other.stdout.readline() == "held\n"
        for name in ("m.pkl", "m.csv"):
            with pytest.raises(lock.Held, match="was deleted"):
                serial.save(tmp_path / name, 1)
        serial.save(tmp_path / "other.pkl", 1)
        serial.save(tmp_path / "third.pkl", 1)


def test_a_tidy_lock_leaves_nothing_and_lets_one_in_at_a_time(tmp_path):
    """Whoever waits for a lock whose file is then removed must not have another than the next."""
    inside, most = [], []

    def work():
        for _ in range(30):
            with lock.exclusive(tmp_path / "m.pkl", wait=lambda: None, tidy=True):
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(most) == 120 and max(most) == 1
    assert list(tmp_path.iterdir()) == []
    (tmp_path / ".m.pkl.lock").write_text("precious" * 100)
    with lock.exclusive(tmp_path / "m.pkl", tidy=True):
        pass
    assert (tmp_path / ".m.pkl.lock").read_text() == "precious" * 100


# What lies in a lock's place


def make_fifo(path, target):
    os.mkfifo(path)


def make_zero(path, target):
    path.symlink_to("/dev/zero")


def make_link(path, target):
    path.symlink_to(target)


def make_dangling(path, target):
    path.symlink_to(target.parent / "new")


def make_folder(path, target):
    path.mkdir()


@pytest.mark.parametrize("make", [make_fifo, make_zero, make_link, make_dangling, make_folder])
def test_no_lock_file(make, tmp_path):
    target = tmp_path / "precious"
    target.write_text("precious")
    make(tmp_path / ".m.pkl.lock", target)
    with pytest.raises(OSError, match=r"\.m\.pkl\.lock is .*remove it"):
        with lock.exclusive(tmp_path / "m.pkl"):
            pass
    assert target.read_text() == "precious"
    assert sorted(p.name for p in tmp_path.iterdir()) == [".m.pkl.lock", "precious"]


def test_a_large_file_as_a_lock(tmp_path):
    """Neither read into memory nor emptied: whoever put it there may need it."""
    file = tmp_path / ".m.pkl.lock"
    with open(file, "wb") as stream:
        stream.write(b"\x1b[2Jprocess 1\n" * 10)
        stream.truncate(2 << 30)
    tracemalloc.start()
    with lock.exclusive(tmp_path / "m.pkl"):
        with pytest.raises(lock.Held) as caught:
            with lock.exclusive(tmp_path / "m.pkl"):
                pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 20
    assert file.stat().st_size == 2 << 30
    assert len(str(caught.value)) < 500 and "\x1b" not in str(caught.value)


def test_a_lock_that_is_another_file_too(tmp_path):
    (tmp_path / "precious").write_text("precious")
    os.link(tmp_path / "precious", tmp_path / ".m.pkl.lock")
    with lock.exclusive(tmp_path / "m.pkl"):
        pass
    assert (tmp_path / "precious").read_text() == "precious"


def test_names_that_leave_no_room_for_more(tmp_path):
    path = tmp_path / ("x" * 251 + ".pkl")
    with lock.exclusive(path):
        with pytest.raises(lock.Held):
            with lock.exclusive(path):
                pass
        with lock.exclusive(tmp_path / ("x" * 250 + "y.pkl")):
            pass
