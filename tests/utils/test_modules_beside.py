"""A module beside a file: found if it is allowed, and never in place of another module."""

from __future__ import annotations

import logging
import os
import subprocess
import sys

import pytest

from adversarial import modelfile
from adversarial.config import yaml_parse
from adversarial.scripts import cli
from adversarial.utils import modules_beside
from adversarial.utils.own_modules import import_module

LAYER = """from adversarial.models.mlp import Linear

class Twice(Linear):
    def _activate(self, z):
        return 2 * z
"""


@pytest.fixture
def away(folder, monkeypatch):
    """Modules that a test imports from folders of its own are gone after it."""
    before = set(sys.modules)
    monkeypatch.setattr(modules_beside, "_imported", {})
    monkeypatch.setattr(modules_beside, "_warned", set())
    monkeypatch.setattr(modules_beside, "_allowed", {})
    (folder / "yaml").mkdir()
    yield folder / "yaml"
    for name in set(sys.modules) - before:
        if name.partition(".")[0].startswith("own_"):
            del sys.modules[name]


def load(path, *modules):
    return yaml_parse.load_path(path, instantiate=False, allow_modules=modules)


def test_a_module_and_a_package_are_found(away):
    (away / "own_a.py").write_text("class A:\n    pass\n")
    (away / "own_b" / "inner").mkdir(parents=True)
    (away / "own_b" / "__init__.py").write_text("")
    (away / "own_b" / "inner" / "__init__.py").write_text("class B:\n    pass\n")
    (away / "x.yaml").write_text("[!obj:own_a.A {}, !obj:own_b.inner.B {}]")
    path = sys.path[:]
    found = load("yaml/x.yaml", "own_a", "own_b")
    assert [proxy.callable.__name__ for proxy in found] == ["A", "B"]
    assert sys.path == path


def test_only_what_is_allowed_is_imported(away):
    (away / "own_a.py").write_text("import own_c\n")
    (away / "own_c.py").write_text("raise SystemError('it ran')\n")
    (away / "x.yaml").write_text("!obj:own_c.A {}")
    with pytest.raises(yaml_parse.YamlError, match="may not be constructed"):
        load("yaml/x.yaml", "own_a")
    (away / "x.yaml").write_text("!obj:own_a.A {}")
    with pytest.raises(yaml_parse.YamlError) as caught:
        load("yaml/x.yaml", "own_a")
    assert f"{away}/own_c.py may be imported with --allow-module own_c, too" in str(caught.value)
    assert "own_a" not in sys.modules and "own_c" not in sys.modules
    (away / "own_c.py").write_text("A = 1\n")
    (away / "own_a.py").write_text("from own_c import A as _one\nclass A:\n    pass\n")
    assert load("yaml/x.yaml", "own_a", "own_c").callable.__name__ == "A"


@pytest.mark.parametrize("name", ["json", "colorsys", "numpy", "requests_like", "sys"])
def test_no_other_module_is_replaced(name, away, folder, monkeypatch, caplog):
    """Of the standard library (imported before or not), of a package, and on the search path."""
    if name == "requests_like":
        (folder / "site").mkdir()
        (folder / "site" / "requests_like.py").write_text("def A():\n    pass\n")
        monkeypatch.syspath_prepend(folder / "site")
    (away / f"{name}.py").write_text("open('it_ran', 'w').close()\nclass A:\n    pass\n")
    (away / "x.yaml").write_text(f"!obj:{name}.A {{}}")
    with caplog.at_level(logging.WARNING):
        if name == "requests_like":
            assert load("yaml/x.yaml", name).callable.__module__ == name
        else:
            with pytest.raises(yaml_parse.YamlError):
                load("yaml/x.yaml", name)
    assert f"{away}/{name}.py is not used: the module {name} is that of" in caplog.text
    assert not (folder / "it_ran").exists()
    sys.modules.pop("requests_like", None)


def test_one_process_has_one_module_of_a_name(away, folder):
    (folder / "other").mkdir()
    for place in (away, folder / "other"):
        (place / "own_a.py").write_text("class A:\n    pass\n")
        (place / "x.yaml").write_text("!obj:own_a.A {}")
    load("yaml/x.yaml", "own_a")
    load("yaml/x.yaml", "own_a")
    with pytest.raises(yaml_parse.YamlError, match="own_a that was imported is .*one process"):
        load("other/x.yaml", "own_a")


def test_a_folder_without_init_is_no_module(away, folder, monkeypatch):
    (folder / "site" / "own_a").mkdir(parents=True)
    monkeypatch.syspath_prepend(folder / "site")
    (away / "own_a.py").write_text("class A:\n    pass\n")
    (away / "x.yaml").write_text("!obj:own_a.A {}")
    assert load("yaml/x.yaml", "own_a").callable.__name__ == "A"


def test_the_option():
    parser = cli.Parser()
    cli.add_allow_module(parser)
    args = parser.parse_args(["--allow-module", "own_a, own_b.c", "--allow-module", "own_d"])
    assert args.allow_module == ["own_a", "own_b.c", "own_d"]
    assert parser.parse_args([]).allow_module == []


@pytest.mark.parametrize(("given", "meant"), [("own.py", "own"), ("./own_a.py", "own_a"), ("", "")])
def test_what_is_no_name(given, meant, capsys):
    parser = cli.Parser()
    cli.add_allow_module(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(["--allow-module", given])
    said = capsys.readouterr().err
    assert "is no name of a Python module" in said and (f": write {meant}" in said or not meant)


YAML = """!obj:adversarial.train.Train {
    dataset: !obj:own_data.digits {},
    model: !obj:adversarial.AdversaryPair {
        generator: !obj:adversarial.Generator { mlp: !obj:adversarial.models.mlp.MLP {
            nvis: 2, layers: [!obj:own_layer.Twice { layer_name: y, dim: 4, irange: .1 }] } },
        discriminator: !obj:adversarial.models.mlp.MLP { nvis: 4, layers: [
            !obj:adversarial.models.mlp.Sigmoid { layer_name: y, dim: 1, irange: .1 } ] } },
    algorithm: !obj:adversarial.training_algorithms.sgd.SGD {
        batch_size: 5, learning_rate: .1, cost: !obj:adversarial.AdversaryCost2 { scale_grads: 0 },
        termination_criterion: !obj:adversarial.termination_criteria.EpochCounter {
            max_epochs: 2 } },
    save_path: "${PYLEARN2_TRAIN_FILE_FULL_STEM}.pkl", save_freq: 1 }"""
DATA = """import numpy as np
from adversarial.datasets.dense_design_matrix import DenseDesignMatrix

def digits():
    return DenseDesignMatrix(topo_view=np.random.RandomState(0).uniform(size=(20, 2, 2, 1)))
"""


@pytest.mark.parametrize("place", ["beside the model", "beside the YAML"])
def test_commands_find_the_modules_of_a_run(place, away):
    """From another folder, as processes of their own: nothing is imported beforehand."""
    (away / "own_layer.py").write_text(LAYER)
    (away / "own_data.py").write_text(DATA)
    (away / "x.yaml").write_text(YAML)
    out = ["--out", "../runs"] if place == "beside the YAML" else []
    model = "../runs/x.pkl" if out else "../yaml/x.pkl"
    (away.parent / "else").mkdir()
    env = {**os.environ, "AESARA_FLAGS": "mode=FAST_COMPILE,cxx="}
    for script, *args in (
        ("train", "../yaml/x.yaml", "--max-epochs", "1", "--quiet", *out),
        ("train", "--resume", model, "--quiet"),
        ("show_samples", model, "--nearest", "--out", "s.png"),
        ("summarize_model", model),
        ("evaluate", model, "--metrics", "fid", "--help"),
    ):
        argv = [sys.executable, "-m", f"adversarial.scripts.{script}", *args]
        done = subprocess.run(
            [*argv, "--allow-module", "own_layer,own_data"],
            cwd=away.parent / "else",
            env=env,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert "warning" not in done.stderr
    assert (away.parent / "else" / "s.png").exists()


@pytest.mark.parametrize("training", [None, {"experiment": None}, {}, [1]])
def test_a_missing_module_of_a_training_without_yaml_is_named(training, away):
    """A model that was trained in Python names no YAML file beside which to look."""
    (away / "own_layer.py").write_text(LAYER)
    with modules_beside.beside(str(away)):
        layer = import_module("own_layer").Twice(layer_name="y", dim=4, irange=0.1)
    modelfile.save("x.pkl", layer, training=training)
    del sys.modules["own_layer"]
    with pytest.raises(modelfile.BadFile, match="there is no module own_layer beside the file"):
        modelfile.load("x.pkl", allow_modules=["own_layer"])


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("def digits():\n    return 1 / 0\n", ["ZeroDivisionError", "line 2, in digits"]),
        ("x = undefined_name\n", ["NameError", "line 1, in <module>"]),
        ("def digits(:\n", ["own_data.py", "line 1", "SyntaxError"]),
    ],
)
def test_a_fault_of_the_module_shows_its_traceback(code, words, away, run):
    (away / "own_data.py").write_text(code)
    (away / "own_layer.py").write_text(LAYER)
    (away / "x.yaml").write_text(YAML)
    status, err = run("yaml/x.yaml", "--allow-module", "own_data,own_layer")
    assert status == 1 and err.startswith("train.py: ")
    for word in (*words, "own_data.py"):
        assert word in err, err
