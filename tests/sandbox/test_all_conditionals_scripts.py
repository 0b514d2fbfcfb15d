"""Ways to fill hidden pixels, compared with loops; the commands measure and show."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from adversarial import AdversaryPair, Generator
from adversarial.config import yaml_parse
from adversarial.models.mlp import MLP, Sigmoid
from adversarial.scripts import cli
from adversarial.space import CompositeSpace, Conv2DSpace, VectorSpace
from adversarial.space.conv2d import SIDES
from adversarial.utils import serial
from sandbox.all_conditionals import Completer, ConditionalsPair, RandomMasks, fill, measure, show
from sandbox.all_conditionals.masks import KINDS

pytestmark = pytest.mark.usefixtures("fast_compile")

FOLDER = Path(fill.__file__).parent
# 36 images of 6 x 6, each with one white pixel.
EYE = """!obj:adversarial.datasets.dense_design_matrix.DenseDesignMatrix {
    X: !obj:numpy.eye { N: 36 } }"""


def random_images(n, channels=1, seed=0):
    rng = np.random.RandomState(seed)
    return rng.uniform(size=(n, 4, 5, channels)).astype("float32")


def random_masks(n, seed=1):
    return np.random.RandomState(seed).randint(2, size=(n, 4, 5, 1)).astype("float32")


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("block", [1, 300, 2**23])
def test_nearest_on_visible_pixels_against_a_loop(channels, block, monkeypatch):
    monkeypatch.setattr(fill, "BLOCK_ELEMENTS", block)
    images, training = random_images(9, channels), random_images(57, channels, seed=2)
    masks = random_masks(9)
    found = fill.nearest_fill(training, images, masks)
    for image, mask, filled in zip(images, masks, found):
        nearest = min(training, key=lambda t: (mask * np.square(t - image)).sum())
        np.testing.assert_array_equal(filled, np.where(mask, image, nearest))


def test_without_visible_pixels_the_first_is_nearest():
    images, training = random_images(3), random_images(5, seed=2)
    found = fill.nearest_fill(training, images, np.zeros((3, 4, 5, 1), "float32"))
    np.testing.assert_array_equal(found, training[[0, 0, 0]])
    with pytest.raises(ValueError, match="no training examples"):
        fill.nearest_fill(training[:0], images, random_masks(3))


def test_the_mean_image():
    images, masks, training = random_images(3), random_masks(3), random_images(7, seed=2)
    np.testing.assert_allclose(
        fill.mean_fill(training, images, masks),
        masks * images + (1 - masks) * training.astype("float64").mean(axis=0),
        rtol=1e-6,
    )


def test_errors_are_of_hidden_pixels_only():
    images, masks = random_images(6), random_masks(6)
    wrong = images + np.where(masks, 100, np.float32(0.5))
    assert measure.rms_error(wrong, images, masks) == pytest.approx(0.5, rel=1e-5)
    with pytest.raises(ValueError, match="no pixel is hidden"):
        measure.rms_error(wrong, images, np.ones_like(masks))


def test_calibration_of_the_true_distribution():
    """Images and completions have one distribution, with deviation 0.3 about a random mean."""
    rng, n = np.random.RandomState(0), 2000
    centre = rng.uniform(size=(n, 4, 5, 1))

    def like_the_truth(images, masks):
        return centre + 0.3 * rng.normal(size=images.shape)

    images, masks = like_the_truth(centre, None), random_masks(n)
    found = measure.completion_figures(like_the_truth, images, masks, 5)
    assert found["spread"] == pytest.approx(0.3, rel=0.02)
    assert found["calibration"] == pytest.approx(1, abs=0.04)
    assert found["one"] == pytest.approx(0.3 * np.sqrt(2), rel=0.02)
    assert found["mean"] == pytest.approx(0.3 * np.sqrt(1.2), rel=0.02)
    # The difference of two means has a variance of 1/6.
    assert found["another's"] == pytest.approx(np.sqrt(0.09 * 1.2 + 1 / 6), rel=0.02)


def test_calibration_of_equal_completions():
    images, masks = random_images(6), random_masks(6)
    found = measure.completion_figures(lambda images, masks: images + 1, images, masks, 3)
    shifted = images + 1 - np.roll(images, 1, axis=0)
    assert found.pop("another's") == pytest.approx(np.sqrt(np.square(shifted[masks == 0]).mean()))
    assert found == pytest.approx({"one": 1, "mean": 1, "spread": 0, "calibration": 0}, abs=1e-6)
    with pytest.raises(ValueError, match="the model has diverged"):
        fill.completions(lambda images, masks: images * np.nan, images, masks, 2)


def test_mean_and_standard_error_over_models():
    found = measure.summary([{"one": 1.0}, {"one": 2.0}, {"one": 6.0}])
    assert found["one"] == (3.0, pytest.approx(np.sqrt(7 / 3)))
    assert np.isnan(measure.summary([{"one": 1.0}])["one"][1])


def saved(tmp_path, name, pair):
    pair.dataset_yaml_src = EYE
    path = tmp_path / name
    serial.save(path, pair)
    return path


@pytest.fixture
def model(tmp_path):
    """A model file of an untrained pair for images of 6 x 6."""
    seen = Conv2DSpace((6, 6), num_channels=2)
    G = MLP(
        [Sigmoid(layer_name="y", dim=36, irange=1.0)],
        input_space=CompositeSpace([seen, VectorSpace(3)]),
    )
    D = MLP([Sigmoid(layer_name="y", dim=1, irange=0.1)], input_space=seen)
    pair = ConditionalsPair(Completer(G), D, RandomMasks((6, 6), {"pixels": 1}))
    return saved(tmp_path, "any.pkl", pair)


@pytest.fixture
def half_model(tmp_path):
    """A model file of a pair that fills the left halves of images of 6 x 6."""
    space = Conv2DSpace((6, 6), num_channels=1)
    G = MLP([Sigmoid(layer_name="y", dim=18, irange=1.0)], input_space=space)
    D = MLP([Sigmoid(layer_name="d", dim=1, irange=0.1)], input_space=space)
    return saved(tmp_path, "half.pkl", AdversaryPair(Generator(G), D))


@pytest.fixture
def eye(tmp_path):
    path = tmp_path / "eye.yaml"
    path.write_text(EYE)
    return path


def run(module, *argv):
    return cli.run(lambda: module.main([str(arg) for arg in argv]))


def test_the_seed_determines_completions(model):
    pair, images = serial.load(model), np.zeros((5, 6, 6, 1), "float32")
    masks = fill.draw_masks("right", (6, 6), 5)
    assert (masks[:, :, :3] == 1).all() and (masks[:, :, 3:] == 0).all()
    made = [fill.completions(fill.model_fill(pair, seed=s), images, masks, 2) for s in (1, 1, 2)]
    assert made[0].shape == (2, 5, 6, 6, 1)
    np.testing.assert_array_equal(made[0], made[1])
    assert (made[0] != made[2]).any() and (made[0][0] != made[0][1]).any()
    assert (made[0][:, :, :, :3] == 0).all() and (made[0][:, :, :, 3:] > 0).all()
    before = pair.generator.theano_rng.state.get_value()
    np.testing.assert_array_equal(before[2:], 0)


def test_measure_prints_a_table(model, eye, capsys):
    argv = ["--dataset", eye, "--completions", 2, "--kinds", "left", "everything"]
    assert run(measure, model, *argv) == 0
    head, left, everything = capsys.readouterr().out.splitlines()
    assert head.split() == [
        "hidden",
        "one",
        "mean",
        "another's",
        "mean",
        "image",
        "nearest",
        "spread",
        "calibration",
    ]
    assert left.split()[:2] == ["left", "0.500"]
    # Errors of the mean image for all, and of the first image for all others.
    mean, nearest = np.sqrt(35 / 36 / 36), np.sqrt(35 * 2 / 36 / 36)
    assert everything.split()[:2] == ["everything", "1.000"]
    assert everything.split()[5:7] == [f"{mean:.3f}", f"{nearest:.3f}"]
    assert run(measure, model, model, *argv) == 0
    assert "+-" not in capsys.readouterr().out  # the same model twice does not differ


def test_measure_as_json(model, eye, capsys):
    argv = ["--dataset", eye, "--completions", 2, "--kinds", "pixels", "--json"]
    assert run(measure, model, model, *argv, "--examples", 30, "--training", 20) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["examples"], found["training"], found["completions"]) == (30, 20, 2)
    one, other = found["kinds"]["pixels"]
    assert one == other and set(one) == set(measure.COLUMNS)
    masks = fill.draw_masks("pixels", (6, 6), 30)
    assert one["hidden"] == pytest.approx(1 - masks.mean())


def test_measure_a_model_of_one_half(half_model, eye, capsys):
    argv = ["--side", "left", "--dataset", eye, "--completions", 2]
    assert run(measure, half_model, *argv) == 0
    (_, row) = capsys.readouterr().out.splitlines()
    assert row.split()[:2] == ["left", "0.500"]
    assert float(row.split()[7]) > 0  # of each completion from other noise


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


@pytest.mark.parametrize(
    "which, argv",
    [
        ("model", ["--kinds", "left"]),
        ("half_model", ["--side", "left"]),
    ],
)
def test_show_draws_a_row_for_each_image(which, argv, eye, request, capsys):
    path = request.getfixturevalue(which)
    argv = [*argv, "--dataset", eye, "--rows", 3, "--completions", 2, "--scale", 1]
    assert run(show, path, *argv) == 0
    out = path.with_name(f"{path.stem}_completions.png")
    assert capsys.readouterr().out == f"{out}\n"
    picture = pixels(out)
    # Image, visible pixels, two completions, two baselines; 6 pixels each and 2 of padding.
    assert picture.shape == (3 * 8 + 2, 6 * 8 + 2, 3)
    chosen = np.random.RandomState(0).permutation(36)[:3]
    cells = picture[2:, 2:].reshape(3, 8, 6, 8, 3)[:, :6, :, :6, 0].transpose(0, 2, 1, 3)
    truth = np.eye(36).reshape(36, 6, 6)[chosen] * 255
    np.testing.assert_array_equal(cells[:, 0], truth)
    for column in range(1, 6):
        np.testing.assert_array_equal(cells[:, column, :, 3:], truth[:, :, 3:])
    assert (cells[:, 1, :, :3] == 64).all()
    assert (cells[:, 2, :, :3] != cells[:, 3, :, :3]).any()
    assert (cells[:, 4, :, :3] == round(255 / 36)).all()
    yellow = (picture == [255, 255, 0]).all(axis=2)
    assert yellow[:, :9].any() and not yellow[:, 9:].any()


def test_kinds_alternate(model, eye, tmp_path):
    out = tmp_path / "a.png"
    argv = ["--kinds", "left", "right", "--dataset", eye, "--rows", 3, "--scale", 1, "--out", out]
    assert run(show, model, *argv) == 0
    seen = pixels(out)[2:, 10:16, 0]
    for row, half in enumerate([np.s_[:, :3], np.s_[:, 3:], np.s_[:, :3]]):
        assert (seen[8 * row : 8 * row + 6][half] == 64).all()


def test_mistakes_are_one_line(model, half_model, eye, tmp_path, capsys):
    small, odd, diverged = tmp_path / "small.yaml", tmp_path / "odd.pkl", tmp_path / "nan.pkl"
    small.write_text(EYE.replace("36", "25"))
    pair = serial.load(model)
    pair.dataset_yaml_src = EYE.replace("36", "49")
    serial.save(odd, pair)
    pair = serial.load(model)
    pair.set_param_vector(np.nan * pair.get_param_vector())
    serial.save(diverged, pair)
    for module in (measure, show):
        for argv, message in [
            ([tmp_path / "none.pkl"], "none.pkl"),
            ([eye], "eye.yaml"),
            ([model], "a DenseDesignMatrix, has no test set: give --dataset"),
            (
                [half_model, "--dataset", eye],
                "AdversaryPair does not complete images under any mask",
            ),
            ([model, "--side", "left", "--dataset", eye], "leave out --side"),
            ([half_model, "--side", "left", "--kinds", "top"], "leave out --kinds"),
            ([model, "--dataset", small], "completes images of shape (6, 6, 1), not"),
            ([odd, "--dataset", eye], "images of shape (6, 6, 1), not (49,)"),
            ([diverged, "--dataset", eye], "the model has diverged"),
        ]:
            assert run(module, *argv) == 1, argv
            out, err = capsys.readouterr()
            assert out == "" and message in err and err.count("\n") == 1, err
    assert run(measure, model, odd) == 1
    assert "trained on different data" in capsys.readouterr().err
    assert run(show, model, "--out", tmp_path / "no" / "a.png") == 1
    assert "there is no folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    "module, argv, message",
    [
        (measure, [], "required: MODEL"),
        (measure, ["a.pkl", "--completions", "1"], "at least --completions 2"),
        (measure, ["a.pkl", "--kinds", "middle"], "invalid choice: 'middle'"),
        (show, ["a.pkl", "--side", "middle"], "invalid choice: 'middle'"),
        (show, ["a.pkl", "--rows", "0"], "must be at least 1"),
    ],
)
def test_usage(module, argv, message, capsys):
    with pytest.raises(SystemExit) as caught:
        run(module, *argv)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err.splitlines()[-1]


def keywords(name):
    return yaml_parse.load_path(FOLDER / name, instantiate=False).keywords


def test_the_experiment_on_mnist():
    train = keywords("experiment.yaml")
    pair = train["model"].keywords
    assert set(pair["masks"].keywords["kinds"]) == set(KINDS)
    digit, z = pair["generator"].keywords["mlp"].keywords["input_space"].keywords["components"]
    assert digit is pair["discriminator"].keywords["input_space"]
    assert digit.keywords == {"shape": [28, 28], "num_channels": 2}
    assert z.keywords == {"dim": 100}
    assert train["save_path"] == str(FOLDER / "experiment.pkl")


def test_the_experiment_on_cifar10_fills_the_given_side():
    train = keywords("cifar10.yaml")
    cost = train["algorithm"].keywords["cost"]
    assert cost.callable.__name__ == "InpaintingAdversaryCost"
    assert cost.keywords["side"] in SIDES
    pair = train["model"].keywords
    G = pair["generator"].keywords["mlp"].keywords
    assert G["input_space"] is pair["discriminator"].keywords["input_space"]
    assert G["layers"][-1].keywords["dim"] == 32 * 16 * 3
