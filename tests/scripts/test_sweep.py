"""Sweeps as a user starts them, on workers of this machine that are killed, stopped and resumed."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from time_bounds import LONGEST

from adversarial.evaluation import metric
from adversarial.evaluation.metric import evaluate
from adversarial.files import lock
from adversarial.scripts import sweep
from adversarial.sweep import cluster, schedule
from adversarial.sweep.records import Progress, State
from adversarial.sweep.worker import Task
from adversarial.utils import serial

distributed = pytest.importorskip("distributed", reason="the extra sweep")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

TINY = """!obj:adversarial.train.Train {
    dataset: &data !obj:adversarial.datasets.dense_design_matrix.DenseDesignMatrix {
        X: !obj:numpy.eye { N: 9 } },
    model: !obj:adversarial.AdversaryPair {
        generator: !obj:adversarial.Generator { noise: uniform, monitor_ll: 1,
            mlp: !obj:adversarial.models.mlp.MLP { nvis: 2, layers: [
                !obj:adversarial.models.mlp.Sigmoid { layer_name: y, dim: 9, irange: .05 } ] } },
        discriminator: !obj:adversarial.models.mlp.MLP { nvis: 9, layers: [
            !obj:adversarial.models.mlp.Sigmoid { layer_name: y, dim: 1, irange: .05 } ] } },
    algorithm: !obj:adversarial.training_algorithms.sgd.SGD {
        batch_size: 3, learning_rate: .1, monitoring_dataset: { valid: *data },
        cost: !obj:adversarial.AdversaryCost2 { scale_grads: 0 },
        learning_rule: !obj:adversarial.training_algorithms.learning_rule.Momentum {
            init_momentum: .5 },
        termination_criterion: !obj:adversarial.termination_criteria.EpochCounter {
            max_epochs: 60 } },
    save_path: "${PYLEARN2_TRAIN_FILE_FULL_STEM}.pkl", save_freq: 1 }
"""
TABLES = ("table.csv", "runs.csv", "results.json")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("tiny.yaml").write_text(TINY)
    return tmp_path


GRID = ("--seeds", "0-1", "--set", "algorithm.learning_rate=.05,.1", "--workers", "2")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """(tables, stdout) of the sweep GRID that nobody disturbs."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "tiny.yaml").write_text(TINY)
    command = [sys.executable, "-m", "adversarial.scripts.sweep", "tiny.yaml", *GRID]
    found = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=LONGEST)
    assert found.returncode == 0, found.stderr
    return tables(folder / "tiny_sweep"), found.stdout


@pytest.fixture
def start(folder, popen):
    """start(*argv) -> the process of the command, in a group of its own."""

    def start(*argv):
        command = [sys.executable, "-m", "adversarial.scripts.sweep", "tiny.yaml", *argv]
        return popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    return start


def finish(process):
    """(exit status, stdout, stderr) of a process."""
    out, err = process.communicate(timeout=LONGEST)
    return process.returncode, out, err


def in_this_process(**options):
    """A Dask scheduler and its workers, at an address."""
    return distributed.LocalCluster(
        **options, processes=False, protocol="tcp", host="127.0.0.1", dashboard_address=None
    )


def rows(path):
    with open(path, newline="") as stream:
        return list(csv.DictReader(stream))


def tables(folder):
    return {name: (Path(folder) / name).read_bytes() for name in TABLES}


def a_running_run(folder, process, epochs, but=()):
    """Wait for a run of a sweep that has trained for some epochs: (its name, its progress)."""
    end = time.monotonic() + LONGEST
    while time.monotonic() < end:
        for path in Path(folder).glob("*/tiny.monitor.csv"):
            found = Progress.read(str(path.parent))
            many = path.read_bytes().count(b"\n") > epochs
            if many and found.state == State.RUNNING and path.parent.name not in but:
                return path.parent.name, found
        assert process.poll() is None, finish(process)
        time.sleep(0.01)
    pytest.fail("no run has begun")


def kill_twice(start, argv):
    """Start a sweep into the folder "killed", and kill workers of two runs; its stdout."""
    process = start(*argv, "--out", "killed")
    first, found = a_running_run("killed", process, 3)
    os.kill(found.worker, signal.SIGKILL)  # its run saves and stops
    second, found = a_running_run("killed", process, 5, but=[first])
    for pid in (found.process, found.worker):  # as if the machine had lost its power
        os.kill(pid, signal.SIGKILL)
    status, out, err = finish(process)
    assert status == 0, err
    starts = {name: Progress.read(f"killed/{name}").starts for name in (first, second)}
    assert all(number > 1 for number in starts.values())
    return out


def test_a_worker_killed_twice_leaves_the_same_tables(start, whole):
    out = kill_twice(start, GRID)
    assert (tables("killed"), out) == whole
    assert [line.split()[0] for line in out.splitlines()[1:]] == [
        "learning_rate=.05",
        "learning_rate=.1",
    ]
    for row in rows("killed/runs.csv"):
        assert (row["state"], row["epochs"]) == ("done", "60")
    assert Path("killed/plot.png").stat().st_size > 5000

    # Nothing is trained again; more seeds are added, and fewer refused.
    status, again, err = finish(start(*GRID, "--out", "killed"))
    assert (status, again) == (0, out) and "4 of 4 runs are done already" in err
    assert tables("killed") == whole[0]
    status, _, err = finish(start("--seeds", "0", *GRID[2:], "--out", "killed"))
    assert status == 1 and "with more seeds and values than it had, not with fewer" in err


@pytest.mark.slow
def test_twelve_runs_and_a_worker_killed_twice(start):
    argv = ("--seeds", "0-2", "--set", "algorithm.learning_rate=.02,.05,.1,.2")
    status, out, err = finish(start(*argv, "--out", "whole"))
    assert status == 0, err
    assert kill_twice(start, argv) == out
    assert tables("killed") == tables("whole")


def test_stopped_and_continued(start, whole):
    """By Ctrl-C, which the whole group of processes gets, and by a budget of time."""
    argv = (*GRID, "--out", "s")
    process = start(*argv)
    name, _ = a_running_run("s", process, 3)
    os.killpg(process.pid, signal.SIGINT)
    status, out, err = finish(process)
    assert status == 130, err
    assert "the same command continues the sweep" in err and "to do" in out
    assert Progress.read(f"s/{name}").state in (State.STOPPED, State.DONE)
    status, out, err = finish(start(*argv, "--time-budget", ".1"))
    assert status == 75, err
    status, out, err = finish(start(*argv))
    assert status == 0, err
    assert (tables("s"), out) == whole


def test_a_run_that_diverges_and_one_that_fails(start):
    """The others go on; the tables mark them; the models are scored."""
    argv = (
        *("--set", "algorithm.learning_rate=.1,1e38,-1", "--max-epochs", "4"),
        *("--score", "nearest_distance", "--channel", "*objective_?"),
    )
    status, out, err = finish(start(*argv, "--num-samples", "50"))
    assert status == 1, err
    good, bad, failed = rows("tiny_sweep/runs.csv")
    (saved,) = Path("tiny_sweep").glob("learning_rate=.1,*/tiny.pkl")
    expected = evaluate(serial.load(saved), ["nearest_distance"], 50, training=np.eye(9))
    assert good["state"] == "done"
    assert float(good["nearest_distance"]) == expected["nearest_distance"].value > 0
    assert bad["state"] == "diverged" and bad["why"] and bad["nearest_distance"] == ""
    assert failed["state"] == "failed" and "learning_rate" in failed["why"]
    assert "0 of 1 (1 diverged)" in out and "0 of 1 (1 failed)" in out
    assert "learning_rate=1e38,seed=0: diverged" in err
    # What is trained is scored again with another number of samples, and of another model file.
    other = serial.load(saved)
    for parameter in other.generator.get_params():
        parameter.set_value(2 * parameter.get_value())
    serial.save(saved.with_name("other.pkl"), other)
    for model, more in ((saved, ()), (saved.with_name("other.pkl"), ("--score-model", "o*.pkl"))):
        finish(start(*argv, "--num-samples", "20", *more))
        expected = evaluate(serial.load(model), ["nearest_distance"], 20, training=np.eye(9))
        found = float(rows("tiny_sweep/runs.csv")[0]["nearest_distance"])
        assert found == expected["nearest_distance"].value


def test_a_running_scheduler(folder, command, capsys):
    with in_this_process(n_workers=1, threads_per_worker=2) as there:
        argv = ("tiny.yaml", "--seeds", "0-1", "--max-epochs", "2")
        assert command(*argv, "--scheduler", there.scheduler_address, "--quiet") == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[1].split()[:2] == ["tiny", "2"]


# Mistakes: each is reported once, before any run

OWN = ["tiny.yaml", "--allow-module", "metric_of_mine"]
OWN_METRIC = """
from adversarial.evaluation.metric import Result, metric


@metric(unit="")
def own_metric(samples, *, power=2):
    "A metric of mine."
    return Result(float((samples**power).mean()))
"""


@pytest.mark.parametrize(
    "argv, message",
    [
        (["none.yaml"], "none.yaml"),
        (["bad.yaml"], "bad.yaml"),
        (["tiny.yaml", "--set", "algorithm.learning_rat=.1"], "learning_rate"),
        (["tiny.yaml", "--set", "algorithm.learning_rate"], "PATH=VALUE"),
        (["tiny.yaml", "--seeds", "9-0"], "ends before it begins"),
        (["tiny.yaml", "--out", "tiny.yaml"], "--out: tiny.yaml is not a folder"),
        (["tiny.yaml", "--score", "parzen_l"], "no metric 'parzen_l'; did you mean parzen_ll?"),
        (["tiny.yaml", "--score", "fid", "--features", "no.pkl"], "no.pkl"),
        (["tiny.yaml", "--score", "kid", "--option", "kid.x=1"], "kid has no option"),
        (["tiny.yaml", "--score", "kid", "--option", "fid.x=1"], "--score does not name fid"),
        (
            "tiny.yaml --seeds 0-1 --score ais_ll --option ais_ll.state=s.npz".split(),
            "ais_ll.state names the file of a single model, and these are 2 runs",
        ),
        ([*OWN, "--score", "kidd"], "no metric 'kidd'; did you mean kid?"),
        (
            [*OWN, "--score", "own_metric", "--option", "own_metric.x=1"],
            "own_metric has no option 'x' (it has: power)",
        ),
        (["tiny.yaml", "--score", "kid", "--allow-module", "nowhere"], "--allow-module nowhere: "),
        (["tiny.yaml", "--set", "algorithm.learning_rate=.1,0.10"], "value 0.1 is given twice"),
        (["unsaved.yaml"], "saves no model"),
        (["tiny.yaml", "--out", "full"], "full is not the folder of a sweep: it has a.txt"),
    ],
)
def test_mistakes(folder, command, capsys, monkeypatch, argv, message):
    Path("bad.yaml").write_text("!obj:adversarial.train.Train {\n    dataset: [\n")
    Path("unsaved.yaml").write_text(TINY.replace(", save_freq: 1", ", save_freq: 0"))
    Path("metric_of_mine.py").write_text(OWN_METRIC)
    monkeypatch.setattr(metric, "_registered", metric.all_metrics())
    monkeypatch.delitem(sys.modules, "metric_of_mine", raising=False)
    Path("full").mkdir()
    Path("full/a.txt").touch()
    monkeypatch.setattr(cluster, "local", None)  # is not reached
    assert command(*argv) == 1
    out, err = capsys.readouterr()
    assert out == "" and message in err and "Traceback" not in err
    assert not list(Path().glob("*_sweep/*/log.txt"))


def test_what_only_a_dry_run_finds_is_reported_once(start):
    Path("tiny.yaml").write_text(
        TINY.replace("X: !obj:numpy.eye { N: 9 }", "X: !obj:numpy.eye { N: 8 }")
    )
    status, out, err = finish(start("--seeds", "0-9"))
    assert (status, out) == (1, "") and err.count("error:") == 1
    assert "Nothing was trained" in err
    # The mended file may use the same folder.
    Path("tiny.yaml").write_text(TINY)
    status, out, err = finish(start("--channel", "valid_objectiv_d", "--max-epochs", "1"))
    assert status == 1 and "did you mean valid_objective_d?" in err


def test_usage(command, capsys):
    for argv, message in [
        ([], "YAML"),
        (["a.yaml", "--best-by", "valid_gen_ll"], ":max or :min"),
        (["a.yaml", "--slurm", "queue"], "KEY=VALUE"),
        (["a.yaml", "--scheduler", "tcp://x", "--slurm"], "not allowed with"),
        (["a.yaml", "--scheduler", "tcp://x", "--workers", "3"], "--workers"),
        (["a.yaml", "--workers", "0"], "at least 1"),
        (["a.yaml", "--scheduler", ""], "--scheduler: is empty"),
        (["a.yaml", "--score", ""], "--score: is empty"),
        (["a.yaml", "--features", ""], "--features: is empty"),
        (["a.yaml", "--out", ""], "--out: is empty"),
    ]:
        with pytest.raises(SystemExit) as caught:
            command(*argv)
        assert caught.value.code == 2
        assert message in capsys.readouterr().err


def test_without_dask(folder, command, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert command("tiny.yaml") == 1
    assert 'sweeps need Dask.distributed: pip install -e ".[sweep]"' in capsys.readouterr().err


def test_a_scheduler_that_is_not_there(folder, command, capsys, monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 1.0)
    for address in ("tcp://127.0.0.1:1", "nonsense://x"):
        assert command("tiny.yaml", "--scheduler", address) == 1
        assert f"no Dask scheduler answers at {address}" in capsys.readouterr().err


def test_two_sweeps_at_once_in_one_folder(folder, command, capsys):
    Path("s").mkdir()
    child = os.fork()
    if child == 0:
        with lock.exclusive("s/sweep.json"):
            Path("locked").touch()
            time.sleep(LONGEST)
    try:
        while not Path("locked").exists():
            time.sleep(0.01)
        assert command("tiny.yaml", "--out", "s") == 1
        assert "s/sweep.json is being written by" in capsys.readouterr().err
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def agreed(*argv):
    """What `agree` makes of a command line, with the tasks' records."""
    args = sweep.parse(list(argv))
    plans = sweep.plans_of(args)
    Path("s").mkdir(exist_ok=True)
    return sweep.agree("s", plans, sweep.tasks_of(plans, "s", args), args)


@pytest.mark.parametrize("of_option", [True, False])
def test_the_seed_in_a_path_is_that_of_each_run(folder, of_option):
    path = "seeds/${SEED}/gan.pkl"
    if not of_option:
        Path("tiny.yaml").write_text(TINY.replace("${PYLEARN2_TRAIN_FILE_FULL_STEM}.pkl", path))
    tasks = agreed(
        "tiny.yaml", "--seeds", "0-2", *(["--set", f"save_path='{path}'"] if of_option else [])
    )
    for seed, task in enumerate(tasks):
        assert task.models == (os.path.join("s", task.name, f"seeds/{seed}/gan.pkl"),)


def test_models_outside_a_folder_that_is_a_link(folder):
    Path("elsewhere/deep").mkdir(parents=True)
    Path("s").symlink_to("elsewhere/deep")
    outside = folder.parent / "outside"
    path = str(outside / "${SEED}.pkl")
    tasks = agreed("tiny.yaml", "--seeds", "0-1", "--allow-outside", "--set", f"save_path='{path}'")
    models = [str(outside / f"{seed}.pkl") for seed in range(2)]
    assert [task.models for task in tasks] == [(model,) for model in models]
    runs = json.loads(Path("s/sweep.json").read_text())["runs"]
    assert [run["models"] for run in runs.values()] == [[model] for model in models]


def test_a_random_search_may_grow(folder):
    grid = (
        "--set",
        "algorithm.learning_rate=.1,.2,.3,.4,.5",
        "--set",
        "algorithm.batch_size=1,2,3",
    )
    few, more = (agreed("tiny.yaml", *grid, "--random", n) for n in ("4", "9"))
    assert [len(few), len(more)] == [4, 9] and {t.name for t in few} < {t.name for t in more}
    assert len(agreed("tiny.yaml", *grid, "--random", "99")) == 15


def test_a_random_search_in_several_experiments_may_grow(folder):
    shutil.copy("tiny.yaml", "other.yaml")
    grid = ("tiny.yaml", "other.yaml", "--set", "algorithm.learning_rate=.1,.2")
    names = [{task.name for task in agreed(*grid, "--random", number)} for number in "1234"]
    assert [len(each) for each in names] == [1, 2, 3, 4]
    assert all(few < more for few, more in zip(names, names[1:]))


def test_a_damaged_table_does_not_keep_a_sweep_from_having_tables(folder, capsys):
    argv = ("tiny.yaml", "--seeds", "0-1")
    for task, state in zip(agreed(*argv), (State.DONE, State.DIVERGED)):
        os.makedirs(task.folder)
        Progress(state, starts=1).write(task.folder)
        header = "epochs_seen,batches_seen,examples_seen,valid_objective_d"
        Path(task.folder, "tiny.monitor.csv").write_text(f"{header}\n1,3,9,0.5\n2,6,1")
    assert sweep.main([*argv, "--out", "s"]) == 1
    assert [row["state"] for row in rows("s/runs.csv")] == ["done", "diverged"]
    assert tables("s")
    assert "seed=0: done: s/seed=0/tiny.monitor.csv: has a row" in capsys.readouterr().err


def test_a_folder_is_of_one_sweep(folder):
    rate = ("--set", "algorithm.learning_rate=.1")
    (task,) = agreed("tiny.yaml", *rate, "--threads", "2")
    assert task.threads == 2 and task.begin[:5] == (
        *("tiny.yaml", "--out", "s/learning_rate=.1,seed=0", "--seed", "0"),
    )
    agreed("tiny.yaml", "--max-epochs", "3")  # nothing had begun
    (task,) = agreed("tiny.yaml", *rate, "--threads", "2")
    os.makedirs(task.folder)
    Progress(State.RUNNING, starts=1).write(task.folder)
    more = agreed("tiny.yaml", "--set", "algorithm.learning_rate=.1,.2", "--seeds", "0-4")
    assert len(more) == 10 and {each.threads for each in more} == {2}
    for argv, message in [
        ((*rate, "--max-epochs", "3"), "holds a sweep without --max-epochs"),
        ((), "its run learning_rate=.1,seed=0 and 9 more is not asked for"),
        ((*rate, "--seeds", "0-4", "--threads", "1"), "not asked for"),
    ]:
        with pytest.raises(FileExistsError, match=message):
            agreed("tiny.yaml", *argv)
    rates = ("--set", "algorithm.learning_rate=.1,.2", "--seeds", "0-4")
    for same in (str(folder / "tiny.yaml"), "./tiny.yaml", "tiny.yaml"):
        assert [each.name for each in agreed(same, *rates)] == [each.name for each in more]
    with pytest.raises(ValueError, match="its runs have --threads 2"):
        agreed("tiny.yaml", *rates, "--threads", "1")
    Path("tiny.yaml").write_text(TINY + "# edited\n")
    with pytest.raises(
        FileExistsError, match="tiny.yaml was changed after the sweep in s had begun"
    ):
        agreed("tiny.yaml", *rates)
    shutil.copy("tiny.yaml", "other.yaml")
    with pytest.raises(FileExistsError, match="s holds a sweep of tiny.yaml"):
        agreed("other.yaml", *rates)
    kept = json.loads(Path("s/sweep.json").read_text())
    later = {**kept, "experiments": {}, "options": {"later": 1}}  # of a later version
    Path("s/sweep.json").write_text(json.dumps(later))
    with pytest.raises(FileExistsError, match="s holds a sweep with --later 1, not without"):
        agreed("tiny.yaml", *rates)
    for other in ([], {**kept, "options": []}, {**kept, "threads": 0}, {"runs": {"a": {}}}):
        Path("s/sweep.json").write_text(json.dumps(other))
        with pytest.raises(ValueError, match="is not of a sweep"):
            agreed("tiny.yaml", *rates)


# The cluster


def test_shares_of_the_processors():
    assert cluster.shares(2, runs=12) == (2, 1)
    assert cluster.shares(8, runs=3) == (3, 2)
    assert cluster.shares(1, runs=5) == (1, 1)
    assert cluster.shares(4, runs=5, workers=8) == (8, 1)


def test_dask_leaves_the_processors_to_the_runs():
    from dask import config

    def settings():
        return {name: config.get(name) for name in cluster._QUIET}

    before = settings()
    with cluster.local(1) as client:
        assert client.submit(settings).result() == cluster._QUIET != before
    assert settings() == before


def test_the_job_script_of_slurm():
    pytest.importorskip("dask_jobqueue")
    options = {"queue": "gpu", "walltime": "04:00:00", "memory": "6GB", "account": "me"}
    with cluster.slurm_cluster(20, 4, options) as jobs:
        script = jobs.job_script()
    for line in ("-p gpu", "-t 04:00:00", "-A me", "--cpus-per-task=4", "-n 1", "--mem=6G"):
        assert f"#SBATCH {line}\n" in script, script
    assert sys.executable in script and "--nthreads 1" in script and "--nworkers" not in script
    with pytest.raises(ValueError, match="--slurm: .*speed"):
        cluster.slurm_cluster(1, 1, {"speed": "fast"})


class Killed(Exception):
    pass


Killed.__name__ = "KilledWorker"


class Future:
    """A future of a run whose workers died."""

    def __init__(self, status, value=None):
        self.status, self.value = status, value

    def exception(self):
        return self.value

    def result(self):
        if self.status == "error":
            raise self.value
        return self.value


def test_a_run_that_kills_its_workers_is_not_retried_for_ever(folder):
    task = Task("", str(folder), "run", str(folder), "", "", (), (), ("m.pkl",))
    saves = []
    killed = Future("error", Killed())
    for _ in range(30):  # it has saved each time
        Path("m.pkl").write_text("x" * (len(saves) + 1))
        assert schedule._outcome(killed, task, saves) is None
    for _ in range(schedule.MOST_LOSSES - 2):
        assert schedule._outcome(killed, task, saves) is None
    found = schedule._outcome(killed, task, saves)
    assert found.state == State.FAILED and "again and again" in found.why
    found = schedule._outcome(Future("error", OSError(28, "disk full")), task, [])
    assert found.state == State.FAILED and "disk full" in found.why
    recorded = Progress.read(task.folder)  # which the sweep's tables are made of
    assert (recorded.state, recorded.why) == (State.FAILED, found.why)
    assert schedule._outcome(Future("cancelled"), task, []) is None


def test_a_dry_run_that_kills_its_workers(folder):
    task = Task("", str(folder), "run", str(folder), "gan.yaml", "", (), (), ("m.pkl",))

    def client(error):
        future = Future("error", error)
        return SimpleNamespace(submit=lambda *args, **rest: future, status="running")

    with pytest.raises(ValueError, match="^gan.yaml: the workers died during its dry run\n"):
        schedule.check(client(Killed()), task, lambda: False)
    with pytest.raises(OSError, match="disk full"):
        schedule.check(client(OSError(28, "disk full")), task, lambda: False)


def test_a_dry_run_outlives_its_scheduler(folder, monkeypatch):
    monkeypatch.setattr(schedule, "TICK", 0.0)
    task = Task("", str(folder), "run", str(folder), "gan.yaml", "", (), (), ("m.pkl",))
    futures = [Future("cancelled"), Future("lost"), Future("finished", ("", ["valid_gen_ll"]))]
    client = SimpleNamespace(submit=lambda *args, **rest: futures.pop(0), status="running")
    assert schedule.check(client, task, lambda: False) == ["valid_gen_ll"] and not futures


def test_no_run_waits_while_a_worker_is_idle(folder, monkeypatch):
    """Dask would move those that wait to the worker that was free first; the other was idle."""

    def execute(task):
        began = time.monotonic()
        time.sleep(3.0 + 1.2 * (task.name == "1"))
        return vars(Progress(State.DONE, f"{began} {time.monotonic()}"))

    monkeypatch.setattr(schedule.worker, "execute", execute)
    tasks = [Task("", str(folder), name, str(folder), "", "", (), (), ()) for name in "0123"]
    with (
        in_this_process(n_workers=2, threads_per_worker=1) as there,
        distributed.Client(there) as client,
    ):
        ended = schedule.run_all(client, tasks, lambda: False, lambda ended: None)
    assert {found.state for found in ended.values()} == {State.DONE}
    spans = {name: [float(second) for second in ended[name].why.split()] for name in "0123"}
    # Two at once, in their order.
    assert spans["2"][0] < spans["1"][1] and spans["1"][1] < spans["3"][0] < spans["2"][1], spans


def test_a_run_whose_worker_dies_while_the_sweep_stops(folder):
    """It has saved before, which is what is told of it."""
    Path("run").mkdir()
    task = Task("", str(folder), "run", str(folder), "", "", (), (), ())
    workers, stops = {"a": 1, "b": 1}, []
    future = Future("pending")
    future.cancel = lambda: None

    def show(ended):
        state = State.STOPPED if stops else State.RUNNING
        if stops:
            workers.pop("a", None)
        Progress(state, sweep=task.sweep).write(task.folder)
        stops.append(True)

    client = SimpleNamespace(
        status="running", nthreads=lambda: dict(workers), submit=lambda *args, **rest: future
    )
    ended = schedule.run_all(client, [task], lambda: bool(stops), show)
    assert ended["run"].state == State.STOPPED


def test_a_dry_run_needs_one_worker(folder, command, monkeypatch):
    """Jobs of SLURM for all runs would be asked for in vain where it finds a mistake."""
    wanted = []

    def workers(args, threads, runs):
        return contextlib.nullcontext(runs)  # in place of a client

    def check(runs, *rest):
        wanted.append(runs())
        return []

    def run_all(runs, tasks, stopping, show):
        show({})
        wanted.append(runs())

    monkeypatch.setattr(sweep, "_workers", workers)
    monkeypatch.setattr(schedule, "check", check)
    monkeypatch.setattr(schedule, "run_all", run_all)
    command("tiny.yaml", "--seeds", "0-2", "--quiet")
    assert wanted == [1, 3]


def test_as_many_workers_as_runs():
    runs = 3
    with in_this_process(n_workers=0) as there:
        there.adapt(
            Adaptive=cluster.as_many_as(lambda: runs), minimum=0, maximum=2, interval="50ms"
        )

        def until(number):
            end = time.monotonic() + LONGEST
            while len(there.scheduler.workers) != number and time.monotonic() < end:
                time.sleep(0.05)
            assert len(there.scheduler.workers) == number

        until(2)
        runs = 1
        until(1)


def test_a_number_of_slurm_that_is_none():
    pytest.importorskip("dask_jobqueue")
    with pytest.raises(ValueError, match="^--slurm cores=many: must be a whole number"):
        cluster.slurm_cluster(1, 1, {"cores": "many"})
