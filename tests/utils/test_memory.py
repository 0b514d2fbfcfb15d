from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from adversarial.utils import memory

HOLES = """
import sys
sys.path.insert(0, sys.argv[1])
from adversarial.utils import memory

def resident():
    with open("/proc/self/statm") as stream:
        return int(stream.read().split()[1]) * 4096

blocks = [bytes(100_000) for _ in range(1000)]  # too small for a mapping of their own
last = bytes(100_000)
del blocks
before = resident()
memory.trim_heap()
print(before - resident())
"""


@pytest.mark.skipif(not hasattr(memory._trim(), "argtypes"), reason="another C library than glibc")
def test_holes_are_given_back():
    command = [sys.executable, "-c", HOLES, str(Path(__file__).parents[2])]
    given = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    assert int(given) > 50_000_000
