"""A worker and its runs, which here are short programs in place of train.py."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from time_bounds import LONGEST

from adversarial.sweep import child, records, worker
from adversarial.sweep.records import Heart, Progress, State, Watch
from adversarial.sweep.worker import Task

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals")

# What the stand-in for train.py does: each start runs the next of these lines; `save` writes the
# model, `resumed` checks that the worker resumes it.
PROGRAM = """
import os, signal, sys, time
folder = os.path.dirname(os.path.abspath(__file__))
starts = os.path.join(folder, "starts.txt")
with open(starts, "a") as stream:
    stream.write(" ".join(sys.argv[1:]) + chr(10))
number = len(open(starts).readlines())
lines = open(os.path.join(folder, "program.txt")).read().splitlines()
def save():
    with open(os.path.join(folder, "run", "m.pkl"), "a") as stream:
        stream.write("x")
def fail(text, status=1):
    print("train.py: error:", text, file=sys.stderr)
    sys.exit(status)
def die(signum=signal.SIGKILL):
    os.kill(os.getpid(), signum)
def wait():
    signal.signal(signal.SIGTERM, lambda *_: (save(), sys.exit(143)))
    open(os.path.join(folder, "waits"), "w").close()
    time.sleep(60)
exec(lines[min(number, len(lines)) - 1])
"""


@pytest.fixture
def play(tmp_path, monkeypatch):
    """play(*lines) -> (Progress, the arguments of each start)."""
    script = tmp_path / "stand_in.py"
    script.write_text(PROGRAM)
    monkeypatch.setattr(worker.child, "__file__", str(script))
    monkeypatch.setattr(worker, "POLL", 0.02)
    (tmp_path / "a.yaml").write_text("text")
    task = Task(
        sweep="now",
        root=str(tmp_path),
        name="run",
        cwd=str(tmp_path),
        config="a.yaml",
        digest=hashlib.sha256(b"text").hexdigest(),
        begin=("a.yaml", "--seed", "3"),
        go_on=("--quiet",),
        models=("run/m.pkl",),
    )

    def play(*lines, during=None, **changes):
        (tmp_path / "program.txt").write_text("\n".join(lines))
        (tmp_path / "starts.txt").unlink(missing_ok=True)
        with Heart(str(tmp_path), "now") as heart:
            if during is not None:
                threading.Thread(target=during, args=(heart,), daemon=True).start()
            found = Progress(**worker.execute(dataclasses.replace(task, **changes)))
        assert found == Progress.read(str(tmp_path / "run"))
        starts = tmp_path / "starts.txt"
        return found, starts.read_text().splitlines() if starts.exists() else []

    return play


def test_a_run_that_ends(play):
    progress, starts = play("save(); print('all well')")
    assert (progress.state, progress.why, progress.starts, progress.trained) == (
        "done",
        "",
        1,
        True,
    )
    assert starts == ["train a.yaml --seed 3"]
    again, starts = play("save()")  # nothing is done twice
    assert (again, starts) == (progress, [])


def test_a_killed_run_is_resumed_from_its_last_save(play, tmp_path):
    progress, starts = play("die()", "save(); die()", "save(); die()", "save()")
    assert (progress.state, progress.starts) == (State.DONE, 4)
    resumed = "train --resume run/m.pkl --quiet"
    assert starts == ["train a.yaml --seed 3", "train a.yaml --seed 3", resumed, resumed]
    assert (tmp_path / "run" / "m.pkl").read_text() == "xxx"


def test_a_run_that_is_always_killed_has_failed(play):
    progress, starts = play("die()")
    assert progress.state == State.FAILED and len(starts) == worker.MOST_DEATHS
    assert progress.why == "ended by SIGKILL (out of memory?) 3 times without a save between"
    progress, starts = play("save(); die()", "die(signal.SIGSEGV)")
    assert len(starts) == 3 and "SIGSEGV 3 times" in progress.why


def test_an_error_is_not_retried_until_the_sweep_is_started_again(play):
    progress, starts = play("fail('no such data: x.npy')", "save()")
    assert (progress.state, progress.why, len(starts)) == ("failed", "no such data: x.npy", 1)
    assert play("save()")[0].state == State.DONE


def test_a_divergence_is_a_result(play):
    progress, _ = play(f"fail('objective_d is nan', {child.DIVERGED})")
    assert (progress.state, progress.why) == (State.DIVERGED, "objective_d is nan")
    assert play("save()")[1] == []


def test_files_that_another_process_writes(play, monkeypatch):
    monkeypatch.setattr(worker._Run, "_sleep", lambda self, seconds: None)
    taken = f"fail('m.pkl is being written by process 1', {child.TAKEN})"
    progress, starts = play(taken, taken, taken, taken, "save()")
    assert progress.state == State.DONE and len(starts) == 5
    os.remove(os.path.join(os.path.dirname(worker.child.__file__), "run", "run.json"))
    monkeypatch.setattr(worker, "PATIENCE", -1)
    progress, starts = play(taken)
    assert progress.state == State.FAILED and "is being written by process 1" in progress.why


@pytest.mark.parametrize("how", ["stop", "another sweep", "dead"])
def test_the_sweep_stops_its_runs(play, tmp_path, how):
    def during(heart):
        while not (tmp_path / "waits").exists():
            time.sleep(0.01)
        if how == "stop":
            heart.stop()
        elif how == "another sweep":
            heart._content["sweep"] = "another"
            heart._write()

    progress, starts = play("wait()", during=during, lost_after=0.4 if how == "dead" else 100)
    assert progress.state == State.STOPPED and len(starts) == 1
    progress, starts = play("save()")
    assert progress.state == State.DONE and starts == ["train --resume run/m.pkl --quiet"]


def test_a_run_that_has_not_begun_when_the_sweep_stops(play):
    progress, starts = play("save()", sweep="an earlier start")
    assert (progress.state, starts) == (State.STOPPED, [])


def test_a_changed_experiment(play, tmp_path):
    (tmp_path / "a.yaml").write_text("edited")
    progress, starts = play("save()")
    assert (progress.state, starts) == (State.FAILED, [])
    assert progress.why == "a.yaml was changed after the sweep had begun"


def test_scores(play, tmp_path):
    metrics = ("--metrics", "radius")
    progress, starts = play("save()", "fail('no data')", metrics=metrics)
    assert (progress.state, progress.why, progress.trained) == (State.FAILED, "no data", True)
    progress, starts = play("pass", metrics=metrics)  # the training is not repeated
    table = tmp_path / "run" / "scores.csv"
    assert starts == [f"evaluate run/m.pkl --metrics radius --csv {table} --overwrite"]
    assert (progress.state, progress.starts) == (State.DONE, 1)


def test_without_scores_a_trained_run_is_done(play):
    metrics = ("--metrics", "radius")
    assert play("save()", "fail('no data')", metrics=metrics)[0].state == State.FAILED
    progress, starts = play("fail('is not started')")  # the sweep goes on without --score
    assert (progress.state, progress.why, starts) == (State.DONE, "", [])


def test_a_run_that_is_scored_is_running(play, tmp_path):
    seen = []

    def during(heart):
        while not (tmp_path / "waits").exists():
            time.sleep(0.01)
        seen.append(Progress.read(str(tmp_path / "run")))
        heart.stop()

    progress, _ = play("save()", "wait()", during=during, metrics=("--metrics", "radius"))
    assert [(each.state, each.trained) for each in seen] == [(State.RUNNING, True)]
    assert progress.state == State.STOPPED


def test_an_error_of_an_earlier_start_is_not_that_of_a_later_one(play):
    assert play("fail('no such data: x.npy')")[0].why == "no such data: x.npy"
    progress, _ = play("save()", "die()", metrics=("--metrics", "radius"))
    assert (progress.state, progress.why) == (
        State.FAILED,
        "the score was ended by SIGKILL (out of memory?)",
    )
    progress, _ = play("print('a.py: unexpected X'); sys.exit(1)", metrics=("--metrics", "y"))
    assert progress.why == "unexpected X"


def test_the_model_to_score(play, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (run / "m_averaged.pkl").touch()
    progress, starts = play("save()", metrics=("--metrics", "x"), scored="*_averaged.pkl")
    assert starts[1].startswith(f"evaluate {run / 'm_averaged.pkl'} --metrics x")
    (run / "run.json").unlink()
    progress, _ = play("save()", metrics=("--metrics", "x"), scored="nothing.pkl")
    assert progress.state == State.FAILED and "has no file nothing.pkl to score" in progress.why
    (run / "run.json").unlink()
    progress, _ = play("save()", metrics=("--metrics", "x"), scored="*.pkl")
    assert "has 2 files *.pkl to score" in progress.why


def test_the_folder_must_be_shared(play, tmp_path):
    with pytest.raises(FileNotFoundError, match="on a file system that all machines share"):
        play("save()", root=str(tmp_path / "elsewhere"))


def test_a_share_of_the_processors():
    found = worker._environment({"A": "1", "OMP_NUM_THREADS": "9", worker._OF_DASK: "65536"}, 2)
    share = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "2")
    assert found == {"A": "1", **share}


def test_the_dry_run(play, tmp_path):
    (tmp_path / "program.txt").write_text("print('epoch 0'); print('    valid_x: 0.5')")
    task = Task(
        "now", str(tmp_path), "run", str(tmp_path), "a.yaml", "", ("a.yaml",), (), ("run/m.pkl",)
    )
    with Heart(str(tmp_path), "now"):
        assert worker.dry_run(task) == ("", ["valid_x"])
        (tmp_path / "program.txt").write_text("fail('a.yaml line 3: no')")
        assert worker.dry_run(task) == ("a.yaml line 3: no", [])
        (tmp_path / "program.txt").write_text("print('dry run: all was measured'); die()")
        assert worker.dry_run(task) == ("the dry run was ended by SIGKILL (out of memory?)", [])
    assert not (tmp_path / "run" / "run.json").exists()
    starts = (tmp_path / "starts.txt").read_text().splitlines()
    assert starts == 3 * ["train a.yaml --max-epochs 0 --all-channels"]


# The process of a run


def test_a_run_does_not_outlive_its_worker(tmp_path):
    """The pipe closes when the worker is killed; then the run ends as by SIGTERM."""
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import subprocess, sys, time\n"
            f"run = [sys.executable, {child.__file__!r}, 'train', '/dev/stdin']\n"
            "process = subprocess.Popen(run, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)\n"
            "print(process.pid, flush=True)\n"
            "time.sleep(60)",
        ],
        stdout=subprocess.PIPE,
    )
    pid = int(parent.stdout.readline())
    os.kill(pid, 0)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    for _ in range(600):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            break
        state = Path(f"/proc/{pid}/stat")  # an orphan in a container may stay as a zombie
        if state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z":
            break
        time.sleep(0.1)
    else:
        os.kill(pid, signal.SIGKILL)
        pytest.fail("the run lives")


def test_the_process_s_own_statuses(tmp_path):
    def status(*words):
        read, write = os.pipe()  # stays open, as that of a worker
        try:
            command = [sys.executable, child.__file__, *words]
            return subprocess.run(command, stdin=read, capture_output=True, text=True)
        finally:
            os.close(read)
            os.close(write)

    bad = status("train", str(tmp_path / "none.yaml"))
    assert bad.returncode == 1 and bad.stderr.startswith("train.py: error: ")
    assert status("train").returncode == 2
    assert "nothing.pkl" in status("evaluate", "nothing.pkl").stderr


# The records


def test_a_record_that_is_damaged(tmp_path):
    path = tmp_path / records.RUN
    assert Progress.read(str(tmp_path)) == Progress()
    path.write_text("{")
    with pytest.raises(ValueError, match="run.json: is no JSON"):
        Progress.read(str(tmp_path))
    path.write_text(json.dumps({"state": 3}))
    with pytest.raises(ValueError, match="state is 3"):
        Progress.read(str(tmp_path))


def test_heartbeats(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "BEAT_EVERY", 0.01)
    with Heart(str(tmp_path), "a"):
        watch = Watch(str(tmp_path), "a", lost_after=5.0)
        assert not watch.is_over()
        first = watch._last
        for _ in range(500):
            time.sleep(0.01)
            assert not watch.is_over()
            if watch._last != first:
                break
        assert watch._last != first
        assert Watch(str(tmp_path), "b").is_over()
    assert watch.is_over()  # the end of the block stops the runs


def test_on_a_full_disk_the_sweep_lives_and_ends_without_an_error(tmp_path, monkeypatch):
    write = records.write_json
    is_full = threading.Event()

    def write_json(path, content):
        if is_full.is_set():
            raise OSError(28, "No space left on device", path)
        write(path, content)

    monkeypatch.setattr(records, "write_json", write_json)
    monkeypatch.setattr(records, "BEAT_EVERY", 0.01)
    with Heart(str(tmp_path), "a"):
        is_full.set()
        watch = Watch(str(tmp_path), "a")
        assert not watch.is_over()
        first, end = watch._last, time.monotonic() + LONGEST
        while watch._last == first and time.monotonic() < end:
            time.sleep(0.01)
            assert not watch.is_over()
        assert watch._last != first
    lost = Watch(str(tmp_path), "a", lost_after=0.1)
    assert not lost.is_over()
    time.sleep(0.2)
    assert lost.is_over()  # the end of the block is known by the missing beats


def test_a_sweep_does_not_begin_on_a_full_disk(tmp_path, monkeypatch):
    def write_json(path, content):
        raise OSError(28, "No space left on device", path)

    monkeypatch.setattr(records, "write_json", write_json)
    with pytest.raises(OSError, match="No space left"), Heart(str(tmp_path), "a"):
        pass
