"""Runs with --out, --set and --seed: where their files are, what is in them, and how they go on."""

from __future__ import annotations

import numpy as np
import pytest

from adversarial import checkpoint, modelfile
from adversarial.files import lock
from adversarial.run import Run
from adversarial.scripts import summarize_model
from adversarial.scripts.inputs.datasets import training_set
from adversarial.scripts.train import Options, run_training
from adversarial.utils import serial

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

TRAIN = """!obj:adversarial.train.Train {
    dataset: &ANCHOR !obj:adversarial.datasets.dense_design_matrix.DenseDesignMatrix {
        X: !obj:numpy.eye { N: 9 } },
    model: MODEL,
    algorithm: !obj:adversarial.training_algorithms.sgd.SGD {
        batch_size: 3, learning_rate: .1,
        monitoring_dataset: { train: *ANCHOR },
        cost: !obj:adversarial.AdversaryCost2 { scale_grads: 0 },
        termination_criterion: !obj:adversarial.termination_criteria.EpochCounter {
            max_epochs: 3 } },
    extensions: [EXTENSIONS],
    save_path: "SAVE",
    save_freq: 1
}"""
MODEL = """!obj:adversarial.AdversaryPair {
        generator: !obj:adversarial.Generator {
            noise: uniform, monitor_ll: 0,
            mlp: !obj:adversarial.models.mlp.MLP { nvis: 2, layers: [
                !obj:adversarial.models.mlp.Sigmoid { layer_name: y, dim: 9, irange: .05 } ] } },
        discriminator: !obj:adversarial.models.mlp.MLP { nvis: 9, layers: [
            !obj:adversarial.models.mlp.Sigmoid { layer_name: y, dim: 1, irange: .05 } ] },
        monitor_generator: False, monitor_discriminator: False }"""
BEST = """!obj:adversarial.train_extensions.best_params.MonitorBasedSaveBest {
        channel_name: train_objective, save_path: "PATH" }"""
SNAPSHOTS = """!obj:adversarial.train_extensions.snapshots.Snapshots {
        epochs: [1, 2], save_path: "PATH" }"""
STEM = "${PYLEARN2_TRAIN_FILE_FULL_STEM}"


def text(*extensions, model=MODEL, save=STEM + ".pkl", anchor="data"):
    found = TRAIN.replace("MODEL", model).replace("EXTENSIONS", ", ".join(extensions))
    return found.replace("SAVE", save).replace("ANCHOR", anchor)


def two_phases(second=f'!pkl: "{STEM}_phase1.pkl"'):
    save = STEM + "_${PYLEARN2_TRAIN_PHASE}.pkl"
    return f"[{text(save=save)},\n{text(model=second, save=save, anchor='second')}]"


def files(folder):
    """The names of all files below `folder` but locks."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(str(path.relative_to(folder)) for path in found if path.suffix != ".lock")


def params(path):
    return serial.load(path).get_param_vector()


def refused(result, *words):
    status, err = result
    assert status == 1 and err.startswith("train.py: error: "), err
    for word in words:
        assert word in err.splitlines()[0], err


@pytest.fixture
def yaml(folder):
    (folder / "yaml").mkdir()
    (folder / "yaml" / "a.yaml").write_text(
        text(
            BEST.replace("PATH", STEM + "_best.pkl"),
            BEST.replace("PATH", "literal.pkl"),
            SNAPSHOTS.replace("PATH", "${PYLEARN2_TRAIN_DIR}at/{epoch}.pkl"),
        )
    )
    return "yaml/a.yaml"


MADE = ["a.monitor.csv", "a.pkl", "a.png", "a_best.pkl", "at/1.pkl", "at/2.pkl", "literal.pkl"]


# --out


def test_all_files_are_in_the_folder(yaml, folder, run):
    assert run(yaml, "--out", "runs/x", "--max-epochs", "0") == (0, "")
    assert not (folder / "runs").exists()
    assert run(yaml, "--out", "runs/x", "--max-epochs", "2") == (0, "")
    assert files(folder / "runs" / "x") == MADE
    assert files(folder / "yaml") == ["a.yaml"] and files(folder)[-1] == "yaml/a.yaml"
    refused(run(yaml, "--out", "runs/x"), "runs/x/a.pkl holds this experiment after 2 epochs")
    assert run(yaml, "--out", "runs/x", "--max-epochs", "1", "--overwrite") == (0, "")
    with lock.exclusive("runs/x/a.pkl"):
        refused(run(yaml, "--out", "runs/x", "--overwrite"), "is being written by process")
    assert run(yaml, "--out", f"{folder}/runs/y", "--max-epochs", "2") == (0, "")
    assert files(folder / "runs" / "y") == MADE


@pytest.mark.parametrize("out", ["runs/x", "yaml/x", "."])
def test_it_goes_on_from_anywhere_and_gives_the_same_files(out, yaml, folder, run, monkeypatch):
    assert run(yaml, "--out", "whole", "--max-epochs", "2") == (0, "")
    assert run(yaml, "--out", out, "--max-epochs", "1") == (0, "")
    (folder / "else").mkdir()
    monkeypatch.chdir(folder / "else")
    assert run("--resume", str(folder / out / "a.pkl"), "--max-epochs", "2") == (0, "")
    assert files(folder / "else") == []
    found = files(folder / out)
    assert [name for name in MADE if name in found] == MADE
    for name in ("a.pkl", "a_best.pkl", "at/2.pkl", "literal.pkl"):
        np.testing.assert_array_equal(params(folder / out / name), params(folder / "whole" / name))
    assert (folder / out / "a.png").read_bytes() == (folder / "whole" / "a.png").read_bytes()


def test_a_folder_that_was_moved_goes_on(yaml, folder, run):
    assert run(yaml, "--out", "runs/x", "--max-epochs", "1") == (0, "")
    (folder / "moved").mkdir()
    (folder / "runs" / "x").rename(folder / "moved" / "y")
    assert run("--resume", "moved/y/a.pkl", "--max-epochs", "2") == (0, "")
    assert files(folder / "moved" / "y") == MADE and files(folder / "runs") == []


def test_what_is_read_beside_the_yaml_is_found(folder, run):
    (folder / "yaml").mkdir()
    (folder / "yaml" / "first.yaml").write_text(text())
    assert run("yaml/first.yaml", "--max-epochs", "1") == (0, "")
    later = text(model='!pkl: "${PYLEARN2_TRAIN_DIR}first.pkl"')
    (folder / "yaml" / "later.yaml").write_text(later)
    assert run("yaml/later.yaml", "--out", "x", "--max-epochs", "2") == (0, "")
    assert run("--resume", "x/later.pkl", "--max-epochs", "3") == (0, "")
    assert serial.load("x/later.pkl").monitor.get_epochs_seen() == 4  # of first.pkl, too
    # The same experiment's own first model precedes.
    assert run("yaml/first.yaml", "--out", "y", "--max-epochs", "1", "--seed", "5") == (0, "")
    assert run("yaml/later.yaml", "--out", "y", "--max-epochs", "1") == (0, "")
    assert run("yaml/later.yaml", "--out", "z", "--max-epochs", "1") == (0, "")
    assert not np.array_equal(params("y/later.pkl"), params("z/later.pkl"))
    (folder / "yaml" / "first.pkl").unlink()
    refused(run("yaml/later.yaml", "--out", "new"), "later.yaml line 4", "cannot open")
    assert not (folder / "new").exists()


def test_phases_find_each_other_in_the_folder(folder, run):
    (folder / "two.yaml").write_text(two_phases())
    assert run("two.yaml", "--out", "x") == (0, "")
    names = [f"two_phase{n}.{e}" for n in (1, 2) for e in ("monitor.csv", "pkl", "png")]
    assert files(folder / "x") == names
    assert run("two.yaml", "--out", "y", "--time-budget", "0.0001")[0] == 75
    assert run("--resume", "y/two_phase1.pkl") == (0, "")
    np.testing.assert_array_equal(params("x/two_phase2.pkl"), params("y/two_phase2.pkl"))


def test_a_resumed_run_says_which_folder_it_writes_to(folder, run):
    more = "!obj:adversarial.train_extensions.snapshots.Snapshots { epochs: [1, 2], save_path: "
    more += '"${PYLEARN2_TRAIN_FILE_FULL_STEM}_{epoch}.pkl" }'
    path = "${PYLEARN2_TRAIN_DIR}runs/${SEED}/a.pkl"
    (folder / "b.yaml").write_text(text(more, save=path))
    assert run("b.yaml", "--seed", "3", "--max-epochs", "1") == (0, "")
    resume = "--resume", "runs/3/a.pkl", "--max-epochs", "2"
    refused(run(*resume), "b_1_seed3.pkl is outside", "the folder of the model file that is")
    assert run(*resume, "--allow-outside") == (0, "")
    assert (folder / "b_2_seed3.pkl").exists()


def test_the_home_folder_is_not_made_in_the_folder_of_the_yaml(folder, run):
    (folder / "b.yaml").write_text(text(save="~/b.pkl"))
    refused(run("b.yaml"), "~/b.pkl: ~ is not replaced", "b.yaml")
    assert not (folder / "~").exists()


def test_a_path_outside_is_refused_and_a_file_is_no_folder(yaml, folder, run):
    (folder / "b.yaml").write_text(text(save="../b.pkl"))
    refused(run("b.yaml", "--out", "x"), "b.pkl", "the folder of the run; --allow-outside")
    (folder / "c.yaml").write_text(text(save="/nowhere/b.pkl"))
    refused(run("c.yaml", "--out", "x"), "/nowhere/b.pkl", "is outside", "--allow-outside")
    (folder / "file").write_text("")
    refused(run(yaml, "--out", "file/x"), "file, where", "is not a folder")
    (folder / "dangling").symlink_to("none")
    for name in ("file", "dangling"):
        refused(run(yaml, "--out", name), f"--out: {name} is not a folder")
    assert not (folder / "x").exists()


@pytest.mark.parametrize("out", ["../..", "/tmp", "../x"])
def test_a_forged_folder_is_not_written_to(out, yaml, folder, run):
    """The author of a model file may be a stranger: the folder in it is no permission."""
    assert run(yaml, "--out", "runs/x", "--max-epochs", "1") == (0, "")
    model, training = serial.load("runs/x/a.pkl"), modelfile.load_training("runs/x/a.pkl")
    assert training["experiment"]["out"] == "."
    training["experiment"]["out"] = out
    modelfile.save("runs/x/a.pkl", model, training=training)
    before = files(folder)
    status, err = run("--resume", "runs/x/a.pkl", "--max-epochs", "2", "--overwrite")
    assert status == 1 and ("no valid description" in err or "--allow-outside" in err)
    assert files(folder) == before


# --seed


def test_replicates_have_files_of_their_own(yaml, folder, run):
    for seed in ("3", "4"):
        assert run(yaml, "--seed", seed, "--max-epochs", "2", "--allow-outside") == (0, "")
    assert run(yaml, "--max-epochs", "2", "--allow-outside") == (0, "")
    made = files(folder / "yaml")
    for name in ("a{}.monitor.csv", "a{}.pkl", "a{}.png", "a_best{}.pkl", "at/1{}.pkl"):
        for seed in ("", "_seed3", "_seed4"):
            assert name.format(seed) in made
    assert {"literal.pkl", "literal_seed3.pkl", "literal_seed4.pkl"} < set(files(folder))
    values = [params(folder / "yaml" / f"a{seed}.pkl") for seed in ("", "_seed3", "_seed4")]
    assert len({value.tobytes() for value in values}) == 3
    refused(run(yaml, "--seed", "3", "--allow-outside"), "yaml/a_seed3.pkl holds this experiment")
    argv = ("--resume", "yaml/a_seed3.pkl", "--max-epochs", "3", "--allow-outside")
    before = files(folder)
    assert run(*argv) == (0, "")
    assert files(folder) == before


def test_a_path_with_the_seed_stays_as_it_is(folder, run):
    save = "${PYLEARN2_TRAIN_DIR}s/${SEED}/m.pkl"
    snapshots = SNAPSHOTS.replace("PATH", "s/{epoch}_${SEED}.pkl")
    best = BEST.replace("PATH", "best.pkl")
    (folder / "a.yaml").write_text(text(snapshots, best, save=save))
    for options in ((), ("--seed", "0"), ("--seed", "12")):
        assert run("a.yaml", *options, "--max-epochs", "1") == (0, "")
    assert [name for name in files(folder) if name.endswith(".pkl")] == sorted(
        [
            *(f"best{seed}.pkl" for seed in ("", "_seed0", "_seed12")),
            *(f"s/{seed}/m.pkl" for seed in ("0", "12", "default")),
            *(f"s/1_{seed}.pkl" for seed in ("0", "12", "default")),
        ]
    )
    assert run("a.yaml", "--seed", "7", "--out", "o", "--max-epochs", "1") == (0, "")
    assert {"s/7/m.pkl", "s/1_7.pkl", "best.pkl"} < set(files(folder / "o"))


def test_the_seed_in_a_data_set_is_known_to_other_commands(folder, run):
    eye = "X: !obj:numpy.eye { N: 9 }"
    data = "X: !obj:numpy.full { shape: [9, 9], fill_value: ${SEED} }"
    (folder / "a.yaml").write_text(text().replace(eye, data))
    assert run("a.yaml", "--seed", "1", "--max-epochs", "1") == (0, "")
    rows = training_set(serial.load("a_seed1.pkl"), path="a_seed1.pkl").X
    np.testing.assert_array_equal(rows, np.ones((9, 9)))
    status, err = run("a.yaml")
    assert status == 1 and "default" in err


def test_a_replicate_reads_the_model_of_its_seed(folder, run):
    (folder / "first.yaml").write_text(text())
    (folder / "later.yaml").write_text(text(model='!pkl: "${PYLEARN2_TRAIN_DIR}first.pkl"'))
    for options in ((), ("--seed", "3")):
        assert run("first.yaml", *options, "--max-epochs", "1") == (0, "")
    (folder / "first.pkl").unlink()
    assert run("later.yaml", "--seed", "3", "--max-epochs", "2") == (0, "")
    assert serial.load("later_seed3.pkl").monitor.get_epochs_seen() == 3
    refused(run("later.yaml", "--seed", "4"), "cannot open", "first.pkl")
    (folder / "two.yaml").write_text(two_phases())
    assert run("two.yaml", "--seed", "3") == (0, "")
    assert {"two_phase1_seed3.pkl", "two_phase2_seed3.pkl"} < set(files(folder))


# --set


def rate(path):
    return checkpoint.read(path)._values["algorithm.learning_rate"]


def test_a_changed_run_is_one_of_an_edited_file(yaml, folder, run):
    settings = ("--set", "algorithm.learning_rate=.05", "--set", "model.generator.mlp.nvis=4")
    assert run(yaml, "--out", "set", *settings, "--max-epochs", "1") == (0, "")
    edited = (folder / yaml).read_text().replace("rate: .1", "rate: .05").replace("s: 2,", "s: 4,")
    (folder / "yaml" / "b.yaml").write_text(edited)
    assert run("yaml/b.yaml", "--out", "edited", "--max-epochs", "2") == (0, "")
    assert run("--resume", "set/a.pkl", "--max-epochs", "2") == (0, "")
    np.testing.assert_array_equal(params("set/a.pkl"), params("edited/b.pkl"))
    assert float(rate("set/a.pkl")) == pytest.approx(0.05)


def test_the_data_set_of_a_changed_run_is_that_of_the_model_file(folder, run):
    (folder / "a.yaml").write_text(text())
    assert run("a.yaml", "--set", "dataset.X.k=1", "--max-epochs", "1") == (0, "")
    found = training_set(serial.load("a.pkl"), path="a.pkl").X
    np.testing.assert_array_equal(found, np.eye(9, k=1))


def test_another_setting_is_another_experiment(folder, run):
    (folder / "a.yaml").write_text(text())
    assert run("a.yaml", "--set", "algorithm.learning_rate=.05", "--max-epochs", "1") == (0, "")
    refused(run("a.yaml"), "a.pkl holds another experiment")
    again = run("a.yaml", "--set", "algorithm.learning_rate=.05")
    refused(again, "a.pkl holds this experiment after 1 epochs")


def test_it_goes_on_with_another_setting(folder, run):
    (folder / "a.yaml").write_text(text())
    first = ("--set", "algorithm.learning_rate=.05", "--set", "algorithm.batch_size=9")
    assert run("a.yaml", *first, "--max-epochs", "1") == (0, "")
    second = ("--set", "algorithm.learning_rate=.2")
    assert run("--resume", "a.pkl", *second, "--max-epochs", "2") == (0, "")
    saved = checkpoint.read("a.pkl")
    assert saved.experiment["settings"] == ["algorithm.batch_size=9", "algorithm.learning_rate=.2"]
    assert float(rate("a.pkl")) == pytest.approx(0.2) and saved.minibatches == 2
    # An edited file: the settings of the run still hold.
    (folder / "b.yaml").write_text(text().replace("max_epochs: 3", "max_epochs: 4"))
    assert run("--resume", "a.pkl", "--config", "b.yaml") == (0, "")
    saved = checkpoint.read("a.pkl")
    assert (saved.epochs, saved.minibatches) == (4, 4)
    assert float(rate("a.pkl")) == pytest.approx(0.2)
    wrong = ("--set", "model.generator.mlp.nvis=3")
    refused(run("--resume", "a.pkl", *wrong), "the model of a.pkl is another")
    refused(run("--resume", "a.pkl", "--set", "a.b=1"), "--set a.b=1: b.yaml has no `a`")


def test_the_summary_names_seed_and_settings(folder, run, capfd):
    (folder / "a.yaml").write_text(text())
    assert run("a.yaml", "--set", "algorithm.batch_size=9", "--seed", "2") == (0, "")
    summarize_model.main(["a_seed2.pkl"])
    assert "trained with --seed 2 --set algorithm.batch_size=9\n" in capfd.readouterr().out


def test_the_command_is_a_function(folder, fast_compile):
    (folder / "a.yaml").write_text(text())
    run = Run.of_yaml("a.yaml", seed=3, settings=["algorithm.batch_size=9"], out="runs/3")
    assert run_training(run, Options(max_epochs=1, quiet=True)) == 0
    run = Run.of_model("runs/3/a.pkl")
    assert run_training(run, Options(quiet=True)) == 0
    saved = checkpoint.read("runs/3/a.pkl")
    assert (saved.epochs, saved.minibatches, saved.experiment["seed"]) == (3, 3, 3)
    with pytest.raises(FileExistsError, match="finished after 3 epochs"):
        run_training(Run.of_yaml("a.yaml", 3, (), ["algorithm.batch_size=9"], "runs/3"))
