"""Sharp distributions: data on a curve in the plane, for a generator and for a Markov chain.

Section 6 of the paper says that adversarial nets "can represent very sharp, even degenerate
distributions", while a Markov chain needs a blurred distribution to mix between its modes. The data
here are two curves that do not touch. A generator of one-dimensional noise makes a curve. The chain
adds noise to a point and takes it away again, as a generative stochastic network does (Bengio et
al., 2014); `measure` compares both.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np

from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
from adversarial.utils.budget import spend

# Two half circles of radius 1: the centre of each, and the side on which it lies.
CENTRES = np.array([[-0.5, -0.25], [0.5, 0.25]])
SIDES = np.array([1.0, -1.0])  # the upper half, and the lower one
# Bytes that stay of each draw, and nanoseconds.
_KEPT, _PER_DRAW = 8, 200


class HalfCircles(DenseDesignMatrix):
    """Points on two half circles in the plane, each equally probable; no noise is added.

    Parameters
    ----------
    num_examples : int
    seed : int

    Raises
    ------
    ValueError
        If `num_examples` is not a positive integer.

    Examples
    --------
    >>> data = HalfCircles(num_examples=100)
    >>> data.X.shape, bool(distances(data.X).min(axis=1).max() < 1e-6)
    ((100, 2), True)
    """

    def __init__(self, num_examples: int = 10000, seed: int = 0) -> None:
        if not isinstance(num_examples, int) or num_examples < 1:
            raise ValueError(f"num_examples must be a positive integer, not {num_examples!r}")
        kept, nanoseconds = _KEPT * num_examples, _PER_DRAW * num_examples
        spend(f"num_examples: {num_examples} draws", kept, nanoseconds, briefly=10 * kept)
        rng = np.random.RandomState(seed)
        which = rng.randint(2, size=num_examples)
        super().__init__(X=points_at(which, rng.uniform(size=num_examples)))


def points_at(which: np.ndarray, along: np.ndarray) -> np.ndarray:
    """Points (n, 2) of half circle `which` (n,), at the fraction `along` (n,) of its length."""
    angle = np.pi * along
    arc = np.column_stack([np.cos(angle), SIDES[which] * np.sin(angle)])
    return CENTRES[which] + arc


def distances(points: np.ndarray) -> np.ndarray:
    """Distance of points (n, 2) from each half circle, shape (n, 2)."""
    found = []
    for centre, side in zip(CENTRES, SIDES):
        x, y = (np.asarray(points, dtype=float) - centre).T
        to_arc = np.abs(np.hypot(x, y) - 1)
        to_end = np.hypot(np.abs(x) - 1, y)
        found.append(np.where(side * y > 0, to_arc, to_end))
    return np.column_stack(found)


def nearest_place(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The place on the curve that is nearest to points (n, 2), in the terms of `points_at`.

    Examples
    --------
    >>> which, along = nearest_place(points_at(np.array([0, 1]), np.array([0.25, 0.5])))
    >>> which.tolist(), along.round(6).tolist()
    ([0, 1], [0.25, 0.5])
    """
    which = distances(points).argmin(axis=1)
    x, y = (np.asarray(points, dtype=float) - CENTRES[which]).T
    angle = np.arctan2(SIDES[which] * y, x)
    # Beyond an end: the end itself.
    angle = np.where(angle < 0, np.where(x < 0, np.pi, 0.0), angle)
    return which, angle / np.pi


class DenoisingChain:
    """A Markov chain that adds Gaussian noise to a point and draws what the point may have been.

    One step from x is

        corrupt:      y = x + noise * e
        reconstruct:  x = r(y) + spread * e'

    with standard normal e and e'. r(y) is the mean of the data x given y, which is the best
    reconstruction for the squared error, computed exactly for the empirical distribution of
    `data`. `spread` is the deviation of the Gaussian around r(y) that makes the data most probable:
    the root mean square error of r. So the chain is a generative stochastic network of
    one Gaussian reconstruction, of which the training has reached its aim.

    Parameters
    ----------
    data : array (n, d)
    noise : float
        The deviation of the corruption.
    seed : int

    Raises
    ------
    ValueError
        If `noise` is not positive.

    References
    ----------
    Bengio, Laufer, Alain and Yosinski, "Deep generative stochastic networks trainable by
    backprop", 2014.

    Examples
    --------
    >>> chain = DenoisingChain(np.array([[-1.0], [1.0]]), noise=0.1)
    >>> chain.reconstruct(np.array([[0.9]])).round(3)
    array([[1.]])
    """

    def __init__(self, data: Any, noise: float, seed: int = 0) -> None:
        if not noise > 0:
            raise ValueError(f"noise is a deviation and positive, not {noise!r}")
        self.data = np.asarray(data, dtype=float)
        self.noise = noise
        self.rng = np.random.default_rng(seed)

    @cached_property
    def spread(self) -> float:
        """The root mean square error of r in each coordinate, on the data."""
        error = self.reconstruct(self.corrupt(self.data)) - self.data
        return float(np.sqrt(np.mean(error**2)))

    def corrupt(self, x: np.ndarray) -> np.ndarray:
        """`x` (k, d) with noise."""
        return x + self.noise * self.rng.standard_normal(x.shape)

    def reconstruct(self, y: np.ndarray) -> np.ndarray:
        """r(y), shape (k, d): the mean of the data given y."""
        squares = ((y[:, None, :] - self.data[None, :, :]) ** 2).sum(axis=2)
        # The largest weight of each row is 1, so that no sum is zero.
        squares -= squares.min(axis=1, keepdims=True)
        weights = np.exp(-squares / (2 * self.noise**2))
        return weights @ self.data / weights.sum(axis=1, keepdims=True)

    def states(self, start: np.ndarray, steps: int) -> Iterator[np.ndarray]:
        """The states (k, d) of k chains after each of `steps` steps from `start` (k, d)."""
        x = np.asarray(start, dtype=float)
        for _ in range(steps):
            x = self.reconstruct(self.corrupt(x))
            x = x + self.spread * self.rng.standard_normal(x.shape)
            yield x
