"""The wheel is enough: built, checked, installed into an empty environment, used in another folder.

Nothing is downloaded: the environment borrows the libraries of the one that runs the tests.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest
from time_bounds import LONGEST

ROOT = Path(__file__).parents[1]
YAMLS = sorted(path.relative_to(ROOT / "yaml").as_posix() for path in ROOT.glob("yaml/**/*.yaml"))
# What is left in a folder after a build, a test or a training.
LEFTOVERS = shutil.ignore_patterns("__pycache__", "*.egg-info", "build", "dist", ".*", "*.lock")
TRAINED = shutil.ignore_patterns("*.pkl", "*.png", "*.csv")


def leftovers(folder, names):
    """The names in a folder of the repository that a copy is made without."""
    place = Path(folder).relative_to(ROOT).parts[:1]
    trained = TRAINED(folder, names) if place in [("yaml",), ("sandbox",)] else set()
    return LEFTOVERS(folder, names) | trained


pytestmark = pytest.mark.slow


def call(*words, cwd, **environ):
    """Run a command, and return what it printed."""
    known = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        words, cwd=cwd, env={**known, **environ}, capture_output=True, text=True, timeout=LONGEST
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of the repository, since a build leaves folders in it."""
    folder = tmp_path_factory.mktemp("checkout") / "repository"
    shutil.copytree(ROOT, folder, ignore=leftovers)
    # What a training may leave there, and no distribution should have.
    (folder / "yaml" / "mnist.pkl").write_bytes(b"")
    (folder / "yaml" / "mnist.png").write_bytes(b"")
    return folder


@pytest.fixture(scope="module")
def built(checkout, tmp_path_factory):
    """(source distribution, wheel made of it)"""
    pytest.importorskip("build")
    out = tmp_path_factory.mktemp("dist")
    call(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), cwd=checkout)
    (source,), (wheel,) = out.glob("*.tar.gz"), out.glob("*.whl")
    return source, wheel


def environment(folder, *what):
    """A virtual environment with what pip installs of the arguments `what`, and our libraries."""
    venv.create(folder, symlinks=True)  # without pip, whose setuptools would come first
    scripts = folder / "bin"
    libraries = sysconfig.get_path("purelib"), sysconfig.get_path("platlib")
    (site,) = folder.glob("lib/python*/site-packages")
    # A path file makes no use of the path files in the folders that it names: an editable
    # installation there stays unseen.
    (site / "libraries.pth").write_text("\n".join(dict.fromkeys(libraries)))
    options = ("--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--force-reinstall")
    pip = (sys.executable, "-m", "pip", "--python", str(scripts / "python"), "install")
    call(*pip, *options, *what, cwd=folder)
    return scripts


@pytest.fixture(scope="module")
def installed(built, tmp_path_factory):
    return environment(tmp_path_factory.mktemp("venv"), str(built[1]))


def test_what_the_distributions_hold(built, checkout):
    source, wheel = built
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())
        experiments = {name for name in packed if name.startswith("adversarial/experiments/")}
        assert experiments == {f"adversarial/experiments/{name}" for name in YAMLS}
        for name in YAMLS:
            there = archive.read(f"adversarial/experiments/{name}")
            assert there == (ROOT / "yaml" / name).read_bytes()
    package = {
        path.relative_to(checkout).as_posix() for path in checkout.glob("adversarial/**/*.*")
    }
    assert {name for name in package if not name.endswith(".md")} <= packed
    assert {path.relative_to(ROOT).as_posix() for path in ROOT.glob("sandbox/**/*.py")} <= packed
    assert {path.relative_to(ROOT).as_posix() for path in ROOT.glob("sandbox/**/*.yaml")} <= packed
    assert {name.partition("/")[0] for name in packed if ".dist-info" not in name} == {
        "adversarial",
        "sandbox",
    }
    assert packed <= {*package, *experiments} | {
        n for n in packed if n.startswith(("sandbox/", "adversarial_nets-"))
    }
    with tarfile.open(source) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {f"yaml/{name}" for name in YAMLS} <= names
    assert {"train.py", "LICENSE", "README.md", "docs/mnist.png", "tests/test_wheel.py"} <= names
    assert not {"yaml/mnist.pkl", "yaml/mnist.png"} & names


def test_an_index_would_take_them(built):
    pytest.importorskip("twine")
    said = call(sys.executable, "-m", "twine", "check", "--strict", *map(str, built), cwd=ROOT)
    assert said.count("PASSED") == 2


def test_the_commands_work_from_an_empty_folder(installed, tmp_path):
    for command in installed.glob("adversarial-*"):
        assert "usage: " in call(str(command), "--help", cwd=tmp_path)
    said = call(
        str(installed / "adversarial-train"), "figure1.yaml", "--max-epochs", "1", cwd=tmp_path
    )
    assert f"{Path('adversarial', 'experiments', 'figure1.yaml')}\n" in said
    assert {"figure1.pkl", "figure1.monitor.csv"} <= {path.name for path in tmp_path.iterdir()}
    call(
        *(str(installed / "python"), "-m", "adversarial.train", "--resume", "figure1.pkl"),
        *("--max-epochs", "2"),
        cwd=tmp_path,
    )
    said = call(str(installed / "adversarial-summarize-model"), "figure1.pkl", cwd=tmp_path)
    assert "trained for 2 epochs" in said
    said = call(str(installed / "python"), "-m", "adversarial", cwd=tmp_path)
    assert "  adversarial-train " in said and "  mnist.yaml\n" in said


def test_the_sandbox_is_that_of_the_installation(installed, tmp_path):
    (tmp_path / "sandbox").mkdir()
    (tmp_path / "sandbox" / "__init__.py").write_text("raise SystemExit('a stranger')")
    code = (
        "import adversarial; from adversarial.config.admission import resolve;"
        "print(resolve('sandbox.conditional.ConditionalAdversaryCost').__module__);"
        "import sandbox; print(sandbox.__file__, adversarial.__file__)"
    )
    said = call(
        str(installed / "python"),
        "-P" if sys.version_info >= (3, 11) else "-I",
        "-c",
        code,
        cwd=tmp_path,
    )
    module, paths = said.splitlines()
    assert module == "sandbox.conditional"
    assert all(str(installed.parent) in path for path in paths.split())


def test_an_editable_installation_reads_the_folder_yaml(checkout, tmp_path):
    scripts = environment(tmp_path / "venv", "--editable", str(checkout))
    assert not (checkout / "adversarial" / "experiments").exists()
    code = "from adversarial.files.shipped import source_of; print(source_of('mnist.yaml'))"
    said = call(str(scripts / "python"), "-c", code, cwd=tmp_path)
    assert said.strip() == str(checkout / "yaml" / "mnist.yaml")
    assert "usage: " in call(str(scripts / "adversarial-train"), "--help", cwd=tmp_path)
