"""Points z in the page: noise, the pad's plane, walks, and the directions of greatest change."""

from __future__ import annotations

import numpy as np
import pytest

NOISE = {
    "uniform": {"distribution": "uniform", "low": -np.sqrt(3), "high": np.sqrt(3)},
    "normal": {"distribution": "normal", "mean": 0.0, "std": 1.0},
    "spherical": {"distribution": "spherical"},
}
DRAW = """
const noise = noiseOf(given, 6);
const random = randomSource(5);
const rows = Array.from({ length: 20000 }, () => Array.from(noise.draw(random)));
console.log(JSON.stringify(rows));
"""


@pytest.mark.parametrize("kind", NOISE)
def test_noise_is_distributed_as_in_training(node, kind):
    z = np.array(node(DRAW, NOISE[kind]))
    variance = 1 / 6 if kind == "spherical" else 1
    np.testing.assert_allclose(z.mean(0), 0, atol=0.03)
    np.testing.assert_allclose(np.cov(z.T), variance * np.eye(6), atol=0.04)
    if kind == "uniform":
        assert 1.72 < np.abs(z).max() <= np.sqrt(3)
    elif kind == "normal":
        np.testing.assert_allclose((z**4).mean(), 3, atol=0.15)
    else:
        np.testing.assert_allclose((z**2).sum(1), 1, atol=1e-6)


MOVE = """
const noise = noiseOf(given, 8);
const random = randomSource(1);
const [from, to] = [noise.draw(random), noise.draw(random)];
const directions = randomDirections(8, random);
const reach = padReach(noise, "random");
const corners = [[0, 0], [reach, reach], [-reach, reach], [0.01, -0.02]].map(([x, y]) =>
  padPoint(noise, from, directions, x, y));
const walk = [0, 0.25, 1].map((t) => walkPoint(noise, from, to, t));
const list = (rows) => rows.map((row) => Array.from(row));
console.log(JSON.stringify({
  ends: list([from, to]), directions: list(directions), corners: list(corners), walk: list(walk),
}));
"""


@pytest.mark.parametrize("kind", NOISE)
def test_the_pad_and_the_walk_stay_where_noise_is(node, kind):
    found = {name: np.array(rows) for name, rows in node(MOVE, NOISE[kind]).items()}
    (start, end), (first, second) = found["ends"], found["directions"]
    np.testing.assert_allclose(found["directions"] @ found["directions"].T, np.eye(2), atol=1e-6)
    line = np.array([(1 - t) * start + t * end for t in (0, 0.25, 1)])
    plane = start + 0.01 * first - 0.02 * second
    every = np.concatenate([found["corners"], found["walk"]])
    if kind == "uniform":
        assert np.abs(every).max() <= np.sqrt(3) + 1e-6
        np.testing.assert_allclose(
            found["corners"][3], np.clip(plane, -(3**0.5), 3**0.5), atol=1e-6
        )
    elif kind == "spherical":
        np.testing.assert_allclose((every**2).sum(1), 1, atol=1e-5)
        line /= np.linalg.norm(line, axis=1, keepdims=True)
    np.testing.assert_allclose(found["walk"], line, atol=1e-6)


def test_directions_of_greatest_change_are_singular_vectors(node):
    jacobian = np.random.RandomState(0).normal(size=(12, 30)) * np.arange(1, 13)[:, None]
    script = """
    const rows = given.map((row) => Float64Array.from(row));
    console.log(JSON.stringify(greatestChange(rows, randomSource(3)).map((v) => Array.from(v))));
    """
    found = np.array(node(script, jacobian.tolist()))
    vectors = np.linalg.svd(jacobian.T)[2][:2]
    np.testing.assert_allclose(np.abs((found * vectors).sum(1)), 1, atol=1e-3)


def test_the_plane_of_one_coordinate_is_a_line(node):
    script = """
    const found = [...randomDirections(1, randomSource(0)),
      ...greatestChange([Float64Array.of(2, 1)], randomSource(0))];
    console.log(JSON.stringify(found.map((v) => Array.from(v))));
    """
    assert [[abs(value) for value in row] for row in node(script)] == [[1], [0], [1], [0]]
