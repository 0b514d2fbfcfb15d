"""One process at a time, and a dead one never in the way."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

import pytest

from adversarial.utils import lock

HOLD = """
import sys
from adversarial.utils import lock
with lock.exclusive(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "m.pkl")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
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
    with lock.exclusive(path):
        assert str(os.getpid()) in (tmp_path / ".m.pkl.lock").read_text()


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
