"""The trained model that comes with the repository: what it is, and that its samples are digits."""

from __future__ import annotations

import getpass
import hashlib
import re
import runpy
import socket
import zipfile
from pathlib import Path

import numpy as np
import pytest
import setuptools

from adversarial import modelfile
from adversarial.datasets.mnist import MNIST
from adversarial.evaluation.features import digit_features
from adversarial.evaluation.nearest_neighbors import nearest_neighbors
from adversarial.evaluation.sampling import draw_samples
from adversarial.scripts import cli, evaluate, explore, parzen_ll, show_samples

ROOT = Path(__file__).parents[1]
MODEL = ROOT / "pretrained" / "mnist_table1.pkl"
ABOUT = (ROOT / "pretrained" / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def model():
    return modelfile.load(MODEL)


@pytest.fixture(scope="module")
def samples(model):
    return draw_samples(model, 500, seed=1)


def test_the_file_is_the_one_that_the_readme_describes():
    content = MODEL.read_bytes()
    assert len(content) <= 8e6
    assert re.search(r"SHA-256 *\| *`(\w+)`", ABOUT)[1] == hashlib.sha256(content).hexdigest()


def test_it_tells_nothing_of_where_it_was_made():
    content = MODEL.read_bytes()
    secrets = [b"/tmp/", b"/home/", b"/root", b"/Users", str(Path.home()).encode()]
    for name in (socket.gethostname(), getpass.getuser()):
        # "root" occurs in "/root" only; short names occur in random bytes.
        if len(name) > 4:
            secrets.append(name.encode())
    for secret in secrets:
        assert secret not in content, secret


def test_it_has_no_state_of_a_training_and_holds_its_weights_in_float16(model):
    with zipfile.ZipFile(MODEL) as archive:
        names = archive.namelist()
        kinds = set()
        for name in names:
            if name.endswith(".npy"):
                with archive.open(name) as member:
                    version = np.lib.format.read_magic(member)
                    read = getattr(np.lib.format, f"read_array_header_{version[0]}_0")
                    shape, _, dtype = read(member)
                    # Smaller ones are the records of the monitor.
                    if np.prod(shape) > 1000:
                        kinds.add(str(dtype))
    assert "training.json" not in names
    assert kinds == {"float16"}
    assert {param.get_value().dtype.name for param in model.get_params()} == {"float32"}


def test_the_classifier_of_digits_sees_all_ten_digits(samples):
    counts = np.bincount(digit_features().classes(samples), minlength=10)
    # As rare as 2 % is the most that chance makes of 10 % of 500 samples, many times over.
    assert counts.min() > 0.02 * len(samples)
    assert counts.max() < 0.25 * len(samples)


def test_samples_are_as_near_to_digits_as_digits_are():
    """The mean distance from the nearest test digit, in units of that of training digits."""
    try:
        test, training = MNIST("test").X, MNIST("train", start=0, stop=500).X
    except Exception as error:
        pytest.skip(f"no MNIST, and no way to fetch it: {error}")
    made = draw_samples(modelfile.load(MODEL), 500, seed=1)
    noise = np.random.RandomState(0).permutation(made.ravel()).reshape(made.shape)

    def distance(rows):
        return np.linalg.norm(rows - test[nearest_neighbors(test, rows)], axis=1).mean()

    own = distance(training)
    assert distance(made) < 1.1 * own
    # What no digit is lies farther away.
    assert distance(noise) > 1.4 * own
    assert distance(np.roll(made, 5, axis=1)) > 1.2 * own
    # Samples are not copies of one another.
    assert len(np.unique(made.round(2), axis=0)) == len(made)


def test_the_commands_work_on_it(folder, fast_compile):
    out = folder / "x.png"
    assert cli.run(lambda: show_samples.main([str(MODEL), "--out", str(out)])) == 0
    page = folder / "page.html"
    assert cli.run(lambda: explore.main([str(MODEL), "--out", str(page)])) == 0
    assert out.stat().st_size > 10_000 and page.stat().st_size > 1_000_000


@pytest.mark.slow
def test_its_score_is_the_one_that_the_readme_gives(capsys):
    try:
        MNIST("test")
    except Exception as error:
        pytest.skip(f"no MNIST, and no way to fetch it: {error}")
    assert cli.run(lambda: parzen_ll.main([str(MODEL)])) == 0
    score = float(re.search(r"([\d.]+) \+-", capsys.readouterr().out)[1])
    stated = re.search(r"\| after rounding[^|]*\| ([\d.]+) \+- ([\d.]+)", ABOUT)
    assert score == pytest.approx(float(stated[1]), abs=0.5)
    assert cli.run(lambda: evaluate.main([str(MODEL), "--metrics", "nearest_distance"])) == 0


def test_it_is_in_no_installation(monkeypatch):
    given: dict = {}
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(setuptools, "setup", given.update)
    runpy.run_path("setup.py")
    assert not any(package.startswith("pretrained") for package in given["packages"])
    assert not any("pretrained" in pattern for p in given["package_data"].values() for pattern in p)
    assert "data_files" not in given
