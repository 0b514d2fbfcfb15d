"""Several devices and several processes: the trajectory of one device, by train.py as users run it.

Devices are virtual: XLA makes as many of a CPU as it is told to.
"""

from __future__ import annotations

import csv
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from time_bounds import LONGEST

pytest.importorskip("jax", reason="JAX, the second engine, is not installed")

from adversarial.backend.engines.jax import devices  # noqa: E402
from adversarial.utils import serial  # noqa: E402

ROOT = Path(__file__).parents[4]

HELPER = """
import numpy as np
from adversarial.datasets.dense_design_matrix import DenseDesignMatrix

def images(n, seed=0):
    X = np.random.RandomState(seed).uniform(size=(n, 3, 4, 1)).astype("float32")
    return DenseDesignMatrix(topo_view=X)
"""

GAME = """
!obj:adversarial.train.Train {
    dataset: !obj:helper.images {n: 100},
    model: !obj:adversarial.AdversaryPair {
        generator: !obj:adversarial.Generator {
            noise: gaussian,
            mlp: !obj:adversarial.models.mlp.MLP {
                nvis: 3,
                layers: [
                    !obj:adversarial.models.mlp.RectifiedLinear {
                        layer_name: h, dim: 7, irange: .5
                    },
                    !obj:adversarial.models.mlp.Sigmoid {layer_name: y, dim: 12, irange: .5}
                ]
            }
        },
        discriminator: !obj:adversarial.models.mlp.MLP {
            nvis: 12,
            layers: [
                !obj:adversarial.models.maxout.Maxout {
                    layer_name: h, num_units: 5, num_pieces: 2, irange: .5
                },
                !obj:adversarial.models.mlp.Sigmoid {layer_name: y, dim: 1, irange: .5}
            ]
        }
    },
    algorithm: !obj:adversarial.training_algorithms.sgd.SGD {
        batch_size: 24,
        learning_rate: .1,
        learning_rule: !obj:adversarial.training_algorithms.learning_rule.Momentum {
            init_momentum: .5
        },
        monitoring_dataset: {valid: !obj:helper.images {n: 40, seed: 1}},
        cost: !obj:adversarial.AdversaryCost2 {
            scale_grads: 0,
            discriminator_default_input_include_prob: .5,
            discriminator_default_input_scale: 2.
        },
        update_callbacks: !obj:adversarial.training_algorithms.schedules.ExponentialDecay {
            decay_factor: 1.01, min_lr: .001
        }
    },
    save_path: "${PYLEARN2_TRAIN_FILE_FULL_STEM}.pkl",
    save_freq: 1
}
"""


def begin(folder, *args, virtual=1, backend="jax"):
    """train.py in `folder`, where XLA makes `virtual` devices of the CPU."""
    args = args if "--resume" in args else ("game.yaml", *args)
    folder.mkdir(exist_ok=True)
    (folder / "helper.py").write_text(HELPER)
    (folder / "game.yaml").write_text(GAME)
    path = os.pathsep.join([str(folder), str(ROOT)])
    env = {
        **os.environ,
        "PYTHONPATH": path,
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={virtual}",
        # What C computes is not the subject here.
        "AESARA_FLAGS": "mode=FAST_COMPILE,cxx=",
    }
    return subprocess.Popen(
        [sys.executable, str(ROOT / "train.py"), *args, "--backend", backend,
         "--allow-module", "helper"],
        cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def together(folders, *args, each=None):
    """One process in each of `folders`, that train together; `each`: further options of each."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    return [
        begin(folder, *args, *(each[i] if each else ()), "--coordinator", address,
              "--num-processes", str(len(folders)), "--process-id", str(i))
        for i, folder in enumerate(folders)
    ]  # fmt: skip


def ended(process):
    try:
        err = process.communicate(timeout=LONGEST)[1]
    finally:
        process.kill()  # of no effect on one that has ended
    assert process.returncode == 0, err
    return err


def trajectory(folder):
    """Every channel at every epoch but those of time, and the parameters at the end."""
    with open(folder / "game.monitor.csv", newline="") as stream:
        rows = [
            {name: float(value) for name, value in row.items() if "seconds" not in name}
            for row in csv.DictReader(stream)
        ]
    return rows, serial.load(folder / "game.pkl").get_param_vector()


def alike(one, other):
    """Up to rounding of float32, which grows along the way."""
    assert len(one[0]) == len(other[0])
    for row, another in zip(one[0], other[0]):
        assert row == pytest.approx(another, rel=1e-3, abs=1e-5)
    np.testing.assert_allclose(one[1], other[1], rtol=1e-3, atol=1e-5)


@pytest.fixture(scope="module")
def of_one(tmp_path_factory):
    folder = tmp_path_factory.mktemp("one") / "run"
    err = ended(begin(folder, "--max-epochs", "2"))
    assert ", 1 CPU\n" in err
    return trajectory(folder)


@pytest.mark.slow
def test_eight_devices_train_as_one_does_and_two_processes_go_on(of_one, tmp_path):
    folders = [tmp_path / "eight", tmp_path / "second"]
    first = ended(begin(folders[0], "--max-epochs", "1", "--devices", "8", virtual=8))
    assert ", 8 CPUs\n" in first
    folders[1].mkdir()
    shutil.copy(folders[0] / "game.pkl", folders[1])
    for process in together(folders, "--resume", "game.pkl", "--max-epochs", "2"):
        ended(process)
    alike(trajectory(folders[0]), of_one)
    engines = serial.load(folders[0] / "game.pkl").monitor.engines
    assert [epoch for epoch, _ in engines] == [0, 1]
    assert engines[0][1].endswith("8 CPUs") and engines[1][1].endswith("2 CPUs of 2 processes")


@pytest.mark.slow
def test_two_devices_go_on_as_one(of_one, tmp_path):
    folder = tmp_path / "two"
    ended(begin(folder, "--max-epochs", "1", "--devices", "2", virtual=2))
    ended(begin(folder, "--resume", "game.pkl", "--max-epochs", "2"))
    alike(trajectory(folder), of_one)


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1])
def test_when_one_process_is_killed_the_other_ends_and_says_so(victim, tmp_path):
    folders = [tmp_path / "first", tmp_path / "second"]
    processes = together(folders)
    try:
        until(lambda: (folders[0] / "game.pkl").exists(), processes)
        service = children(processes[0].pid)
        processes[victim].kill()
        err = processes[1 - victim].communicate(timeout=180)[1]  # 1 to 22 s where nothing else ran
        assert processes[1 - victim].returncode == 1
        first, second = err[err.index("train.py: error:") :].splitlines()
        assert f"process {victim} of 2 has ended" in first and "--resume" in second
        assert "Traceback" not in err
        # Nor is JAX's service left.
        assert service
        until(lambda: not any(map(is_alive, service)))
    finally:
        for process in processes:
            process.kill()
    assert serial.load(folders[0] / "game.pkl").monitor.get_epochs_seen() >= 1


@pytest.mark.slow
def test_processes_that_train_different_things_end_at_once(tmp_path):
    folders = [tmp_path / "first", tmp_path / "second"]
    processes = together(folders, each=[["--seed", "1"], ["--seed", "2", "--max-epochs", "1"]])
    try:
        errors = [process.communicate(timeout=LONGEST)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [1, 1]
    for err in errors:
        assert "train.py: error: process 1 differs from process 0 in: --seed, --max-epochs\n" in err
    assert not (folders[0] / "game.pkl").exists()


def until(condition, processes=()):
    end = time.monotonic() + LONGEST
    while not condition():
        assert time.monotonic() < end and all(p.poll() is None for p in processes)
        time.sleep(0.1)


def is_alive(pid):
    try:
        return "(zombie)" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def children(pid):
    """Process ids of the children of a process."""
    found = Path(f"/proc/{pid}/task/{pid}/children")
    return found.read_text().split()


@pytest.mark.slow
@pytest.mark.parametrize("engines", [("c", "jax"), ("jax", "c")])
def test_what_one_engine_has_trained_the_other_goes_on_with(engines, of_one, tmp_path):
    folder = tmp_path / "both"
    ended(begin(folder, "--max-epochs", "1", backend=engines[0]))
    ended(begin(folder, "--resume", "game.pkl", "--max-epochs", "2", backend=engines[1]))
    alike(trajectory(folder), of_one)


@pytest.mark.slow
def test_two_processes_train_as_one_does_and_the_first_saves(of_one, tmp_path):
    folders = [tmp_path / "first", tmp_path / "second"]
    processes = together(folders, "--max-epochs", "2")
    try:
        errors = [ended(p) for p in processes]
    finally:
        processes[1].kill()  # it waits for the first, however that has ended
    assert ", 2 CPUs of 2 processes\n" in errors[0] and "epoch" not in errors[1]
    alike(trajectory(folders[0]), of_one)
    assert sorted(path.name for path in folders[1].glob("game*")) == ["game.yaml"]


@pytest.mark.slow
def test_a_signal_to_one_process_ends_all_after_the_same_minibatch(tmp_path):
    folders = [tmp_path / "first", tmp_path / "second"]
    processes = together(folders)
    end = time.monotonic() + LONGEST
    try:
        while not (folders[0] / "game.pkl").exists():
            assert time.monotonic() < end and processes[0].poll() is None
            time.sleep(0.1)
        processes[1].send_signal(signal.SIGINT)
        errors = [p.communicate(timeout=LONGEST)[1] for p in processes]
    finally:
        for process in processes:
            process.kill()
    assert [p.returncode for p in processes] == [130, 130], errors
    batches = [error.split("minibatches: ")[1].split(";")[0] for error in errors]
    assert batches[0] == batches[1]
    assert "saved game.pkl" in errors[0]


@pytest.mark.parametrize(
    "n, factors", [(1, []), (2, [2]), (8, [2, 2, 2]), (12, [2, 2, 3]), (7, [7])]
)
def test_factors(n, factors):
    assert devices._factors(n) == factors


@pytest.mark.parametrize(
    "args, words",
    [
        (["--devices", "1000"], "1000 devices are asked for, but JAX sees 1 of kind cpu"),
        (["--num-processes", "2"], "not given: --coordinator, --process-id"),
        (
            ["--coordinator", "here", "--num-processes", "2", "--process-id", "0"],
            "HOST:PORT, not 'here'",
        ),
        (
            ["--coordinator", "here:80", "--num-processes", "2", "--process-id", "2"],
            "0 .. 1, not 2",
        ),
    ],
)
def test_mistakes_are_one_line(args, words, tmp_path):
    process = begin(tmp_path, *args)
    err = process.communicate(timeout=LONGEST)[1]
    assert process.returncode == 1
    assert err.count("\n") == 1 and words in err
