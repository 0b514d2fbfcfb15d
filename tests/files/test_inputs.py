"""What the YAML text inside a model file may read: by show_samples, parzen_ll, --resume and all."""

from __future__ import annotations

import os

import numpy as np
import pytest

from adversarial import checkpoint
from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
from adversarial.datasets.preprocessing import Standardize
from adversarial.files import inputs, opening, outputs
from adversarial.models.adversary_pair import AdversaryPair
from adversarial.models.generator import Generator
from adversarial.models.mlp import MLP, Sigmoid
from adversarial.scripts import cli, parzen_ll, show_examples, show_game, show_samples, train
from adversarial.scripts.inputs.datasets import examples_of, training_set
from adversarial.utils import serial

pytestmark = pytest.mark.usefixtures("fast_compile")

DATA = """!obj:adversarial.datasets.dense_design_matrix.DenseDesignMatrix {
    X: !obj:numpy.eye { N: 9 } }"""
# Ways to a private data set, or to a private preprocessor.
DOORS = {
    "a data set": "!pkl: PATH",
    "a part of one": """!obj:adversarial.datasets.dense_design_matrix.from_dataset {
        dataset: !pkl: PATH, num_examples: 3 }""",
    "a range of one": """!obj:adversarial.datasets.dense_design_matrix.dataset_range {
        dataset: !pkl: PATH, start: 0, stop: 2 }""",
    "a variable": "!pkl: '${PYLEARN2_TRAIN_DIR}/secret.pkl'",
}
TRAIN = """!obj:adversarial.train.Train {
    dataset: DATA,
    model: !obj:adversarial.models.mlp.MLP {
        nvis: 9,
        layers: [!obj:adversarial.models.mlp.Sigmoid { layer_name: y, dim: 9, irange: .1 }]
    },
    algorithm: !obj:adversarial.training_algorithms.sgd.SGD {
        learning_rate: .1,
        batch_size: 3,
        cost: !obj:adversarial.costs.default.WeightDecay { coeffs: [.1] },
        termination_criterion: !obj:adversarial.termination_criteria.EpochCounter {
            max_epochs: 2 }
    },
    save_path: "${PYLEARN2_TRAIN_FILE_FULL_STEM}.pkl",
    save_freq: 1
}"""


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """The folder of the model file; the private files lie beside it and in `private`."""
    for name in ("PYLEARN2_DATA_PATH", "ADVERSARIAL_DATA_PATH", opening.TRUST_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "private").mkdir()
    monkeypatch.chdir(tmp_path)
    secret = DenseDesignMatrix(X=np.random.RandomState(0).rand(9, 9))
    for path in ("secret.pkl", "private/secret.pkl"):
        serial.save(path, secret)
    yield tmp_path
    opening.trust_paths(False)


def pair(source):
    generator = Generator(MLP([Sigmoid(layer_name="y", dim=9, irange=1.0)], nvis=5))
    made = AdversaryPair(generator, MLP([Sigmoid(layer_name="d", dim=1, irange=0.1)], nvis=9))
    made.dataset_yaml_src = source
    serial.save("forged.pkl", made)
    return made


COMMANDS = {
    show_samples: ["--nearest", "--rows", "2", "--cols", "2"],
    parzen_ll: ["-n", "5", "-s", "1"],
    show_examples: [],
    show_game: [],
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("path", ["private/secret.pkl", "secret.pkl"])
def test_a_private_file_is_not_read(door, path, place, capsys):
    pair(DOORS[door].replace("PATH", str(place / path)))
    before = sorted(os.listdir())
    for command, options in COMMANDS.items():
        assert cli.run(lambda: command.main(["forged.pkl", *options])) == 1  # noqa: B023
        first = capsys.readouterr().err.splitlines()[0]
        if command is not show_game or "forged.pkl" in first:  # which may miss other things first
            assert "forged.pkl line " in first and "secret.pkl" in first, first
            assert "--trust-paths" in first
    assert sorted(os.listdir()) == before


def test_a_user_may_trust_it(place, capsys):
    pair(f"!pkl: {place}/secret.pkl")
    arguments = ["forged.pkl", *COMMANDS[show_samples]]
    assert cli.run(lambda: show_samples.main([*arguments, "--trust-paths"])) == 0
    os.unlink("forged_nearest.png")
    # That was for one command.
    assert cli.run(lambda: show_samples.main(arguments)) == 1


def test_data_of_the_user(place, monkeypatch):
    monkeypatch.setenv("PYLEARN2_DATA_PATH", str(place / "private"))
    model = pair("!pkl: '${PYLEARN2_DATA_PATH}/secret.pkl'")
    assert examples_of(training_set(model, path="forged.pkl")).shape == (9, 9)
    # Not what lies beside it.
    model = pair("!pkl: '${PYLEARN2_DATA_PATH}/../secret.pkl'")
    with pytest.raises(ValueError, match=r"reads .*private/\.\./secret\.pkl"):
        training_set(model, path="forged.pkl")


def test_an_empty_data_path_is_none(place, monkeypatch):
    for name in "PYLEARN2_DATA_PATH", "ADVERSARIAL_DATA_PATH":
        monkeypatch.setenv(name, "")
    model = pair("!pkl: secret.pkl")
    with pytest.raises(ValueError, match="reads secret.pkl, and does not hold"):
        training_set(model, path="forged.pkl")


@pytest.mark.parametrize(
    "source",
    [
        "!pkl: '${PYLEARN2_TRAIN_DIR}/secret.pkl'",
        """!obj:adversarial.datasets.zca_dataset.ZCA_Dataset {
            preprocessed_dataset: !pkl: private/secret.pkl,
            preprocessor: !pkl: fitted.pkl, convert_to_one_hot: 0 }""",
    ],
)
def test_what_a_yaml_reads_its_own_models_may_read(source, place):
    fitted = Standardize()
    fitted.inverse = None
    serial.save("fitted.pkl", fitted)
    (place / "honest.yaml").write_text(TRAIN.replace("DATA", source))
    assert train.main(["honest.yaml", "--quiet", "--max-epochs", "1"]) == 0
    rows = examples_of(training_set(serial.load("honest.pkl"), path="honest.pkl"))
    np.testing.assert_array_equal(rows, serial.load("secret.pkl").X)
    assert train.main(["--resume", "honest.pkl", "--quiet"]) == 0
    assert checkpoint.read("honest.pkl").epochs == 2
    # Another file in its place is not what it has read.
    serial.save("secret.pkl", DenseDesignMatrix(X=np.zeros((9, 9))))
    serial.save("private/secret.pkl", DenseDesignMatrix(X=np.zeros((9, 9))))
    with pytest.raises(ValueError, match="honest.pkl reads .*secret.pkl"):
        training_set(serial.load("honest.pkl"), path="honest.pkl")


def forged_run(text):
    """A model file, saved by a training, whose YAML text is replaced by `text`."""
    with open("honest.yaml", "w") as stream:
        stream.write(TRAIN.replace("DATA", DATA))
    assert train.main(["honest.yaml", "--quiet", "--max-epochs", "1"]) == 0
    model, training = serial.load("honest.pkl"), serial.load_training("honest.pkl")
    training["experiment"].update(yaml=text, data=None)
    serial.save("forged.pkl", model, training=training)
    os.unlink("honest.yaml")


@pytest.mark.parametrize("door", DOORS)
def test_resume_reads_no_private_file(door, place, capsys):
    data = DOORS[door].replace("PATH", str(place / "private/secret.pkl"))
    forged_run(TRAIN.replace("DATA", data))
    before = (place / "forged.pkl").read_bytes()
    assert cli.run(lambda: train.main(["--resume", "forged.pkl", "--quiet"])) == 1
    first = capsys.readouterr().err.splitlines()[0]
    assert "forged.pkl reads " in first and "secret.pkl" in first
    assert (place / "forged.pkl").read_bytes() == before
    assert cli.run(lambda: train.main(["--resume", "forged.pkl", "--quiet", "--trust-paths"])) == 0


def test_resume_reads_no_layers_of_a_private_model(place, capsys):
    serial.save("private/other.pkl", pair(DATA))
    text = TRAIN.replace("DATA", DATA).replace(
        "    algorithm:",
        f"""    extensions: [!obj:adversarial.train_extensions.polyak.PolyakAveraging {{
        start: 0, save_path: x.pkl, save_freq: !obj:adversarial.models.generator.add_layers {{
            mlp: !obj:adversarial.models.mlp.MLP {{ nvis: 4, layers: [
                !obj:adversarial.models.mlp.Sigmoid {{ layer_name: x, dim: 5, irange: .1 }}] }},
            pretrained: {place}/private/other.pkl }} }}],
    algorithm:""",
    )
    forged_run(text)
    assert cli.run(lambda: train.main(["--resume", "forged.pkl", "--quiet"])) == 1
    first = capsys.readouterr().err.splitlines()[0]
    assert "forged.pkl reads " in first and "private/other.pkl" in first


def test_what_the_run_itself_wrote_is_read(place):
    for mark, is_read in (("a" * 64, True), ("b" * 64, False)):
        with outputs.marked(mark):
            serial.save("best.pkl", serial.load("secret.pkl"))
        with inputs.confined("forged.pkl", marks=["a" * 64]):
            if is_read:
                serial.load("best.pkl")
            else:
                with pytest.raises(ValueError, match="forged.pkl reads best.pkl"):
                    serial.load("best.pkl")
    # Elsewhere, whoever wrote it.
    with outputs.marked("a" * 64):
        serial.save("private/best.pkl", serial.load("secret.pkl"))
    (place / "models").mkdir()
    with inputs.confined("models/forged.pkl", marks=["a" * 64]), pytest.raises(ValueError):
        serial.load("private/best.pkl")
