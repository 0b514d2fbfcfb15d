"""The number of processors: those of this process, or fewer if OMP_NUM_THREADS says so."""

from __future__ import annotations

import os
import sys

import pytest

from adversarial.utils.processors import available_processors


@pytest.mark.parametrize(
    "threads, most", [("1", 1), ("1000", None), ("many", None), ("", None), ("0", 1)]
)
def test_no_more_than_the_threads_that_are_allowed(threads, most, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    available = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()
    assert available_processors() == (most or available)
