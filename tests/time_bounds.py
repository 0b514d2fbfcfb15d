"""Bounds of time that hold on slow machines, and on busy ones."""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LONGEST = 1200  # seconds until something counts as hanging
START = 0.8  # seconds that `train.py --help` took where the bounds of the tests were chosen

# Starts a command and prints what it took. The command is not a child of the tests' own process: on
# Linux, a child's peak memory is at least that of the process that it was forked from.
MEASURE = """
import json, resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
seconds, memory = used.ru_utime + used.ru_stime, used.ru_maxrss
print(json.dumps([done.returncode, done.stderr, seconds, memory]))
"""


def spent(folder, script, *arguments):
    """Status, stderr, seconds of processor and GiB of memory of a command."""
    pytest.importorskip("resource", reason="nothing here measures what a process takes")
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    env.pop("ADVERSARIAL_DEBUG", None)
    command = [sys.executable, str(ROOT / f"{script}.py"), *arguments]
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *command],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    status, error, seconds, memory = json.loads(done.stdout)
    unit = 1 if sys.platform == "darwin" else 1024
    return status, error, seconds, memory * unit / 2**30


def slowness():
    """How many times as long as `START` the command takes to start now; at least 1."""
    starts = [spent(ROOT, "train", "--help")[2] for _ in range(3)]
    return max(1.0, statistics.median(starts) / START)


def check_seconds(taken, bound, about=None):
    """Fail if `taken` seconds of processor are more than `bound`, here and now."""
    if taken > bound:
        slower = slowness()
        assert taken <= bound * slower, (taken, bound, slower, about)


@contextlib.contextmanager
def at_most(bound, about=None):
    """Fail if what is done within takes this process more than `bound` seconds of processor."""
    began = time.process_time()
    yield
    check_seconds(time.process_time() - began, bound, about)
