"""Monitor channels that several layers share."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import aesara.tensor as at

from adversarial.backend import unit_statistics


def norm_channels(W: Any) -> OrderedDict:
    """Least, mean and greatest norm of the rows and columns of W (inputs, units)."""
    channels = OrderedDict()
    squares = at.square(W)
    for kind, axis in (("row", 1), ("col", 0)):
        norms = at.sqrt(squares.sum(axis=axis))
        channels[f"{kind}_norms_min"] = norms.min()
        channels[f"{kind}_norms_mean"] = norms.mean()
        channels[f"{kind}_norms_max"] = norms.max()
    return channels


def kernel_norm_channels(norms: Any) -> OrderedDict:
    """Least, mean and greatest of the norms of convolution kernels."""
    return OrderedDict(
        kernel_norms_min=norms.min(), kernel_norms_mean=norms.mean(), kernel_norms_max=norms.max()
    )


def unit_channels(state: Any, over: Sequence[int] = (0,), name: str = "{}_x_{}_u") -> OrderedDict:
    """Statistics over units of statistics over examples.

    `max_x_mean_u` is the mean over units (u) of the maximum over examples (x).  `over` names the
    axes of `state` that count as examples, all but one: (0,) for (batch, units), positions too
    for images.
    """
    (unit,) = (axis for axis in range(state.ndim) if axis not in over)
    if state.ndim > 2:
        state = state.dimshuffle(*over, unit).reshape((-1, state.shape[unit]))
    return OrderedDict(
        (name.format(over_examples, over_units), value)
        for (over_examples, over_units), value in unit_statistics(state).items()
    )
