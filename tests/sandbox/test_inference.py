"""The inferer: added to a trained pair, against NumPy, measured, shown, and trained on MNIST."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.special import expit

from adversarial import AdversaryPair, Generator
from adversarial.config import yaml_parse
from adversarial.datasets import mnist
from adversarial.evaluation.sampling import draw_noise, draw_samples
from adversarial.models.mlp import MLP, Linear, RectifiedLinear, Sigmoid
from adversarial.scripts import cli
from adversarial.space import Conv2DSpace
from adversarial.utils import serial
from sandbox.inference import Inference, PairWithInferer
from sandbox.inference import measure as measure_script
from sandbox.inference import show as show_script
from sandbox.inference.measure import measure

EXPERIMENT = Path(__file__).parents[2] / "sandbox" / "inference" / "experiment.yaml"


def pair(inferred=3, pixels=6, space=None):
    """G with layers 3-4-5-6; the inferer puts out `inferred` values, if given."""
    seen = dict(nvis=pixels) if space is None else dict(input_space=space)
    G = MLP(
        [
            RectifiedLinear(layer_name="h0", dim=4, irange=1.0, init_bias=0.3),
            RectifiedLinear(layer_name="h1", dim=5, irange=1.0, init_bias=0.2),
            Sigmoid(layer_name="y", dim=pixels, irange=1.0),
        ],
        nvis=3,
    )
    D = MLP([Sigmoid(layer_name="y", dim=1, irange=0.1)], **seen)
    inferer = (
        None
        if inferred is None
        else MLP(
            [
                RectifiedLinear(layer_name="h", dim=7, irange=1.0, init_bias=0.1),
                Linear(layer_name="z", dim=inferred, irange=1.0),
            ],
            **seen,
        )
    )
    return AdversaryPair(Generator(G, noise="uniform"), D, inferer)


def forward(mlp, x):
    """Every layer's output, in float64."""
    states = []
    for layer in mlp.layers:
        x = x @ layer.W.get_value().astype(float) + layer.b.get_value()
        x = {
            "Linear": lambda x: x,
            "RectifiedLinear": lambda x: np.maximum(x, 0),
            "Sigmoid": expit,
        }[type(layer).__name__](x)
        states.append(x)
    return states


# An inferer for a pair that has none.


def test_a_trained_pair_gets_an_inferer():
    trained, new = pair(), pair().inferer
    both = PairWithInferer(trained, new, monitor_generator=False)
    assert both.generator is trained.generator and both.discriminator is trained.discriminator
    assert both.inferer is new and not both.monitor_generator
    params = trained.generator.get_params() + trained.discriminator.get_params()
    assert both.get_params() == params + new.get_params()


def test_only_a_pair_gets_an_inferer():
    with pytest.raises(TypeError, match="must be an AdversaryPair, not a Generator"):
        PairWithInferer(pair().generator, pair().inferer)


TRAINING = """!obj:adversarial.train.Train {
    dataset: !obj:adversarial.datasets.dense_design_matrix.DenseDesignMatrix {
        X: !obj:numpy.zeros { shape: [40, 6] }
    },
    model: !obj:sandbox.inference.PairWithInferer {
        pair: !pkl: "${PYLEARN2_TRAIN_DIR}trained.pkl",
        inferer: !obj:adversarial.models.mlp.MLP {
            nvis: 6,
            layers: [ !obj:adversarial.models.mlp.Linear { layer_name: z, dim: 3, irange: .1 } ]
        }
    },
    algorithm: !obj:adversarial.training_algorithms.sgd.SGD {
        batch_size: 10,
        learning_rate: .1,
        cost: !obj:adversarial.AdversaryCost2 {
            ever_train_discriminator: 0,
            ever_train_generator: 0
        }
    },
    save_path: "${PYLEARN2_TRAIN_FILE_FULL_STEM}.pkl",
    save_freq: 1
}"""


def test_training_after_g_changes_the_inferer_only_and_resumes(fast_compile, tmp_path):
    trained = pair(inferred=None)
    serial.save(tmp_path / "trained.pkl", trained)
    yaml = tmp_path / "after.yaml"
    yaml.write_text(TRAINING)

    def run(epochs, resume_from=None):
        from adversarial import checkpoint

        train = yaml_parse.load_path(yaml)
        if resume_from is not None:
            train.resume(checkpoint.read(resume_from))
        train.main_loop(max_epochs=epochs)
        return serial.load(tmp_path / "after.pkl")

    whole = run(4)
    assert isinstance(whole, PairWithInferer)
    for player in ("generator", "discriminator"):
        for old, new in zip(
            getattr(trained, player).get_param_values(), getattr(whole, player).get_param_values()
        ):
            np.testing.assert_array_equal(old, new)
    begun = run(2)
    resumed = run(4, tmp_path / "after.pkl")
    assert np.any(begun.get_param_vector() != whole.get_param_vector())
    np.testing.assert_array_equal(resumed.get_param_vector(), whole.get_param_vector())


# What it infers.


@pytest.mark.parametrize("layer, values", [(None, 3), (0, 4), (1, 5)])
def test_inference_against_numpy(fast_compile, layer, values):
    model = pair(values)
    z = np.random.RandomState(0).normal(size=(8, 3))
    below = forward(model.generator.mlp, z)
    found = Inference(model, layer).of_noise(z)
    np.testing.assert_allclose(found.target, z if layer is None else below[layer], rtol=1e-4)
    np.testing.assert_allclose(found.samples, below[-1], rtol=1e-4)
    predicted = forward(model.inferer, below[-1])[-1]
    np.testing.assert_allclose(found.predicted, predicted, rtol=1e-3, atol=1e-5)
    x = predicted
    above = 0 if layer is None else layer + 1
    for part in model.generator.mlp.layers[above:]:
        x = x @ part.W.get_value().astype(float) + part.b.get_value()
        x = expit(x) if isinstance(part, Sigmoid) else np.maximum(x, 0)
    np.testing.assert_allclose(found.reconstructed, x, rtol=1e-3)


def test_images_of_several_channels_keep_their_order(fast_compile):
    """A row of a design matrix holds one channel after the other; the space does not."""
    model = pair(space=Conv2DSpace((1, 3), num_channels=2, axes=("b", 0, 1, "c")))
    rows = np.random.RandomState(0).uniform(size=(5, 6))
    as_seen = rows.reshape(5, 2, 1, 3).transpose(0, 2, 3, 1).reshape(5, 6)
    predicted, _ = Inference(model).of_images(rows)
    np.testing.assert_allclose(predicted, forward(model.inferer, as_seen)[-1], rtol=1e-4)


@pytest.mark.parametrize(
    "model, layer, message",
    [
        (pair(None), None, "the AdversaryPair has no inferer"),
        (pair().generator, None, "the Generator has no inferer"),
        (pair(4), None, "predicts 4 values, but z has 3"),
        (pair(3), 1, "predicts 3 values, but layer 1 of G has 5"),
        (pair(6), 2, "layer must be one of 0 to 1, .* not 2"),
        (pair(3), -1, "layer must be one of 0 to 1, .* not -1"),
    ],
)
def test_wrong_models_and_layers(model, layer, message):
    with pytest.raises(ValueError, match=message):
        Inference(model, layer)


# How well.


def test_figures_against_numpy(fast_compile):
    model = pair()
    test = np.random.RandomState(1).uniform(size=(9, 6)).astype("float32")
    figures = measure(model, Inference(model), test, samples=50, seed=3)
    z = draw_noise(model, 50, 3).astype(float)
    samples = forward(model.generator.mlp, z)[-1]
    predicted = forward(model.inferer, samples)[-1]

    def again(x):
        return forward(model.generator.mlp, forward(model.inferer, x)[-1])[-1]

    to_samples = np.linalg.norm(test[:, None] - samples, axis=2).min(axis=1)
    found = np.linalg.norm(test - again(test), axis=1)
    expected = {
        "error": np.mean((predicted - z) ** 2),
        "variance": np.mean((z - z.mean(axis=0)) ** 2),
        "sample_distance": np.linalg.norm(samples - again(samples), axis=1).mean(),
        "distance": found.mean(),
        "nearest_sample": to_samples.mean(),
        "share_nearer": np.mean(found < to_samples),
    }
    assert figures == pytest.approx(expected, rel=1e-4)


def test_a_perfect_inferer(fast_compile):
    """G and the inferer are both the identity."""

    def same():
        return MLP([Linear(layer_name="y", dim=4, irange=0.0)], nvis=4)

    model = AdversaryPair(
        Generator(same()), MLP([Sigmoid(layer_name="y", dim=1, irange=0.1)], nvis=4), same()
    )
    for network in (model.generator.mlp, model.inferer):
        network.layers[0].W.set_value(np.eye(4, dtype="float32"))
    figures = measure(model, Inference(model), np.ones((3, 4), "float32"), samples=20)
    assert figures["error"] == figures["distance"] == figures["sample_distance"] == 0
    assert figures["share_nearer"] == 1 and figures["nearest_sample"] > 0


# The commands.


@pytest.fixture
def digits(monkeypatch):
    """MNIST of 40 training and 12 test images of noise."""
    rng = np.random.RandomState(0)
    arrays = {
        name: (
            rng.randint(256, size=(n, 28, 28)).astype("uint8"),
            rng.randint(10, size=n).astype("uint8"),
        )
        for name, n in (("train", 40), ("test", 12))
    }
    monkeypatch.setattr(mnist, "load_arrays", arrays.get)
    monkeypatch.setattr(mnist, "SIZES", {"train": 40, "test": 12})


@pytest.fixture
def model(digits, tmp_path):
    trained = pair(pixels=784)
    trained.dataset_yaml_src = "!obj:adversarial.datasets.mnist.MNIST { which_set: train }"
    path = tmp_path / "pair.pkl"
    serial.save(path, trained)
    return path


@pytest.fixture
def command(fast_compile):
    return lambda script, *argv: cli.run(lambda: script.main([str(arg) for arg in argv]))


def test_measuring(command, model, capsys):
    argv = ["--samples", 30, "--seed", 2]
    assert command(measure_script, model, *argv, "--json") == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["model"] == str(model)
    training, test = (mnist.MNIST(name).X for name in ("train", "test"))
    to_training = np.linalg.norm(test[:, None] - training, axis=2).min(axis=1).mean()
    assert found["nearest_training"] == pytest.approx(to_training, rel=1e-4)
    # The same model twice: the standard error is 0.
    assert command(measure_script, model, model, *argv) == 0
    out = capsys.readouterr().out
    assert f"{found['error']:.4f} +- 0.0000" in out and len(out.splitlines()) == 7


def test_a_picture_of_groups_of_three(command, model, capsys, tmp_path):
    argv = ["--samples", 30, "--rows", 2, "--cols", 3, "--scale", 1]
    assert command(show_script, model, *argv) == 0
    assert capsys.readouterr().out == f"{model.with_name('pair_inferred.png')}\n"
    picture = np.asarray(Image.open(model.with_name("pair_inferred.png")).convert("RGB"))
    assert picture.shape == (2 * 30 + 2, 9 * 30 + 2, 3)
    images = picture[2:60].reshape(-1, 272, 3)[:28, 2:, 0].reshape(28, 9, 30)[:, :, :28] / 255
    digit, remade, nearest = images[:, :3].transpose(1, 0, 2).reshape(3, 784)
    trained = serial.load(model)
    np.testing.assert_allclose(digit, mnist.MNIST("test").X[0], atol=0.003)
    again = forward(trained.generator.mlp, forward(trained.inferer, digit[None])[-1])[-1][0]
    np.testing.assert_allclose(remade, again, atol=0.05)
    drawn = draw_samples(trained, 30)
    closest = drawn[np.linalg.norm(drawn - digit, axis=1).argmin()]
    np.testing.assert_allclose(nearest, closest, atol=0.003)


def test_mistakes_are_one_line(command, model, tmp_path, capsys):
    unnamed, blind = tmp_path / "unnamed.pkl", tmp_path / "blind.pkl"
    serial.save(unnamed, pair(pixels=784))
    serial.save(blind, pair(None))
    for script in (measure_script, show_script):
        for argv, message in [
            ([tmp_path / "none.pkl"], "none.pkl"),
            ([EXPERIMENT], "experiment.yaml"),
            ([blind], "blind.pkl: the AdversaryPair has no inferer"),
            ([model, "--layer", 1], "predicts 3 values, but layer 1 of G has 5"),
            ([unnamed], "does not say which data set"),
        ]:
            assert command(script, *argv) == 1
            out, err = capsys.readouterr()
            assert out == "" and message in err and err.count("\n") == 1
    assert command(show_script, model, "--out", tmp_path / "no" / "a.png") == 1
    assert "there is no folder" in capsys.readouterr().err
