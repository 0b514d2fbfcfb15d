"""Children made by os.fork compute with one thread, or say that they cannot."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from time_bounds import LONGEST

from adversarial import backend

ROOT = os.path.dirname(os.path.dirname(backend.__path__[0]))
SCRIPT = """
import concurrent.futures, multiprocessing, os, sys
import numpy as np
from adversarial import backend
import aesara.tensor as at
backend.choose(sys.argv[1])
x = at.matrix()
w = backend.shared(np.ones((700, 700)))
f = backend.function([x], backend.maxout(x.dot(w), 2).sum(axis=1))
X = np.ones((600, 700), "float32")
f(X)
def work(n):
    try:
        return float(f(X)[n])
    except RuntimeError as error:
        return str(error)
if sys.argv[2] == "fork":
    child = os.fork()
    if not child:
        print(work(0), flush=True)
        os._exit(0)
    os.waitpid(child, 0)
elif sys.argv[2] == "pool":
    with multiprocessing.get_context("fork").Pool(1) as pool:
        print(pool.map_async(work, [0]).get(60)[0])
else:
    fork = multiprocessing.get_context("fork")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=fork) as pool:
        print(pool.submit(work, 0).result(60))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize("how", ["fork", "pool", "futures"])
def test_a_child_computes(how):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, "c", how],
        cwd=ROOT,
        timeout=LONGEST,
        capture_output=True,
        text=True,
    )
    assert done.stdout == f"{700 * 350.0}\n", done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_of_jax_says_what_to_use():
    pytest.importorskip("jax")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT, "jax", "pool"],
        cwd=ROOT,
        timeout=LONGEST,
        capture_output=True,
        text=True,
    )
    assert "get_context('spawn')" in done.stdout, done.stderr
