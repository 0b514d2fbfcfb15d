"""The Parzen window estimate as a symbolic expression, for monitor channels."""

from __future__ import annotations

from typing import Any

import aesara.tensor as at
import numpy as np


def log_mean_exp(a: Any) -> Any:
    """log of the mean over axis 1 of exp(a), shape (rows,), without overflow."""
    greatest = a.max(axis=1, keepdims=True)
    return greatest[:, 0] + at.log(at.exp(a - greatest).mean(axis=1))


def theano_parzen(data: Any, mu: Any, sigma: float) -> Any:
    """log p of each row of `data` (n, d) under Gaussians of deviation `sigma` at `mu` (m, d).

    In nats, shape (n,).  Paper, section 5.  Distances come from one matrix product.
    """
    lengths = at.square(data).sum(axis=1, keepdims=True) + at.square(mu).sum(axis=1)
    squares = lengths - 2 * at.dot(data, mu.T)
    log_normalizer = mu.shape[1] * at.cast(np.log(sigma * np.sqrt(2 * np.pi)), data.dtype)
    return log_mean_exp(squares / (-2 * sigma**2)) - log_normalizer


aesara_parzen = theano_parzen
