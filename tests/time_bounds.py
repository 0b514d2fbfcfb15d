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

ROOT = Path(__file__).parents[1]
LONGEST = 1200  # seconds until something counts as hanging
# What a processor is measured by, and its seconds on an Intel Xeon where all bounds hold.
YARDSTICK = "import numpy; sum(i * i for i in range(10_000_000))"
YARDSTICK_SECONDS = 0.7
MOST = 5  # times as slow; on a processor that is slower still, the tests may fail

# Starts a command and prints what it took. The command is not a child of the tests' own process: on
# Linux, a child's peak memory is at least that of the process that it was forked from.
MEASURE = """
import json, resource, subprocess, sys
limits = dict(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (600, 600)))
done = subprocess.run(
    sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **limits
)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
seconds, memory = used.ru_utime + used.ru_stime, used.ru_maxrss
print(json.dumps([done.returncode, done.stderr, seconds, memory]))
"""


def spent(folder, script, *arguments):
    """Status, stderr, seconds of processor and GiB of memory of a command."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    env.pop("ADVERSARIAL_DEBUG", None)
    return _measured([sys.executable, str(ROOT / f"{script}.py"), *arguments], folder, env)


def _measured(command, folder, env):
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *command],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=True,
        timeout=LONGEST,
    )
    status, error, seconds, memory = json.loads(done.stdout)
    unit = 1 if sys.platform == "darwin" else 1024
    return status, error, seconds, memory * unit / 2**30


def slowness():
    """How many times as long as that Xeon this processor takes now: from 1 to 5."""
    command = [sys.executable, "-c", YARDSTICK]
    times = [_measured(command, ROOT, None)[2] for _ in range(3)]
    return min(max(1.0, statistics.median(times) / YARDSTICK_SECONDS), MOST)


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
