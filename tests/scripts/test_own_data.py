"""From files of own data to a model, its samples, its score and its neighbours: all commands."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from own_files import pictures, planar, save_folder, save_idx, save_png
from PIL import Image

from adversarial.evaluation.nearest_neighbors import nearest_neighbors
from adversarial.evaluation.parzen import parzen_log_likelihood
from adversarial.evaluation.sampling import draw_samples
from adversarial.models.generator import Generator
from adversarial.models.mlp import MLP, Linear
from adversarial.scripts import cli, evaluate, parzen_ll, show_examples, show_samples, train
from adversarial.scripts.inputs.datasets import training_set
from adversarial.utils import serial

pytestmark = pytest.mark.usefixtures("fast_compile")

YAML = """!obj:adversarial.train.Train {
    dataset: &train !obj:adversarial.datasets.%(data)s, %(common)s },
    model: !obj:adversarial.AdversaryPair {
        generator: !obj:adversarial.Generator {
            noise: uniform,
            monitor_ll: 1,
            mlp: !obj:adversarial.models.mlp.MLP {
                nvis: 4,
                layers: [!obj:adversarial.models.mlp.%(layer)s {
                    layer_name: y, dim: %(dim)d, irange: .5, %(bias)s
                }]
            }
        },
        discriminator: !obj:adversarial.models.mlp.MLP {
            nvis: %(dim)d,
            layers: [!obj:adversarial.models.mlp.Sigmoid { layer_name: y, dim: 1, irange: .1 }]
        }
    },
    algorithm: !obj:adversarial.training_algorithms.sgd.SGD {
        batch_size: 10,
        learning_rate: .1,
        monitoring_dataset: {
            train: *train,
            valid: !obj:adversarial.datasets.%(data)s, %(common)s, which_set: valid }
        },
        cost: !obj:adversarial.AdversaryCost2 { scale_grads: 0 },
        termination_criterion: !obj:adversarial.termination_criteria.EpochCounter { max_epochs: 4 }
    },
    save_path: "${PYLEARN2_TRAIN_FILE_FULL_STEM}.pkl",
    save_freq: 1
}
"""
BIAS = (
    "init_bias: !obj:adversarial.models.initialization.init_sigmoid_bias_from_marginals "
    "{ dataset: *train }"
)
COUNT = 80
IMAGES = pictures(COUNT, (6, 5))
COLOUR = pictures(COUNT, (24, 20), channels=3)
LABELS = np.arange(COUNT) % 4


def write(kind):
    """Files in the current folder; (the beginning of a YAML data set, the images)."""
    if kind == "png":
        save_folder(Path("fashion"), IMAGES, LABELS)
        order = np.argsort(LABELS, kind="stable")
        return "image_folder.ImageFolder { path: fashion", IMAGES[order]
    if kind == "colour":
        for i, image in enumerate(COLOUR):
            save_png(Path(f"flowers/{i}.png"), image)
        return "image_folder.ImageFolder { path: flowers", COLOUR
    if kind == "csv":
        table = np.column_stack([LABELS, IMAGES.reshape(COUNT, -1)])
        header = ",".join(["label", *(f"pixel{i}" for i in range(30))])
        np.savetxt("fashion.csv", table, "%d", ",", header=header, comments="")
        return (
            "csv_file.CSVFile { path: fashion.csv, label: label, shape: [6, 5], "
            "data_range: [0, 255]"
        ), IMAGES
    if kind == "hdf5":
        tables = pytest.importorskip("tables")
        with tables.open_file("fashion.h5", "w") as file:
            file.create_carray("/", "images", obj=IMAGES)
            file.create_array("/", "labels", LABELS)
        return "hdf5_file.HDF5File { path: fashion.h5, key: images, targets: labels", IMAGES
    if kind == "npz":
        np.savez("fashion.npz", X=IMAGES, y=LABELS)
        return "numpy_file.NumpyFile { path: fashion.npz, targets: y", IMAGES
    assert kind == "idx"
    path = Path("train-images-idx3-ubyte.gz")
    save_idx(path, IMAGES[..., 0])
    save_idx(Path("train-labels-idx1-ubyte.gz"), LABELS)
    return 'idx_file.IDXFile { path: "."', IMAGES


def experiment(kind, scale="[0, 1]", layer="Sigmoid", in_memory="null", bias=BIAS):
    data, images = write(kind)
    common = f"scale: {scale}, in_memory: {in_memory}"
    dim = images[0].size
    with open("gan.yaml", "w") as file:
        file.write(YAML % dict(data=data, common=common, layer=layer, dim=dim, bias=bias))
    return images


def parts(images, stratified=True):
    """The rows of each part, split without the package."""
    from adversarial.datasets.partition import partition

    labels = np.sort(LABELS) if stratified else None
    return partition(len(images), {"train": 0.8, "valid": 0.1, "test": 0.1}, 0, labels)


def run(command, *argv):
    return cli.run(lambda: command.main([str(arg) for arg in argv]))


def trained(*argv):
    assert run(train, "gan.yaml", "--quiet", *argv) == 0
    return serial.load("gan.pkl")


@pytest.mark.parametrize(
    "kind, in_memory",
    [
        ("png", "true"),
        ("csv", "true"),
        ("hdf5", "false"),
        pytest.param("hdf5", "true", marks=pytest.mark.slow),
        pytest.param("npz", "true", marks=pytest.mark.slow),
        pytest.param("npz", "false", marks=pytest.mark.slow),
        pytest.param("idx", "true", marks=pytest.mark.slow),
        ("colour", "false"),
        pytest.param("colour", "true", marks=pytest.mark.slow),
    ],
)
def test_train_sample_score_nearest_resume(kind, in_memory, folder, capsys):
    images = experiment(kind, in_memory=in_memory)
    model = trained("--max-epochs", "2")
    data = training_set(model, path="gan.pkl")
    scaled = planar(images) / np.float32(255)
    # The picture that train.py drew has the images' shape.
    assert Image.open("gan.png").width > 5 * images.shape[2]
    assert model.view_converter.shape == images.shape[1:]
    valid, test = data.get_valid_set(), data.get_test_set()
    found = [np.asarray(each.X) for each in (data, valid, test)]
    for each, rows in zip((data, valid, test), found):
        np.testing.assert_array_equal(rows, scaled[each.indices])
    taken = np.concatenate([each.indices for each in (data, valid, test)])
    assert sorted(taken) == list(range(COUNT))
    samples = draw_samples(model, 50)

    # The score needs no option: validation examples choose sigma, the test part is scored.
    assert run(parzen_ll, "gan.pkl", "-n", 50, "--json") == 0
    scored = json.loads(capsys.readouterr().out)
    expected = parzen_log_likelihood(found[2], samples, scored["sigma"])
    assert scored["n"] == 8 and scored["mean"] == pytest.approx(expected.mean(), rel=1e-5)
    tried = [
        parzen_log_likelihood(found[1], samples, sigma).mean()
        for sigma, _ in scored["cross_validation"]
    ]
    np.testing.assert_allclose([mean for _, mean in scored["cross_validation"]], tried, rtol=1e-5)

    assert run(evaluate, "gan.pkl", "-n", 50, "--json") == 0
    assert np.isfinite(json.loads(capsys.readouterr().out)["metrics"]["parzen_ll"]["value"])

    assert run(show_samples, "gan.pkl", "--nearest", "--rows", 2, "--cols", 3) == 0
    nearest = nearest_neighbors(data.X, samples)
    distances = np.square(samples[:, None].astype(float) - found[0][None]).sum(axis=2)
    np.testing.assert_array_equal(nearest, distances.argmin(axis=1))
    assert run(show_examples, "gan.pkl", "--rows", 2, "--cols", 3) == 0

    # Resumed, to the bit as without a pause.
    assert run(train, "--resume", "gan.pkl", "--quiet") == 0
    resumed = serial.load("gan.pkl")
    whole = trained("--overwrite")
    for ours, theirs in zip(resumed.get_params(), whole.get_params()):
        np.testing.assert_array_equal(ours.get_value(), theirs.get_value())
    for name, channel in whole.monitor.channels.items():
        if "seconds" not in name:
            np.testing.assert_array_equal(
                channel.val_record, resumed.monitor.channels[name].val_record, name
            )


def test_streamed_training_is_that_of_memory(folder):
    experiment("npz", in_memory="true")
    memory = trained()
    experiment("npz", in_memory="false")
    disk = trained("--overwrite")
    for ours, theirs in zip(disk.get_params(), memory.get_params()):
        np.testing.assert_allclose(ours.get_value(), theirs.get_value(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("in_memory", ["true", "false"])
@pytest.mark.parametrize(
    "old, new, message",
    [
        ("dim: 30", "dim: 31", "training data set .* has rows of 30 numbers, .*takes 31"),
        (
            "batch_size: 10,",
            "batch_size: 100, train_iteration_mode: even_sequential,",
            "no full batch",
        ),
    ],
)
def test_what_does_not_fit_is_refused_before_compiling(
    in_memory, old, new, message, folder, capsys
):
    experiment("npz", in_memory=in_memory, bias="")
    text = (folder / "gan.yaml").read_text().replace(old, new)
    if old == "dim: 30":
        text = text.replace("nvis: 30", "nvis: 31")
    (folder / "gan.yaml").write_text(text)
    assert run(train, "gan.yaml", "--quiet") == 1
    assert re.search(message, capsys.readouterr().err)


@pytest.mark.parametrize("scale, layer", [("[-1, 1]", "Tanh"), ("standardize", "Linear")])
def test_other_scales(scale, layer, folder, capsys):
    experiment("npz", scale, layer, bias="")
    model = trained("--max-epochs", "1")
    assert run(parzen_ll, "gan.pkl", "-n", 50, "--json") == 0
    scored = json.loads(capsys.readouterr().out)
    data = training_set(model, path="gan.pkl")
    assert abs(np.asarray(data.X).mean()) < 0.05
    expected = parzen_log_likelihood(
        data.get_test_set().X, draw_samples(model, 50), scored["sigma"]
    )
    assert scored["mean"] == pytest.approx(expected.mean(), rel=1e-5)
    assert run(show_samples, "gan.pkl", "--nearest", "--rows", 2, "--cols", 3) == 0


def test_the_first_examples_of_the_classes_are_mixed(folder):
    experiment("png")
    data = training_set(trained("--max-epochs", "1"), path="gan.pkl")
    for part in data, data.get_valid_set(), data.get_test_set():
        assert np.bincount(part.y[:, 0], minlength=4).ptp() == 0
        np.testing.assert_array_equal(part.indices, parts(IMAGES)[_name(part)])


def _name(data):
    return data.args["which_set"]


# What a model file may read


def test_a_model_file_reads_the_data_it_was_trained_on_and_no_other(folder, capsys):
    experiment("npz")
    np.savez("private.npz", X=IMAGES // 2, y=LABELS)
    model = trained("--max-epochs", "1")
    training_set(model, path="gan.pkl")
    source = model.dataset_yaml_src
    model.dataset_yaml_src = source.replace("fashion.npz", "private.npz")
    with pytest.raises(ValueError, match="reads private.npz, and does not hold its checksum"):
        training_set(model, path="gan.pkl")
    serial.save("gan.pkl", model)
    assert run(show_samples, "gan.pkl", "--nearest") == 1
    assert "private.npz" in capsys.readouterr().err


def test_a_model_file_reads_no_other_folder(folder):
    experiment("png")
    model = trained("--max-epochs", "1")
    training_set(model, path="gan.pkl")
    save_png(folder / "fashion" / "0" / "new.png", IMAGES[0])
    with pytest.raises(ValueError, match="reads fashion, and does not hold"):
        training_set(model, path="gan.pkl")


def test_a_model_file_reads_no_other_file_for_another_part(folder, capsys):
    for name, rows in ("a", slice(60)), ("b", slice(60, 80)), ("private", slice(20)):
        np.save(f"{name}.npy", IMAGES[rows])
    data = "numpy_file.NumpyFile { path: { train: a.npy, test: b.npy }"
    text = YAML % dict(data=data, common="seed: null", layer="Sigmoid", dim=30, bias="")
    (folder / "gan.yaml").write_text(text)
    model = trained("--max-epochs", "1")
    test = training_set(model, path="gan.pkl").get_test_set()
    np.testing.assert_array_equal(test.X, planar(IMAGES[60:]) / np.float32(255))
    model.dataset_yaml_src = model.dataset_yaml_src.replace("b.npy", "private.npy")
    serial.save("gan.pkl", model)
    for command, options in (evaluate, ["--memorised", "out.png"]), (parzen_ll, ["-n", 20]):
        assert run(command, "gan.pkl", *options) == 1
        first = capsys.readouterr().err.splitlines()[0]
        assert "reads private.npy, and does not hold its checksum" in first
        assert "--trust-paths" in first
    assert not Path("out.png").exists()
    assert run(parzen_ll, "gan.pkl", "-n", 20, "--trust-paths") == 0


def test_a_model_file_reads_no_other_folder_inside(folder):
    for part, rows in ("train", slice(60)), ("test", slice(60, 80)):
        save_folder(folder / "fashion" / part, IMAGES[rows])
    data = "image_folder.ImageFolder { path: fashion"
    text = YAML % dict(data=data, common="seed: null", layer="Sigmoid", dim=30, bias="")
    (folder / "gan.yaml").write_text(text)
    model = trained("--max-epochs", "1")
    assert len(training_set(model, path="gan.pkl").get_test_set().X) == 20
    save_png(folder / "fashion" / "test" / "0.png", IMAGES[0])
    with pytest.raises(ValueError, match="reads fashion/test, and does not hold"):
        training_set(model, path="gan.pkl")


def test_changed_data_do_not_resume(folder, capsys):
    experiment("npz")
    trained("--max-epochs", "1")
    np.savez("fashion.npz", X=IMAGES // 2, y=LABELS)
    assert run(train, "--resume", "gan.pkl", "--quiet") == 1
    assert "fashion.npz" in capsys.readouterr().err


def table_experiment(scale="standardize"):
    """A trained model of a table with columns of different units, and of text."""
    rng = np.random.RandomState(0)
    lines = [
        f"{1.6e9 + 3600 * time:.0f},{40 + 5 * width!r},{kind}"
        for time, width, kind in zip(rng.normal(size=COUNT), rng.normal(size=COUNT), LABELS)
    ]
    Path("days.csv").write_text("\n".join(["time,'the, width',kind".replace("'", '"'), *lines]))
    data = "csv_file.CSVFile { path: days.csv, label: kind"
    common = f"scale: {scale}, in_memory: null"
    Path("gan.yaml").write_text(
        YAML % dict(data=data, common=common, layer="Linear", dim=2, bias="")
    )
    assert train.main(["gan.yaml", "--quiet", "--max-epochs", "1"]) == 0


def samples_of(name, *options):
    show_samples.main(["gan.pkl", "--num", "150", "--out", name, *options])


def test_samples_of_a_table_are_in_its_units(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    table_experiment()
    for name in ("x.csv", "x.npy", "x.npz"):
        samples_of(name)
    out, err = capsys.readouterr()
    assert out == "x.csv\nx.npy\nx.npz\n"
    assert err == 3 * "note: in the units of days.csv; columns: time, the, width\n"
    # By hand: the training rows' mean and deviation.
    model = serial.load("gan.pkl")
    rows = np.genfromtxt("days.csv", delimiter=",", skip_header=1)[:, :2]
    trained_on = rows[training_set(model).indices]
    emitted = draw_samples(model, 150, 0).astype(np.float64)
    expected = emitted * trained_on.std(axis=0) + trained_on.mean(axis=0)
    np.testing.assert_allclose(np.load("x.npy"), expected, rtol=1e-12)
    assert np.ptp(expected[:, 0]) > 1000
    archive = np.load("x.npz")
    assert archive["columns"].tolist() == ["time", "the, width"]
    np.testing.assert_array_equal(archive["samples"], np.load("x.npy"))
    with open("x.csv", newline="") as file:
        table = list(csv.reader(file))
    assert table[0] == ["time", "the, width"]
    np.testing.assert_allclose(np.array(table[1:], float), expected, rtol=1e-11)
    samples_of("y.npy", "--model-scale")
    assert capsys.readouterr().err == ""
    np.testing.assert_array_equal(np.load("y.npy"), emitted.astype("float32"))


def test_without_the_table_its_units_are_not_guessed(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    table_experiment(scale="[0, 1]")
    Path("days.csv").unlink()
    assert cli.run(lambda: samples_of("x.npy")) == 1
    err = capsys.readouterr().err
    assert "days.csv does not exist" in err and "--model-scale" in err
    assert not Path("x.npy").exists()
    samples_of("x.csv", "--model-scale")
    assert Path("x.csv").read_text().startswith("x0,x1\n")


NOT_ALLOWED = {
    "!obj:adversarial.datasets.csv_file.CSVFile { path: '${MY_TABLES}/days.csv' }": "MY_TABLES",
    "!obj:my_tables.Days {}": "my_tables",
}


@pytest.mark.parametrize("source", NOT_ALLOWED)
def test_units_that_may_not_be_read_are_not_guessed(source, tmp_path, monkeypatch, capsys):
    """The data may be a table, so samples as the model emits them would be in the wrong units."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MY_TABLES", str(tmp_path))
    model = Generator(MLP([Linear(layer_name="y", dim=2, irange=1.0)], nvis=3))
    model.dataset_yaml_src = source
    serial.save("gan.pkl", model)
    assert cli.run(lambda: samples_of("x.csv")) == 1
    err = capsys.readouterr().err
    assert NOT_ALLOWED[source] in err and "--model-scale writes the samples as" in err
    assert not Path("x.csv").exists()
    samples_of("x.csv", "--model-scale")
    assert Path("x.csv").read_text().startswith("x0,x1\n")


@pytest.mark.parametrize("command", [show_samples, evaluate])
def test_the_table_that_a_command_reads_is_not_replaced(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.savetxt("days.csv", np.random.RandomState(0).rand(40, 2), "%.3f", ",", header="a,b")
    before = Path("days.csv").read_bytes()
    model = Generator(MLP([Linear(layer_name="y", dim=2, irange=1.0)], nvis=3))
    model.dataset_yaml_src = "!obj:adversarial.datasets.csv_file.CSVFile { path: days.csv }"
    serial.save("gan.pkl", model)
    argv = ["gan.pkl", "--trust-paths", "--overwrite"]
    score = ["-m", "nearest_distance", "-n", "20", "--json", "--csv"]
    argv += ["--out"] if command is show_samples else score
    assert run(command, *argv, "days.csv") == 1
    out, err = capsys.readouterr()
    assert "days.csv: the command reads this file; name another" in err
    assert Path("days.csv").read_bytes() == before
    assert command is show_samples or json.loads(out)["metrics"]  # what was computed is not lost
    for _ in range(2):
        assert run(command, *argv, "other.csv") == 0


def test_a_picture_among_the_data_is_not_replaced(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    save_folder(Path("fashion"), IMAGES, LABELS)
    Path("data.yaml").write_text(
        "!obj:adversarial.datasets.image_folder.ImageFolder { path: fashion }"
    )
    picture = next(Path("fashion").rglob("*.png"))
    before = picture.read_bytes()
    assert run(show_examples, "data.yaml", "--out", picture, "--overwrite") == 1
    assert "the command reads this file" in capsys.readouterr().err
    assert picture.read_bytes() == before
