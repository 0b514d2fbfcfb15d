"""Commands run within this process on bad input, and what must be true of how they end."""

from __future__ import annotations

import importlib
import logging
import os
import signal
import sys
import warnings
from typing import NamedTuple

import pytest

# Not a package; the corpus is a module of its own for the tests to import.
sys.path.insert(0, os.path.dirname(__file__))

from adversarial.monitor import Monitor  # noqa: E402
from adversarial.scripts import cli  # noqa: E402
from adversarial.train import Train  # noqa: E402


class Ended(NamedTuple):
    """How a command ended."""

    status: int
    error: str  # the whole of stderr

    def names(self, *culprits: str) -> None:
        """Fails unless this is status 1 or 2 and one line, without jargon, that has `culprits`."""
        assert self.status in (1, 2), self
        assert self.error.endswith("\n") and self.error.count("\n") == 1, self.error
        assert len(self.error) < 1000
        # The last is how a command says that it did not foresee something.
        for jargon in ("Traceback", "unexpected keyword", "(a bug; "):
            assert jargon not in self.error, self.error
        for culprit in culprits:
            assert culprit in self.error, self.error


def describe_only(self, *arguments, **options):
    """In place of a training: what comes before it is compiled."""
    self._check_save_path()
    self.model.monitor = Monitor.get_monitor(self.model)


@pytest.fixture
def command(monkeypatch, command_that_trains):
    """command(script, *arguments) -> Ended. Trainings are described, not run."""
    monkeypatch.setattr(Train, "main_loop", describe_only)
    monkeypatch.setattr(Train, "is_saved", True)
    return command_that_trains


@pytest.fixture
def command_that_trains(monkeypatch, capfd, fast_compile):
    """command(script, *arguments) -> Ended."""
    monkeypatch.delenv("ADVERSARIAL_DEBUG", raising=False)
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    root = logging.getLogger()
    handlers, handler = root.handlers[:], signal.getsignal(signal.SIGTERM)

    def run(name, *arguments):
        monkeypatch.setattr(sys, "argv", [f"{name}.py"])
        capfd.readouterr()
        try:
            script = importlib.import_module(f"adversarial.scripts.{name}")
            status = cli.run(lambda: script.main([str(argument) for argument in arguments]))
        except SystemExit as ended:
            status = ended.code
        restore()
        return Ended(status, capfd.readouterr().err)

    def restore():
        root.handlers[:] = handlers
        for name in ("train", "adversarial"):
            logging.getLogger(name).setLevel(logging.NOTSET)
        signal.signal(signal.SIGTERM, handler)

    yield run
    restore()


@pytest.fixture
def unchanged(tmp_path):
    """unchanged(): fails unless the folder holds the files it held when this was first called."""
    before = {}

    def check():
        now = {
            str(path): (path.is_file() and path.read_bytes(), path.lstat().st_mtime_ns)
            for path in tmp_path.rglob("*")
            if path.is_file() and path.suffix != ".lock"
        }  # an empty one stays beside a save path
        if not before:
            before.update(now)
        assert now == before

    return check
