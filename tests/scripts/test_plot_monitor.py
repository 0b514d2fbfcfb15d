from __future__ import annotations

import itertools
import sys

import numpy as np
import pytest
from PIL import Image

from adversarial.scripts.plot_monitor import default_channels
from adversarial.train_extensions.report import MonitorCSV

from .conftest import add_channel


@pytest.fixture
def drawn(command, monkeypatch):
    """The arguments of the drawing function: [(curves, label of x, log)]."""
    pytest.importorskip("matplotlib")
    calls = []
    draw = command.module.draw_curves

    def recorded(*args):
        calls.append(args)
        return draw(*args)

    monkeypatch.setattr(command.module, "draw_curves", recorded)
    return calls


def test_the_players_objectives_beside_the_model(command, drawn, model, capsys):
    assert command(model) == 0
    path = model.with_name("faces.v2_channels.png")
    assert capsys.readouterr().out == f"{path}\n"
    with Image.open(path) as image:
        assert np.ptp(np.asarray(image.convert("L"))) > 100  # not blank
    ((curves, label, log),) = drawn
    assert [name for name, _, _ in curves] == ["valid_objective_d", "valid_objective_g"]
    np.testing.assert_array_equal(curves[1][1], range(4))
    np.testing.assert_array_equal(curves[1][2], np.float32([0.7, 1.5, 2.5, 3.5]))
    assert (label, log) == ("epochs", False)


@pytest.mark.parametrize("x, expected", [("batches", 30), ("examples", 3000), ("seconds", 7.5)])
def test_what_the_horizontal_axis_counts(command, drawn, model, x, expected):
    assert command(model, "-x", x, "-c", "late", "--log") == 0
    (((_, counts, values),), label, log) = drawn[0]
    assert (counts.tolist(), values.tolist(), log) == ([expected], [9.0], True)
    assert x in label


def test_several_trainings_and_tables(command, drawn, model, pair, tmp_path):
    table, out = tmp_path / "a.monitor.csv", tmp_path / "both.svg"
    MonitorCSV(table).on_monitor(pair, None, None)
    assert command(model, table, "-c", "late", "--out", out) == 0
    assert [label for label, _, _ in drawn[0][0]] == [f"late, {model}", f"late, {table}"]
    assert "<svg" in out.read_text()


def test_many_channels_have_axes_of_their_own(command, monkeypatch, pair, tmp_path):
    pytest.importorskip("matplotlib")
    figures = []
    monkeypatch.setattr(command.module, "save_figure", lambda figure, path: figures.append(figure))
    for i in range(38):
        add_channel(pair.monitor, f"valid_a_long_name_of_a_channel_of_layer_${i}$", [i, 2], [0, 1])
    paths = [tmp_path / "a.csv", tmp_path / "b$c$.csv"]
    for path in paths:
        MonitorCSV(path).on_monitor(pair, None, None)
    command.module.present = lambda *args: None
    assert command(*paths, "-c", "*", "--out", tmp_path / "x.png") == 0
    (figure,) = figures
    assert len(figure.axes) == 41
    figure.canvas.draw()
    width, height = figure.canvas.get_width_height()
    boxes = [axes.get_tightbbox() for axes in figure.axes]
    assert all(box.x0 > 0 and box.x1 < width and box.y0 > 0 and box.y1 < height for box in boxes)
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        str(path).replace("$", r"\$") for path in paths
    ]


@pytest.mark.parametrize("name", ["a$x", "b$$", "$_{$", "_c", r"d\$e"])
def test_names_are_drawn_letter_by_letter(command, model, pair, tmp_path, name):
    """A dollar sign would begin a formula, and a leading underscore would hide a label."""
    add_channel(pair.monitor, name, [1, 2], [0, 1])
    table = tmp_path / f"{name.replace(chr(92), '')}.csv"
    MonitorCSV(table).on_monitor(pair, None, None)
    pytest.importorskip("matplotlib")
    out = tmp_path / "x.svg"
    assert command(table, table, "-c", "*", "--out", out) == 0
    assert out.stat().st_size


def test_what_one_looks_at_first():
    assert default_channels({"a_objective_d": 0, "a_objective_g": 0}) == (
        "*objective_d",
        "*objective_g",
    )
    assert default_channels({"objective": 0, "objective_d": 0}) == ("*objective",)
    assert default_channels({"x": 0}) == ("*",)


def test_mistakes_are_one_line(refused, model, pair, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    table = tmp_path / "a.monitor.csv"
    MonitorCSV(table).on_monitor(pair, None, None)
    assert "a.monitor.csv: does not hold seconds; the model file" in refused(table, "-x", "seconds")
    assert "did you mean late?" in refused(model, "-c", "lat")
    assert "there is no folder" in refused(model, "--out", tmp_path / "no" / "a.png")
    assert "end it in one of" in refused(model, "--out", tmp_path / "a.nothing")
    assert "none.pkl" in refused(tmp_path / "none.pkl")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert 'pip install -e ".[plot]"' in refused(model)
