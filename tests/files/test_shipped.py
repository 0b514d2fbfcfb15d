"""Experiments by name: the file that exists comes first, and a run is as if a copy lay there."""

from __future__ import annotations

import logging
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from time_bounds import LONGEST

from adversarial import __main__ as listing
from adversarial import modelfile
from adversarial.files import shipped
from adversarial.run import Run
from adversarial.scripts import show_examples, train

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_every_experiment_of_the_folder_has_its_name():
    for path in (ROOT / "yaml").glob("**/*.yaml"):
        name = path.relative_to(ROOT / "yaml").as_posix()
        assert Path(shipped.source_of(name)).read_bytes() == path.read_bytes()
    own = ROOT / "sandbox" / "conditional" / "experiment.yaml"
    assert Path(shipped.source_of("sandbox/conditional/experiment.yaml")).samefile(own)


def test_a_file_that_exists_comes_first(caplog):
    Path("mnist.yaml").write_text("[]")
    assert shipped.source_of("mnist.yaml") == "mnist.yaml"
    Path("mnist.yaml").unlink()
    Path("mnist.yaml").symlink_to("nowhere.yaml")  # the user meant a file that is gone
    assert shipped.source_of("mnist.yaml") == "mnist.yaml"
    assert not caplog.records


def test_the_log_says_where_the_experiment_is(caplog):
    caplog.set_level(logging.INFO)
    source = shipped.source_of("mnist.yaml")
    assert source in caplog.text and Path(source).samefile(ROOT / "yaml" / "mnist.yaml")


@pytest.mark.parametrize(
    "name", ["../yaml/mnist.yaml", "/mnist.yaml", "x/mnist.yaml", "yaml/mnist.yaml"]
)
def test_no_other_path_leads_to_the_package(name):
    with pytest.raises(FileNotFoundError, match="the name mnist.yaml alone stands for"):
        shipped.source_of(name)


@pytest.mark.parametrize("name", ["mine.yaml", "mnist", "mnist.pkl", "../setup.py", ""])
def test_other_names_stay_as_they_are(name):
    assert shipped.source_of(name) == name


def test_an_installed_package_has_a_folder_of_its_own(monkeypatch, tmp_path):
    """As in a wheel, beside which `yaml` is PyYAML."""
    inside = tmp_path / "adversarial" / "experiments"
    shutil.copytree(ROOT / "yaml" / "tfd_pretrain", inside / "tfd_pretrain")
    (inside / "one.yaml").write_text("[]")
    pyyaml = tmp_path / "yaml"
    pyyaml.mkdir()
    (pyyaml / "__init__.py").touch()
    monkeypatch.setattr(shipped, "FOLDERS", (inside, pyyaml))
    monkeypatch.setattr(shipped, "SANDBOX", tmp_path / "sandbox")  # which was not installed
    names = ["one.yaml", "tfd_pretrain/pretrain.yaml", "tfd_pretrain/train.yaml"]
    assert list(shipped.experiments()) == names
    monkeypatch.setattr(shipped, "FOLDERS", (tmp_path / "nowhere", pyyaml))
    assert shipped.experiments() == {}


def test_a_run_is_as_if_the_file_lay_in_the_current_folder():
    run = Run.of_yaml("figure1.yaml")
    assert run.path == "figure1.yaml"
    assert run.text == (ROOT / "yaml" / "figure1.yaml").read_text()
    phases = run.phases()
    assert run.save_path(phases, 0) == "figure1.pkl"


def test_training_writes_to_the_current_folder(fast_compile, capsys):
    sets = ("dataset", "algorithm.monitoring_dataset.valid")
    few = [word for name in sets for word in ("--set", f"{name}.num_examples=1000")]
    assert train.main(["figure1.yaml", "--max-epochs", "1", *few]) == 0
    assert "figure1.yaml is the experiment that comes with the package" in capsys.readouterr().err
    written = sorted(path.name for path in Path().iterdir() if path.name[0] != ".")
    assert written == ["figure1.monitor.csv", "figure1.pkl", "figure1_0.pkl", "figure1_1.pkl"]
    assert modelfile.load("figure1.pkl").monitor.get_epochs_seen() == 1
    # To resume it, the package is not asked, and nothing is said of an edited file.
    assert train.main(["--resume", "figure1.pkl", "--max-epochs", "1"]) == 0
    assert "edited" not in capsys.readouterr().err


def test_show_examples_takes_a_name(capsys, monkeypatch):
    asked = []
    monkeypatch.setattr(shipped, "source_of", lambda path: asked.append(path) or "data.yaml")
    text = "!obj:adversarial.datasets.dense_design_matrix.DenseDesignMatrix { X: [[0, 1, 1, 0]] }"
    Path("data.yaml").write_text(text)
    show_examples.main(["mnist.yaml"])
    assert asked == ["mnist.yaml"] and Path("mnist_examples.png").exists()


def test_the_list_of_commands(capsys):
    listing.main()
    out = capsys.readouterr().out
    for name in ("figure1.yaml", "tfd_pretrain/train.yaml", "sandbox/inference/layer.yaml"):
        assert f"  {name}\n" in out
    assert re.search(r"train +Train the experiment that a YAML file describes\.", out)
    modules = {path.stem for path in (ROOT / "adversarial" / "scripts").glob("[!_]*.py")}
    assert len(listing.commands()) == len(modules - {"cli"})
    assert all(summary.endswith(".") for _, summary in listing.commands())


def test_the_module_of_train_is_the_command():
    """As Pylearn2's `train.py` was; to import it costs nothing more."""

    def said(*words):
        return subprocess.run(
            [sys.executable, *words], capture_output=True, text=True, cwd=ROOT, timeout=LONGEST
        )

    helps = [said(*words, "--help") for words in (["train.py"], ["-m", "adversarial.train"])]
    assert helps[0].stdout == helps[1].stdout != "" and helps[1].stderr == ""
    missing = said("-m", "adversarial.train", "nowhere.yaml")
    assert missing.returncode == 1
    assert missing.stderr == "train.py: error: nowhere.yaml: No such file or directory\n"
    asked = "import sys, adversarial.train; print('adversarial.scripts.train' in sys.modules)"
    assert said("-c", asked).stdout == "False\n"
