"""The intermediate distributions of annealing: a list of precisions, from 0 to 1 / sigma^2.

At precision 0 the distribution of u is the prior, at 1 / sigma^2 the posterior given x. `annealing`
moves the chains through all of them. Of two schedules, `exponential` has the smaller error for the
same number of distributions (docs/EVALUATION.md), and is the default; `sigmoidal` is that of the
paper.

A precision p below 1 / sigma^2 is the posterior of the same model with a greater sigma, 1 / sqrt p:
the factor between the two Gaussians of x does not depend on u. So one run of annealing to the
smallest of several sigmas gives the likelihoods of all, at no cost; `likelihood` chooses sigma by
this.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

# (number of steps, last precision, first scale) -> (steps + 1,) precisions
Schedule = Callable[[int, float, float], np.ndarray]

# Half of the interval of the logistic function that the sigmoidal schedule uses, as in the paper.
RADIUS = 4.0


def sigmoidal(steps: int, last: float, scale: float = 1.0) -> np.ndarray:
    """Precisions along a logistic curve: short steps near 0 and near the last one.

    Parameters
    ----------
    steps : int
        Steps from one precision to the next.
    last : float
    scale : float
        Not used.

    Returns
    -------
    (steps + 1,) array
        From 0 to `last`.

    Examples
    --------
    >>> sigmoidal(4, 1.0).round(3)
    array([0.   , 0.105, 0.5  , 0.895, 1.   ])
    """
    curve = 1 / (1 + np.exp(-np.linspace(-RADIUS, RADIUS, steps + 1)))
    return last * (curve - curve[0]) / (curve[-1] - curve[0])


def exponential(steps: int, last: float, scale: float = 1.0) -> np.ndarray:
    """Precisions that grow by one factor at each step, above `scale`, and linearly below.

    Once x constrains k directions of u, the fit of a chain varies by sqrt(k / 2) / precision. The
    error of annealing depends on the product of this and of the step, so equal errors at all steps
    need steps that are proportional to the precision. Near the prior, the fit varies as it does
    there, by 1 / scale.

    Parameters, result: as of `sigmoidal`, but
    scale : float
        1 / the standard deviation of the fit under the prior; about 0.07 for MNIST.

    Examples
    --------
    >>> exponential(3, 100.0, 0.1).round(2)
    array([  0.  ,   0.9 ,   9.91, 100.  ])
    """
    curve = scale * np.expm1(np.linspace(0, np.log1p(last / scale), steps + 1))
    curve[-1] = last
    return curve


SCHEDULES: dict[str, Schedule] = {"sigmoidal": sigmoidal, "exponential": exponential}


def with_stops(precisions: np.ndarray, stops: Sequence[float] | np.ndarray) -> np.ndarray:
    """The sorted union of a schedule and of the precisions at which results are wanted."""
    return np.unique(np.concatenate([precisions, np.asarray(stops, np.float64)]))
