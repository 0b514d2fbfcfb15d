"""Draws from a mixture of Gaussians on the line, whose density is known: data for Figure 1."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
from adversarial.utils.budget import spend

# Bytes for each draw, in the end and meanwhile; nanoseconds, and those of each halving of the
# search for the Gaussian that it comes from.
_KEPT, _BRIEFLY, _PER_DRAW, _PER_HALVING = 4, 40, 60, 70


class GaussianMixture(DenseDesignMatrix):
    """`num_examples` points (n, 1) drawn from a mixture of one-dimensional Gaussians.

    Parameters
    ----------
    means, deviations : sequence of float
        Of each Gaussian.
    weights : sequence of float, optional
        How often each Gaussian is drawn from, relative to the others; equally often by default.
    num_examples : int
    seed : int
        For the draws.

    Raises
    ------
    ValueError
        If the sequences differ in length, a deviation or weight is not positive, or there is
        nothing to draw.

    Examples
    --------
    >>> data = GaussianMixture(means=[-2.0, 2.0], deviations=[0.5, 0.5], num_examples=1000)
    >>> data.X.shape
    (1000, 1)
    >>> data.density([-2.0, 0.0]).round(4).tolist()
    [0.3989, 0.0003]
    """

    def __init__(
        self,
        means: Sequence[float],
        deviations: Sequence[float],
        weights: Sequence[float] | None = None,
        num_examples: int = 10000,
        seed: int = 0,
    ) -> None:
        self.means = np.asarray(means, dtype=float)
        self.deviations = np.asarray(deviations, dtype=float)
        shares = np.ones(self.means.shape) if weights is None else np.asarray(weights, dtype=float)
        if self.means.ndim != 1 or self.means.size == 0:
            raise ValueError(f"means must be a list of numbers, not {means!r}")
        for name, values in (("deviations", self.deviations), ("weights", shares)):
            if values.shape != self.means.shape:
                raise ValueError(f"{len(self.means)} means need as many {name}, not {values.shape}")
            if not (np.isfinite(values).all() and (values > 0).all()):
                raise ValueError(f"{name} must be positive and finite, got {values.tolist()}")
        if num_examples < 1:
            raise ValueError(f"num_examples must be at least 1, got {num_examples}")
        halvings = math.ceil(math.log2(len(self.means)))
        spend(
            f"num_examples: {num_examples} draws",
            _KEPT * num_examples,
            (_PER_DRAW + _PER_HALVING * halvings) * num_examples,
            briefly=_BRIEFLY * num_examples + 32 * len(self.means),
        )
        self.weights = shares / shares.sum()
        rng = np.random.RandomState(seed)
        which = rng.choice(len(self.means), size=num_examples, p=self.weights)
        X = self.means[which] + self.deviations[which] * rng.normal(size=num_examples)
        super().__init__(X=X[:, None])

    def density(self, x: Any) -> np.ndarray:
        """p(x) at each of the points `x`, an array of any shape."""
        standard = (np.asarray(x, dtype=float)[..., None] - self.means) / self.deviations
        bells = np.exp(-0.5 * standard**2) / (self.deviations * math.sqrt(2 * math.pi))
        return bells @ self.weights
