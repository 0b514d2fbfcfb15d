"""parzen_ll.py, run in this process on small models and data sets of the right dimension."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys

import numpy as np
import pytest
from time_bounds import LONGEST

from adversarial.datasets import mnist, tfd
from adversarial.evaluation.parzen import parzen_log_likelihood, running_estimate
from adversarial.evaluation.sampling import draw_samples
from adversarial.models.generator import Generator
from adversarial.models.mlp import MLP, Sigmoid
from adversarial.scripts import cli, parzen_ll
from adversarial.utils import serial

pytestmark = pytest.mark.usefixtures("fast_compile")


class Data:
    """Replaces MNIST or TFD by noise, which depends on the arguments only."""

    dimension = 784

    def __init__(self, which_set, fold=0, start=0, stop=40, **kwargs):
        rng = np.random.RandomState([len(which_set), fold])
        self.X = rng.rand(stop - start, self.dimension).astype(np.float32)


class Faces(Data):
    dimension = 2304


@pytest.fixture
def command(monkeypatch):
    monkeypatch.setattr(mnist, "MNIST", Data)
    monkeypatch.setattr(tfd, "TFD", Faces)

    def run(*argv):
        return cli.run(lambda: parzen_ll.main([str(arg) for arg in argv]))

    return run


def make_model(path, dim):
    model = Generator(MLP([Sigmoid(layer_name="y", dim=dim, irange=0.5)], nvis=5))
    serial.save(path, model)
    return path


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return make_model(tmp_path_factory.mktemp("models") / "digits.pkl", 784)


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return make_model(tmp_path_factory.mktemp("models") / "faces.pkl", 2304)


def test_score_as_json(command, digits, capsys):
    argv = ["-d", "mnist", "-n", 30, "-l", 20, "-c", 4, "--seed", 3, "--json"]
    assert command(digits, *argv) == 0
    out, err = capsys.readouterr()
    result = json.loads(out)
    samples = draw_samples(serial.load(digits), 30, seed=3)
    valid, test = Data("train", start=50000, stop=60000).X[:20], Data("test").X
    sigmas = np.logspace(-1, 0, 4)
    means = [parzen_log_likelihood(valid, samples, sigma).mean() for sigma in sigmas]
    np.testing.assert_allclose(result["cross_validation"], np.transpose([sigmas, means]), atol=1e-3)
    best = sigmas[int(np.argmax(means))]
    scores = parzen_log_likelihood(test, samples, best)
    assert result["sigma"] == best
    assert result["mean"] == pytest.approx(scores.mean(), abs=1e-3)
    assert result["standard_error"] == pytest.approx(scores.std() / 40**0.5, abs=1e-3)
    assert (result["n"], result["num_samples"], result["seed"]) == (40, 30, 3)
    assert (result["dataset"], result["set"]) == ("mnist", "test")
    assert err == ""


def test_score_for_people(command, digits, capsys):
    assert command("-p", digits, "-d", "mnist", "-n", 20, "-c", 3, "-l", 5) == 0
    out = capsys.readouterr().out
    assert out.count("<- chosen") == 1 and out.count("  sigma ") == 3
    assert "mnist test set: " in out and " +- " in out and "40 examples" in out


def test_fixed_sigma_and_validation_set(command, digits, capsys):
    assert command(digits, "-d", "mnist", "-n", 20, "-s", 0.25, "-v", "--json") == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["sigma"], result["set"], result["n"]) == (0.25, "validation", 10000)
    assert result["cross_validation"] == []


def test_all_folds_of_faces(command, faces, capsys):
    argv = ["-d", "tfd", "-n", 20, "-l", 10, "-c", 4, "--sigma_start", -0.5, "--json"]
    assert command(faces, *argv) == 0
    result = json.loads(capsys.readouterr().out)
    means = [fold["mean"] for fold in result["folds"]]
    assert [fold["fold"] for fold in result["folds"]] == list(range(5))
    assert len(set(means)) == 5
    assert result["mean"] == pytest.approx(np.mean(means))
    assert result["standard_error"] == pytest.approx(np.std(means, ddof=1) / 5**0.5)
    assert command(faces, *argv, "-f", 2) == 0
    alone = json.loads(capsys.readouterr().out)
    assert alone["folds"] == [result["folds"][2]] and "mean" not in alone
    assert command(faces, *argv[:-1]) == 0
    out = capsys.readouterr().out
    assert out.count("<- chosen") == 5
    assert f"mean of 5 folds: {result['mean']:.2f} +- {result['standard_error']:.2f} nats" in out


def test_a_sigma_at_the_edge_is_pointed_out(command, digits, capsys):
    argv = ["-d", "mnist", "-n", 20, "-l", 5, "-c", 2, "--sigma_start", -2, "--sigma_end", -1]
    assert command(digits, *argv) == 0
    assert "sigma 0.1 is the outermost one tried" in capsys.readouterr().err


USAGE = [
    ([], "give one model file"),
    (["-d", "mnist"], "give one model file"),
    (["a.pkl", "-p", "b.pkl", "-d", "mnist"], "give one model file"),
    (["a.pkl", "-d", "svhn"], "mnist, tfd or a YAML file; there is no file svhn"),
    (["a.pkl", "-d", "mnist", "-s", "0"], "must be positive"),
    (["a.pkl", "-d", "mnist", "-n", "0"], "must be at least 1"),
    (["a.pkl", "-d", "tfd", "-f", "5"], "invalid choice: 5"),
    (["a.pkl", "-d", "mnist", "-f", "2"], "MNIST has no folds"),
    (["a.pkl", "-d", "mnist", "-f", "0"], "MNIST has no folds"),
    (["a.pkl", "-d", "tfd", "--running"], "give --fold"),
    (["a.pkl", "-d", "mnist", "--sigma_end", "400"], "powers of ten"),
]


@pytest.mark.parametrize("argv, message", USAGE)
def test_usage(command, argv, message, capsys):
    with pytest.raises(SystemExit) as caught:
        command(*argv)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err.splitlines()[-1]


def test_mistakes_are_one_line(command, digits, tmp_path, capsys, monkeypatch):
    junk, no_generator = tmp_path / "junk.pkl", tmp_path / "mlp.pkl"
    junk.write_bytes(b"\x80\x04}.")
    serial.save(no_generator, serial.load(digits).mlp)
    for path, dataset, message in [
        (tmp_path / "none.pkl", "mnist", "none.pkl"),
        (junk, "mnist", "junk.pkl"),
        (no_generator, "mnist", "a model of class MLP has no generator"),
        (digits, "tfd", "makes samples of 784 numbers, but tfd has 2304 or 9216"),
    ]:
        assert command(path, "-d", dataset) == 1
        out, err = capsys.readouterr()
        assert out == "" and message in err and err.count("\n") == 1


def test_missing_data_is_told_before_anything_is_drawn(command, digits, capsys, monkeypatch):
    def missing(**kwargs):
        raise FileNotFoundError("MNIST is nowhere")

    monkeypatch.setattr(mnist, "MNIST", missing)
    # So many samples would not fit in memory.
    assert command(digits, "-d", "mnist", "-n", 10**12) == 1
    assert "MNIST is nowhere" in capsys.readouterr().err


RUNNING = """
import sys
sys.path[:0] = {path!r}
import adversarial, aesara, numpy
from adversarial.datasets import mnist
aesara.config.mode = "FAST_COMPILE"
class Data:
    def __init__(self, **kwargs):
        self.X = numpy.random.RandomState(0).rand(20, 784).astype("float32")
mnist.MNIST = Data
from adversarial.scripts import parzen_ll
argv = [{model!r}, "-d", "mnist", "-s", ".3", "--running", "--json"]
sys.exit(adversarial.scripts.cli.run(lambda: parzen_ll.main(argv)))
"""


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
def test_running_estimate_until_ctrl_c(digits, popen):
    code = RUNNING.format(path=sys.path, model=str(digits))
    child = popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    lines = [json.loads(child.stdout.readline()) for _ in range(3)]
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=LONGEST)
    assert child.returncode == 0
    assert err == "\nCtrl-C: stopping after this score; a second Ctrl-C stops at once\n"
    assert [line["num_samples"] for line in lines] == [1, 2, 3]
    samples = draw_samples(serial.load(digits), 3, seed=1, batch_size=1)
    data = np.random.RandomState(0).rand(20, 784).astype("float32")
    for line in lines:
        expected = parzen_log_likelihood(data, samples[: line["num_samples"]], 0.3).mean()
        assert line["mean"] == pytest.approx(expected, abs=1e-3)


@pytest.fixture
def stop_after(command, monkeypatch):
    """stop_after(n): Ctrl-C is pressed while --running is at its n-th score."""

    def set_up(n):
        def interrupted(*args):
            for i, scored in enumerate(running_estimate(*args), start=1):
                if i == n:
                    signal.raise_signal(signal.SIGINT)
                yield scored

        monkeypatch.setattr(parzen_ll, "running_estimate", interrupted)

    return set_up


@pytest.mark.parametrize("batch, seen", [((), range(1, 41)), (("-b", 16), (16, 32, 48))])
def test_running_estimate_is_that_of_all_samples_so_far(
    command, digits, capsys, stop_after, batch, seen
):
    stop_after(len(seen))
    assert command(digits, "-d", "mnist", "-s", ".3", "--running", *batch) == 0
    *lines, last = capsys.readouterr().out.splitlines()
    size = batch[1] if batch else 1
    samples = draw_samples(serial.load(digits), seen[-1], seed=1, batch_size=size)
    scored = Data("test").X
    for n, line in zip(seen, lines):
        expected = parzen_log_likelihood(scored, samples[:n], 0.3)
        count, value = re.fullmatch(r"(\d+) samples: (\S+) nats", line).groups()
        assert (int(count), float(value)) == (n, pytest.approx(expected.mean(), abs=0.006))
    assert len(lines) == len(seen)
    found = re.fullmatch(
        rf"mnist test set, {seen[-1]} samples: (\S+) \+- (\S+) nats "
        rf"\(sigma 0.3000, {len(scored)} examples\)",
        last,
    )
    error = expected.std() / len(scored) ** 0.5
    assert [float(x) for x in found.groups()] == pytest.approx([expected.mean(), error], abs=0.006)


def test_running_estimate_chooses_sigma_with_other_samples(command, digits, capsys, stop_after):
    assert command(digits, "-d", "mnist", "-n", 50, "--json") == 0
    chosen = json.loads(capsys.readouterr().out)["sigma"]
    stop_after(1)
    assert command(digits, "-d", "mnist", "-n", 50, "--running", "--json") == 0
    assert json.loads(capsys.readouterr().out)["sigma"] == chosen
