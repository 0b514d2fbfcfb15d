"""No page, docstring or comment has one of the spelling mistakes that codespell knows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from time_bounds import LONGEST

ROOT = Path(__file__).parents[1]
CHECKED = ("adversarial", "benchmarks", "docs", "pretrained", "sandbox", "yaml")
# Names of variables; and Yee Whye Teh, an author.
NO_MISTAKES = ("--ignore-words-list=nd", r"--ignore-regex=\bTeh\b")


def spell(*paths):
    pytest.importorskip("codespell_lib", reason="codespell is not installed")
    skipped = "*.png,*.pkl,*.csv,*.gif,*.svg,*.html,*.js,*.npz,*.pyc"
    command = [sys.executable, "-m", "codespell_lib", "--quiet-level=3", f"--skip={skipped}"]
    command += [*NO_MISTAKES, *map(str, paths)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LONGEST)


def test_spelling():
    found = spell(*CHECKED, *sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("*.py")))
    assert found.returncode == 0, found.stdout + found.stderr


def test_a_mistake_is_found(tmp_path):
    (tmp_path / "page.md").write_text("a sentence that occured\n")
    found = spell(tmp_path)
    assert found.returncode != 0 and "occured ==> occurred" in found.stdout
