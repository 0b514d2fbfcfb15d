from __future__ import annotations

import sys

import numpy as np
import pytest
from PIL import Image

from adversarial.viewer.plot import DOTS_PER_INCH, draw_curves, draw_panels, new_figure, save_figure


@pytest.fixture
def curves():
    pytest.importorskip("matplotlib")
    x = np.arange(4)
    return [("up", x, x**2), ("down", x, -x)]


def test_curves_are_drawn_as_given(curves):
    figure = draw_curves(curves, "epochs", log=True)
    (axes,) = figure.axes
    assert [line.get_label() for line in axes.get_lines()] == ["up", "down"]
    for line, (_, x, y) in zip(axes.get_lines(), curves):
        np.testing.assert_array_equal(line.get_xydata(), np.column_stack([x, y]))
    assert (axes.get_xlabel(), axes.get_yscale()) == ("epochs", "log")
    assert draw_curves(curves, "x").axes[0].get_yscale() == "linear"


def test_no_curve_is_left_out_of_a_legend(curves):
    _, x, y = curves[0]
    labelled = [("_run.pkl", x, y), ("$run.pkl", x, y)]
    (axes,) = draw_curves(labelled, "epochs").axes
    panels = draw_panels([("loss", labelled)], "epochs")
    for legend in (axes.get_legend(), panels.legends[0]):
        shown = [text.get_text() for text in legend.get_texts()]
        assert shown == ["\u200b_run.pkl", r"\$run.pkl"]  # matplotlib leaves out "_run.pkl"
    # A legend that finds the labels itself, as that of a sweep.
    assert panels.axes[0].get_legend_handles_labels()[1] == shown


def test_the_ending_names_the_format(curves, tmp_path):
    figure = draw_curves(curves, "epochs")
    save_figure(figure, tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert image.format == "PNG"
        assert image.size == tuple(int(n * DOTS_PER_INCH) for n in figure.get_size_inches())
    save_figure(figure, tmp_path / "a.pdf")
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")
    with pytest.raises(ValueError, match="end it in one of .*png"):
        save_figure(figure, tmp_path / "a.nothing")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.pdf", "a.png"]


def test_without_matplotlib_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r'need matplotlib: pip install -e "\.\[plot\]"'):
        new_figure(1, 1)
