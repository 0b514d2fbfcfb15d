from __future__ import annotations

import itertools
import json
import sys

import numpy as np
import pytest
from PIL import Image
from scipy import stats

from adversarial.scripts.plot_monitor import default_channels
from adversarial.train_extensions.report import MonitorCSV
from adversarial.viewer.plot import draw_curves, draw_panels, mean_curve

from .conftest import add_channel, saved_runs


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
    monkeypatch.setattr(command.module, "present", lambda *args: None)
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


# Means over seeds


def test_the_mean_of_trainings_that_differ_in_their_seed(command, drawn, pair, tmp_path):
    paths = saved_runs(pair, tmp_path, [["rate=.1"], ["rate=.2"]])
    assert command(*paths, "--mean", "-c", "valid_objective_g") == 0
    ((curves, _, _),) = drawn
    assert [label for label, *_ in curves] == [f"valid_objective_g, rate=.{n} (3)" for n in (1, 2)]
    for number, (_, x, mean, error) in enumerate(curves):
        values = np.array([[10 * number + seed + epoch for epoch in range(4)] for seed in range(3)])
        np.testing.assert_array_equal(x, range(4))
        np.testing.assert_allclose(mean, values.mean(axis=0))
        np.testing.assert_allclose(error, stats.sem(values, axis=0))


def test_trainings_that_ended_early_leave_the_mean():
    xs = [np.arange(4), np.array([0, 2]), np.arange(3)]
    ys = [np.array([1.0, 2, 3, 4]), np.array([3.0, np.nan]), np.array([8.0, 6, 7])]
    x, mean, error = mean_curve(xs, ys)
    assert x.tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(mean, [4, 4, 5, 4])
    expected = [stats.sem([1, 3, 8]), stats.sem([2, 6]), stats.sem([3, 7]), np.nan]
    np.testing.assert_allclose(error, expected)


def test_the_band_is_drawn(pair, tmp_path):
    pytest.importorskip("matplotlib")
    curve = ("a", np.arange(3), np.array([1.0, 2, 3]), np.array([0.5, 0.5, np.nan]))
    figure = draw_curves([curve, ("b", np.arange(3), np.zeros(3))], "epochs")
    (band,) = figure.axes[0].collections
    (path,) = band.get_paths()
    assert (path.vertices[:, 1].min(), path.vertices[:, 1].max()) == (0.5, 2.5)
    figure = draw_panels([("x", [curve]), ("y", [curve])], "epochs")
    assert [len(axes.collections) for axes in figure.axes] == [1, 1]


def test_tables_are_of_the_model_beside_them(command, drawn, pair, tmp_path):
    paths = saved_runs(pair, tmp_path, [["rate=.1"], ["rate=.2"]], seeds=(0,))
    tables = [path.with_suffix(".monitor.csv") for path in paths]
    for table in tables:
        MonitorCSV(table).on_monitor(pair, None, None)
    assert command(*tables, "--mean", "-c", "late") == 0
    assert [label for label, *_ in drawn[0][0]] == ["late, rate=.1 (1)", "late, rate=.2 (1)"]
    for path in paths:
        path.unlink()
    assert command(*tables, "--mean", "-c", "late", "--out", tmp_path / "x.png") == 0
    assert [label for label, *_ in drawn[1][0]] == ["late"]


def test_a_folder_that_is_of_no_sweep(refused, tmp_path):
    pytest.importorskip("matplotlib")
    assert "it has no sweep.json" in refused(tmp_path)
    runs = {"a": {"experiment": "gan.yaml", "settings": {}, "seed": 0, "models": ["gan.pkl"]}}
    (tmp_path / "sweep.json").write_text(json.dumps({"runs": runs}))
    assert "no run of this sweep has measured anything" in refused(tmp_path)
    for run in [3, {}, {**runs["a"], "settings": {"rate": [1]}}, {**runs["a"], "models": [None]}]:
        (tmp_path / "sweep.json").write_text(json.dumps({"runs": {"a": run}}))
        assert "sweep.json: is not of a sweep" in refused(tmp_path)


def test_a_sweep(command, drawn, pair, tmp_path, capsys, monkeypatch):
    runs = {}
    for rate, seed in itertools.product((".1", ".2"), (0, 1)):
        name = f"rate={rate},seed={seed}"
        (tmp_path / name).mkdir()
        MonitorCSV(tmp_path / name / "gan.monitor.csv").on_monitor(pair, None, None)
        settings = {"algorithm.rate": rate}
        runs[name] = dict(experiment="gan.yaml", settings=settings, seed=seed, models=["gan.pkl"])
    (tmp_path / "sweep.json").write_text(json.dumps({"runs": runs}))
    assert command(tmp_path, "-c", "late") == 0
    assert capsys.readouterr().out == f"{tmp_path / 'sweep_channels.png'}\n"
    assert [label for label, *_ in drawn[0][0]] == ["late, rate=.1 (2)", "late, rate=.2 (2)"]
    panels = []
    draw = command.module.draw_panels
    monkeypatch.setattr(
        command.module, "draw_panels", lambda *args: panels.append(args[0]) or draw(*args)
    )
    assert command(tmp_path, "-c", "valid*") == 0  # a panel for each channel
    assert [(name, [label for label, *_ in curves]) for name, curves in panels[0]] == [
        (f"valid_objective_{player}", ["rate=.1 (2)", "rate=.2 (2)"]) for player in "dg"
    ]
