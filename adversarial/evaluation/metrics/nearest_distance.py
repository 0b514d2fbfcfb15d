"""Distance from samples to the training examples nearest to them."""

from __future__ import annotations

import math

import numpy as np

from adversarial.evaluation.metric import Result, metric
from adversarial.evaluation.nearest_neighbors import nearest_neighbors


@metric(unit="units of the data")
def nearest_distance(samples: np.ndarray, training: np.ndarray) -> Result:
    """Mean Euclidean distance from a sample to the training example nearest to it.

    Near 0, the generator repeats training examples (compare Figure 2 of the paper).

    Parameters
    ----------
    samples : (num_samples, dimension) array
    training : (n, dimension) array
        The examples that the model was trained on.

    Returns
    -------
    Result
        The mean, with its standard error over samples, in units of the data; of one sample, the
        error is not known. `details` has the least distance and the median.

    Raises
    ------
    ValueError
        Where samples or training examples are not finite.

    Examples
    --------
    >>> corners = np.array([[0.0, 0.0], [1.0, 1.0]])
    >>> round(nearest_distance(np.array([[0.0, 0.3], [1.0, 0.9]]), corners).value, 3)
    0.2
    """
    gaps = np.subtract(samples, training[nearest_neighbors(training, samples)], dtype=np.float64)
    distances = np.sqrt(np.einsum("nd,nd->n", gaps, gaps))
    error = distances.std() / math.sqrt(len(distances)) if len(distances) > 1 else math.nan
    details = {"least": float(distances.min()), "median": float(np.median(distances))}
    return Result(float(distances.mean()), float(error), details)
