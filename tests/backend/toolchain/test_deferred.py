"""What Aesara is imported without, and that it is there when it is used."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import setuptools

SLOW = ("scipy.stats", "scipy.signal", "scipy.special", "setuptools")


def run(program: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_training_is_imported_without_slow_modules():
    names = run("import sys, adversarial.scripts.train; print(*sys.modules)").split()
    assert "aesara.tensor.nnet" in names
    assert not [name for name in names if name.startswith(SLOW)]


# Each Op in Python, against the function of SciPy that it calls.
OPS = {
    "chi2sf": (
        "at.chi2sf(x, 3.0)",
        "scipy.stats.chi2.sf(X, 3.0)",
    ),
    "erf": ("at.erf(x)", "scipy.special.erf(X)"),
    "softmax": ("aesara.tensor.special.softmax(x, axis=1)", "scipy.special.softmax(X, axis=1)"),
    "half-normal": (
        "aesara.tensor.random.basic.halfnormal(0.0, 1.0, size=(5,),"
        " rng=aesara.shared(np.random.default_rng(3)))",
        "scipy.stats.halfnorm.rvs(0.0, 1.0, size=(5,), random_state=np.random.default_rng(3))",
    ),
    "convolution": (
        "aesara.tensor.nnet.abstract_conv.AbstractConv2d(border_mode='full')"
        "(x[None, None], x[None, None, :2])[0, 0]",
        "scipy.signal.convolve(X, X[:2])",
    ),
    "matrix times vector": (
        "aesara.tensor.blas.gemv(x[0], np.float64(1), x.T, x[:, 0], np.float64(0))",
        "scipy.linalg.blas.dgemv(1.0, X.T, X[:, 0])",
    ),
}
HEAD = """
import sys
import numpy as np
{first}
import adversarial.backend
import aesara, aesara.tensor as at, aesara.tensor.special
X = np.linspace(0.1, 2.0, 12).reshape(3, 4)
x = at.constant(X)
"""
COMPARISON = """
found = aesara.function([], {op}, mode=aesara.compile.mode.Mode("py", None))()
import scipy.linalg, scipy.signal, scipy.special, scipy.stats
expected = {function}
assert np.allclose(found, expected, rtol=1e-6, atol=0), (found, expected)
"""
TAIL = """
import warnings
warnings.simplefilter("error", UserWarning)  # of setuptools after distutils
import scipy.signal, scipy.special, scipy.stats, setuptools
from scipy.signal import convolve
from scipy.special import erf
from scipy.stats import norm
for module in (scipy.signal, scipy.special, scipy.stats, setuptools):
    assert module.__file__ and sys.modules[module.__name__] is module
    assert type(module).__module__ == "builtins", type(module)
assert norm.cdf(0) == 0.5 and erf(0) == 0
from distutils.core import setup
"""


@pytest.mark.parametrize(
    "first",
    ["", "import scipy.special", "import scipy.stats, scipy.signal, scipy.special"],
)
def test_ops_in_python_call_scipy(first):
    comparisons = (COMPARISON.format(op=op, function=function) for op, function in OPS.values())
    run("".join([HEAD.format(first=first), *comparisons, TAIL]))


def test_no_placeholder_is_left_in_scipy():
    run("""
import adversarial.backend
from scipy import special, stats
import scipy.special, scipy.stats
assert special is scipy.special and stats is scipy.stats
assert "erf" in dir(special) and "norm" in stats.__all__
""")


@pytest.mark.parametrize(
    "line, is_left_out",
    [
        ("import packed_with_setuptools", True),
        ("import setuptools; setuptools.__file__", False),
    ],
)
def test_parts_of_setuptools_may_need_more_of_it(tmp_path, line, is_left_out):
    """As in version 84, which imports packages that setuptools includes."""
    copied = tmp_path / "setuptools"
    shutil.copytree(Path(setuptools.__file__).parent, copied)
    (copied / "_vendor").mkdir(exist_ok=True)
    (copied / "_vendor" / "packed_with_setuptools.py").touch()
    module = copied / "_distutils" / "spawn.py"
    module.write_text(f"{module.read_text(encoding='utf-8')}\n{line}\n", encoding="utf-8")
    paths = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    names = run("import sys, adversarial.backend; print(*sys.modules)", PYTHONPATH=paths).split()
    assert ("setuptools" not in names) == is_left_out
    assert ("packed_with_setuptools" in names) == is_left_out
