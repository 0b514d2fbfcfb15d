"""Runs the page's scripts under node."""

from __future__ import annotations

import json
import shutil
import subprocess
from importlib import resources

import pytest

from adversarial.explorer.page import SCRIPTS

# The scripts that need no browser.
OF_NODE = (*SCRIPTS[: SCRIPTS.index("drawing.js")], "players.js")


@pytest.fixture
def node(tmp_path):
    """node(script, data): the JSON that a script prints after the page's own; `data` is `given`."""
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    files = resources.files("adversarial.explorer")

    def run(script, data=None):
        path = tmp_path / "script.js"
        lines = [(files / name).read_text(encoding="utf-8") for name in OF_NODE]
        lines.append('const given = JSON.parse(require("fs").readFileSync(0, "utf8"));')
        path.write_text("\n".join([*lines, script]), encoding="utf-8")
        done = subprocess.run(
            ["node", str(path)], input=json.dumps(data), capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run
