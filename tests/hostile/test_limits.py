"""The commands as processes of their own: at most 10 s of computing and 2 GiB resident."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import hostile_corpus as corpus
import pytest

ROOT = Path(__file__).parents[2]
SECONDS = 10  # of the processor: a busy machine is no fault of the command
GIBIBYTES = 2
MODELS = corpus.models()
# The costliest of each kind, as measured.
YAMLS = ["100 MB", "laughs", "a wide layer"]
FILES = ["records of records", "zip bomb"]
MORE_YAMLS = sorted(set(corpus.YAML) - set(YAMLS))
MORE_FILES = sorted(set(MODELS) - set(FILES))

pytestmark = pytest.mark.skipif(not hasattr(os, "wait4"), reason="no wait4 on this system")


def spent(folder, script, *arguments):
    """Status, stderr, seconds of processor and GiB of memory of a command."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    env.pop("ADVERSARIAL_DEBUG", None)
    process = subprocess.Popen(
        [sys.executable, str(ROOT / f"{script}.py"), *arguments],
        cwd=folder,
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    error = process.stderr.read()
    process.stderr.close()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    unit = 1 if sys.platform == "darwin" else 1024
    return (
        process.returncode,
        error,
        usage.ru_utime + usage.ru_stime,
        usage.ru_maxrss * unit / 2**30,
    )


def check(folder, script, culprit, *arguments):
    before = contents(folder)
    status, error, seconds, memory = spent(folder, script, *arguments)
    assert status in (1, 2) and error.count("\n") == 1 and culprit in error, (status, error)
    assert seconds <= SECONDS and memory <= GIBIBYTES, (seconds, memory)
    assert contents(folder) == before


def contents(folder):
    # A lock stays beside a save path, empty.
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".lock"}


def check_yaml(name, folder):
    text, culprit = corpus.YAML[name]
    (folder / "bad.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    check(folder, "train", culprit, "bad.yaml")


def check_model(name, folder):
    data, culprit = MODELS[name]
    (folder / "bad.pkl").write_bytes(data)
    check(folder, "show_samples", culprit, "bad.pkl")


@pytest.mark.parametrize("name", YAMLS)
def test_yaml(name, tmp_path):
    check_yaml(name, tmp_path)


@pytest.mark.parametrize("name", FILES)
def test_model(name, tmp_path):
    check_model(name, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", MORE_YAMLS)
def test_every_yaml(name, tmp_path):
    check_yaml(name, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", MORE_FILES)
def test_every_model(name, tmp_path):
    check_model(name, tmp_path)
