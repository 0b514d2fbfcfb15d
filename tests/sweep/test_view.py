"""The live view, in a terminal and in a log file."""

from __future__ import annotations

import io
import json
import os
import re

import numpy as np
import pytest

from adversarial.sweep import view
from adversarial.sweep.records import Progress, State
from adversarial.sweep.view import LiveView
from adversarial.sweep.worker import Task


class Terminal(io.StringIO):
    encoding = "ascii"

    def isatty(self):
        return True

    def screen(self):
        """The lines that a terminal would show."""
        lines: list[str] = []
        for number, part in re.findall(r"(?:\x1b\[(\d+)A\r\x1b\[J)?((?:.*\n)?)", self.getvalue()):
            lines = lines[: len(lines) - int(number or 0)]
            lines += part.splitlines()
        return lines


@pytest.fixture
def sweep(tmp_path, monkeypatch):
    """(tasks, advance): three runs; `advance` writes epochs of one."""
    monkeypatch.setattr(view, "REDRAW", 0.0)
    monkeypatch.setattr(view, "REPORT", 1e9)
    names = [f"rate={rate},seed=0" for rate in (1, 2, 3)]
    tasks = [
        Task("now", str(tmp_path), name, str(tmp_path), "", "", (), (), (f"{name}/gan.pkl",))
        for name in names
    ]

    def advance(number, epochs):
        folder = tmp_path / names[number]
        folder.mkdir(exist_ok=True)
        Progress(State.RUNNING, sweep="now").write(str(folder))
        rows = "".join(f"{e},{e},{e},{np.float32(1 / (1 + e))},7.5\n" for e in range(epochs + 1))
        columns = "epochs_seen,batches_seen,examples_seen,valid_objective_d,valid_objective_g\n"
        (folder / "gan.monitor.csv").write_text(columns + rows)

    return tasks, advance


def test_in_a_terminal(sweep):
    tasks, advance = sweep
    terminal = Terminal()
    show = LiveView(tasks, stream=terminal)
    show({})
    assert [line.partition(";")[0] for line in terminal.screen()] == [
        "0 of 3 runs done, 0 running, 3 waiting"
    ]
    advance(0, 1)
    advance(1, 3)
    show({})
    assert terminal.screen()[1:] == [
        "  rate=1,seed=0: epoch 1, valid_objective_d 0.5, valid_objective_g 7.5",
        "  rate=2,seed=0: epoch 3, valid_objective_d 0.25, valid_objective_g 7.5",
    ]
    advance(0, 9)
    show({tasks[1].name: Progress(State.DIVERGED, "objective is \x1b[2J nan")})
    first, second, third = terminal.screen()
    assert first == r"rate=2,seed=0: diverged: objective is \x1b[2J nan"
    assert second.startswith("0 of 3 runs done, 1 running, 1 waiting, 1 diverged; ")
    assert third == "  rate=1,seed=0: epoch 9, valid_objective_d 0.1, valid_objective_g 7.5"
    show.close()
    assert terminal.screen() == [first]


def test_in_a_log_file_only_what_ended_is_told(sweep):
    tasks, advance = sweep
    log = io.StringIO()
    show = LiveView(tasks, ["*_g"], stream=log)
    advance(0, 2)
    show({})
    assert log.getvalue() == ""
    ended = {tasks[0].name: Progress(State.DONE)}
    show(ended)
    show({**ended, tasks[1].name: Progress(State.FAILED, "no such file")})
    show({**ended, tasks[2].name: Progress(State.STOPPED)})
    assert log.getvalue().splitlines() == [
        "rate=1,seed=0: done; epoch 2, valid_objective_g 7.5",
        "rate=2,seed=0: failed: no such file",
    ]


def test_files_that_are_being_damaged_do_not_end_a_sweep(sweep, tmp_path):
    tasks, advance = sweep
    advance(0, 1)
    (tmp_path / tasks[0].name / "gan.monitor.csv").write_text("x")
    terminal = Terminal()
    show = LiveView(tasks, stream=terminal)
    show({})
    assert terminal.screen()[1] == "  rate=1,seed=0: starting"
    advance(0, 1)
    os.utime(tmp_path / tasks[0].name / "gan.monitor.csv", (0, 0))
    show({})
    assert terminal.screen()[1].startswith("  rate=1,seed=0: epoch 1")
    (tmp_path / tasks[0].name / "run.json").write_text(json.dumps([]))
    show({})
