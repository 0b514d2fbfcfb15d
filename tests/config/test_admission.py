"""A YAML file can name only classes and functions of the allowlist, by whatever path."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
from pathlib import Path

import pytest
import yaml_test_things as things

from adversarial.aliases import current_path
from adversarial.config import admission
from adversarial.config.admission import Refusal, resolve
from adversarial.config.yaml_parse import YamlError, load
from adversarial.modelfile import classes

MINE = things.__name__


@pytest.mark.parametrize(
    "name",
    [
        "os.system",
        "posix.system",
        "subprocess.Popen",
        "builtins.eval",
        "builtins.open",
        "shutil.rmtree",
        "eval",
        "os",
        "adversarial",
        "pylearn2",
        "sandbox",
        "numpy.save",
        "numpy.load",
        "numpy.fromfile",
        "numpy.memmap",
        "numpy.core.os.system",
        "numpy.random",
        "numpy.testing.rundocs",
        "numpy.f2py.os.system",
        "adversarial.train.os.system",
        "adversarial.datasets.mnist.np.save",
        "adversarial.datasets.mnist.np.zeros",
        "adversarial.datasets.download.fetch",
        "adversarial.datasets.data_path.os.remove",
        "adversarial.datasets.download.DownloadError",
        "adversarial.datasets.mnist.load_arrays",
        "adversarial.datasets.mnist.DenseDesignMatrix.__init__",
        "adversarial.datasets.mnist.MNIST.mro",
        "adversarial.datasets.cifar10_batch._BatchUnpickler",
        "adversarial.utils.serial.save",
        "adversarial.utils.serial.load",
        "adversarial.utils.serial.os.system",
        "adversarial.utils.serial.Persistent",
        "adversarial.models.model.Persistent",
        "adversarial.config.yaml_parse.load",
        "adversarial.config.admission.importlib.import_module",
        "adversarial.backend.function",
        "adversarial.backend",
        "adversarial.models",
        "adversarial.models.mlp.network.MLP.__init__.__globals__",
        "adversarial.models.generator.modelfile.load",
        "adversarial.models.symbolic_parzen.theano_parzen",
        "adversarial.models.mlp.layer.Any",
        "adversarial.costs.adversary.OrderedDict",
        "adversarial.__builtins__.eval",
        "adversarial.models.__loader__.load_module",
        "pylearn2.train.os.system",
        "pylearn2.utils.serial.load",
        "adversarialx.Train",
        "adversarial_.Train",
        "\uff41dversarial.train.Train",
    ],
)
def test_refused_by_name(name):
    modules = set(sys.modules)
    with pytest.raises(Refusal) as caught:
        resolve(name)
    message = str(caught.value)
    assert message.startswith(f"`{name}` may not be constructed from YAML: only ")
    assert "--allow-module NAME" in message
    if current_path(name).partition(".")[0] not in classes.HOME:
        assert set(sys.modules) == modules


@pytest.mark.parametrize(
    "form",
    [
        "!obj:%s {}",
        "!obj:%s",
        "!import %s",
        "!import:%s",
        "!<!obj:%s> {}",
        "%%TAG ! !obj:\n--- !%s {}",
        "&x !obj:%s {}",
        "[[{a: !obj:%s {}}]]",
    ],
)
@pytest.mark.parametrize("name", ["os.system", "adversarial.train.os.system", "os%%2Esystem"])
def test_every_way_to_ask_ends_at_the_same_door(form, name):
    text = form % (name.replace("%%", "%"),)
    with pytest.raises(YamlError, match=r"<string> line [12]: `.*` (may not be|is not a dotted)"):
        load(text)


@pytest.mark.parametrize(
    "tag",
    [
        "!!python/object/apply:os.system",
        "!!python/name:os.system",
        "!!python/object/new:os.system",
        "!!python/module:os",
        "tag:yaml.org,2002:python/object/apply:os.system",
    ],
)
def test_pythons_own_tags_do_not_exist(tag):
    text = f"!<{tag}> [ls]" if tag.startswith("tag") else f"{tag} [ls]"
    with pytest.raises(YamlError, match="unknown tag .*python/"):
        load(text)


@pytest.mark.parametrize(
    "name", ["", ".", "a." * 300 + "b", "a..b", ".os", "os.", "a b", "a-b.c", "x;y", "a\x00b"]
)
def test_what_is_no_name(name):
    with pytest.raises(Refusal, match="is not a dotted name"):
        resolve(name)


def test_a_module_outside_is_never_imported(tmp_path, monkeypatch):
    (tmp_path / "touchy_module.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(Refusal, match="may not be constructed"):
        resolve("touchy_module.Thing")
    with pytest.raises(SystemExit):
        resolve("touchy_module.Thing", allow_modules=("touchy_module",))


def test_an_allowed_module_leads_to_no_other_package(tmp_path, monkeypatch):
    outside = tmp_path / "outside_package"
    outside.mkdir()
    (outside / "__init__.py").write_text("")
    (outside / "touchy.py").write_text("raise SystemExit('imported')")
    (tmp_path / "leading_out.py").write_text("import outside_package")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(Refusal, match="may not be constructed"):
        resolve("leading_out.outside_package.touchy.Thing", ("leading_out",))


def test_modules_of_the_users_own():
    assert resolve(f"{MINE}.Box", (MINE,)) is things.Box
    assert resolve(f"{MINE}.add", (MINE,)) is things.add
    with pytest.raises(Refusal, match="--allow-module NAME"):
        resolve(f"{MINE}.Box")
    with pytest.raises(Refusal, match="--allow-module NAME"):
        resolve(f"{MINE}.Box", (MINE[:-1], MINE + "s"))


@pytest.mark.parametrize(
    "name",
    [
        "os.system",
        "adversarial.system",
        "np.save",
        "np.zeros",
        "math.sqrt",
        "sqrt",
        "instance",
        "_Hidden",
        "made",
        "Pretender",
        "Impostor",
        "Box.__init__",
        "__builtins__",
    ],
)
def test_an_allowed_module_opens_no_other(name):
    with pytest.raises(Refusal, match="may not be constructed"):
        resolve(f"{MINE}.{name}", (MINE,))


def test_packages_are_allowed_with_their_modules(tmp_path, monkeypatch):
    package = tmp_path / "my_yaml_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "parts.py").write_text("class Part:\n    pass\n")
    (package / "broken.py").write_text("import not_there_at_all\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert resolve("my_yaml_package.parts.Part", ("my_yaml_package",)).__name__ == "Part"
    assert resolve("my_yaml_package.parts.Part", ("my_yaml_package.parts",)).__name__ == "Part"
    with pytest.raises(Refusal, match="broken fails to import .*not_there_at_all"):
        resolve("my_yaml_package.broken.Part", ("my_yaml_package",))
    missing = "no_such fails to import .*no module no_such beside the file.* or add its folder to"
    with pytest.raises(Refusal, match=missing):
        resolve("no_such.Part", ("no_such",))


@pytest.mark.parametrize(
    ("name", "allowed"), [("wtach.Diary", "watch"), ("mine.lairs.Swish", "mine.layers")]
)
def test_a_misspelt_module_of_the_users_own(name, allowed):
    with pytest.raises(Refusal, match=f"did you mean the module `{allowed}` of --allow-module"):
        resolve(name, ("other", allowed))


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("adversarial.models.mlp.Linaer", "mlp` has no `Linaer`; did you mean `Linear`?"),
        ("adversarial.models.mpl.Linear", "models` has no `mpl`; did you mean `mlp`?"),
        ("pylearn2.datasets.mnist.Mnist", "mnist` has no `Mnist`; did you mean `MNIST`?"),
        ("adversarial.Genrator", "`adversarial` has no `Genrator`; did you mean `Generator`?"),
        ("adversarial.models.mlp.Zzzzzz", "`adversarial.models.mlp` has no `Zzzzzz`"),
        (f"{MINE}.Boxx", f"`{MINE}` has no `Boxx`; did you mean `Box`?"),
    ],
)
def test_names_that_do_not_exist(name, hint):
    with pytest.raises(Refusal) as caught:
        resolve(name, (MINE,))
    assert str(caught.value).startswith(f"`{name}` does not exist: ")
    assert str(caught.value).endswith(hint)


def test_a_misspelt_constructor_of_numpy():
    with pytest.raises(Refusal, match=r"`numpy.zeroes` .* did you mean `numpy.zeros`\?"):
        resolve("numpy.zeroes")


def test_all_that_is_admitted_is_known():
    """A class or function that a YAML file can newly name must be reviewed, and listed."""
    for package in classes.HOME:
        folders = importlib.import_module(package).__path__
        for module in pkgutil.walk_packages(folders, f"{package}."):
            importlib.import_module(module.name)
    reached = {
        f"{home}.{name}"
        for home, module in list(sys.modules.items())
        if home.partition(".")[0] in classes.HOME
        for name, value in vars(module).items()
        if getattr(value, "__module__", None) == home and admission._is_admitted(value, ())
    }
    listed = set(Path(__file__).with_name("admitted_names.txt").read_text().split())
    assert not reached - listed, (
        "a YAML file from a stranger can name these: review what their constructors do with any "
        f"arguments, then add them to tests/config/admitted_names.txt: {sorted(reached - listed)}"
    )
    assert not listed - reached, (
        "no YAML file can name these any more: remove them from tests/config/admitted_names.txt, "
        f"and give each its new name in adversarial/aliases.py: {sorted(listed - reached)}"
    )


def test_every_name_in_the_tables_exists():
    for name in admission.NUMPY:
        resolve(name)
    for name in admission.FUNCTIONS:
        room, _, function = name.rpartition(".")
        assert importlib.util.find_spec(room), room


# -- old paths --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("pylearn2.train.Train", "adversarial.train.Train"),
        ("pylearn2", "adversarial"),
        ("pylearn2x.train", "pylearn2x.train"),
        ("os.system", "os.system"),
        ("adversarial.models.mlp.MLP", "adversarial.models.mlp.MLP"),
        ("adversarial.deconv.Deconv", "adversarial.models.deconv.Deconv"),
        ("adversarial.deconvolve.X", "adversarial.deconvolve.X"),
        ("adversarial.sgd.SGD", "adversarial.training_algorithms.k_steps.SGD"),
        ("adversarial.sgd_alt.SGD", "adversarial.training_algorithms.sgd_alt.SGD"),
        ("pylearn2.costs.mlp.Default", "adversarial.costs.default.Default"),
        ("pylearn2.costs.mlp.dropout.Dropout", "adversarial.costs.dropout.Dropout"),
        (
            "pylearn2.training_algorithms.sgd.PolyakAveraging",
            "adversarial.train_extensions.polyak.PolyakAveraging",
        ),
        ("pylearn2.training_algorithms.sgd.SGD", "adversarial.training_algorithms.sgd.SGD"),
    ],
)
def test_current_path(old, new):
    assert current_path(old) == new


@pytest.mark.parametrize(
    "name",
    [
        "adversarial.AdversaryPair",
        "adversarial.Generator",
        "adversarial.AdversaryCost2",
        "adversarial.add_layers",
        "adversarial.marginals",
        "adversarial.recapitate_discriminator",
        "adversarial.Cycler",
        "adversarial.ActivateGenerator",
        "adversarial.sgd.SGD",
        "adversarial.sgd_alt.SGD",
        "adversarial.sgd.ExponentialDecay",
        "adversarial.sgd.MomentumAdjustor",
        "adversarial.sgd.OneOverEpoch",
        "pylearn2.train.Train",
        "pylearn2.monitor.Monitor",
        "pylearn2.space.Conv2DSpace",
        "pylearn2.datasets.mnist.MNIST",
        "pylearn2.datasets.dense_design_matrix.dataset_range",
        "pylearn2.datasets.dense_design_matrix.set_axes",
        "pylearn2.monitor.push_monitor",
        "pylearn2.training_algorithms.sgd.EpochMonitor",
        "pylearn2.models.mlp.MLP",
        "pylearn2.models.mlp.RectifiedLinear",
        "pylearn2.models.mlp.CompositeLayer",
        "pylearn2.models.maxout.Maxout",
        "pylearn2.models.dbm.init_sigmoid_bias_from_marginals",
        "pylearn2.costs.cost.SumOfCosts",
        "pylearn2.costs.mlp.Default",
        "pylearn2.costs.mlp.dropout.Dropout",
        "pylearn2.training_algorithms.sgd.SGD",
        "pylearn2.training_algorithms.sgd.ExponentialDecay",
        "pylearn2.training_algorithms.sgd.LinearDecayOverEpoch",
        "pylearn2.training_algorithms.learning_rule.Momentum",
        "pylearn2.training_algorithms.learning_rule.MomentumAdjustor",
        "pylearn2.termination_criteria.EpochCounter",
        "pylearn2.train_extensions.best_params.MonitorBasedSaveBest",
    ],
)
def test_names_of_2014(name):
    assert resolve(name).__name__ == name.rpartition(".")[2]


def test_the_two_spellings_are_one_object():
    assert resolve("pylearn2.models.mlp.MLP") is resolve("adversarial.models.mlp.MLP")
    assert resolve("adversarial.sgd.SGD") is not resolve("pylearn2.training_algorithms.sgd.SGD")
