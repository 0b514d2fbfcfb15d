"""What many tests share: small data, and compilation without C where C is not the subject."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import warnings

import numpy as np
import pytest

# Aesara is set up by the package, so the package comes before any ``import aesara``.
import adversarial  # noqa: F401

# isort: split
import aesara
import hypothesis
from aesara.compile.mode import optdb

from adversarial.backend import engines, function
from adversarial.backend.engines import c
from adversarial.backend.toolchain import numpy2
from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
from adversarial.scripts import cli, train
from adversarial.utils import seeding, string_utils

# Not a package; what tests share beside fixtures is in modules of their own.
sys.path.insert(0, os.path.dirname(__file__))

# The same examples in every run, so that what fails, fails because of a change; new ones with
# `--hypothesis-profile=new`.
hypothesis.settings.register_profile("same", derandomize=True, deadline=None)
hypothesis.settings.register_profile("new", derandomize=False, deadline=None)
hypothesis.settings.load_profile("same")

# Without C code, a convolution is a loop in Python, which this would refuse.
optdb.remove_tags("AbstractConvCheck", "fast_compile", "fast_run")

# A shell starts jobs in the background with Ctrl-C ignored, and their children inherit that: the
# scripts whose Ctrl-C is tested would never hear it.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Without a compiler, since FAST_COMPILE computes with constants in C while it compiles.
WITHOUT_C = dict(mode="FAST_COMPILE", cxx="")


NEEDS_C = "needs the C engine, which needs NumPy 1"
# Tests of C code: its kernels, what is rewritten for it, what compiles it, and when it is chosen.
OF_C = ("ops/*", "rewrites/*", "engines/test_choose.py") + tuple(
    f"toolchain/test_{name}.py"
    for name in ("blas", "compiler", "config", "disk", "graph_cache", "integrity", "parallel_build")
)


def pytest_collection_modifyitems(items):
    if numpy2.is_installed():
        for item in items:
            if any(item.path.match(f"backend/{pattern}") for pattern in OF_C):
                item.add_marker(pytest.mark.skip(reason=NEEDS_C))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport():
    """With NumPy 2, a test that ends with the refusal of the C engine is skipped.

    So is one that starts a command which is refused. That the refusal comes only where C is asked
    for is tested where nothing is skipped: `test_numpy2.py`, and `.ci/numpy2`, which asks for none.
    """
    report = (yield).get_result()
    refused = "the C engine needs NumPy 1" in str(report.longrepr)
    if report.failed and refused and numpy2.is_installed():
        report.outcome = "skipped"
        report.longrepr = (report.location[0], report.location[1] or 0, NEEDS_C)


@pytest.fixture(autouse=True)
def no_base_seed():
    """A base seed that a test has set, or a script that it ran, is not that of the next test."""
    seeding.set_base_seed(None)  # a fixture of a wider scope may have set one
    yield
    seeding.set_base_seed(None)


@pytest.fixture(autouse=True)
def no_allowed_variable(monkeypatch):
    """What a test, or a script that it ran, lets files read is not open to the next test."""
    monkeypatch.setattr(string_utils, "_allowed", set())


@pytest.fixture
def popen():
    """`subprocess.Popen`, but what a test starts does not outlive it."""
    with contextlib.ExitStack() as started:

        def start(*args, **kwargs):
            process = subprocess.Popen(*args, **kwargs)
            started.callback(process.kill)
            return process

        yield start


@pytest.fixture
def fast_compile(monkeypatch):
    """Everything is compiled without C, in milliseconds, and runs slowly."""
    monkeypatch.setattr(c, "_check_machine", lambda: None)
    # The default mode is made once and then kept, whatever the settings have become.
    monkeypatch.setattr(aesara.compile.mode, "instantiated_default_mode", None)
    with aesara.config.change_flags(**WITHOUT_C):
        yield


@pytest.fixture(params=sorted(engines.ENGINES))
def either_engine(request, monkeypatch):
    """The test runs on each engine: "c" (where it asks for no other, without C), and "jax"."""
    if request.param == "jax":
        pytest.importorskip("jax", reason="JAX, the second engine, is not installed")
    # So that the one of before is in use again afterwards.
    monkeypatch.setattr(engines, "_chosen", None)
    return engines.choose(request.param)


@pytest.fixture
def evaluate():
    """evaluate(outputs, {variable: value}) -> the outputs' values, computed without C."""

    def evaluate(outputs, values=None):
        values = values or {}
        with aesara.config.change_flags(**WITHOUT_C):
            compiled = function(list(values), outputs, mode="FAST_COMPILE")
        return compiled(*values.values())

    return evaluate


@pytest.fixture
def data():
    """23 examples of 6 features that span 0 to 1, each with 2 targets."""
    rng = np.random.RandomState(5)
    X = rng.uniform(size=(23, 6)).astype("float32")
    X.flat[0], X.flat[1] = 0.0, 1.0
    return DenseDesignMatrix(X=X, y=rng.normal(size=(23, 2)))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(folder, monkeypatch, capfd, fast_compile):
    """run(*args) -> (status, stderr) of train.py within this process."""
    monkeypatch.setattr(sys, "argv", ["train.py"])
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    root = logging.getLogger()
    handlers, handler = root.handlers[:], signal.getsignal(signal.SIGTERM)

    def run(*args):
        try:
            status = cli.run(lambda: train.main(["--quiet", *args]))
        finally:
            root.handlers[:] = handlers
            signal.signal(signal.SIGTERM, handler)
            for name in ("train", "adversarial"):
                logging.getLogger(name).setLevel(logging.NOTSET)
        return status, capfd.readouterr().err

    return run
