"""A YAML writes beside itself and below, data only; --allow-outside is for the rest."""

from __future__ import annotations

import hostile_corpus as corpus
import numpy as np
import pytest

from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
from adversarial.datasets.preprocessing import ZCA
from adversarial.files import outputs
from adversarial.train_extensions.report import MonitorCSV
from adversarial.utils import serial

SAVE_PATH = 'save_path: "${PYLEARN2_TRAIN_FILE_FULL_STEM}.pkl"'
EXTENSIONS = [
    "!obj:adversarial.train_extensions.best_params.MonitorBasedSaveBest "
    "{channel_name: x, save_path: %s}",
    "!obj:adversarial.train_extensions.polyak.PolyakAveraging {start: 1, save_path: %s}",
    "!obj:adversarial.train_extensions.report.MonitorCSV {path: %s}",
    "!obj:adversarial.train_extensions.samples.SampleGrid {path: %s}",
]
OUTSIDE = [
    "../x.pkl",
    "ELSEWHERE/x.pkl",
    "below/../../x.pkl",
    "link/x.pkl",
    "link.pkl",
    '"\\x24{HOSTILE_HOME}/x.pkl"',
    '"${HOSTILE_HOME}/x.pkl"',
]
NO_DATA = [".bashrc", "evil.py", "Makefile", "own.yaml", "x.pth", "below/.ssh", "code.pkl"]


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder for the YAML, with ways out of it."""
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    (home / "below").mkdir(parents=True)
    elsewhere.mkdir()
    (elsewhere / "x.pkl").write_text("precious")
    (home / "link").symlink_to(elsewhere)
    for ending in (".pkl", ".png"):
        (home / f"link{ending}").symlink_to(elsewhere / f"x{ending}")
        (home / f"code{ending}").symlink_to(home / "run.py")
    monkeypatch.setenv("HOSTILE_HOME", str(elsewhere))
    monkeypatch.chdir(home)
    return home


def texts(path):
    yield corpus.changed(SAVE_PATH, f"save_path: {path}")
    for extension in EXTENSIONS:
        # A picture has a name of its own kind.
        own = path.replace(".pkl", ".png") if "SampleGrid" in extension else path
        yield corpus.changed("extensions: [", f"extensions: [{extension % own},")


@pytest.mark.parametrize("path", OUTSIDE + NO_DATA)
def test_refused(path, home, command, unchanged):
    path = path.replace("ELSEWHERE", str(home.parent / "elsewhere"))
    unchanged()
    for text in texts(path):
        (home / "own.yaml").write_text(text)
        allow = ["--allow-env", "HOSTILE_HOME"] if "HOSTILE_HOME" in path else []
        ended = command("train", "own.yaml", *allow)
        ended.names("train.py: error: ", "--allow-outside")
        ended = command("train", "own.yaml", *allow, "--allow-outside", "--overwrite", "--quiet")
        assert (
            ended.status == 0
            or path in ("link/x.pkl", "code.pkl")
            or ("path of SampleGrid must end in" in ended.error)
        )
    (home / "own.yaml").unlink()
    unchanged()


@pytest.mark.parametrize("path", ["x.pkl", "below/x.pkl", "./a/../x.pkl", "below/../x.pkl"])
def test_allowed(path, home, command):
    (home / "a").mkdir()
    for text in texts(path):
        (home / "own.yaml").write_text(text)
        assert command("train", "own.yaml", "--quiet") == (0, "")


def test_a_yaml_that_is_a_link_saves_beside_the_link(home, command):
    (home.parent / "real.yaml").write_text(corpus.GOOD)
    (home / "alias.yaml").symlink_to(home.parent / "real.yaml")
    assert command("train", "alias.yaml", "--quiet") == (0, "")


def test_judged_again_when_written(home):
    """Paths that came by another way than a constructor: from a model file, by a swapped link."""
    outside = home.parent / "elsewhere"
    data = DenseDesignMatrix(X=np.ones((4, 3)))
    zca = ZCA()
    zca.fit(np.random.RandomState(0).rand(9, 3))
    csv = MonitorCSV(home / "m.csv")
    csv.path = str(outside / "m.csv")
    with outputs.confined_to(home):
        data.use_design_loc(outside / "x.npy")
        zca.set_matrices_save_path(outside / "x.npz")
        for obj in (data, zca):
            with pytest.raises(outputs.OutsideError, match="is outside"):
                serial.save(home / "good.pkl", obj)
        with pytest.raises(outputs.OutsideError, match="link.pkl, which leads to"):
            serial.save("link.pkl", {})
        with pytest.raises(outputs.OutsideError, match="does not end in"):
            serial.save(home / "x.py", {})
        serial.save(home / "good.pkl", {})
    assert (outside / "x.pkl").read_text() == "precious"
    assert sorted(path.name for path in outside.iterdir()) == ["x.pkl"]


@pytest.mark.parametrize("path", [5, None, ["x.pkl"], "", "a\0b"])
def test_what_is_no_path(path):
    with pytest.raises((TypeError, ValueError), match="path"):
        outputs.admitted(path)
