"""p(x | c): against NumPy on small networks, the commands, and a bounded training on MNIST."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.special import expit

from adversarial import AdversaryCost2, AdversaryPair, Generator
from adversarial.backend import floatX, function, shared
from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
from adversarial.datasets.view_converter import DefaultViewConverter
from adversarial.evaluation.sampling import draw_noise, draw_samples
from adversarial.models.maxout import Maxout
from adversarial.models.mlp import MLP, Linear, RectifiedLinear, Sigmoid, Softmax
from adversarial.scripts import cli
from adversarial.space import CompositeSpace, VectorSpace
from adversarial.termination_criteria import EpochCounter
from adversarial.train import Train
from adversarial.training_algorithms.sgd import SGD
from adversarial.utils import serial
from sandbox.conditional import (
    ConditionalAdversaryCost,
    ConditionalGenerator,
    ConditionalMLP,
    ConditionalPair,
    measure,
    sampling,
    show,
)

ROOT = Path(__file__).parents[2]
CLASSES = 4


def generator(n_classes=CLASSES, out=9):
    layers = [
        RectifiedLinear(dim=5, layer_name="h", irange=1.0),
        Sigmoid(dim=out, layer_name="y", irange=1.0),
    ]
    return ConditionalGenerator(ConditionalMLP(layers, nvis=3, n_classes=n_classes))


def discriminator(n_classes=CLASSES, nvis=9):
    layers = [Maxout("h", 5, 2, irange=1.0), Sigmoid(dim=1, layer_name="y", irange=1.0)]
    return ConditionalMLP(layers, nvis=nvis, n_classes=n_classes)


def pair(inferer=None):
    return ConditionalPair(generator(), discriminator(), inferer)


def one_hot(classes):
    return np.eye(CLASSES, dtype=floatX)[classes]


def random(*shape, seed=0):
    return np.random.RandomState(seed).uniform(size=shape).astype(floatX)


def doubles(network):
    return [value.astype("float64") for value in network.get_param_values()]


def G_of(model, z, c, params=None):
    """G(z, c), by hand."""
    W, b, V, d = params or doubles(model.generator)
    return expit(np.maximum(np.hstack([z, c]) @ W + b, 0) @ V + d)


def logit_of(model, x, c, params=None):
    """D's logit at (x, c), by hand."""
    W, b, V, d = params or doubles(model.discriminator)
    return (np.hstack([x, c]) @ W + b).reshape(len(x), 5, 2).max(axis=2) @ V + d


def softplus(t):
    return np.logaddexp(0, t)


pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
small = pytest.mark.usefixtures("fast_compile")
both = pytest.mark.usefixtures("either_engine", "fast_compile")


@small
def test_both_players_use_the_class():
    model = pair()
    x, z, c = random(7, 9), random(7, 3), one_hot([3, 0, 1, 1, 2, 0, 3])
    G, D = model.given(shared(c)).generator.mlp, model.given(shared(c)).discriminator
    samples, p = function([], [G.fprop(shared(z)), D.fprop(shared(x))])()
    np.testing.assert_allclose(samples, G_of(model, z, c), rtol=1e-4)
    np.testing.assert_allclose(p, expit(logit_of(model, x, c)), rtol=1e-4)
    # If there are fewer classes than rows, they repeat.
    found = function([], model.given(shared(c[:3])).discriminator.fprop(shared(x)))()
    in_turn = c[[0, 1, 2, 0, 1, 2, 0]]
    np.testing.assert_allclose(found, expit(logit_of(model, x, in_turn)), rtol=1e-4)
    # The model itself is not bound.
    assert model.generator.mlp.condition is None and model.discriminator.condition is None


@both
def test_samples_are_sorted_by_class():
    G = generator()
    for n, least, most in ((12, 3, 3), (10, 2, 3), (1, 0, 1)):
        classes = function([], G._all_classes(n))().argmax(axis=1)
        counts = np.bincount(classes, minlength=CLASSES)
        assert (np.diff(classes) >= 0).all()
        assert counts.sum() == n and counts.min() == least and counts.max() == most
    draw = function([], G._all_classes(1))
    assert {int(draw().argmax()) for _ in range(40)} == set(range(CLASSES))


@both
@pytest.mark.parametrize("mismatch", [0, 0.25])
def test_objectives_and_gradients_by_hand(mismatch):
    """Objectives, and gradients in a random direction against finite differences."""
    model, cost = pair(), ConditionalAdversaryCost(scale_grads=0, mismatch=mismatch)
    x, z, c = random(7, 9), random(7, 3, seed=1), one_hot([3, 0, 1, 1, 2, 0, 3])
    model.generator.get_noise = lambda size: shared(z)
    data = (shared(x), shared(c))

    def objectives(D, G):
        real, fake, wrong = (
            logit_of(model, rows, classes, D)
            for rows, classes in ((x, c), (G_of(model, z, c, G), c), (x, np.roll(c, -1, axis=0)))
        )
        d = (softplus(-real).mean() + softplus(fake).mean()) / 2
        return d + mismatch * softplus(wrong).mean(), softplus(-fake).mean()

    both = CompositeSpace([VectorSpace(9), VectorSpace(CLASSES)])
    assert cost.get_data_specs(model) == (both, ("features", "targets"))
    gradients, _ = cost.get_gradients(model, data)
    assert list(gradients) == [*model.discriminator.get_params(), *model.generator.get_params()]
    total, *found = function([], [cost.expr(model, data), *gradients.values()])()
    players = doubles(model.discriminator), doubles(model.generator)
    assert total == pytest.approx(sum(objectives(*players)), rel=1e-4)
    for mine, params in enumerate(players):
        for i, old in enumerate(params):
            step = 1e-6 * (random(*old.shape, seed=2) - 0.5)
            params[i] = old + step
            there = objectives(*players)[mine]
            params[i] = old - step
            slope = (there - objectives(*players)[mine]) / 2e-6
            params[i] = old
            want = (found[4 * mine + i] * step).sum() / 1e-6
            assert slope == pytest.approx(want, rel=1e-3, abs=1e-6)


@small
def test_channels_are_those_of_the_bound_players():
    model, cost = pair(), ConditionalAdversaryCost()
    x, c = random(7, 9), one_hot([3, 0, 1, 1, 2, 0, 3])
    data = (shared(x), shared(c))
    assert model.get_monitoring_data_specs() == cost.get_data_specs(model)
    channels = model.get_monitoring_channels(data)
    assert {name.split("_h_")[0].split("_y_")[0] for name in channels} == {
        "gen",
        "dis_on_data",
        "dis_on_samp",
    }
    channels.update(cost.get_monitoring_channels(model, data))
    mean, missed = function(
        [], [channels["dis_on_data_y_mean_x_mean_u"], channels["false_negatives"]]
    )()
    p = expit(logit_of(model, x, c))
    assert mean == pytest.approx(p.mean(), rel=1e-4)
    assert missed == pytest.approx((p < 0.5).mean())


def trained(tmp_path, epochs=2):
    rng = np.random.RandomState(1)
    data = DenseDesignMatrix(
        X=rng.uniform(size=(50, 9)), y=rng.randint(CLASSES, size=(50, 1)), y_labels=CLASSES
    )
    model = pair(MLP([Linear(dim=3, layer_name="z", irange=0.1)], nvis=9))
    cost = ConditionalAdversaryCost(
        discriminator_default_input_include_prob=0.5, discriminator_default_input_scale=2.0
    )
    algorithm = SGD(
        0.1,
        cost,
        batch_size=20,
        monitoring_dataset={"here": data},
        termination_criterion=EpochCounter(epochs),
    )
    Train(data, model, algorithm, str(tmp_path / "classes.pkl"), 1).main_loop()
    return model


@small
def test_training_saving_and_sampling(tmp_path):
    """Training uses the classes, with dropout; samples of a loaded file equal the model's."""
    model = trained(tmp_path)
    before = pair()
    assert all((a != b).any() for a, b in zip(model.get_param_values(), before.get_param_values()))
    loaded = serial.load(tmp_path / "classes.pkl")
    assert isinstance(loaded, ConditionalPair)
    np.testing.assert_array_equal(draw_samples(model, 8), draw_samples(loaded, 8))
    assert draw_samples(loaded, 1, batch_size=1).shape == (1, 9)
    # Another seed has other streams, so what is equal comes from the classes.
    by_class = sampling.samples_by_class(loaded.generator, 30, seed=5).mean(axis=1)
    alone = [
        draw_samples(loaded.generator.given_classes([c]), 30, seed=6).mean(axis=0)
        for c in range(CLASSES)
    ]
    distances = np.linalg.norm(by_class[:, None] - np.array(alone)[None], axis=2)
    np.testing.assert_array_equal(distances.argmin(axis=1), range(CLASSES))


@small
def test_each_row_of_the_sheet_is_a_class():
    model = pair()
    sheet = sampling.class_sheet(model.generator, [2, 0], cols=3, seed=1, same_z=True)
    assert (sheet.rows, sheet.cols, sheet.images.shape) == (2, 3, (6, 3, 3, 1))
    z = draw_noise(model.generator, 3, seed=1)
    want = np.concatenate([G_of(model, z, one_hot([c] * 3)) for c in (2, 0)])
    np.testing.assert_allclose(sheet.images.reshape(6, 9), want, rtol=1e-4)


@pytest.mark.parametrize(
    "make, error, message",
    [
        (
            lambda: ConditionalGenerator(MLP([Linear(3, "y", irange=0.1)], nvis=2)),
            TypeError,
            "must be a ConditionalMLP",
        ),
        (
            lambda: ConditionalPair(Generator(generator().mlp), discriminator()),
            TypeError,
            "must be a ConditionalGenerator",
        ),
        (
            lambda: ConditionalPair(generator(), MLP([Linear(1, "y", irange=0.1)], nvis=9)),
            TypeError,
            "discriminator must be a ConditionalMLP",
        ),
        (lambda: ConditionalPair(generator(3), discriminator()), ValueError, "has 3 classes"),
        (lambda: ConditionalPair(generator(), discriminator(nvis=8)), ValueError, "makes"),
        (lambda: discriminator().fprop(shared(random(2, 9))), ValueError, "call given"),
        (lambda: generator().given_classes([0, CLASSES]), ValueError, "classes 0 to 3, not .0, 4."),
        (lambda: generator().given_classes([0.5]), ValueError, "list of class numbers"),
        (lambda: generator().given_classes([]), ValueError, "list of class numbers"),
    ],
)
def test_mismatched_arguments(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_cost_and_model_that_do_not_match():
    x, c = shared(random(7, 9)), shared(one_hot([0] * 7))
    plain = AdversaryPair(
        Generator(MLP([Linear(9, "y", irange=0.1)], nvis=2)),
        MLP([Sigmoid(dim=1, layer_name="y", irange=0.1)], nvis=9),
    )
    with pytest.raises(TypeError, match="trains a ConditionalPair"):
        ConditionalAdversaryCost().get_gradients(plain, (x, c))
    with pytest.raises(ValueError, match="call given"):
        AdversaryCost2().get_gradients(pair(), x)
    with pytest.raises(ValueError, match="not be negative: -1"):
        ConditionalAdversaryCost(mismatch=-1)
    with pytest.raises(TypeError, match="tuple"):
        ConditionalAdversaryCost().expr(pair(), x)


# The commands.


@pytest.fixture
def model_file(tmp_path):
    path = tmp_path / "classes.pkl"
    serial.save(path, pair())
    return path


@pytest.fixture
def plain_file(tmp_path):
    """A model of the same images without classes."""
    path = tmp_path / "plain.pkl"
    G = Generator(MLP([Sigmoid(dim=9, layer_name="y", irange=1.0)], nvis=3))
    serial.save(path, AdversaryPair(G, MLP([Sigmoid(dim=1, layer_name="y", irange=1.0)], nvis=9)))
    return path


@pytest.fixture
def classifier_file(tmp_path):
    path = tmp_path / "judge.pkl"
    serial.save(path, MLP([Softmax(CLASSES, "y", irange=1.0)], nvis=9))
    return path


@pytest.fixture
def digits(monkeypatch):
    """`measure` sees an MNIST of 80 images of 3 x 3."""

    class Digits(DenseDesignMatrix):
        def __init__(self, which_set, start=0, stop=0):
            classes = np.arange(80)[:, None] % CLASSES
            super().__init__(X=random(80, 9, seed=start), y=classes, y_labels=CLASSES)

    monkeypatch.setattr(measure, "MNIST", Digits)
    return Digits


def run(module, *argv):
    return cli.run(lambda: module.main([str(arg) for arg in argv]))


@small
def test_show(model_file, capsys):
    assert run(show, model_file, "--cols", 3, "--classes", 1, 1, 2, "--scale", 1) == 0
    path = model_file.with_name("classes_classes.png")
    assert capsys.readouterr().out == f"{path}\n"
    with Image.open(path) as image:
        assert image.width == image.height >= 3 * 3


@small
def test_measure(model_file, plain_file, classifier_file, digits, capsys):
    argv = [model_file, model_file, "--classifier", classifier_file, "--samples", 20]
    assert run(measure, *argv, "--baseline", plain_file, "--json") == 0
    result = json.loads(capsys.readouterr().out)
    model, judge = serial.load(model_file), serial.load(classifier_file)
    W, b = judge.get_param_values()
    samples = sampling.samples_by_class(model.generator, 20)
    right = [((samples[c] @ W + b).argmax(axis=1) == c).mean() for c in range(CLASSES)]
    # The same model twice: the standard error is 0.
    np.testing.assert_allclose(result["share"]["by_class"], [[share, 0] for share in right])
    assert result["share"]["all"] == [pytest.approx(np.mean(right)), 0]
    # By definition, with the sigma that is best on the validation digits.
    of_class = slice(2, None, CLASSES)
    valid, test = digits("train", 50000).X[of_class], digits("test").X[of_class]
    gaps = [np.linalg.norm(rows - rows.mean(axis=0), axis=1) for rows in (samples[2], test)]
    mine, real = (np.sqrt((gap**2).mean()) for gap in gaps)
    assert result["spread"]["by_class"][2] == [pytest.approx(mine / real, rel=1e-4), 0]
    plain = draw_samples(serial.load(plain_file), 80)
    for key, from_samples in (("parzen", samples[2]), ("parzen_baseline", plain)):
        best = max(np.logspace(-1, 0, 10), key=lambda s: ll(valid, from_samples, s).mean())
        mean, error = result[key]["by_class"][2]
        assert mean == pytest.approx(ll(test, from_samples, best).mean(), rel=1e-4)
        assert error == (0 if key == "parzen" else None)  # the same model twice; one
    assert run(measure, *argv, "--no-parzen") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 + CLASSES + 1
    assert lines[-1].split() == ["all", f"{100 * np.mean(right):.1f}", "+-", "0.0"]


def ll(data, samples, sigma):
    gaps = ((data[:, None].astype("float64") - samples[None]) ** 2).sum(axis=2)
    logs = np.logaddexp.reduce(-gaps / (2 * sigma**2), axis=1) - np.log(len(samples))
    return logs - data.shape[1] * np.log(sigma * np.sqrt(2 * np.pi))


def test_errors_are_one_line(model_file, plain_file, classifier_file, tmp_path, capsys):
    none = tmp_path / "none.pkl"
    for argv, message in [
        ((show, plain_file), "plain.pkl: the generator, a Generator, is not conditional"),
        ((show, classifier_file), "has no generator"),
        ((show, none), "none.pkl"),
        ((show, model_file, "--classes", 1, 4), "has classes 0 to 3"),
        ((show, model_file, "--out", tmp_path / "no" / "a.png"), "there is no folder"),
        ((measure, model_file, "--classifier", plain_file), "plain.pkl: a classifier is an MLP"),
        ((measure, plain_file, "--classifier", classifier_file), "is not conditional"),
        ((measure, model_file, "--classifier", none), "none.pkl"),
    ]:
        assert run(*argv) == 1
        out, err = capsys.readouterr()
        assert out == "" and err.count("\n") == 1 and message in err
    with pytest.raises(SystemExit):
        measure.parse(["a", "--classifier", "b", "--baseline", "c", "--no-parzen"])
    assert "leaves nothing" in capsys.readouterr().err


@pytest.mark.slow
def test_six_epochs_of_small_nets(tmp_path, capsys):
    """The classifier assigns samples to the requested class."""
    judged = {}
    for name, file, epochs in (("classifier", "experiment", 2), ("conditional", "small", 6)):
        path = tmp_path / f"{name}.yaml"
        path.write_text((ROOT / "sandbox" / name / f"{file}.yaml").read_text())
        command = [sys.executable, ROOT / "train.py", "--quiet", "--max-epochs", str(epochs), path]
        subprocess.run(command, check=True, cwd=ROOT)
        judged[name] = path.with_suffix(".pkl")
    # A grid at each save, one class per row.
    assert (tmp_path / "conditional.png").exists()
    argv = [judged["conditional"], "--classifier", judged["classifier"], "--no-parzen", "--json"]
    assert run(measure, *argv, "--samples", 200) == 0
    share = json.loads(capsys.readouterr().out)["share"]
    # 81 % with seed 0, 62 % with seed 2; 10 % by chance.
    assert share["all"][0] > 0.3


@small
def test_show_uses_the_image_shape_of_the_data(tmp_path):
    """Nine values are not drawn as 3 x 3 if the data are 1 x 9."""
    model = pair()
    model.view_converter = DefaultViewConverter((1, 9, 1))
    path = tmp_path / "wide.pkl"
    serial.save(path, model)
    out = tmp_path / "wide.png"
    assert run(show, path, "--classes", 1, "--cols", 2, "--scale", 1, "--out", out) == 0
    with Image.open(out) as image:
        assert image.size == (2 * (9 + 2) + 2, 1 + 4)
