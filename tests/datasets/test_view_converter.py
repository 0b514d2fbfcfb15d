"""Rows and images: every pixel is where the axes say."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from adversarial.datasets.view_converter import DefaultViewConverter
from adversarial.space import Conv2DSpace, VectorSpace

ROWS, COLS, CHANNELS, N = 3, 4, 2, 5
DESIGN = np.random.RandomState(0).rand(N, ROWS * COLS * CHANNELS).astype("float32")
AXES = list(itertools.permutations(("b", 0, 1, "c")))


def pixel(b, row, col, channel):
    """By the definition: channel after channel, each row after row."""
    return DESIGN[b, channel * ROWS * COLS + row * COLS + col]


@pytest.mark.parametrize("axes", AXES)
def test_pixels_land_where_the_axes_say_and_come_back(axes):
    converter = DefaultViewConverter((ROWS, COLS, CHANNELS), axes)
    topo = converter.design_mat_to_topo_view(DESIGN)
    sizes = {"b": N, 0: ROWS, 1: COLS, "c": CHANNELS}
    assert topo.shape == tuple(sizes[a] for a in axes)
    for b, row, col, channel in itertools.product(*map(range, (N, ROWS, COLS, CHANNELS))):
        at = {"b": b, 0: row, 1: col, "c": channel}
        assert topo[tuple(at[a] for a in axes)] == pixel(b, row, col, channel)
    assert np.array_equal(converter.topo_view_to_design_mat(topo), DESIGN)
    assert np.array_equal(converter.design_mat_to_weights_view(DESIGN), topo)


def test_formatted_batches():
    converter = DefaultViewConverter((ROWS, COLS, CHANNELS), ("b", 0, 1, "c"))
    assert converter.get_formatted_batch(DESIGN, VectorSpace(24)) is DESIGN
    wanted = Conv2DSpace((ROWS, COLS), num_channels=CHANNELS, axes=("c", 0, 1, "b"))
    got = converter.get_formatted_batch(DESIGN, wanted)
    assert got.shape == (CHANNELS, ROWS, COLS, N)
    assert got[1, 2, 3, 4] == pixel(4, 2, 3, 1)


def test_changing_the_axes():
    converter = DefaultViewConverter((ROWS, COLS, CHANNELS))
    converter.set_axes(["c", 0, 1, "b"])
    assert converter.axes == converter.topo_space.axes == ("c", 0, 1, "b")
    assert converter.design_mat_to_topo_view(DESIGN).shape == (CHANNELS, ROWS, COLS, N)
    assert converter.view_shape() == converter.weights_view_shape() == (ROWS, COLS, CHANNELS)


def test_mistakes_are_named():
    converter = DefaultViewConverter((ROWS, COLS, CHANNELS))
    with pytest.raises(ValueError, match=r"\(n, 24\), not \(5, 23\)"):
        converter.design_mat_to_topo_view(DESIGN[:, 1:])
    with pytest.raises(ValueError, match=r"array of shape \(5, 3, 4, 3\)"):
        converter.topo_view_to_design_mat(np.zeros((N, ROWS, COLS, 3)))
    with pytest.raises(ValueError, match="rows of 24 numbers"):
        converter.get_formatted_batch(DESIGN, VectorSpace(25))
    with pytest.raises(ValueError, match="order of 'b', 0, 1 and 'c'"):
        DefaultViewConverter((3, 4, 2), ("b", 0, 1, 2))
    with pytest.raises(ValueError, match=r"\(rows, cols, channels\), not \(3, 4\)"):
        DefaultViewConverter((3, 4))
