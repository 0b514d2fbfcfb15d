"""The names that Aesara finds where NumPy 2 is installed, and what is refused there."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from adversarial import backend
from adversarial.backend import engines
from adversarial.backend.engines import c
from adversarial.backend.toolchain import numpy2
from adversarial.backend.toolchain.config import SetupError

NAMES = ("obj2sctype", "sctype2char", "cast", "AxisError", "ComplexWarning")


@pytest.fixture
def without_names(monkeypatch):
    """NumPy 1 and NumPy 2 alike, without the names that NumPy 2 removed."""
    before = {name: getattr(np, name, None) for name in NAMES}
    for name in NAMES:
        monkeypatch.delattr(np, name, raising=False)
    yield before
    for name in NAMES:  # what `restore` has set
        if name in vars(np):
            delattr(np, name)


@pytest.mark.skipif(not hasattr(np, "exceptions"), reason="NumPy 1.25 is the first with these")
def test_names_mean_what_they_meant(without_names):
    numpy2.restore()
    for dtype in ("float32", np.float64, np.dtype("int8"), bool):
        assert np.obj2sctype(dtype) is np.dtype(dtype).type
        assert np.sctype2char(dtype) == np.dtype(dtype).char
        found = np.cast[dtype](1)
        assert found.dtype == np.dtype(dtype) and found == 1
    with pytest.raises(np.AxisError):
        np.zeros(2).sum(axis=3)
    assert issubclass(np.ComplexWarning, Warning)
    if not numpy2.is_installed():
        original = without_names
        assert np.AxisError is original["AxisError"]
        assert original["obj2sctype"]("float32") is np.obj2sctype("float32")
        assert original["sctype2char"](np.float64) == np.sctype2char(np.float64)


@pytest.mark.skipif(not hasattr(np, "exceptions"), reason="NumPy 1.25 is the first with these")
def test_names_that_are_there_stay():
    before = {name: getattr(np, name) for name in NAMES}
    numpy2.restore()
    assert all(getattr(np, name) is value for name, value in before.items())


def test_which_numpy(monkeypatch):
    for version, expected in (("1.26.4", False), ("2.0.0", True), ("2.4.6", True)):
        monkeypatch.setattr(np, "__version__", version)
        assert numpy2.is_installed() == expected


def test_with_numpy_2_jax_is_chosen_and_c_refused(monkeypatch):
    monkeypatch.setattr(np, "__version__", "2.4.6")
    monkeypatch.setattr(engines, "_chosen", None)
    monkeypatch.delenv("ADVERSARIAL_BACKEND", raising=False)
    monkeypatch.setattr(engines.ENGINES["jax"], "use", lambda devices, cluster: None)
    assert engines.choose() == "jax"
    engines.choose("c")
    c._check_machine.cache_clear()
    try:
        with pytest.raises(SetupError, match="C engine needs NumPy 1.*\n.*--backend jax"):
            backend.function([], backend.shared([1.0]) * 2)
    finally:
        c._check_machine.cache_clear()


@pytest.mark.parametrize("version, words", [((3, 12), "'numpy<2'"), ((3, 13), "take Python 3.12")])
def test_what_to_do_fits_the_python(version, words, monkeypatch):
    monkeypatch.setattr(sys, "version_info", version)
    first, second = numpy2.no_c().split("\n")
    assert np.__version__ in first and "--backend jax" in second and words in second
