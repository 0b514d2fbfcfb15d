"""setup.py: which Pythons it refuses, and what an installation brings."""

from __future__ import annotations

import importlib
import pkgutil
import re
import runpy
import sys
from pathlib import Path

import pytest
import setuptools

from adversarial import scripts

SETUP = Path(__file__).parents[1] / "setup.py"


@pytest.mark.parametrize("version", [(3, 13, 0, "final", 0), (3, 15, 2, "final", 0)])
def test_a_python_without_builds_is_refused_at_once(version, monkeypatch):
    monkeypatch.setattr(sys, "version_info", version)
    # Not even setuptools is needed to find out.
    monkeypatch.setitem(sys.modules, "setuptools", None)
    with pytest.raises(SystemExit) as refused:
        runpy.run_path(str(SETUP))
    first, *rest = refused.value.code.splitlines()
    assert "3.9, 3.10, 3.11 or 3.12" in first and "{}.{}".format(*version) in first
    assert "uv venv --seed --python 3.12" in " ".join(rest)


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
