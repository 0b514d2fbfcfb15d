"""Modules compiled side by side: the same results, each module once, and Aesara's own errors."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import aesara
import aesara.tensor as T
import numpy as np
import pytest
from aesara.compile.mode import Mode, get_default_mode, get_mode
from aesara.graph.basic import Apply
from aesara.link.c.cmodule import GCC_compiler
from aesara.link.c.exceptions import CompileError
from aesara.link.c.op import COp

from adversarial import backend
from adversarial.backend import compiler, linking

# Of this process alone.
NEW = f"{os.getpid()} {time.time_ns()}"


class Twice(COp):
    """2 x, by C code that no cache has seen; or by code that does not compile."""

    __props__ = ("mark", "broken")

    def __init__(self, mark, broken=False):
        self.mark, self.broken = mark, broken

    def make_node(self, x):
        return Apply(self, [x], [x.type()])

    def perform(self, node, inputs, output_storage):
        raise AssertionError("C code was asked for")

    def c_code(self, node, name, inputs, outputs, sub):
        (x,), (y,) = inputs, outputs
        return f"""// {self.mark} {NEW}
            {"this does not compile" if self.broken else ""}
            Py_XDECREF({y});
            {y} = (PyArrayObject *) PyArray_NewCopy({x}, NPY_ANYORDER);
            for (npy_intp i = 0; i < PyArray_SIZE({y}); ++i)
                ((npy_float32 *) PyArray_DATA({y}))[i] *= 2;
        """

    # Without a version Aesara keeps no module for later processes.
    def c_code_cache_version(self):
        return ()


@pytest.fixture
def compilations(monkeypatch):
    """What Aesara's compiler is asked for: (thread, arguments) of each call."""
    calls = []
    original = GCC_compiler.compile_str

    def compile_str(*args, **kwargs):
        calls.append((threading.current_thread(), kwargs.get("preargs")))
        return original(*args, **kwargs)

    monkeypatch.setattr(GCC_compiler, "compile_str", staticmethod(compile_str))
    return calls


def chain(marks):
    x = T.fvector()
    y = x
    for mark in marks:
        y = Twice(mark)(y)
    return x, y


def test_all_modules_are_built_aside_from_compiled_headers(compilations):
    marks = [f"built aside {i}" for i in range(6)]
    x, y = chain(marks)
    double = backend.function([x], y)
    np.testing.assert_array_equal(double(np.float32([1, 2])), [64, 128])
    threads = {thread for thread, preargs in compilations}
    assert len(compilations) >= len(marks)
    assert threading.main_thread() not in threads
    if compiler.supports_openmp(aesara.config.cxx):  # a GCC
        ours = [preargs for _, preargs in compilations if "-include" in preargs]
        assert len(ours) >= len(marks)


def test_compiled_headers_are_read(tmp_path):
    if not compiler.supports_openmp(aesara.config.cxx):
        pytest.skip("no GCC")
    flags = ["-O1", "-fPIC"]
    jobs = [
        linking._Job("m", f"#include <vector>\n#include <cmath>\nint f{i};\n", flags,
                     include_dirs=[])
        for i in range(2)
    ]
    header = linking._precompile(jobs, tmp_path / "headers")
    assert header.read_text() == "#include <vector>\n#include <cmath>\n"
    source = tmp_path / "m.cpp"
    source.write_text(jobs[0].src_code)
    done = subprocess.run(
        [aesara.config.cxx, "-H", "-c", "-g", *flags, "-fvisibility=hidden", "-include",
         str(header), str(source), "-o", os.devnull],
        capture_output=True, text=True, check=True,
    )
    # The compiler marks a compiled header that it uses by an exclamation mark.
    assert done.stderr.startswith(f"! {header}.gch")


def test_without_compiled_headers_modules_are_built_all_the_same(compilations, monkeypatch):
    def fail(*args):
        raise OSError("disk full")

    monkeypatch.setattr(linking, "_precompile", fail)
    x, y = chain([f"no headers {i}" for i in range(6)])
    np.testing.assert_array_equal(backend.function([x], y)(np.float32([1])), [64])
    assert not any("-include" in preargs for _, preargs in compilations)


def test_code_that_does_not_compile_raises_what_aesara_raises(capsys):
    x = T.fvector()
    y = Twice("broken", broken=True)(Twice("sound")(x))
    with pytest.raises(CompileError, match="Compilation failed"):
        backend.function([x], y)
    before = GCC_compiler.compile_str
    # And the compiler is Aesara's again.
    assert before.__module__ == GCC_compiler.__module__


def test_nothing_is_started_when_the_cache_has_everything(compilations, monkeypatch):
    x = T.fvector("x")
    backend.function([x], T.exp(x) + x)
    compilations.clear()
    monkeypatch.setattr(linking._Build, "start", lambda self: pytest.fail("nothing is missing"))
    backend.function([x], T.exp(x) + x)
    assert compilations == []


def test_a_mode_keeps_what_it_says():
    plain = get_default_mode().excluding("fusion")
    found = linking.with_parallel_build(plain)
    assert isinstance(found.linker, linking.ParallelLinker)
    assert found.linker.use_cloop == plain.linker.use_cloop
    assert found.provided_optimizer == plain.provided_optimizer
    assert isinstance(linking.with_parallel_build(None).linker, linking.ParallelLinker)


def test_modes_of_another_kind_stay():
    for mode in (get_mode("FAST_COMPILE"), Mode(linker="py"), Mode(linker="c|py")):
        assert linking.with_parallel_build(mode) is mode
    parallel = linking.with_parallel_build(None)
    assert linking.with_parallel_build(parallel) is parallel


@pytest.mark.parametrize(
    "threads, most", [("1", 1), ("1000", None), ("many", None), ("", None), ("0", 1)]
)
def test_no_more_compilers_than_threads_are_allowed(threads, most, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    available = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()
    assert linking._processors() == (most or available)

