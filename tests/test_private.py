"""Files of a run are given to others: none tells the machine's name, the user's or the folder."""

from __future__ import annotations

import getpass
import socket

import pytest

from adversarial.scripts import train

YAML = """!obj:adversarial.train.Train {
    dataset: &data !obj:adversarial.datasets.dense_design_matrix.DenseDesignMatrix {
        X: !obj:numpy.eye { N: 9 } },
    model: !obj:adversarial.AdversaryPair {
        generator: !obj:adversarial.Generator {
            mlp: !obj:adversarial.models.mlp.MLP { nvis: 3, layers: [
                !obj:adversarial.models.mlp.Sigmoid { layer_name: y, dim: 9, irange: .1 } ] } },
        discriminator: !obj:adversarial.models.mlp.MLP { nvis: 9, layers: [
            !obj:adversarial.models.mlp.Sigmoid { layer_name: y, dim: 1, irange: .1 } ] } },
    algorithm: !obj:adversarial.training_algorithms.sgd.SGD {
        batch_size: 3, learning_rate: .1, monitoring_dataset: { valid: *data },
        cost: !obj:adversarial.AdversaryCost2 { scale_grads: 0 },
        termination_criterion: !obj:adversarial.termination_criteria.EpochCounter {
            max_epochs: 2 } },
    extensions: [
        !obj:adversarial.train_extensions.best_params.MonitorBasedSaveBest {
            channel_name: valid_objective, save_path: "${STEM}_best.pkl", store_best_model: 1 },
        !obj:adversarial.train_extensions.polyak.PolyakAveraging {
            start: 0, save_path: "${STEM}_polyak.pkl", save_freq: 1 },
        !obj:adversarial.train_extensions.snapshots.Snapshots {
            save_path: "${STEM}_{epoch}.pkl", epochs: [1] },
        !obj:adversarial.train_extensions.report.MonitorCSV { path: "${STEM}_table.csv" },
        !obj:adversarial.train_extensions.samples.SampleGrid { path: "${STEM}_grid.png" } ],
    save_path: "${STEM}.pkl",
    save_freq: 1
}""".replace("${STEM}", "${PYLEARN2_TRAIN_FILE_FULL_STEM}")


@pytest.mark.parametrize("resumed", [False, True], ids=["whole", "resumed"])
def test_no_file_tells_where_it_was_made(resumed, tmp_path, monkeypatch, fast_compile):
    monkeypatch.setattr(socket, "gethostname", lambda: "name-of-this-machine")
    monkeypatch.setattr(getpass, "getuser", lambda: "name-of-this-user")
    folder = tmp_path / "name-of-this-folder"
    folder.mkdir()
    path = folder / "x.yaml"
    path.write_text(YAML)
    assert train.main([str(path), "--quiet", "--max-epochs", "1" if resumed else "2"]) == 0
    if resumed:
        assert train.main(["--resume", str(folder / "x.pkl"), "--quiet"]) == 0
    made = sorted(file for file in folder.iterdir() if file.suffix in (".pkl", ".csv", ".png"))
    assert len(made) == 8
    for file in made:
        content = file.read_bytes()
        for secret in (b"name-of-this", str(tmp_path).encode()):
            assert secret not in content, (file.name, secret)
