"""Our settings, and the user's, which win."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from adversarial import backend
from adversarial.backend.toolchain import compiled_code, config

ROOT = os.path.dirname(os.path.dirname(backend.__path__[0]))
SHOW = (
    "from adversarial import backend; import aesara; c = aesara.config;"
    "print(backend.floatX, c.floatX, c.gcc__cxxflags, c.openmp, c.allow_gc, sep='|')"
)


def run(script, **environment):
    environment = {**os.environ, **environment}
    return subprocess.run(
        [sys.executable, "-c", script], env=environment, cwd=ROOT, capture_output=True, text=True
    )


@pytest.fixture
def rc(tmp_path):
    path = tmp_path / "aesararc"
    path.write_text("[global]\nfloatX = float64\nallow_gc = True\n[gcc]\ncxxflags = -O1 -g\n")
    return str(path)


def test_ours_in_silence():
    done = run(SHOW, AESARA_FLAGS="", AESARARC="/nowhere", PYTHONWARNINGS="error")
    flags = done.stdout.strip().split("|")
    assert flags[:2] == ["float32", "float32"]
    assert flags[2].startswith("-O3") and "fast-math" not in flags[2]
    assert flags[4] == "False"
    assert done.stderr == ""


def test_the_users_win_key_by_key(rc):
    done = run(SHOW, AESARARC=rc, AESARA_FLAGS="openmp=False, gcc__cxxflags='-O2 -DX=1,2'")
    # The file's flags but for those in the environment, which come first.
    assert done.stdout.strip() == "float64|float64|-O2 -DX=1,2|False|True"
    assert done.stderr == ""


def test_aesara_imported_before_us():
    script = "import aesara; aesara.config.allow_gc; " + SHOW
    done = run(script, AESARA_FLAGS="blas__ldflags=,gcc__cxxflags=-O2", AESARARC="/nowhere")
    assert done.stdout.startswith("float32|float32|-O2|"), done.stderr
    assert done.stdout.strip().endswith("|False")


def test_the_environment_is_left_as_it_was():
    script = "import os, adversarial; print(repr(os.environ.get('AESARA_FLAGS')))"
    assert run(script, AESARA_FLAGS="floatX=float64").stdout == "'floatX=float64'\n"


def test_reading_the_users_flags(rc, monkeypatch, tmp_path):
    other = tmp_path / "other"
    other.write_text("[global]\nfloatX = float16\n[blas]\nldflags = -lone\n")
    monkeypatch.setenv("AESARARC", os.pathsep.join(["/nowhere", rc, str(other)]))
    monkeypatch.setenv("AESARA_FLAGS", 'blas__ldflags="-La b,-ltwo",mode=FAST_COMPILE,nothing,cxx=')
    assert config.user_flags() == {
        "floatX": "float16",  # of two files, the later
        "allow_gc": "True",
        "gcc__cxxflags": "-O1 -g",
        "blas__ldflags": "-La b,-ltwo",
        "mode": "FAST_COMPILE",
        "cxx": "",
    }
    # Aesara complains of these itself.
    other.write_text("no section")
    monkeypatch.setenv("AESARA_FLAGS", "floatX='float32")
    monkeypatch.setenv("AESARARC", str(other))
    assert config.user_flags() == {}


@pytest.mark.parametrize(
    ("limit", "already", "threads"),
    [("150000 100000", None, "2"), ("max 100000", None, None), ("900000 100000", None, None),
     ("100000 100000", "3", "3"), (None, None, None)],
)  # fmt: skip
def test_threads_in_a_container(monkeypatch, tmp_path, limit, already, threads):
    path = tmp_path / "cpu.max"
    if limit:
        path.write_text(limit)
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.delenv(variable, raising=False)
    if already:
        monkeypatch.setenv("OMP_NUM_THREADS", already)
    monkeypatch.setattr(config.os, "cpu_count", lambda: 8)
    monkeypatch.setattr(config, "open", lambda _: open(path), raising=False)
    config._respect_quota()
    assert os.environ.get("OMP_NUM_THREADS") == threads
    os.environ.pop("OMP_NUM_THREADS", None)


@pytest.mark.parametrize(
    "set_already, spins",
    [({}, "10000"), ({"GOMP_SPINCOUNT": "5"}, "5"), ({"OMP_WAIT_POLICY": "active"}, None)],
)
def test_idle_threads_sleep_soon_unless_told_otherwise(monkeypatch, set_already, spins):
    monkeypatch.setattr(os, "environ", dict(set_already))
    config._limit_spinning()
    assert os.environ.get("GOMP_SPINCOUNT") == spins


def test_quoting_survives_aesaras_reading():
    value = """-L"a b" -D'x,y' #z \\w"""
    words = config.shlex.shlex(f"key={config._quoted(value)},other=1", posix=True)
    words.whitespace, words.whitespace_split = ",", True
    assert list(words) == [f"key={value}", "other=1"]


@pytest.mark.parametrize("where", ["file", "no home", "setting"])
def test_a_folder_that_cannot_be_written_gives_way_to_a_temporary_one(where, tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("")
    flags = {}
    setting = "base_compiledir"
    if where == "file":
        monkeypatch.setenv("HOME", str(blocked))
    elif where == "no home":
        monkeypatch.delenv("HOME")
        monkeypatch.setattr(config.os.path, "expanduser", lambda path: path)
    else:
        flags = {"compiledir": str(blocked / "x")}
        setting = "compiledir"
    removed = []
    monkeypatch.setattr(compiled_code.atexit, "register", removed.append)
    with pytest.warns(RuntimeWarning, match=f"AESARA_FLAGS={setting}="):
        folder = compiled_code.folder_for(flags, "")
    assert os.listdir(folder) == []
    removed[0]()
    assert not os.path.exists(folder)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert compiled_code.folder_for({"base_compiledir": str(tmp_path / "new")}, "") is None


def test_folders_of_other_users_are_left_alone(tmp_path, monkeypatch):
    for name in ("own-x", "theirs-x", "other-y"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(os, "access", lambda path, mode: "theirs" not in path)
    assert list(compiled_code._below(str(tmp_path), "-x")) == [str(tmp_path / "own-x")]


@pytest.mark.parametrize(
    "setting", ["[global]\ndevice=gpu0", "[global]\nfloatX=float31", "floatX=float32"]
)
def test_a_setting_that_aesara_does_not_take(setting, tmp_path):
    """A Python user gets the exception, a command's the message."""
    rc = tmp_path / "rc"
    rc.write_text(f"{setting}\n")
    done = run("import adversarial", AESARARC=str(rc), AESARA_FLAGS="")
    assert (
        "\nadversarial.backend.toolchain.config.SetupError: Aesara does not accept" in done.stderr
    )
    for command in ["train.py"], ["-m", "adversarial.scripts.print_monitor"]:
        done = subprocess.run(
            [sys.executable, *command, "x"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            env={**os.environ, "AESARARC": str(rc), "AESARA_FLAGS": ""},
        )
        first, *more = done.stderr.splitlines()
        assert "error: Aesara does not accept a setting: " in first and str(rc) in more[-1]
        assert "Traceback" not in done.stderr
        assert done.returncode == 1


WITHOUT_DISTUTILS = """
import sys, warnings

class NotThere:
    def find_spec(self, name, path=None, target=None):
        if name.startswith("numpy.distutils"):
            raise ModuleNotFoundError(f"No module named {name!r}")

# As on Python 3.12.
sys.meta_path.insert(0, NotThere())
try:
    import aesara
except ModuleNotFoundError:
    print("failed")
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import adversarial
(line,) = [str(w.message) for w in caught if w.category is RuntimeWarning]
print(line)
import aesara
import aesara.tensor as at
from adversarial.backend import function
x = at.scalar()
print(function([x], 2 * x, mode="FAST_COMPILE")(4))
"""


def test_aesara_that_failed_to_import_is_imported_again():
    lines = run(WITHOUT_DISTUTILS, AESARA_FLAGS="cxx=").stdout.splitlines()
    assert lines[0] == "failed" and lines[-1] == "8.0"
    assert lines[1].startswith("`import aesara` failed") and "Import adversarial first" in lines[1]
