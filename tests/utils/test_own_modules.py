"""Modules of the package come from its installation, whatever lies in the current folder."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from adversarial.config import yaml_parse
from adversarial.utils import own_modules

ROOT = Path(__file__).parents[2]
STRANGER = "import os; open('it_ran', 'w').close()\n"


@pytest.fixture
def stranger(tmp_path):
    """A folder with packages and modules that leave a file when they are imported."""
    for name in ("sandbox", "yaml", "numpy"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(STRANGER)
    (tmp_path / "x.yaml").write_text("!obj:sandbox.no_such.Thing {}")
    return tmp_path


@pytest.mark.parametrize(
    "start",
    [
        ["-m", "adversarial.scripts.show_examples"],
        [
            "-c",
            "import sys; from adversarial.scripts.show_examples import main; main(sys.argv[1:])",
        ],
    ],
    ids=["-m", "a Python user"],
)
def test_the_current_folder(start, stranger):
    if start[0] == "-c":  # Python's own rule: NumPy is the first that is found
        for name in ("yaml", "numpy"):
            (stranger / name / "__init__.py").unlink()
            (stranger / name).rmdir()
    done = subprocess.run(
        [sys.executable, *start, "x.yaml"], cwd=stranger, capture_output=True, text=True
    )
    assert "`sandbox.no_such.Thing` does not exist: `sandbox` has no `no_such`" in done.stderr
    assert not (stranger / "it_ran").exists()


@pytest.fixture
def without_sandbox():
    """No module of `sandbox` has been imported; afterwards, those that had been."""

    def take():
        return {
            name: sys.modules.pop(name)
            for name in list(sys.modules)
            if name.partition(".")[0] == "sandbox"
        }

    before = take()
    yield
    take()
    sys.modules.update(before)


def test_another_sandbox_that_is_in_use_is_named(stranger, monkeypatch, without_sandbox):
    monkeypatch.chdir(stranger)  # where its module leaves a file
    monkeypatch.syspath_prepend(stranger)
    importlib.import_module("sandbox")
    with pytest.raises(yaml_parse.YamlError, match=f"sandbox that was imported is {stranger}"):
        yaml_parse.load("!obj:sandbox.helvetica.measure.Thing {}")
    with pytest.raises(ImportError, match=f"sandbox that was imported is {stranger}"):
        own_modules.import_module("sandbox.variants")
    del sys.modules["sandbox"]
    assert own_modules.import_module("sandbox.variants").__file__.startswith(str(ROOT))
