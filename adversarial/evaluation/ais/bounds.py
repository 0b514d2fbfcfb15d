"""Bounds of log-likelihoods, from the weights of annealed importance sampling.

`annealing` makes the weights and `likelihood` calls this. With the number of transitions, the lower
and the upper bound meet at the true value, so their difference on data for which both are known
(simulated data) tells how far from it they are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


def log_mean_exp(values: np.ndarray, axis: int = 0) -> np.ndarray:
    """log of the mean of exp(values) over an axis, without overflow.

    Examples
    --------
    >>> log_mean_exp(np.array([1000.0, 1000.0]))
    1000.0
    """
    greatest = values.max(axis=axis, keepdims=True)
    mean = np.exp(values - greatest).mean(axis=axis)
    return np.log(mean) + greatest.squeeze(axis)


def log_normalizer(precision: float, dimension: int) -> float:
    """log of the constant of the Gaussian N(x; G, I / precision) of x."""
    return 0.5 * dimension * math.log(precision / (2 * math.pi))


def lower_bounds(log_weights: np.ndarray, precision: float, dimension: int) -> np.ndarray:
    """Stochastic lower bounds of log p(x) of each example.

    Parameters
    ----------
    log_weights : (chains, n) array
        Of forward runs that ended at `precision`.
    precision : float
        1 / sigma^2.
    dimension : int
        Numbers in x.

    Returns
    -------
    (n,) array, in nats
    """
    return log_mean_exp(log_weights) + log_normalizer(precision, dimension)


def upper_bounds(log_weights: np.ndarray, precision: float, dimension: int) -> np.ndarray:
    """Stochastic upper bounds of log p(x) of each example.

    Parameters, result: as of `lower_bounds`, but with weights of reverse runs.
    """
    return log_normalizer(precision, dimension) - log_mean_exp(-log_weights)


@dataclass(frozen=True)
class Mean:
    """A mean over examples and its standard error, in nats."""

    value: float
    standard_error: float

    @classmethod
    def of(cls, values: np.ndarray) -> Mean:
        """The mean of `values` (n,); its error is the sample deviation / sqrt n.

        Examples
        --------
        >>> Mean.of(np.array([1.0, 3.0]))
        Mean(value=2.0, standard_error=1.0)
        """
        n = len(values)
        error = math.nan if n < 2 else float(np.std(values, ddof=1) / math.sqrt(n))
        return cls(float(np.mean(values)), error)
