"""What Aesara is imported without, and that it is there when it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

SLOW = ("scipy.stats", "scipy.signal", "scipy.special")


def run(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
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
import scipy.signal, scipy.special, scipy.stats
from scipy.signal import convolve
from scipy.special import erf
from scipy.stats import norm
for module in (scipy.signal, scipy.special, scipy.stats):
    assert module.__file__ and sys.modules[module.__name__] is module
    assert type(module).__module__ == "builtins", type(module)
assert norm.cdf(0) == 0.5 and erf(0) == 0
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
