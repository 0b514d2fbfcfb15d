"""new_experiment: what it writes trains, for each kind of data; what it refuses."""

from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest
from PIL import Image

from adversarial.config.proxy import make_objects
from adversarial.config.yaml_parse import load_phases
from adversarial.datasets.recognize import Recognized
from adversarial.evaluation.sampling import draw_samples
from adversarial.scripts import cli, new_experiment, train
from adversarial.scripts.inputs import recipe, recipe_choices
from adversarial.scripts.inputs.datasets import training_set
from adversarial.utils import serial


def pictures(folder, count=120, shape=(8, 6), dtype="uint8"):
    rng = np.random.RandomState(0)
    for i in range(count):
        (folder / str(i % 3)).mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.randint(0, 256, shape).astype(dtype)).save(folder / f"{i % 3}/{i}.png")


def idx_files(folder, count=120):
    folder.mkdir()
    rng = np.random.RandomState(0)
    for name, size in (("train", count), ("t10k", 20)):
        for kind, array in (
            ("images-idx3", rng.randint(0, 256, (size, 7, 7)).astype("uint8")),
            ("labels-idx1", rng.randint(0, 10, size).astype("uint8")),
        ):
            with gzip.open(folder / f"{name}-{kind}-ubyte.gz", "wb") as file:
                file.write(struct.pack(">BBBB", 0, 0, 8, array.ndim))
                file.write(struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes())


def table(path, count=300):
    rng = np.random.RandomState(0)
    rows = rng.normal(size=(count, 3)) * [1, 10, 0.1] + [5, 50, -1]
    lines = [",".join(f"{x:.4f}" for x in row) + f",{'ab'[i % 2]}" for i, row in enumerate(rows)]
    path.write_text("\n".join(["height,weight,change,kind", *lines]) + "\n")


KINDS = {
    "grey": (lambda f: pictures(f / "data"), "data", (48, "Sigmoid", "[0, 1]")),
    "colour": (lambda f: pictures(f / "data", shape=(8, 6, 3)), "data", (144, "Sigmoid", "[0, 1]")),
    "idx": (lambda f: idx_files(f / "data"), "data", (49, "Sigmoid", "[0, 1]")),
    "table": (lambda f: table(f / "data.csv"), "data.csv", (3, "Linear", "standardize")),
    "shares": (
        lambda f: np.save(f / "data.npy", np.random.RandomState(0).uniform(size=(200, 5))),
        "data.npy",
        (5, "Sigmoid", "[0, 1]"),
    ),
    "signed images": (
        lambda f: np.save(f / "data.npy", np.random.RandomState(0).uniform(-1, 1, (200, 4, 5))),
        "data.npy",
        (20, "Tanh", "[-1, 1]"),
    ),
}


LONG = ("colour", "shares", "signed images")  # as the others, but for sizes and scales


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=[pytest.mark.slow] * (kind in LONG)) for kind in KINDS]
)
def test_what_is_written_trains_and_samples(kind, folder, fast_compile, capsys):
    make, name, (dimension, output, scale) = KINDS[kind]
    make(folder)
    new_experiment.main([name, "--out", "x.yaml"])
    assert "now: adversarial-train x.yaml" in capsys.readouterr().out
    text = (folder / "x.yaml").read_text()
    assert f"scale: {scale}\n" in text and f"mlp.{output} {{" in text
    assert text.count(f'path: "${{PYLEARN2_TRAIN_DIR}}{name}"') == 2
    assert train.main(["x.yaml", "--quiet", "--max-epochs", "1"]) == 0
    model = serial.load("x.pkl")
    assert draw_samples(model, 5).shape == (5, dimension)
    channels = model.monitor.channels
    for channel in ("valid_gen_ll", "valid_objective_d", "valid_objective_g"):
        assert np.isfinite(channels[channel].val_record).all()
    rows = training_set(model, path="x.pkl").X
    if output == "Linear":
        np.testing.assert_allclose(rows.mean(axis=0), 0, atol=1e-4)
        np.testing.assert_allclose(rows.std(axis=0), 1, rtol=1e-3)
    else:
        low = -1 if output == "Tanh" else 0
        assert rows.min() == pytest.approx(low, abs=0.05) and rows.max() <= 1 + 1e-6


def test_every_choice_has_a_comment(folder):
    pictures(folder / "data", shape=(20, 24, 3))
    table(folder / "data.csv")
    for name, out in (("data", "a.yaml"), ("data.csv", "b.yaml")):
        new_experiment.main([name, "--out", out])
        lines = (folder / out).read_text().splitlines()
        assert max(map(len, lines)) <= 100
        for key in ("noise:", "monitor_ll:", "mlp:", "discriminator:", "batch_size:", "save_path:"):
            (at,) = [i for i, line in enumerate(lines) if line.strip().startswith(key)]
            assert lines[at - 1].strip().startswith("# "), key
        for key in ("dataset:", "learning_rate:", "learning_rule:", "termination", "save_freq"):
            at = next(i for i, line in enumerate(lines) if line.strip().startswith(key))
            assert lines[at - 1].strip().startswith("# "), key


@pytest.mark.parametrize("shape", [(24, 20), (32, 32), (16, 64), (17, 19), (28, 28)])
def test_convolutional_networks_fit_the_image(shape, folder):
    """G makes images of the size of the data, and D takes them: both are constructed."""
    found = described(image=(*shape, 3))
    text = recipe.write(found, ".")
    phase = load_phases("x.yaml", text=text)[0]
    assert [call.name for call in phase.calls("model")].count("Deconv") == 1
    pair = make_objects(phase.calls("model")[0])
    space = pair.generator.get_output_space()
    assert (*space.shape, space.num_channels) == (*shape, 3)


def described(count=1000, image=None, **changed):
    size = 4 if image is None else int(np.prod(image))
    common = dict(
        cls="adversarial.datasets.image_folder.ImageFolder",
        arguments={"path": "data"},
        count=count,
        dimension=size,
        image=image,
        dtype="uint8",
        low=0.0,
        high=255.0,
        class_names=None,
        own_parts=(),
    )
    return Recognized(**{**common, **changed})


def test_sizes_grow_with_the_data():
    small, large = (recipe_choices.choose(described(n, (28, 28, 1))) for n in (400, 70_000))
    assert (large.generator, large.discriminator, large.batch_size) == (1200, 240, 100)  # mnist
    assert small.discriminator < large.discriminator and small.batch_size < large.batch_size
    assert small.epochs > large.epochs >= 30 and small.save_freq > large.save_freq == 1
    assert recipe_choices.choose(described(70_000, (32, 32, 3))).is_convolutional
    for found, dense in (
        (described(image=(32, 32, 3)), True),
        (described(image=(32, 32, 1)), False),
        (described(image=(128, 32, 3)), False),
    ):
        assert not recipe_choices.choose(found, dense).is_convolutional


def test_the_size_of_images_and_parts_with_their_own_files(folder):
    pictures(folder / "data", shape=(40, 30, 3))
    new_experiment.main(["data", "--size", "20", "24"])
    text = (folder / "data.yaml").read_text()
    assert "size: [20, 24]" in text and "shape: [20, 24]" in text
    found = described(own_parts=("test",), arguments={"path": {"train": "a", "test": "b"}})
    text = recipe.write(found, ".")
    assert "split: { train: 0.9, valid: 0.1 }," in text
    assert "split" not in recipe.write(described(own_parts=("valid", "test")), ".")


def test_paths_are_those_of_the_yaml(folder, monkeypatch, fast_compile):
    """The YAML file works from any folder, beside the data or not."""
    (folder / "a").mkdir()
    (folder / "b").mkdir()
    table(folder / "a" / "own data.csv")
    for out in ("a/x.yaml", "b/x.yaml"):
        new_experiment.main(["a/own data.csv", "--out", out])
    assert 'path: "${PYLEARN2_TRAIN_DIR}own data.csv"' in (folder / "a/x.yaml").read_text()
    assert 'path: "${PYLEARN2_TRAIN_DIR}../a/own data.csv"' in (folder / "b/x.yaml").read_text()
    (folder / "..d").mkdir()
    table(folder / "..d/data.csv")
    new_experiment.main([str(folder / "..d/data.csv"), "--out", str(folder / "y.yaml")])
    assert 'path: "${PYLEARN2_TRAIN_DIR}..d/data.csv"' in (folder / "y.yaml").read_text()
    monkeypatch.chdir(folder / "b")
    assert train.main(["../a/x.yaml", "--quiet", "--max-epochs", "0"]) == 0
    monkeypatch.chdir("/")
    assert train.main([str(folder / "b/x.yaml"), "--quiet", "--max-epochs", "0"]) == 0


def test_paths_lead_to_the_data_through_links(folder):
    (folder / "elsewhere/deep").mkdir(parents=True)
    (folder / "link").symlink_to("elsewhere/deep")
    table(folder / "real.csv")
    (folder / "data.csv").symlink_to("real.csv")
    table(folder / "elsewhere/deep/data.csv")
    for data, out, path in (
        ("data.csv", "link/x.yaml", "../../real.csv"),
        ("link/data.csv", "link/y.yaml", "data.csv"),
        ("link/data.csv", "x.yaml", "link/data.csv"),
        ("data.csv", "elsewhere/x.yaml", "../data.csv"),
    ):
        new_experiment.main([data, "--out", out])
        assert f'path: "${{PYLEARN2_TRAIN_DIR}}{path}"' in (folder / out).read_text()
        assert (folder / out).parent.joinpath(path).samefile(data)


def test_names_of_columns_that_yaml_does_not_take_as_they_are(folder):
    names = ["height\x92", "we\u2028ig\x85ht", "${change}\x7f", "\U000e0001kind: 'é'"]
    table(folder / "data.csv")
    text = (folder / "data.csv").read_text().partition("\n")[2]
    (folder / "data.csv").write_text(",".join(names) + "\n" + text, encoding="utf-8")
    new_experiment.main(["data.csv", "--columns", names[0]])
    (phase,) = load_phases("data.yaml")
    data = next(call for call in phase.calls("dataset"))
    assert data.keywords["leave_out"] == names[1:3] and data.keywords["label"] == names[3]
    assert "é" in (folder / "data.yaml").read_text(encoding="utf-8")


def test_names_that_are_no_text(folder, capsys):
    for name in ("data\udc92.csv", "in\udc92/data.csv"):
        (folder / name).parent.mkdir(exist_ok=True)
        table(folder / name)
        refused([name, "--out", "x.yaml"], capsys, "is no UTF-8", repr(name))
    assert not (folder / "x.yaml").exists()


def refused(argv, capsys, *words):
    assert cli.run(lambda: new_experiment.main(argv)) == 1
    said = capsys.readouterr().err
    assert "Traceback" not in said and "error: " in said
    for word in words:
        assert word in said.splitlines()[0], said


def test_what_is_refused(folder, capsys):
    table(folder / "data.csv")
    new_experiment.main(["data.csv"])
    before = (folder / "data.yaml").read_bytes()
    capsys.readouterr()
    refused(["data.csv"], capsys, "data.yaml exists already: --overwrite replaces it")
    assert (folder / "data.yaml").read_bytes() == before
    new_experiment.main(["data.csv", "--overwrite"])
    assert "leave_out" not in (folder / "data.yaml").read_text()
    new_experiment.main(["data.csv", "--overwrite", "--columns", "height,change"])
    assert 'leave_out: ["weight"]' in (folder / "data.yaml").read_text()
    capsys.readouterr()
    refused(["data.csv", "--overwrite", "--columns", "height,"], capsys, "different names")
    refused(["data.csv", "--out", "data.csv"], capsys, "data.csv", "ends in .yaml")
    refused(["data.csv", "--out", "x.txt"], capsys, "x.txt", "ends in .yaml")
    refused(["data.csv", "--out", "no/x.yaml"], capsys, "there is no folder no")
    refused(["nothing"], capsys, "nothing", "does not exist")
    table(folder / "few.csv", count=40)
    refused(["few.csv"], capsys, "few.csv has 40 examples: too few to train on, at least 100")
    np.save("same.npy", np.full((200, 3), 7.0))
    refused(["same.npy"], capsys, "same.npy has only equal numbers, 7")
    np.save("nan.npy", np.full((200, 3), np.nan))
    refused(["nan.npy"], capsys, "nan.npy")
    np.save("wide.npy", np.random.RandomState(0).normal(size=(120, 100_001)).astype("float16"))
    refused(["wide.npy"], capsys, "wide.npy has 100,001 numbers in an example")
    (folder / "bad.csv").write_text("not a table")
    refused(["bad.csv"], capsys, "bad.csv")
    refused(["data.csv", "--out", "y.yaml", "--size", "3", "3"], capsys, "--size is for folders")
    assert sorted(path.name for path in folder.glob("*.yaml")) == ["data.yaml"]


@pytest.mark.slow
def test_a_folder_of_colour_images_trains_with_the_convolutional_networks(folder):
    pictures(folder / "data", count=150, shape=(24, 20, 3))
    new_experiment.main(["data", "--out", "x.yaml"])
    assert train.main(["x.yaml", "--quiet", "--max-epochs", "1"]) == 0
    model = serial.load("x.pkl")
    assert np.isfinite(model.monitor.channels["valid_objective_d"].val_record).all()
    assert draw_samples(model, 3).shape[1:] in ((24 * 20 * 3,), (24, 20, 3))
