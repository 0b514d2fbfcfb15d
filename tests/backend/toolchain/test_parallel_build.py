"""Modules compiled together: the same results, each module once, and Aesara's own errors."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from types import SimpleNamespace

import aesara.tensor as at
import hypothesis.strategies as st
import numpy as np
import pytest
from aesara.compile.mode import Mode, get_default_mode, get_mode
from aesara.graph.basic import Apply
from aesara.link.c.cmodule import GCC_compiler
from aesara.link.c.exceptions import CompileError
from aesara.link.c.op import COp
from hypothesis import given

from adversarial import backend
from adversarial.backend.toolchain import parallel_build

# Of this process alone.
NEW = f"{os.getpid()} {time.time_ns()}"


class Twice(COp):
    """2 x, by C code that no cache has seen; or by code that does not compile."""

    __props__ = ("mark", "broken", "support")

    def __init__(self, mark, broken=False, support=""):
        self.mark, self.broken, self.support = mark, broken, support

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

    def c_support_code(self, **kwargs):
        return self.support

    # Without a version Aesara keeps no module for later processes.
    def c_code_cache_version(self):
        return ()


class Scaled(Twice):
    """2 x times what `factor` says, a function of the support code."""

    def c_code(self, node, name, inputs, outputs, sub):
        code = super().c_code(node, name, inputs, outputs, sub)
        return code.replace("*= 2", "*= 2 * factor()")


@pytest.fixture
def compilations(monkeypatch):
    """How many modules are compiled by each call: of ours, aside, or of Aesara's, alone."""
    calls = SimpleNamespace(aside=[], alone=0)
    ours, aesaras = parallel_build._compile, GCC_compiler.compile_str

    def aside(jobs, *rest):
        calls.aside.append(len(jobs))
        return ours(jobs, *rest)

    def alone(*args, **kwargs):
        calls.alone += 1
        return aesaras(*args, **kwargs)

    monkeypatch.setattr(parallel_build, "_compile", aside)
    monkeypatch.setattr(GCC_compiler, "compile_str", staticmethod(alone))
    return calls


@pytest.fixture
def libraries(monkeypatch):
    """The files that are loaded as modules."""
    found = []

    def dlimport(path):
        found.append(path)
        return original(path)

    original = parallel_build.dlimport
    monkeypatch.setattr(parallel_build, "dlimport", dlimport)
    return found


def check(marks, **kwargs):
    x = at.fvector()
    y = x
    for mark in marks:
        y = Twice(mark, **kwargs)(y)
    np.testing.assert_array_equal(
        backend.function([x], y)(np.float32([1, 3])), 2.0 ** len(marks) * np.float32([1, 3])
    )


def test_all_modules_are_built_aside_and_several_together(compilations, libraries, monkeypatch):
    monkeypatch.setattr(parallel_build, "available_processors", lambda: 2)
    marks = [f"built aside {i}" for i in range(24)]
    check(marks)
    assert compilations.alone == 0
    assert sum(compilations.aside) == len(libraries) >= len(marks)
    assert len(compilations.aside) < len(marks) / 2
    files = {(os.stat(path).st_dev, os.stat(path).st_ino) for path in set(libraries)}
    assert len(files) == len(compilations.aside)


def test_without_links_libraries_are_copied(compilations, libraries, monkeypatch):
    def fail(*args):
        raise PermissionError("no links here")

    monkeypatch.setattr(os, "link", fail)
    check([f"no links {i}" for i in range(24)])
    assert len(compilations.aside) < len(libraries)
    assert len({os.stat(path).st_ino for path in libraries}) == len(libraries)


def test_equal_names_in_sources_that_are_compiled_together_stay_apart(compilations, monkeypatch):
    monkeypatch.setattr(parallel_build, "available_processors", lambda: 1)
    x = at.fvector()
    outputs = []
    factors = range(1, 13)
    for factor in factors:
        support = f"""
            #ifndef FACTOR
            #  define FACTOR {factor}
            #endif
            static npy_float32 factor() {{ return FACTOR; }}
        """
        outputs.append(Scaled(f"equal names {factor}", support=support)(x))
    for found, factor in zip(backend.function([x], outputs)(np.float32([1, 3])), factors):
        np.testing.assert_array_equal(found, np.float32([2, 6]) * factor)
    assert compilations.alone == 0 and len(compilations.aside) < len(factors)


def test_what_compiles_only_alone_is_compiled_alone(compilations, capfd):
    support = 'extern "C" int only_once() { return 1; }'
    check([f"alone {i}" for i in range(24)], support=support)
    assert compilations.alone >= 24
    assert capfd.readouterr() == ("", "")


jobs_of = st.lists(
    st.builds(
        parallel_build._Job,
        st.text("ab", min_size=1),
        st.text("x", max_size=50),
        st.lists(st.sampled_from(["-O1", "-O2"]), max_size=1),
        libs=st.lists(st.sampled_from(["m", "blas"]), max_size=1),
    )
)


@given(jobs_of, st.integers(1, 12))
def test_each_module_is_built_once_with_what_is_alike(jobs, parts):
    shares = parallel_build._grouped(jobs, parts)
    assert sorted(map(id, sum(shares, []))) == sorted(map(id, jobs))
    assert all(len({job.all_but_source() for job in share}) == 1 for share in shares)
    kinds = len({job.all_but_source() for job in jobs})
    assert len(shares) < parts + kinds
    lengths = [sum(len(job.src_code) for job in share) for share in shares]
    assert lengths == sorted(lengths, reverse=True)


def test_code_that_does_not_compile_raises_what_aesara_raises(capsys):
    x = at.fvector()
    y = Twice("broken", broken=True)(Twice("sound")(x))
    with pytest.raises(CompileError, match="Compilation failed"):
        backend.function([x], y)
    before = GCC_compiler.compile_str
    # And the compiler is Aesara's again.
    assert before.__module__ == GCC_compiler.__module__


def test_nothing_is_started_when_the_cache_has_everything(compilations, monkeypatch):
    x = at.fvector("x")
    backend.function([x], at.exp(x) + x)
    compilations.aside.clear()
    compilations.alone = 0
    monkeypatch.setattr(
        parallel_build._Build, "start", lambda self: pytest.fail("nothing is missing")
    )
    backend.function([x], at.exp(x) + x)
    assert compilations == SimpleNamespace(aside=[], alone=0)


def test_a_mode_keeps_what_it_says():
    plain = get_default_mode().excluding("fusion")
    found = parallel_build.with_parallel_build(plain)
    assert isinstance(found.linker, parallel_build.ParallelLinker)
    assert found.linker.use_cloop == plain.linker.use_cloop
    assert found.provided_optimizer == plain.provided_optimizer
    assert isinstance(
        parallel_build.with_parallel_build(None).linker, parallel_build.ParallelLinker
    )


def test_modes_of_another_kind_stay():
    for mode in (get_mode("FAST_COMPILE"), Mode(linker="py"), Mode(linker="c|py")):
        assert parallel_build.with_parallel_build(mode) is mode
    parallel = parallel_build.with_parallel_build(None)
    assert parallel_build.with_parallel_build(parallel) is parallel


def test_compilers_are_killed_where_nobody_waits_for_them():
    compilers, failed = parallel_build._Compilers(), []

    def compile_slowly():
        try:
            compilers.run(["sh", "-c", "sleep 60 & wait"])  # g++ has children, too
        except subprocess.CalledProcessError as error:
            failed.append(error.returncode)

    thread = threading.Thread(target=compile_slowly)
    thread.start()
    while not compilers._running and thread.is_alive():
        time.sleep(0.01)
    compilers.kill()
    thread.join(10)
    assert not thread.is_alive() and failed == [-signal.SIGKILL]
    with pytest.raises(subprocess.CalledProcessError):
        compilers.run(["true"])
