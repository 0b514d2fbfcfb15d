"""The Parzen window estimate of the log-likelihood, symbolic, for monitor channels.

`adversarial.evaluation.parzen` is the same estimate with NumPy, for the scores of Table 1.
"""

from __future__ import annotations

from typing import Any

import aesara.tensor as at
import numpy as np


def log_mean_exp(a: Any) -> Any:
    """log of the mean over axis 1 of exp(a), without overflow.

    Parameters
    ----------
    a : symbolic matrix (rows, columns)

    Returns
    -------
    symbolic vector (rows,)

    Examples
    --------
    >>> from adversarial import backend
    >>> backend.function([], log_mean_exp(backend.shared([[1000.0, 1000.0]])))()
    array([1000.], dtype=float32)
    """
    greatest = a.max(axis=1, keepdims=True)
    return greatest[:, 0] + at.log(at.exp(a - greatest).mean(axis=1))


def theano_parzen(data: Any, mu: Any, sigma: float) -> Any:
    """Log-likelihood under a mixture of Gaussians of equal weight.

    Distances are computed by one matrix product: |x - m|^2 = |x|^2 - 2 x.m + |m|^2.

    Parameters
    ----------
    data : symbolic matrix (n, d)
    mu : symbolic matrix (m, d)
        Centres of the Gaussians.
    sigma : float
        Their standard deviation.

    Returns
    -------
    symbolic vector (n,), in nats

    References
    ----------
    "Generative Adversarial Nets", section 5.

    Examples
    --------
    >>> from adversarial import backend
    >>> origin = backend.shared([[0.0]])
    >>> backend.function([], theano_parzen(origin, origin, 1.0))().round(4)
    array([-0.9189])
    """
    lengths = at.square(data).sum(axis=1, keepdims=True) + at.square(mu).sum(axis=1)
    squares = lengths - 2 * at.dot(data, mu.T)
    log_normalizer = mu.shape[1] * at.cast(np.log(sigma * np.sqrt(2 * np.pi)), data.dtype)
    return log_mean_exp(squares / (-2 * sigma**2)) - log_normalizer


aesara_parzen = theano_parzen
