"""Monitor channels of layers: norms of weights, statistics of units."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import aesara.tensor as at

from adversarial.backend import unit_statistics


def norm_channels(W: Any) -> OrderedDict:
    """Least, mean and greatest norm of the rows and of the columns of W (inputs, units)."""
    channels = OrderedDict()
    squares = at.square(W)
    for kind, axis in (("row", 1), ("col", 0)):
        norms = at.sqrt(squares.sum(axis=axis))
        channels[f"{kind}_norms_min"] = norms.min()
        channels[f"{kind}_norms_mean"] = norms.mean()
        channels[f"{kind}_norms_max"] = norms.max()
    return channels


def kernel_norm_channels(norms: Any) -> OrderedDict:
    """Least, mean and greatest of `norms`, those of the kernels of a convolution."""
    return OrderedDict(
        kernel_norms_min=norms.min(), kernel_norms_mean=norms.mean(), kernel_norms_max=norms.max()
    )


def unit_channels(state: Any, over: Sequence[int] = (0,), name: str = "{}_x_{}_u") -> OrderedDict:
    """Statistics over units of statistics over examples.

    `max_x_mean_u` is the mean over units (u) of the maximum over examples (x).

    Parameters
    ----------
    state : symbolic batch
    over : sequence of int
        The axes that count as examples, all but that of the units: (0,) for a batch
        (batch, units), and for images the axes of rows and columns, too.
    name : str
        What a channel is called, with {} for the statistic over examples and that over units.

    Examples
    --------
    >>> from adversarial import backend
    >>> channels = unit_channels(backend.shared([[1.0, 2.0], [3.0, 10.0]]))
    >>> backend.function([], channels["max_x_mean_u"])().item()
    6.5
    """
    (unit,) = (axis for axis in range(state.ndim) if axis not in over)
    if state.ndim > 2:
        state = state.dimshuffle(*over, unit).reshape((-1, state.shape[unit]))
    return OrderedDict(
        (name.format(over_examples, over_units), value)
        for (over_examples, over_units), value in unit_statistics(state).items()
    )
