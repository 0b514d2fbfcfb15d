"""setup.py: which Pythons it refuses, and what an installation brings."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path

import pytest
import setuptools

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
