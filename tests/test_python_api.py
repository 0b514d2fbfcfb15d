"""docs/PYTHON.md: its lines are run, and train what `yaml/mnist.yaml` trains."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from time_bounds import LONGEST

import adversarial
from adversarial.config import yaml_parse
from adversarial.datasets import mnist
from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
from adversarial.evaluation.parzen import parzen_log_likelihood
from adversarial.models.generator import Generator
from adversarial.models.mlp import MLP, Linear, Sigmoid
from adversarial.scripts import parzen_ll
from adversarial.train_extensions.inline_samples import InlineSamples
from adversarial.train_extensions.progress import Progress, bar_class, is_notebook

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "PYTHON.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
PAPER, USE, NOTEBOOK, CURVES, FILES, FROM_YAML = BLOCKS

# A hundredth of MNIST, with the names of its parts, in this process or in a notebook's.
SMALL_MNIST = """
import numpy as np
from adversarial.datasets import mnist

def digits(which_set):
    rng = np.random.RandomState(which_set == "test")
    n = {"train": 600, "test": 100}[which_set]
    pixels = rng.randint(256, size=(n, 28, 28)) * (rng.uniform(size=(n, 28, 28)) < 0.2)
    pixels[:2] = 0
    pixels[0, 0, 0] = 255
    return pixels.astype("u1"), rng.randint(10, size=n)

mnist.load_arrays = digits
mnist.check_range = lambda start, stop, size: slice((start or 0) // 100, (stop or size) // 100)
"""


@pytest.fixture
def small_mnist(monkeypatch):
    made = {}
    before = mnist.load_arrays, mnist.check_range
    exec(SMALL_MNIST, made)
    after = mnist.load_arrays, mnist.check_range
    mnist.load_arrays, mnist.check_range = before
    monkeypatch.setattr(mnist, "load_arrays", after[0])
    monkeypatch.setattr(mnist, "check_range", after[1])


def few_minibatches(experiment):
    experiment.algorithm.batches_per_iter = 2
    experiment.algorithm.monitoring_batches = 1


def run(*blocks, **names):
    """Run lines of the page, the training for two minibatches only; the names that they make."""
    for block in blocks:
        *lines, last = block.strip().splitlines()
        exec("\n".join(lines if "main_loop" in last else [*lines, last]), names)
        if "main_loop" in last:
            few_minibatches(names["experiment"])
            exec(last.replace("max_epochs=50", "max_epochs=1"), names)
    return names


def values(model):
    # Both players have an h0_W.
    return {f"{i} {param}": param.get_value() for i, param in enumerate(model.get_params())}


def test_the_experiment_takes_fifteen_lines():
    statements = re.split(r"\n(?! |\))", PAPER.strip())
    assert len(statements) <= 15


def narrow(text):
    """The experiment with narrow layers, by the page or the YAML file."""
    for wide, thin in (
        ("1200", "12"),
        ("num_units=240", "num_units=4"),
        ("num_units: 240", "num_units: 4"),
    ):
        text = text.replace(wide, thin)
    return text


@pytest.mark.parametrize("size", [narrow, pytest.param(str, marks=pytest.mark.slow)])
def test_the_lines_train_what_the_yaml_trains(size, small_mnist, fast_compile):
    made = run(size(PAPER))
    text = (ROOT / "yaml" / "mnist.yaml").read_text(encoding="utf-8")
    experiment = yaml_parse.load(size(text), {"PYLEARN2_TRAIN_FILE_FULL_STEM": "mnist"})
    initial = values(experiment.model)
    experiment.save_freq = 0
    few_minibatches(experiment)
    experiment.main_loop(max_epochs=1)
    ours, theirs = values(made["model"]), values(experiment.model)
    assert len(ours) == 12
    for name, value in theirs.items():
        np.testing.assert_array_equal(ours[name], value, err_msg=name, strict=True)
    # Of narrow networks, some gradients are smaller than the last digit of a bias.
    assert sum((value != initial[name]).any() for name, value in theirs.items()) >= 8
    for one, other in (
        (made["algorithm"].learning_rate, experiment.algorithm.learning_rate),
        (made["algorithm"].learning_rule.momentum, experiment.algorithm.learning_rule.momentum),
    ):
        assert one.get_value() == other.get_value()
    records = [trained.monitor.channels for trained in (made["model"], experiment.model)]
    assert list(records[0]) == list(records[1])
    for name, channel in records[1].items():
        if "seconds" not in name:
            assert list(records[0][name].val_record) == list(channel.val_record)


def test_the_rest_of_the_page(small_mnist, fast_compile, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    # Without C, samples take long; by default there are 10,000.
    made = run(narrow(PAPER), USE.replace("score(train)", "score(train, num_samples=200)"))
    assert made["samples"].shape == (100, 784) and made["samples"].dtype == np.float32
    assert Image.open("samples.png").size == (2 * 302, 2 * 302)
    printed = [float(word) for word in capsys.readouterr().out.splitlines()[-1].split()]
    assert printed == [getattr(made["found"], n) for n in ("mean", "standard_error", "sigma")]
    trained = values(made["model"])
    made = run(CURVES, FILES, **made)
    assert len(made["values"]) == 2
    for name, value in values(made["model"]).items():
        np.testing.assert_array_equal(value, trained[name])
    # Other names of the page exist.
    for module, names in re.findall(r"`(\w+)` and `(?:\w+)` of `(adversarial[\w.]+)`", PAGE):
        assert module and names
    for name, module in re.findall(r"`(\w+)` of `(adversarial[\w.]*)`", PAGE):
        assert hasattr(__import__(module, fromlist=["x"]), name), name


def test_resume_takes_a_path(small_mnist, fast_compile, tmp_path):
    short = narrow(PAPER)
    lines = (
        short.strip()
        .replace(
            "Train(train,",
            f"Train(save_path={str(tmp_path / 'm.pkl')!r}, save_freq=1, dataset=train,",
        )
        .replace(
            "dataset=train, model, algorithm", "dataset=train, model=model, algorithm=algorithm"
        )
    )
    whole, first, second = ({}, {}, {})
    for names, epochs in ((whole, 2), (first, 1), (second, 2)):
        exec("\n".join(lines.splitlines()[:-1]), names)
        few_minibatches(names["experiment"])
        if names is second:
            names["experiment"].resume(tmp_path / "m.pkl")
        names["experiment"].main_loop(max_epochs=epochs)
    for name, value in values(whole["model"]).items():
        np.testing.assert_array_equal(value, values(second["model"])[name])


def pair(dim=4, noise=3):
    g = MLP([Sigmoid(layer_name="y", dim=dim, irange=1.0)], nvis=noise)
    return adversarial.AdversaryPair(
        Generator(g), MLP([Sigmoid(layer_name="y", dim=1, irange=1.0)], nvis=dim)
    )


def test_samples_are_a_prefix_and_leave_the_training_alone(fast_compile):
    model = pair()
    few, many = model.sample(7, seed=3), model.sample(250, seed=3)
    np.testing.assert_array_equal(few, many[:7])
    np.testing.assert_array_equal(few, adversarial.draw_samples(model, 100, seed=3)[:7])
    assert (few != model.sample(7, seed=4)).any()
    # G(z) for z of that seed, by NumPy.
    z = adversarial.draw_noise(model, 100, seed=3)[:7]
    W, b = (param.get_value() for param in model.generator.get_params())
    np.testing.assert_allclose(few, 1 / (1 + np.exp(-(z @ W + b))), rtol=1e-5)
    with pytest.raises(ValueError, match="must be a whole number of at least 1, not 0"):
        model.sample(0)


def test_samples_are_an_array_with_pictures(fast_compile):
    samples = pair().sample(12)
    assert isinstance(samples, np.ndarray)
    assert samples.images().shape == (12, 2, 2, 1)
    assert samples._repr_png_().startswith(b"\x89PNG") and samples[3:5]._repr_png_()
    np.testing.assert_array_equal(samples.images()[:, 0, 1, 0], np.asarray(samples)[:, 1])
    # What is no longer samples is an array like any other.
    assert samples.mean(axis=0)._repr_png_() is None and samples[0]._repr_png_() is None
    assert samples[:0]._repr_png_() is None and samples.T._repr_png_() is None
    assert (samples * np.nan)._repr_png_() is None
    with pytest.raises(ValueError, match="a grid has at least one row"):
        samples[:0].save("none.png")
    with pytest.raises(ValueError, match=r"shape \(4, 12\) is no samples"):
        samples.T.images()
    numbers = pair(dim=3).sample(2)
    assert numbers._repr_png_() is None and numbers.shape == (2, 3)


def test_the_score_is_that_of_the_command(small_mnist, fast_compile, tmp_path, capsys):
    (tmp_path / "data.yaml").write_text(
        "!obj:adversarial.datasets.mnist.MNIST { which_set: train, stop: 50000 }"
    )
    train = yaml_parse.load_path(tmp_path / "data.yaml")
    model = pair(784)
    model.dataset_yaml_src = "!obj:adversarial.datasets.mnist.MNIST { which_set: train }"
    adversarial.save(tmp_path / "m.pkl", model)
    found = model.score(train, num_samples=300, limit_size=50)
    parzen_ll.main([str(tmp_path / "m.pkl"), "-n", "300", "-l", "50", "--json"])
    printed = json.loads(capsys.readouterr().out)
    for name in ("mean", "standard_error", "sigma", "n"):
        assert printed[name] == getattr(found, name)
    assert (
        adversarial.load(tmp_path / "m.pkl").score(train, num_samples=300, limit_size=50) == found
    )


def test_the_score_of_an_array(fast_compile):
    model = pair()
    data = np.random.RandomState(0).uniform(size=(50, 4))
    found = model.score(data, num_samples=200, sigma=0.3)
    # Sigma is given, so nothing is set aside to choose it.
    by_hand = parzen_log_likelihood(data, adversarial.draw_samples(model, 200), 0.3)
    assert found.n == 50 and found.mean == pytest.approx(by_hand.mean(), rel=1e-6)
    assert found.standard_error == pytest.approx(by_hand.std() / 50**0.5, rel=1e-5)
    chosen = model.score(DenseDesignMatrix(X=data), num_samples=200, sigmas=[0.01, 0.3])
    assert (chosen.sigma, chosen.n) == (0.3, 25)
    assert adversarial.score(model.generator, data, num_samples=200, sigma=0.3) == found


@pytest.mark.parametrize(
    "data, message",
    [
        (np.zeros((5, 3)), "samples of 4 numbers, but the data has 3"),
        (np.zeros(5), r"not ndarray of float64 of shape \(5,\)"),
        ("mnist", "not str"),
        ([["a"]], r"not list of .* of shape \(1, 1\)"),
    ],
)
def test_what_cannot_be_scored(data, message, fast_compile):
    with pytest.raises(ValueError, match=message):
        pair().score(data, num_samples=10, sigma=0.3)


@pytest.mark.parametrize(
    "given, message",
    [
        (dict(limit_size=-5), "limit_size must be a whole number of at least 1, not -5"),
        (dict(limit_size=0), "limit_size must be a whole number of at least 1, not 0"),
        (dict(limit_size=2.5), "limit_size must be a whole number of at least 1, not 2.5"),
        (dict(sigmas=[]), "sigmas must be a non-empty list of widths"),
        (dict(sigmas=[0.1, -1]), "sigma must be positive and finite"),
        (dict(sigma=0), "sigma must be positive and finite"),
    ],
)
def test_settings_of_a_score_are_checked_before_samples_are_drawn(given, message, monkeypatch):
    monkeypatch.setattr("adversarial.evaluation.score.draw_samples", None)
    with pytest.raises(ValueError, match=message):
        pair().score(np.random.RandomState(0).rand(50, 4), num_samples=10, **given)


def test_a_pair_has_the_cost_of_the_paper(fast_compile):
    theirs = yaml_parse.load_path(ROOT / "yaml" / "mnist.yaml", instantiate=False)
    given = theirs.keywords["algorithm"].keywords["cost"].keywords
    g = MLP([Linear(784, "y", irange=0.1)], nvis=2)
    d = MLP([Linear(3, "h0", irange=0.1), Linear(1, "y", irange=0.1)], nvis=784)
    cost = adversarial.AdversaryPair(Generator(g), d).get_default_cost()
    assert {name: getattr(cost, name) for name in given} == given
    assert type(cost) is adversarial.AdversaryCost2


def test_defaults_are_the_values_of_the_paper():
    theirs = yaml_parse.load_path(ROOT / "yaml" / "mnist.yaml", instantiate=False)
    algorithm = theirs.keywords["algorithm"].keywords
    for cls, given in (
        (adversarial.SGD, {"learning_rate": algorithm["learning_rate"]}),
        (adversarial.Momentum, algorithm["learning_rule"].keywords),
        (adversarial.ExponentialDecay, algorithm["update_callbacks"].keywords),
        (adversarial.MomentumAdjustor, theirs.keywords["extensions"][0].keywords),
    ):
        signature = inspect.signature(cls).parameters
        assert given == {name: signature[name].default for name in given}


class Shell:
    """What IPython says in a notebook."""

    kernel = object()


def in_notebook(monkeypatch, shown):
    class IPython:
        @staticmethod
        def get_ipython():
            return Shell()

        class display:
            @staticmethod
            def display(what, display_id):
                shown.append(what)
                return type("Handle", (), {"update": staticmethod(shown.append)})

    monkeypatch.setitem(sys.modules, "IPython", IPython)
    monkeypatch.setitem(sys.modules, "IPython.display", IPython.display)


def test_a_notebook_has_its_own_bar(monkeypatch):
    assert not is_notebook() and bar_class().__module__ == "tqdm.std"
    in_notebook(monkeypatch, [])
    assert is_notebook() and Progress().bar
    assert bar_class().__module__.startswith("tqdm.")


def test_samples_are_shown_in_a_notebook_only(monkeypatch, fast_compile):
    model, data = pair(), DenseDesignMatrix(topo_view=np.zeros((5, 2, 2, 1)))
    inline = InlineSamples(n=6, seed=2)
    inline.setup(model, data, None)
    inline.on_monitor(model, data, None)
    shown = []
    in_notebook(monkeypatch, shown)
    inline.setup(model, data, None)
    for _ in range(2):
        inline.on_monitor(model, data, None)
    assert len(shown) == 2 and inline.only_watches
    for samples in shown:
        np.testing.assert_array_equal(samples, model.sample(6, seed=2))
        assert samples._repr_png_()
    model = pair(dim=3)  # no images
    inline.setup(model, None, None)
    inline.on_monitor(model, None, None)
    assert len(shown) == 2
    for wrong in (dict(n=0), dict(n=101), dict(n=True and 1.5), dict(seed=-1)):
        with pytest.raises(ValueError, match="of InlineSamples must be a whole number"):
            InlineSamples(**wrong)


def test_names_of_the_package_are_imported_when_they_are_asked_for():
    code = (
        "import sys, adversarial\n"
        "known = set(sys.modules)\n"
        "for name in adversarial.__all__: assert getattr(adversarial, name).__name__\n"
        "print(sorted(n for n in known if n.startswith('adversarial.') and not n.startswith("
        "('adversarial.backend', 'adversarial.utils'))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=LONGEST
    )
    assert done.returncode == 0, done.stderr
    # What importing the package has always needed; models, data and training come later.
    assert not re.search("models|datasets|train|evaluation|viewer", done.stdout), done.stdout


@pytest.mark.slow
def test_the_lines_run_in_a_notebook(tmp_path):
    """In a real kernel: the bar, the table, and pictures that take each other's place."""
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    short = narrow(PAPER)
    build = "\n".join(short.strip().splitlines()[:-1])
    sources = [
        "import adversarial\n" + SMALL_MNIST,
        build,
        NOTEBOOK.replace("max_epochs=5", "max_epochs=2"),
        "model.sample(20)",
        "model.sample(20)[0]",
    ]
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(source) for source in sources]
    nbclient.NotebookClient(
        notebook,
        timeout=LONGEST,
        kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path)}},
    ).execute()
    training, samples, numbers = (cell.outputs for cell in notebook.cells[2:])
    text = "".join(output.get("text", "") for output in training)
    assert len(re.findall(r"[\r\n] +[012]  ", text)) == 3  # rows of the table
    pictures = [out.data["image/png"] for out in training if "image/png" in out.get("data", {})]
    assert len(pictures) == 1
    assert "image/png" in samples[0].data
    assert "image/png" not in numbers[0].data and numbers[0].data["text/plain"].startswith(
        "Samples([0."
    )
