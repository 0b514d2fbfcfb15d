"""Which engine is chosen."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

from adversarial import backend

# isort: split

from adversarial.backend import engines
from adversarial.backend.engines import jax
from adversarial.backend.toolchain import blas


@pytest.fixture(autouse=True)
def unchosen(monkeypatch):
    monkeypatch.setattr(engines, "_chosen", None)
    monkeypatch.delenv("ADVERSARIAL_BACKEND", raising=False)


def test_c_where_there_is_no_gpu(monkeypatch):
    monkeypatch.setattr(jax, "_sees_gpu", lambda: False)
    assert backend.chosen() == "c"
    assert backend.describe() == f"C, {blas.describe()}"
    assert backend.is_first_process() and backend.processes() == 1 and backend.agree(3) == 3


def test_the_environment_and_what_is_said_louder(monkeypatch):
    pytest.importorskip("jax", reason="JAX, the second engine, is not installed")
    monkeypatch.setenv("ADVERSARIAL_BACKEND", "jax")
    assert backend.chosen() == "jax" and backend.describe().startswith("JAX ")
    assert backend.choose("c") == "c" == backend.chosen()


def test_auto_takes_jax_where_it_sees_a_gpu(monkeypatch):
    pytest.importorskip("jax", reason="JAX, the second engine, is not installed")
    monkeypatch.setattr(jax, "_sees_gpu", lambda: True)
    assert backend.choose() == "jax"


@pytest.mark.parametrize(
    "has_jax, is_set, wanted", [(True, False, "jax"), (False, False, "c"), (True, True, "c")]
)
def test_auto_takes_jax_where_there_is_no_compiler(has_jax, is_set, wanted, monkeypatch, caplog):
    if has_jax:
        pytest.importorskip("jax", reason="JAX, the second engine, is not installed")
    else:
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    flags = frozenset({"cxx"} if is_set else ())
    setup = jax.config.Setup(jax.config.configure().blas, flags, cxx="")
    monkeypatch.setattr(jax.config, "configure", lambda: setup)
    monkeypatch.setattr(jax, "_sees_gpu", lambda: False)
    assert backend.choose() == wanted
    assert ("the engine is JAX" in caplog.text) == (wanted == "jax")


def test_jax_is_not_imported_without_a_gpus_driver():
    code = (
        "import glob, sys; glob.glob = lambda pattern: []; from adversarial import backend;"
        "assert backend.chosen() == 'c'; assert 'jax' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_gpu_without_jax_or_its_plugin_is_left_to_c(monkeypatch):
    monkeypatch.setattr(jax.glob, "glob", lambda pattern: ["/dev/nvidia0"])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert backend.chosen() == "c"


def test_without_jax_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"pip install -e '\.\[jax\]'.*'\.\[cuda\]'"):
        backend.choose("jax")


@pytest.mark.parametrize(
    "variable, args, message",
    [
        (None, ("gpu",), "must be one of c, jax, auto, not 'gpu'"),
        ("fast", (), "ADVERSARIAL_BACKEND must be one of c, jax, auto, not 'fast'"),
        (None, ("c", 2), "several devices or hosts need the JAX engine"),
        (None, ("c", None, engines.Cluster("host:99", 2, 0)), "need the JAX engine"),
    ],
)
def test_wrong_choices(variable, args, message, monkeypatch):
    if variable:
        monkeypatch.setenv("ADVERSARIAL_BACKEND", variable)
    with pytest.raises(ValueError, match=message):
        backend.choose(*args)


def test_a_process_leaves_though_its_engine_was_never_in_use(monkeypatch):
    left = []
    monkeypatch.setattr(jax.JaxEngine, "leave", lambda self, *args: left.append(args))
    monkeypatch.setattr(jax.JaxEngine, "use", lambda self, *args: 1 / 0)  # after all have met
    with pytest.raises(ZeroDivisionError):
        backend.choose("jax")
    engines.leave("division by zero", 1)
    assert left == [("division by zero", 1)]
