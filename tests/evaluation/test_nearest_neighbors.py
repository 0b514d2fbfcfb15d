from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from adversarial.evaluation import nearest_neighbors as module
from adversarial.evaluation.nearest_neighbors import k_nearest, nearest_neighbors


def textbook(training, queries):
    return [min(range(len(training)), key=lambda i: sum((training[i] - q) ** 2)) for q in queries]


@pytest.mark.parametrize("block", [1, 64, 2**23])
def test_against_a_loop(block, monkeypatch):
    monkeypatch.setattr(module, "BLOCK_ELEMENTS", block)
    rng = np.random.RandomState(0)
    training, queries = rng.rand(57, 5).astype(np.float32), rng.rand(9, 5)
    np.testing.assert_array_equal(nearest_neighbors(training, queries), textbook(training, queries))


def test_finds_an_example_among_itself_far_from_the_origin():
    training = np.random.RandomState(0).rand(200, 50).astype(np.float32) + np.float32(1000)
    np.testing.assert_array_equal(nearest_neighbors(training, training[50:90]), np.arange(50, 90))


def test_of_equal_ones_the_first(monkeypatch):
    monkeypatch.setattr(module, "BLOCK_ELEMENTS", 4)
    training = np.array([[1.0], [3.0], [1.0], [1.0], [3.0]])
    np.testing.assert_array_equal(nearest_neighbors(training, np.array([[2.9], [0.0]])), [1, 0])


def test_integers_are_not_wrapped():
    training = np.array([[250], [5]], np.uint8)
    np.testing.assert_array_equal(
        nearest_neighbors(training, np.array([[255], [0]], np.uint8)), [0, 1]
    )


@pytest.mark.parametrize("dimension", [1, 2])
def test_examples_that_are_dense(dimension):
    """Nearer to each other than distances in float32 are exact."""
    rng = np.random.RandomState(0)
    scale = 1e-4 if dimension == 2 else 1.0
    training = (1 + scale * rng.randn(5000, dimension)).astype(np.float32)
    queries = (1 + scale * rng.randn(100, dimension)).astype(np.float32)
    queries[:10, 0] = 5.0  # far away, so that the others are far from the centre
    found, distances = k_nearest(training, queries)
    expected, _ = cKDTree(training.astype(np.float64)).query(queries.astype(np.float64))
    np.testing.assert_allclose(distances[:, 0], expected, rtol=1e-12)
    np.testing.assert_array_equal(nearest_neighbors(training, queries), found[:, 0])
    assert not k_nearest(training, training[:100])[1].any()


def test_no_queries():
    assert nearest_neighbors(np.zeros((3, 2)), np.zeros((0, 2))).shape == (0,)


@pytest.mark.parametrize(
    "training, queries, message",
    [
        (np.zeros((3, 2)), np.zeros((1, 4)), "samples of 4 numbers"),
        (np.zeros(3), np.zeros((1, 3)), "training must be a matrix"),
        (np.zeros((0, 2)), np.zeros((1, 2)), "no training examples"),
        (np.zeros((3, 2)), np.full((1, 2), np.nan), "samples contain NaN"),
    ],
)
def test_bad_values_are_named(training, queries, message):
    with pytest.raises(ValueError, match=message):
        nearest_neighbors(training, queries)
