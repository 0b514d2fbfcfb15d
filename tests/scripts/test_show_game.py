from __future__ import annotations

import sys

import numpy as np
import pytest
from PIL import Image, ImageSequence

from adversarial.models.adversary_pair import AdversaryPair
from adversarial.models.generator import Generator
from adversarial.models.mlp import MLP, Linear, Sigmoid
from adversarial.monitor import Monitor
from adversarial.scripts.show_game import HOLD
from adversarial.utils import serial

DATA = "!obj:adversarial.datasets.mixture.GaussianMixture { means: [0.], deviations: [1.] }"


@pytest.fixture(autouse=True)
def nothing_to_compile(fast_compile):
    pass


@pytest.fixture
def moments(tmp_path):
    """The files of one game after epochs 12 and 3."""
    pytest.importorskip("matplotlib")
    paths = []
    for epochs in (12, 3):
        G = MLP([Linear(layer_name="y", dim=1, irange=1.0)], nvis=1)
        game = AdversaryPair(
            Generator(G), MLP([Sigmoid(layer_name="y", dim=1, irange=1.0)], nvis=1)
        )
        game.dataset_yaml_src = DATA
        monitor = Monitor.get_monitor(game)
        for _ in range(epochs):
            monitor.report_epoch()
        paths.append(tmp_path / f"game_{epochs}.pkl")
        serial.save(paths[-1], game)
    return paths


def test_panels_in_the_order_of_time(command, moments, capsys):
    assert command(*moments) == 0
    *lines, path = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["epoch 3", "epoch 12"]
    assert path == str(moments[0].with_name("game_12_game.png"))
    with Image.open(path) as image:
        assert np.ptp(np.asarray(image.convert("L"))) > 100


def test_titles_keep_the_order_of_the_models(command, moments, capsys, tmp_path):
    titles = ("--title", "(a)", "--title", "(b)", "--out", tmp_path / "two.png")
    assert command(*moments, *titles) == 0
    *lines, _ = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["(a)", "(b)"]
    with pytest.raises(SystemExit):
        command(*moments, "--title", "(a)")
    assert "2 models need as many --title, not 1" in capsys.readouterr().err


def test_an_animation_has_a_frame_for_each_model(command, moments, capsys):
    out = moments[0].with_name("game.gif")
    assert command(*moments, "--out", out, "--fps", 5) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines[:2]] == ["epoch 3", "epoch 12"]
    with Image.open(out) as image:
        frames = [np.asarray(frame.convert("L")) for frame in ImageSequence.Iterator(image)]
        assert image.info["loop"] == 0
    # Pillow joins the repetitions of the last frame into one.
    assert len(frames) == 2 and np.ptp(frames[0]) > 100
    assert not np.array_equal(*frames)


def test_a_speed_that_a_gif_cannot_have_is_refused_first(refused, moments):
    message = refused(moments[0], "--out", moments[0].with_name("game.gif"), "--fps", 60)
    assert f"--fps 60: this GIF can show {HOLD}/655 to 50 frames a second" in message


def test_mistakes_are_one_line(refused, moments, model, tmp_path, monkeypatch):
    assert "data, a DenseDesignMatrix, is not known" in refused(model)
    broken = serial.load(moments[0])
    broken.dataset_yaml_src = None
    serial.save(tmp_path / "broken.pkl", broken)
    assert "does not say which data set" in refused(tmp_path / "broken.pkl")
    alone = serial.load(moments[0]).generator
    alone.dataset_yaml_src = DATA
    serial.save(tmp_path / "alone.pkl", alone)
    assert "a Generator has no D" in refused(tmp_path / "alone.pkl")
    assert "none.pkl" in refused(tmp_path / "none.pkl")
    assert "there is no folder" in refused(moments[0], "--out", tmp_path / "no" / "a.png")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert 'pip install -e ".[plot]"' in refused(moments[0])
