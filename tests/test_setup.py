"""setup.py: which Pythons it refuses, and what an installation brings."""

from __future__ import annotations

import importlib
import pkgutil
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import setuptools
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from adversarial import scripts
from adversarial.backend.toolchain import numpy2

SETUP = Path(__file__).parents[1] / "setup.py"


NEW = [(3, 13, 0, "final", 0), (3, 15, 2, "final", 0)]


@pytest.mark.parametrize("version", NEW)
def test_pip_is_refused_at_once_where_numpy_1_has_no_builds(version, monkeypatch):
    monkeypatch.setattr(sys, "version_info", version)
    monkeypatch.setenv("PIP_BUILD_TRACKER", "a folder of pip")
    # Not even setuptools is needed to find out.
    monkeypatch.setitem(sys.modules, "setuptools", None)
    with pytest.raises(SystemExit) as refused:
        runpy.run_path(str(SETUP))
    first, *rest = refused.value.code.splitlines()
    assert "3.9, 3.10, 3.11 or 3.12" in first and "{}.{}".format(*version) in first
    assert "uv" in first and "JAX" in first
    assert "uv venv --seed --python 3.12" in " ".join(rest)
    # The same command as in the page and in the package's messages.
    assert rest[-1].strip() == numpy2.INSTALL
    assert numpy2.INSTALL in (SETUP.parent / "docs/BACKENDS.md").read_text().replace(
        "python -m pip", "pip"
    )


def test_pip_sets_the_variable_by_which_setup_py_knows_it(tmp_path):
    (tmp_path / "setup.py").write_text(
        "import os, sys; sys.exit('tracked: ' + str('PIP_BUILD_TRACKER' in os.environ))"
    )
    pip = [sys.executable, "-m", "pip", "install", "--no-build-isolation", "--no-deps"]
    done = subprocess.run([*pip, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode and "tracked: True" in done.stdout + done.stderr


@pytest.mark.parametrize("version", [(3, 12, 1, "final", 0), *NEW])
def test_each_python_has_the_numpy_that_it_has_builds_of(version, monkeypatch):
    """Another installer than pip is not refused, but cannot choose a NumPy without builds."""
    given = {}
    monkeypatch.delenv("PIP_BUILD_TRACKER", raising=False)
    monkeypatch.setattr(setuptools, "setup", given.update)
    monkeypatch.setattr(sys, "version_info", version)
    runpy.run_path(str(SETUP))
    text = "{}.{}".format(*version)
    assert text in SpecifierSet(given["python_requires"])
    environment = {"python_version": text}
    wanted = [
        required.specifier
        for required in map(Requirement, given["install_requires"])
        if required.name == "numpy" and required.marker.evaluate(environment)
    ]
    assert len(wanted) == 1
    assert ("1.26.4" in wanted[0], "2.4.6" in wanted[0]) == (version < (3, 13), version >= (3, 13))


def test_the_default_installation_is_without_mkl(monkeypatch):
    given = {}
    monkeypatch.setattr(setuptools, "setup", given.update)
    runpy.run_path(str(SETUP))
    names = [re.match(r"[\w-]+", line)[0] for line in given["install_requires"]]
    assert "scipy-openblas32" in names and "mkl" not in names and "jax" not in names
    assert given["extras_require"]["mkl"][0].startswith("mkl>=")


def test_every_script_is_an_installed_command(monkeypatch):
    given = {}
    monkeypatch.setattr(setuptools, "setup", given.update)
    runpy.run_path(str(SETUP))
    modules = set()
    for entry in given["entry_points"]["console_scripts"]:
        name, module = re.fullmatch(r"(adversarial-[a-z-]+) = ([\w.]+):command", entry).groups()
        assert callable(importlib.import_module(module).command), name
        modules.add(module.rpartition(".")[2])
    there = {found.name for found in pkgutil.iter_modules(scripts.__path__)}
    assert modules == there - {"cli", "inputs"}
