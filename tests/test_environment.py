"""Values of environment variables stay out of the files of a run, and are looked up at a resume."""

from __future__ import annotations

import numpy as np
import pytest

from adversarial import checkpoint
from adversarial.scripts import train
from adversarial.utils import serial, string_utils

SECRET = "sup3r-secret-value"
EXPERIMENT = """
# ${AWS_SECRET_ACCESS_KEY} in a comment is never looked at.
!obj:adversarial.train.Train {
    dataset: &train !obj:adversarial.datasets.mixture.GaussianMixture {
        means: [0., 1.], deviations: [.1, .1], num_examples: ${COUNT} },
    model: !obj:adversarial.AdversaryPair {
        generator: !obj:adversarial.Generator {
            noise: uniform,
            mlp: !obj:adversarial.models.mlp.MLP {
                nvis: 2,
                layers: [!obj:adversarial.models.mlp.Linear {
                    layer_name: y, dim: 1, irange: .5 }] } },
        discriminator: !obj:adversarial.models.mlp.MLP {
            nvis: 1,
            layers: [!obj:adversarial.models.mlp.Sigmoid {
                layer_name: y, dim: 1, irange: .5 }] } },
    algorithm: !obj:adversarial.training_algorithms.sgd.SGD {
        batch_size: 10, learning_rate: .1, monitoring_dataset: { train: *train },
        cost: !obj:adversarial.AdversaryCost2 { scale_grads: 0 },
        termination_criterion: !obj:adversarial.termination_criteria.EpochCounter {
            max_epochs: 3 } },
    save_path: "${WHERE}/${PYLEARN2_TRAIN_FILE_STEM}.pkl",
    save_freq: 1
}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch, fast_compile):
    monkeypatch.chdir(tmp_path)
    (tmp_path / SECRET).mkdir()
    (tmp_path / "x.yaml").write_text(EXPERIMENT)
    monkeypatch.setenv("COUNT", "40")
    monkeypatch.setenv("WHERE", SECRET)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "AKIAIOSFODNN7EXAMPLE")
    return tmp_path


ALLOWED = ["--allow-env", "COUNT", "--allow-env", "WHERE"]
MODEL = f"{SECRET}/x.pkl"


def everything_in(path):
    import zipfile

    with zipfile.ZipFile(path) as archive:
        return b"".join(archive.read(name) for name in archive.namelist()) + path.read_bytes()


def test_no_value_is_stored(folder, caplog):
    assert train.main(["x.yaml", *ALLOWED, "--max-epochs", "1"]) == 0
    for path in (folder / SECRET).iterdir():
        data = everything_in(path) if path.suffix == ".pkl" else path.read_bytes()
        assert SECRET.encode() not in data and b"AKIA" not in data
    about = checkpoint.read(MODEL).experiment
    assert about["variables"] == ["COUNT", "WHERE"] and "environ" not in about
    assert "num_examples: ${COUNT}" in serial.load(MODEL).dataset_yaml_src


def test_what_is_not_allowed_is_not_read(folder, capsys):
    for allowed, missing in (([], "COUNT"), (ALLOWED[:2], "WHERE")):
        string_utils._allowed.clear()
        with pytest.raises(ValueError, match=f"--allow-env {missing}"):
            train.main(["x.yaml", *allowed])
    assert not list((folder / SECRET).iterdir())


def test_a_resumed_run_takes_values_from_where_it_is_resumed(folder, monkeypatch):
    assert train.main(["x.yaml", *ALLOWED, "--quiet"]) == 0
    whole = [p.get_value() for p in serial.load(MODEL).get_params()]
    (folder / SECRET / "x.pkl").unlink()
    train.main(["x.yaml", *ALLOWED, "--quiet", "--max-epochs", "1", "--overwrite"])
    monkeypatch.setenv("WHERE", "nowhere")  # what is resumed is saved where it is
    string_utils._allowed.clear()
    with pytest.raises(ValueError, match="--allow-env COUNT"):
        train.main(["--resume", MODEL])
    monkeypatch.delenv("COUNT")
    with pytest.raises(ValueError, match="COUNT} is not set"):
        train.main(["--resume", MODEL, *ALLOWED])
    monkeypatch.setenv("COUNT", "40")
    assert train.main(["--resume", MODEL, *ALLOWED, "--quiet"]) == 0
    for value, param in zip(whole, serial.load(MODEL).get_params()):
        np.testing.assert_array_equal(value, param.get_value())


@pytest.mark.parametrize("name", ["RATE", "LAYER"])
@pytest.mark.parametrize("edited", [False, True])
def test_a_value_that_changed_since_is_told(name, edited, folder, monkeypatch, caplog):
    """A number, which stays as it was saved; a text, which does not."""
    text = EXPERIMENT.replace("rate: .1", "rate: ${RATE}").replace("mlp.Linear", "mlp.${LAYER}")
    (folder / "x.yaml").write_text(text.replace("${WHERE}/", ""))
    allowed = [*ALLOWED[:2], "--allow-env", "RATE", "--allow-env", "LAYER", "--quiet"]
    for key, value in {"RATE": ".1", "LAYER": "Linear"}.items():
        monkeypatch.setenv(key, value)
    assert train.main(["x.yaml", *allowed, "--max-epochs", "1"]) == 0
    resume = ["--resume", "x.pkl", *allowed, *(["--config", "x.yaml"] if edited else [])]
    assert train.main([*resume, "--max-epochs", "2"]) == 0
    assert "changed since" not in caplog.text
    monkeypatch.setenv(name, {"RATE": ".2", "LAYER": "Tanh"}[name])
    assert train.main([*resume, "--max-epochs", "3"]) == 0
    assert f"${{{name}}}, which x.yaml uses, changed since x.pkl was saved" in caplog.text


def test_data_may_be_elsewhere(folder, monkeypatch, caplog):
    text = EXPERIMENT.replace("${COUNT}", "40 # ${PYLEARN2_DATA_PATH} ${NOWHERE}")
    (folder / "x.yaml").write_text(text.replace("num_examples: 40", "num_examples: 40 }, #"))
    monkeypatch.setenv("PYLEARN2_DATA_PATH", "here")
    allowed = [*ALLOWED, "--allow-env", "NOWHERE"]
    assert train.main(["x.yaml", *allowed, "--max-epochs", "1"]) == 0
    monkeypatch.setenv("PYLEARN2_DATA_PATH", "there")
    assert train.main(["--resume", MODEL, *allowed, "--max-epochs", "2"]) == 0
    assert "changed since" not in caplog.text


def test_a_file_of_an_earlier_version_that_holds_values_goes_on(folder, monkeypatch):
    assert train.main(["x.yaml", *ALLOWED, "--quiet", "--max-epochs", "1"]) == 0
    document = checkpoint.document

    def as_before(roots, experiment):
        old = {k: v for k, v in experiment.items() if k not in ("variables", "values")}
        return document(roots, {**old, "environ": {"COUNT": "40", "WHERE": SECRET}})

    with monkeypatch.context() as earlier:
        earlier.setattr(checkpoint, "document", as_before)
        assert train.main(["--resume", MODEL, *ALLOWED, "--quiet", "--max-epochs", "2"]) == 0
    assert "environ" in checkpoint.read(MODEL).experiment
    monkeypatch.delenv("COUNT")
    string_utils._allowed.clear()
    assert train.main(["--resume", MODEL, "--quiet"]) == 0
    assert serial.load(MODEL).monitor.get_epochs_seen() == 3
