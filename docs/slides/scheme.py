"""Draws the scheme of the game, for slides: who sees what, and which gradient goes where.

    python docs/slides/scheme.py docs/slides/scheme.svg

The ending of the name says the format. Text stays text in an SVG, so that it can be edited.
"""

from __future__ import annotations

import argparse

import matplotlib
from matplotlib.patches import FancyBboxPatch

from adversarial.viewer.plot import new_figure, save_figure

INK, D_COLOUR, G_COLOUR = "#222222", "#2060b0", "#208040"


def box(axes, x, y, text, colour=INK, width=2.0):
    """A box with its centre at (x, y)."""
    shape = FancyBboxPatch(
        (x - width / 2, y - 0.45),
        width,
        0.9,
        boxstyle="round,pad=0.05,rounding_size=0.15",
        facecolor="white",
        edgecolor=colour,
        linewidth=1.8,
    )
    axes.add_patch(shape)
    axes.text(x, y, text, ha="center", va="center", color=colour)


def arrow(axes, start, end, text="", colour=INK, line="-", bend=0.0, place=(0.0, 0.2)):
    """An arrow between two points, with a text beside its middle."""
    axes.annotate(
        "",
        xy=end,
        xytext=start,
        arrowprops={
            "arrowstyle": "-|>",
            "color": colour,
            "linestyle": line,
            "linewidth": 1.5,
            "connectionstyle": f"arc3,rad={bend}",
        },
    )
    middle = [(a + b) / 2 + c for a, b, c in zip(start, end, place)]
    axes.text(*middle, text, ha="center", va="center", color=colour, fontsize="small")


def draw():
    """The figure."""
    figure = new_figure(9, 4)
    axes = figure.add_subplot()
    axes.set(xlim=(0, 13.6), ylim=(-0.9, 5), aspect="equal")
    axes.axis("off")
    box(axes, 1.3, 1.5, "noise z")
    box(axes, 4.6, 1.5, "generator G", G_COLOUR)
    box(axes, 4.6, 3.9, "training data")
    box(axes, 8.8, 2.7, "discriminator D", D_COLOUR, width=2.4)
    box(axes, 12.3, 2.7, "D(x): data\nor sample?", width=2.1)
    arrow(axes, (2.4, 1.5), (3.5, 1.5))
    arrow(axes, (5.7, 3.9), (7.5, 3.0), "x", place=(0.1, 0.3))
    arrow(axes, (5.7, 1.5), (7.5, 2.4), "G(z)", place=(-0.2, 0.35))
    arrow(axes, (10.1, 2.7), (11.15, 2.7))
    arrow(axes, (12.0, 3.3), (8.9, 3.3), colour=D_COLOUR, line="--", bend=0.35, place=(0, 1.0),
          text="gradient of log D(x) + log(1 - D(G(z))), for D")  # fmt: skip
    arrow(axes, (12.0, 2.1), (4.7, 0.95), colour=G_COLOUR, line="--", bend=-0.3, place=(0.6, -1.75),
          text="gradient of log D(G(z)), through D, for G")  # fmt: skip
    return figure


def main():
    parser = argparse.ArgumentParser(description="Draw the scheme of the game.")
    parser.add_argument("out", help="picture to write; its ending says the format")
    out = parser.parse_args().out
    # As text, not as outlines of letters.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "scheme"}):
        save_figure(draw(), out)


if __name__ == "__main__":
    main()
