"""A machine that cannot compile says so in one line."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from adversarial import backend
from adversarial.backend.toolchain import compiler

ROOT = os.path.dirname(os.path.dirname(backend.__path__[0]))
SCRIPT = """
from adversarial import backend
import aesara.tensor as at
x = backend.shared([1.0, 2.0])
print(backend.function([], x + x, mode="FAST_COMPILE")())
print(backend.function([], x * 3)())
"""


def run(tmp_path, flags="", backend="c"):
    environment = {
        **os.environ,
        "PATH": str(tmp_path),
        "AESARA_FLAGS": flags,
        "ADVERSARIAL_BACKEND": backend,
    }
    return subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, cwd=ROOT, capture_output=True, text=True
    )


def test_without_compiler_only_compiling_fails(tmp_path):
    done = run(tmp_path)
    assert done.stdout == "[2. 4.]\n"
    assert done.returncode == 1
    *_, last, other = done.stderr.strip().splitlines()
    assert "CompilerMissing: No C++ compiler found. Install one: " in last
    assert "JAX engine, which needs none: pip install" in other
    assert "ADVERSARIAL_BACKEND" in other
    assert "WARNING" not in done.stderr


def test_without_compiler_jax_is_used_if_it_is_installed(tmp_path):
    pytest.importorskip("jax", reason="JAX, the second engine, is not installed")
    done = run(tmp_path, backend="auto")
    assert done.stdout == "[2. 4.]\n[3. 6.]\n", done.stderr
    assert "the engine is JAX, since there is no C++ compiler" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert run(tmp_path, backend="jax").stderr == ""


def test_doing_without_is_the_users_choice(tmp_path):
    done = run(tmp_path, "cxx=", backend="auto")
    assert done.stdout == "[2. 4.]\n[3. 6.]\n", done.stderr
    assert done.stderr == ""


def test_advice_fits_the_machine(monkeypatch, tmp_path):
    def advice():
        with pytest.raises(backend.CompilerMissing) as error:
            compiler.require("", chosen_by_user=False)
        assert "ADVERSARIAL_BACKEND" in str(error.value).splitlines()[1]
        return str(error.value)

    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    assert "apt-get install g++" in advice()
    (tmp_path / "conda-meta").mkdir()
    assert "conda install gxx" in advice()
    monkeypatch.setattr(sys, "platform", "darwin")
    assert "xcode-select --install" in advice()
    compiler.require("", chosen_by_user=True)


def test_a_compiler_that_is_set_and_not_there(tmp_path):
    (tmp_path / "g++").write_text("no program")
    for cxx in (str(tmp_path / "none"), str(tmp_path / "g++")):
        with pytest.raises(backend.CompilerMissing, match=f"C.. compiler {re.escape(cxx)}, "):
            compiler.require(cxx, chosen_by_user=True)


def test_missing_headers_are_named(monkeypatch, tmp_path):
    compiler.require(sys.executable, chosen_by_user=False)
    monkeypatch.setattr(compiler.sysconfig, "get_path", lambda name: str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    with pytest.raises(backend.CompilerMissing, match=rf"Python.h.*python{version}-dev"):
        compiler.require(sys.executable, chosen_by_user=False)
    (tmp_path / "Python.h").write_text("")
    compiler.require(sys.executable, chosen_by_user=False)


def fake(path, answer):
    path.write_text(f"#!/bin/sh\n{answer}\n")
    path.chmod(0o755)
    return str(path)


def test_openmp_is_asked_of_the_driver(tmp_path):
    assert compiler.supports_openmp(fake(tmp_path / "g++", "echo /usr/lib/libgomp.spec"))
    # Clang finds the files of a GCC that is there, and cannot include them.
    assert not compiler.supports_openmp(fake(tmp_path / "clang++-14", "echo /usr/lib/$0"))
    (tmp_path / "c++").symlink_to("clang++-14")
    assert not compiler.supports_openmp(str(tmp_path / "c++"))
    assert not compiler.supports_openmp(fake(tmp_path / "broken", "exit 1"))
    assert not compiler.supports_openmp("")
    assert not compiler.supports_openmp(str(tmp_path / "absent"))


def test_the_compiler_aesara_would_take(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert compiler.find() == ""
    gcc, clang = (fake(tmp_path / name, "exit 0") for name in ("g++", "clang++"))
    monkeypatch.setattr(sys, "platform", "linux")
    assert compiler.find() == gcc
    monkeypatch.setattr(sys, "platform", "darwin")
    assert compiler.find() == clang
    os.remove(gcc)
    monkeypatch.setattr(sys, "platform", "linux")
    assert compiler.find() == clang
