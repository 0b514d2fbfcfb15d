"""A run replaces no file but its own, and says before it compiles what it cannot write."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from adversarial.files import lock, outputs
from adversarial.train_extensions import TrainExtension
from adversarial.train_extensions.samples import SampleGrid
from adversarial.utils import serial

# Python shows these to those who run a script only where the script itself is to blame.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

MODEL = """!obj:adversarial.AdversaryPair {
        generator: !obj:adversarial.Generator {
            noise: uniform, monitor_ll: 0,
            mlp: !obj:adversarial.models.mlp.MLP { nvis: 2, layers: [
                !obj:adversarial.models.mlp.Sigmoid { layer_name: y, dim: 9, irange: .05 } ] } },
        discriminator: !obj:adversarial.models.mlp.MLP { nvis: 9, layers: [
            !obj:adversarial.models.mlp.Sigmoid { layer_name: y, dim: 1, irange: .05 } ] },
        monitor_generator: False, monitor_discriminator: False }"""
TRAIN = """!obj:adversarial.train.Train {
    dataset: &data !obj:adversarial.datasets.dense_design_matrix.DenseDesignMatrix {
        X: !obj:numpy.eye { N: 9 } },
    model: MODEL,
    algorithm: !obj:adversarial.training_algorithms.sgd.SGD {
        batch_size: 3, learning_rate: .1,
        monitoring_dataset: { train: *data },
        cost: !obj:adversarial.AdversaryCost2 { scale_grads: 0 },
        termination_criterion: !obj:adversarial.termination_criteria.EpochCounter {
            max_epochs: 3 } },
    extensions: [EXTENSIONS],
    save_path: "${PYLEARN2_TRAIN_FILE_FULL_STEM}.pkl",
    save_freq: 1
}
"""
BEST = (
    "!obj:adversarial.train_extensions.best_params.MonitorBasedSaveBest "
    "{ channel_name: train_objective, save_path: PATH }"
)
POLYAK = "!obj:adversarial.train_extensions.polyak.PolyakAveraging { start: 0, save_path: PATH }"
SNAPSHOTS = (
    "!obj:adversarial.train_extensions.snapshots.Snapshots { epochs: [0, 2], save_path: PATH }"
)
TABLE = "!obj:adversarial.train_extensions.report.MonitorCSV { path: PATH }"
GRID = "!obj:adversarial.train_extensions.samples.SampleGrid { path: PATH }"
# An extension, the path it is given, and a file that it would replace.
WRITERS = {
    "best": (BEST, "other.pkl", "other.pkl"),
    "polyak": (POLYAK, "below/polyak.pkl", "below/polyak.pkl"),
    "snapshots": (SNAPSHOTS, "at{epoch}.pkl", "at2.pkl"),
    "table": (TABLE, "thesis.csv", "thesis.csv"),
    "grid": (GRID, "below/family.jpg", "below/family.jpg"),
}


def text(*extensions, model=MODEL, **replaced):
    found = TRAIN.replace("MODEL", model).replace("EXTENSIONS", ", ".join(extensions))
    for old, new in replaced.items():
        assert old in found
        found = found.replace(old, new)
    return found


def at(extension, path):
    return extension.replace("PATH", f'"{path}"')


@pytest.fixture(autouse=True)
def below(folder):
    (folder / "below").mkdir()


def refused(result, *words):
    status, err = result
    assert status == 1 and err.count("\n") == 1 and err.startswith("train.py: error: "), err
    for word in words:
        assert word in err


def params(path):
    return serial.load(path).get_param_vector()


# What was there before


def test_the_best_model_of_another_experiment(folder, run):
    (folder / "a.yaml").write_text(text(at(BEST, "best.pkl")))
    (folder / "b.yaml").write_text(text(at(BEST, "best.pkl"), **{"rate: .1": "rate: .3"}))
    assert run("a.yaml", "--max-epochs", "1") == (0, "")
    before = (folder / "best.pkl").read_bytes()
    refused(run("b.yaml"), "best.pkl", "MonitorBasedSaveBest (b.yaml line 18)", "--overwrite")
    assert (folder / "best.pkl").read_bytes() == before
    assert not list(folder.glob("b.*[!l]"))
    assert run("b.yaml", "--max-epochs", "1", "--overwrite") == (0, "")
    assert (folder / "best.pkl").read_bytes() != before


@pytest.mark.parametrize("name", WRITERS)
def test_what_an_extension_is_given_a_path_for(name, folder, run):
    extension, path, there = WRITERS[name]
    (folder / "a.yaml").write_text(text(at(extension, path)))
    (folder / there).write_text("precious")
    refused(run("a.yaml"), there, "a.yaml line 18", "exists already: --overwrite replaces it")
    assert (folder / there).read_text() == "precious"
    assert run("a.yaml", "--overwrite", "--max-epochs", "3") == (0, "")
    assert (folder / there).read_bytes() != b"precious"


@pytest.mark.parametrize("ending", [".png", ".monitor.csv", ".diverged.pkl"])
def test_what_lies_beside_the_save_path(ending, folder, run):
    (folder / "a.yaml").write_text(text())
    (folder / f"a{ending}").write_text("precious")
    refused(run("a.yaml"), f"a{ending}", "--overwrite replaces it")
    assert (folder / f"a{ending}").read_text() == "precious"
    assert not (folder / "a.pkl").exists()
    assert run("a.yaml", "--overwrite", "--max-epochs", "1") == (0, "")


def test_all_that_would_be_replaced_is_named(folder, run):
    (folder / "a.yaml").write_text(text(at(BEST, "best.pkl")))
    for name in ("a.pkl", "a.png", "best.pkl"):
        (folder / name).write_text("precious")
    refused(run("a.yaml"), "a.pkl exists already: --overwrite replaces it, and with it a.png, best")


def test_a_link_in_the_folder(folder, run):
    (folder / "thesis.csv").write_text("precious")
    (folder / "a.monitor.csv").symlink_to("thesis.csv")
    (folder / "a.yaml").write_text(text())
    for option in ("--quiet", "--overwrite"):
        refused(run("a.yaml", option), "a.monitor.csv", "symbolic link", "--allow-outside")
    assert (folder / "thesis.csv").read_text() == "precious"


class Undeclared(TrainExtension):
    """As one of 2014: it writes, and does not say what."""

    def __init__(self, path):
        self.path = path

    def on_monitor(self, model, dataset, algorithm):
        serial.try_to_save(self.path, [model.monitor.get_epochs_seen()])


class Same(TrainExtension):
    """Wants the model's generator to be that of `pair`."""

    def __init__(self, pair):
        self.pair = pair

    def on_monitor(self, model, dataset, algorithm):
        assert model.generator is self.pair.generator


def generator_of(pair):
    return pair.generator


def discriminator_of(pair):
    return pair.discriminator


def grid():
    """What a YAML hands over without a path in it."""
    return SampleGrid("grid.png")


@pytest.fixture
def own_module(monkeypatch):
    """This file, as the module `own` that --allow-module names."""
    monkeypatch.setitem(sys.modules, "own", sys.modules[__name__])
    for thing in (Undeclared, Breaker, Same, Swap, generator_of, discriminator_of, grid):
        monkeypatch.setattr(thing, "__module__", "own")
    return ("--allow-module", "own")


def test_what_nobody_declared_is_judged_when_it_is_written(folder, run, own_module):
    (folder / "a.yaml").write_text(text('!obj:own.Undeclared { path: "x.pkl" }'))
    (folder / "x.pkl").write_text("precious")
    status, err = run("a.yaml", *own_module)
    assert "could not save x.pkl: x.pkl exists already: --overwrite" in err
    assert status == 1 and err.endswith("training is done, but x.pkl could not be saved\n")
    assert (folder / "x.pkl").read_text() == "precious"
    (folder / "x.pkl").unlink()
    assert run("a.yaml", *own_module, "--overwrite") == (0, "")
    assert serial.load("x.pkl") == [3]


def test_what_no_yaml_shows(folder, run, own_module):
    (folder / "a.yaml").write_text(text("!obj:own.grid {}"))
    (folder / "grid.png").write_text("precious")
    refused(run("a.yaml", *own_module), "grid.png", "--overwrite")
    assert (folder / "grid.png").read_text() == "precious"


# What cannot be read or written


@pytest.mark.parametrize("name", WRITERS)
def test_a_folder_that_is_not_there(name, folder, run):
    """It is made, and those above it; nothing stays if the run has come to nothing."""
    extension, path, there = WRITERS[name]
    (folder / "a.yaml").write_text(text(at(extension, f"sub/way/{path}")))
    (folder / "sub").write_text("")
    refused(run("a.yaml"), "sub, where the file of ", "is not a folder", "a.yaml line 18")
    (folder / "sub").unlink()
    with lock.exclusive("a.pkl"):
        refused(run("a.yaml"), "a.pkl is being written by process")
    refused(run("a.yaml", "--set", "algorithm.learning_rate=-1"), "--set algorithm.learning_rate")
    assert not (folder / "sub").exists()
    assert run("a.yaml") == (0, "")
    assert (folder / "sub" / "way" / there).exists()


def test_the_folder_of_the_model_is_made(folder, run):
    (folder / "a.yaml").write_text(text(**{"${PYLEARN2_TRAIN_FILE_FULL_STEM}": "new/way/a"}))
    assert run("a.yaml", "--max-epochs", "0") == (0, "") and not (folder / "new").exists()
    assert run("a.yaml", "--max-epochs", "1") == (0, "")
    made = sorted(path.name for path in (folder / "new" / "way").iterdir())
    assert made == [".a.pkl.lock", "a.monitor.csv", "a.pkl", "a.png"]


def test_two_that_would_write_the_same_file(folder, run):
    (folder / "a.yaml").write_text(text(at(BEST, "x.pkl"), at(POLYAK, "below/../x.pkl")))
    refused(run("a.yaml"), "x.pkl", "PolyakAveraging", "MonitorBasedSaveBest", "one would replace")
    (folder / "a.yaml").write_text(text(at(BEST, "a.pkl")))
    refused(run("a.yaml"), "a.pkl", "MonitorBasedSaveBest", "the model, too")
    (folder / "a.yaml").write_text(text(at(BEST, "x.pkl") + ", " + at(BEST, "below/../x.pkl")))
    refused(run("a.yaml"), "x.pkl", "one would replace")
    (folder / "a.yaml").write_text(text(at(BEST, "a.diverged.pkl")))
    refused(run("a.yaml"), "MonitorBasedSaveBest", "a state that diverged, too")


def test_a_dry_run_checks_and_reserves_nothing(folder, run):
    (folder / "a.yaml").write_text(text(at(BEST, "best.pkl")))
    (folder / "best.pkl").write_text("precious")
    with lock.exclusive("a.pkl"):
        assert run("a.yaml", "--max-epochs", "0") == (0, "")
    assert (folder / "best.pkl").read_text() == "precious"
    (folder / "a.yaml").write_text(text(at(BEST, "sub/best.pkl")))
    (folder / "sub").write_text("")
    refused(run("a.yaml", "--max-epochs", "0"), "sub", "is not a folder")


class Breaker(TrainExtension):
    """Takes a folder away before epoch `at`, and gives it back before epoch `back`."""

    def __init__(self, path, at, back):
        self.path, self.at, self.back = path, at, back

    def on_monitor(self, model, dataset, algorithm):
        epoch = model.monitor.get_epochs_seen()
        if epoch == self.at:
            os.rename(self.path, f"{self.path}.away")
        if epoch == self.back:
            os.rename(f"{self.path}.away", self.path)


@pytest.mark.parametrize("name", ["best", "polyak", "snapshots"])
@pytest.mark.parametrize("back", [2, 99])
def test_a_model_that_could_not_be_saved_is_an_error_at_the_end(
    back, name, folder, run, own_module
):
    extension = at(WRITERS[name][0], "below/at{epoch}.pkl")
    breaker = f"!obj:own.Breaker {{ path: below, at: 0, back: {back} }}"
    (folder / "a.yaml").write_text(text(breaker, extension))
    status, err = run("a.yaml", *own_module)
    assert "could not save below" in err and "could not save a.pkl" not in err
    lost = back == 99 or name == "snapshots"  # which is not tried again
    assert status == lost
    assert ("training is done, but below" in err) == lost


def phases(*texts):
    return "".join("- " + each.strip().replace("\n", "\n  ") + "\n" for each in texts)


def phase(number, *extensions, **replaced):
    return text(*extensions, **replaced).replace("FULL_STEM}", f"FULL_STEM}}{number}")


def test_the_second_phase_is_checked_before_the_first_one_trains(folder, run):
    second = phase(2, at(TABLE, "sub/x.csv")).replace("&data ", "")
    (folder / "a.yaml").write_text(phases(phase(1), second))
    (folder / "sub").write_text("")
    refused(run("a.yaml"), "sub", "is not a folder")
    second = phase(2, model='!pkl: "a3.pkl"').replace("&data ", "")
    (folder / "a.yaml").write_text(phases(phase(1), second))
    refused(run("a.yaml"), "a.yaml line 25", "cannot open a3.pkl")
    (folder / "a2.png").write_text("precious")
    second = phase(2).replace("&data ", "")
    (folder / "a.yaml").write_text(phases(phase(1), second))
    refused(run("a.yaml"), "a2.png", "exists already")
    assert not (folder / "a1.pkl").exists()


# What two phases would both write -> the extensions and replacements of each.
SHARED_FILES = {
    "a3.pkl": [((), 3), ((), 3)],
    "best.pkl": [((at(BEST, "best.pkl"),), 1), ((at(BEST, "below/../best.pkl"),), 2)],
    "polyak.pkl": [((at(POLYAK, "polyak.pkl"),), 1), ((at(BEST, "polyak.pkl"),), 2)],
    "thesis.csv": [((at(TABLE, "thesis.csv"),), 1), ((at(TABLE, "thesis.csv"),), 2)],
    "below/grid.png": [((at(GRID, "below/grid.png"),), 1), ((at(GRID, "below/grid.png"),), 2)],
    "at2.pkl": [((at(SNAPSHOTS, "at{epoch}.pkl"),), 1), ((at(BEST, "at2.pkl"),), 2)],
    "a1.monitor.csv": [((), 1), ((at(TABLE, "a1.monitor.csv"),), 2)],
    "a2.png": [((at(GRID, "a2.png"),), 1), ((), 2)],
}


@pytest.mark.parametrize("path", SHARED_FILES)
def test_two_phases_that_would_write_one_file(path, folder, run):
    (one, first), (two, second) = SHARED_FILES[path]
    other = phase(second, *two).replace("&data ", "")
    (folder / "a.yaml").write_text(phases(phase(first, *one), other))
    status, err = run("a.yaml", "--overwrite")
    line, advice = err.splitlines()
    assert status == 1 and path in line and "${PYLEARN2_TRAIN_PHASE}" in advice
    assert "is where phase 1 saves " in line and " and phase 2 saves " in line
    assert sorted(path.name for path in folder.iterdir()) == ["a.yaml", "below"]


def test_one_extension_of_two_phases_writes_one_file(folder, run, own_module):
    best = at(BEST, "best.pkl")
    second = phase(2, "*best", "*grid").replace("&data ", "")
    first = phase(1, f"&best {best}", "&grid !obj:own.grid {}")
    (folder / "a.yaml").write_text(phases(first, second))
    assert run("a.yaml", *own_module) == (0, "")
    assert (folder / "best.pkl").exists() and (folder / "grid.png").exists()
    second = second.replace("*grid", "!obj:own.grid {}")
    (folder / "a.yaml").write_text(phases(first, second))
    status, err = run("a.yaml", *own_module, "--overwrite")
    assert status == 1 and "grid.png is where phase 1 saves the file of SampleGrid" in err


def test_a_long_name_trains_and_saves(folder, run):
    name = "x" * 226
    (folder / "a.yaml").write_text(text(**{"${PYLEARN2_TRAIN_FILE_FULL_STEM}": name}))
    assert run("a.yaml", "--max-epochs", "1") == (0, "")
    assert serial.load(f"{name}.pkl").monitor.get_epochs_seen() == 1
    assert run("--resume", f"{name}.pkl", "--max-epochs", "2") == (0, "")
    name = "x" * 250  # there is no room for .monitor.csv
    (folder / "a.yaml").write_text(text(**{"${PYLEARN2_TRAIN_FILE_FULL_STEM}": name}))
    refused(run("a.yaml"), "too long")
    assert not (folder / f"{name}.pkl").exists()


def test_two_runs_that_share_one_file(folder, run):
    for name in ("a", "b"):
        (folder / f"{name}.yaml").write_text(text(at(POLYAK, "polyak.pkl")))
    inside = []

    def watch(*args):
        inside.append(run("b.yaml", "--overwrite"))
        return True

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("adversarial.modelfile.try_to_save", watch)
        run("a.yaml", "--max-epochs", "1")
    refused(inside[0], "polyak.pkl is being written by process")
    # Also where the one is given a path that belongs to the other's model.
    (folder / "c.yaml").write_text(text(at(TABLE, "a.monitor.csv")))
    with lock.exclusive("a.monitor.csv"):
        refused(run("a.yaml", "--overwrite"), "a.monitor.csv is being written by process")
        refused(run("c.yaml", "--overwrite"), "a.monitor.csv is being written by process")
    with lock.exclusive("a.pkl"):
        refused(run("a.yaml"), "a.pkl is being written by process")


def test_an_extension_in_the_place_of_a_usual_one(folder, run):
    (folder / "a.yaml").write_text(
        text(at(TABLE, "a.monitor.csv"), at(GRID, "a.png").replace("{", "{ rows: 2, cols: 3,"))
    )
    assert run("a.yaml", "--max-epochs", "2") == (0, "")
    assert len((folder / "a.monitor.csv").read_text().splitlines()) == 4
    with Image.open(folder / "a.png") as picture:
        assert picture.size == (2 * (3 * 3 + 8), 2 * (2 * 3 + 6))


class Swap(TrainExtension):
    """After the second epoch, puts pipes or links in the place of the files, or locks, of a run."""

    def __init__(self, kind, locks):
        self.kind = kind
        self.locks = locks

    def on_monitor(self, model, dataset, algorithm):
        if model.monitor.get_epochs_seen() == 2:
            for path in Path().rglob("*"):
                is_lock = path.suffix == ".lock"
                if path.is_file() and is_lock == self.locks and path.suffix not in ("", ".yaml"):
                    path.unlink()
                    if self.kind == "pipe":
                        os.mkfifo(path)
                    else:
                        path.symlink_to(os.path.abspath("precious"))


@pytest.mark.parametrize("locks", [False, True])
@pytest.mark.parametrize("kind", ["pipe", "link"])
def test_files_that_are_swapped_while_training(kind, locks, folder, run, own_module):
    """Neither waits for a pipe nor writes through a link."""
    extensions = [at(extension, path) for extension, path, _ in WRITERS.values()]
    swap = f"!obj:own.Swap {{ kind: {kind}, locks: {locks} }}"
    (folder / "precious").write_text("precious")
    (folder / "a.yaml").write_text(text(*extensions, swap))
    status, err = run("a.yaml", *own_module)
    assert status == 1 and "training is done, but" in err.splitlines()[-1], err
    for name in ("a.pkl", "a.monitor.csv"):
        assert f"could not save {name}" in err or f"could not write {name}" in err, err
    assert (folder / "precious").read_text() == "precious"
    if not locks:
        assert not (folder / "a.pkl").is_file() or (folder / "a.pkl").is_symlink()


# Going on

ALL = [at(extension, path) for extension, path, _ in WRITERS.values()] + [
    at(GRID, f"grid{ending}") for ending in (".png", ".gif", ".bmp", ".tif", ".webp", ".ppm")
]


def test_a_resumed_run_knows_its_own_files(folder, run):
    (folder / "a.yaml").write_text(text(*ALL))
    assert run("a.yaml", "--max-epochs", "1") == (0, "")
    with open("a.monitor.csv", "a") as table:
        table.write("2,6,18,0.1\n")  # of a run that was killed before it saved
    before = {path: path.read_bytes() for path in folder.rglob("*.*") if path.is_file()}
    assert run("--resume", "a.pkl", "--max-epochs", "3") == (0, "")
    changed = {path.name for path in before if path.read_bytes() != before[path]}
    assert changed >= {"a.pkl", "a.monitor.csv", "thesis.csv", "polyak.pkl", "a.png", "grid.webp"}
    for path in folder.glob("grid.*"):
        with Image.open(path) as picture:
            picture.load()


def killed(*names):
    """As a killed run leaves the locks of these files."""
    for name in names:
        Path(f".{name}.lock").write_text("process 1 on earth")


def test_a_run_that_was_killed_before_it_saved_begins_again(folder, run):
    (folder / "a.yaml").write_text(text(*ALL))
    assert run("a.yaml", "--max-epochs", "2") == (0, "")
    before = (folder / "thesis.csv").read_bytes()
    os.remove("a.pkl")
    refused(run("a.yaml"), "a.monitor.csv, where the table is to be saved, exists already")
    killed("a.monitor.csv", "thesis.csv")
    refused(
        run("a.yaml", "--set", "algorithm.learning_rate=.2"),
        "a.png, where the picture is to be saved, exists",
    )
    assert run("a.yaml", "--max-epochs", "1") == (0, "")
    assert [path.name for path in folder.rglob(".*.lock")] == [".a.pkl.lock"]
    assert len(before.splitlines()) == 4
    assert len((folder / "thesis.csv").read_text().splitlines()) == 3


def test_a_table_of_another_training_stays(folder, run):
    (folder / "a.yaml").write_text(text())
    assert run("a.yaml", "--max-epochs", "2") == (0, "")
    other = ("--set", "algorithm.learning_rate=.2")
    for name in ("a.pkl", "a.png"):
        os.remove(name)
    before = (folder / "a.monitor.csv").read_bytes()
    refused(run("a.yaml", *other), "a.monitor.csv", "exists already: --overwrite")
    killed("a.monitor.csv")
    status, err = run("a.yaml", "--max-epochs", "1", *other)
    assert status == 0 and err.count("could not write a.monitor.csv: ") == 2
    assert "exists already: --overwrite replaces it" in err
    assert (folder / "a.monitor.csv").read_bytes() == before


def test_a_part_that_something_else_shares_is_not_taken_from_the_file(folder, run, own_module):
    """Else the extension would look at another generator than the one that is trained."""
    (folder / "first.yaml").write_text(text())
    assert run("first.yaml", "--max-epochs", "1") == (0, "")
    start, _, rest = MODEL.partition("generator: ")
    discriminator = rest[rest.index("discriminator: ") :]
    pair = (
        f'{start}generator: !obj:own.generator_of {{ pair: &first !pkl: "first.pkl" }}, '
        + discriminator
    )
    (folder / "a.yaml").write_text(text("!obj:own.Same { pair: *first }", model=pair))
    assert run("a.yaml", *own_module, "--max-epochs", "1") == (0, "")
    assert run("--resume", "a.pkl", *own_module, "--max-epochs", "2") == (0, "")
    os.remove("first.pkl")
    refused(run("--resume", "a.pkl", *own_module), "cannot open first.pkl")


def test_a_model_beside_files_of_others_is_not_resumed(folder, run):
    """Moved there, or from someone else: what lies there is not the run's, whatever it says."""
    (folder / "a.yaml").write_text(text(*ALL))
    assert run("a.yaml", "--max-epochs", "1") == (0, "")
    (folder / "b.yaml").write_text(text(*ALL, **{"rate: .1": "rate: .2"}))
    (folder / "b").mkdir()
    other = folder / "other"
    (other / "below").mkdir(parents=True)
    os.chdir(other)
    (other / "b.yaml").write_bytes((folder / "b.yaml").read_bytes())
    assert run("b.yaml", "--max-epochs", "1") == (0, "")
    os.chdir(folder)
    for name in ("b.monitor.csv", "b.png", "other.pkl", "thesis.csv", "grid.webp"):
        shared = folder / name.replace("b.", "a.")
        own = shared.read_bytes()
        for content in (b"precious", (other / name).read_bytes()):
            shared.write_bytes(content)
            refused(run("--resume", "a.pkl", "--max-epochs", "2"), shared.name, "--overwrite")
            assert shared.read_bytes() == content
        shared.write_bytes(own)
    (folder / "a.png").write_bytes(b"precious")
    assert run("--resume", "a.pkl", "--max-epochs", "2", "--overwrite") == (0, "")


PARTS = MODEL.partition("discriminator: ")
OF_ANOTHER = {
    "all": '!pkl: "first.pkl"',
    "pushed": '!obj:pylearn2.monitor.push_monitor { model: !pkl: "first.pkl", name: old }',
    "a player": PARTS[0]
    + 'discriminator: !obj:own.discriminator_of { pair: !pkl: "first.pkl" },'
    + PARTS[2][PARTS[2].index("monitor_generator") - 8 :],
}


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("all", os.remove),
        ("all", lambda path: Path(path).write_text("junk")),
        ("pushed", os.remove),
        ("a player", os.remove),
    ],
)
def test_a_model_that_began_as_another_needs_that_no_more(what, change, folder, run, own_module):
    """Its own file holds everything; how the other goes on is nothing to it."""
    (folder / "first.yaml").write_text(text())
    assert run("first.yaml") == (0, "")
    for name in ("whole", "a"):
        (folder / f"{name}.yaml").write_text(text(model=OF_ANOTHER[what]))
    assert run("whole.yaml", *own_module) == (0, "")
    assert run("a.yaml", *own_module, "--max-epochs", "1") == (0, "")
    change("first.pkl")
    assert run("--resume", "a.pkl", *own_module) == (0, "")
    np.testing.assert_array_equal(params("a.pkl"), params("whole.pkl"))
    records = [
        {
            name: list(channel.val_record)
            for name, channel in serial.load(f"{path}.pkl").monitor.channels.items()
            if "seconds" not in name
        }
        for path in ("a", "whole")
    ]
    assert records[0] == records[1]
    refused(run("a.yaml", *own_module, "--overwrite"), "first.pkl")


def test_marks_are_looked_for_at_both_ends_of_a_regular_file(folder):
    mark = b"0123456789abcdef" * 4
    (folder / "x").write_bytes(bytes(9000) + mark)
    (folder / "y").write_bytes(bytes(9000) + mark + bytes(9000))
    (folder / "z").symlink_to("x")
    assert outputs.carries("x", mark) and not outputs.carries("x", b"")
    assert not outputs.carries("y", mark) and not outputs.carries("z", mark)
    os.mkfifo(folder / "pipe")
    assert not outputs.carries("pipe", mark) and not outputs.carries("nothing", mark)
