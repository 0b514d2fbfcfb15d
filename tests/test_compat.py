"""Old names in Python, in a process of its own: what is imported stays imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from time_bounds import LONGEST

ROOT = Path(__file__).resolve().parent.parent

# Runs in the child: every name of the list, by its old path, is the object that a YAML gets.
EVERY_NAME = """
import importlib, sys
import adversarial.compat
sys.path.insert(0, "tests")
import test_public_names
wrong = []
for entry in test_public_names.ENTRIES:
    module, _, name = entry.path.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name)
    except Exception as error:
        wrong.append(f"{entry.path}: {error!r}")
        continue
    if found is not test_public_names.find(entry.path):
        wrong.append(f"{entry.path}: another object")
print(len(test_public_names.ENTRIES), wrong)
"""

SCRIPT = """
import adversarial.compat
from pylearn2.training_algorithms.sgd import ExponentialDecay, SGD
from pylearn2.training_algorithms import sgd
from pylearn2.training_algorithms.bgd import BGD
from pylearn2.utils import serial, sharedX, safe_zip, block_gradient
from pylearn2.compat import OrderedDict
from pylearn2.models import Model
from pylearn2.models.softmax_regression import SoftmaxRegression
from pylearn2.models.mlp import *
from pylearn2.costs.mlp.dropout import Dropout
from pylearn2.costs.mlp import WeightDecay
from pylearn2.gui import patch_viewer
from pylearn2.models.dbm import init_sigmoid_bias_from_marginals
import pylearn2.models.maxout as maxout
from adversarial.deconv import Deconv
from adversarial.sgd import SGD as StepsOfD, MomentumAdjustor
import adversarial.sgd_alt
from adversarial import AdversaryCost2

import adversarial.models.mlp, adversarial.training_algorithms.sgd as today
assert Softmax is adversarial.models.mlp.Softmax and issubclass(Softmax, Model)
assert sgd.SGD is SGD is today.SGD and sgd.ExponentialDecay is ExponentialDecay
assert adversarial.sgd_alt.SGD is not SGD and StepsOfD is not SGD
assert maxout.MaxoutConvC01B.__module__ == "adversarial.models.maxout_conv"
assert "MaxoutConvC01B" in dir(maxout) and "Maxout" in dir(maxout)
import pylearn2.gui  # nothing else is in this folder, which the package does not have
assert dir(pylearn2.gui) == ["patch_viewer"]
cost = AdversaryCost2(0, .1, .5, {"h0": .8}, 2., {"h0": 1.25}, 1., 1., None, None, 1., None, True,
                      True, True, True, False, False, None, 0., True, 2., 3.)
assert (cost.blend_obj, cost.minimax_coeff, cost.zurich_coeff) == (True, 2., 3.)
print("done")
"""

REFUSED = """
import adversarial.compat
for line in ("import pylearn2.models.rbm", "from pylearn2.models.autoencoder import Autoencoder",
             "from pylearn2.models.dbm import DBM", "import pylearn2.nothing",
             "from pylearn2.models.mlp import Nope",
             "import adversarial.nothing", "from pylearn2.testing.skip import skip_if_no_data",
             "from pylearn2.cross_validation import TrainCV",
             "from pylearn2.gui import get_weights_report"):
    try:
        exec(line)
    except ImportError as error:
        print(error)
    else:
        raise SystemExit(line)
"""


def python(code, **kwargs):
    found = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=LONGEST,
        **kwargs,
    )
    assert found.returncode == 0, found.stderr
    return found


def test_every_name_of_2014():
    count, _, wrong = python(EVERY_NAME).stdout.partition(" ")
    assert int(count) > 190 and wrong == "[]\n"


def test_a_script_of_2014():
    found = python(SCRIPT)
    assert found.stdout == "done\n" and found.stderr == ""


def test_what_is_not_there_says_so():
    lines = python(REFUSED).stdout.splitlines()
    assert "Boltzmann machines are left out" in lines[0] and "autoencoders are" in lines[1]
    assert "cannot import name 'DBM' from 'pylearn2.models.dbm'" in lines[2]
    assert lines[3] == "No module named 'pylearn2.nothing'"
    assert "cannot import name 'Nope'" in lines[4]
    assert lines[5] == "No module named 'adversarial.nothing'"
    assert "own tests are left out; see docs/DIFFERENCES.md" in lines[6]
    assert "cross-validations" in lines[7] and "are left out" in lines[7]
    assert "cannot import name 'get_weights_report'" in lines[8]


@pytest.mark.parametrize("layout", ["package", "module"])
def test_an_installed_pylearn2_is_not_hidden(layout, tmp_path):
    if layout == "package":
        (tmp_path / "pylearn2").mkdir()
        (tmp_path / "pylearn2" / "__init__.py").write_text("real = True")
    else:
        (tmp_path / "pylearn2.py").write_text("real = True")
    code = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
import adversarial.compat
import pylearn2
from adversarial.deconv import Deconv
print(pylearn2.real)
"""
    found = python(code)
    assert found.stdout == "True\n"
    assert "a pylearn2 is installed" in found.stderr and str(tmp_path) in found.stderr


def test_without_the_import_there_are_none():
    code = """
import adversarial
try:
    import pylearn2
except ModuleNotFoundError:
    print("none")
"""
    assert python(code).stdout == "none\n"
