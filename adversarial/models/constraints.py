"""Bounds on the norms of weights, which every update keeps.

A column of W whose norm is outside the bounds after an update is scaled to the bound. Layers apply
these in `_modify_updates`, which `Model.modify_updates` calls with the new values that a learning
rule gives the parameters.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Optional

import aesara.tensor as at

# Keeps the division finite for a column of zeros, as in the code of 2014.
TINY = 1e-7


@dataclass(frozen=True)
class NormConstraint:
    """Bounds on the Euclidean norms of the rows or columns of a matrix W (inputs, units).

    Parameters
    ----------
    max_row_norm : float, optional
        Greatest norm of the outgoing weights of an input. Not together with `max_col_norm`.
    max_col_norm : float, optional
        Greatest norm of the incoming weights of a unit.
    min_col_norm : float, optional
        Least norm of the incoming weights of a unit.

    References
    ----------
    G. Hinton et al., "Improving neural networks by preventing co-adaptation of feature detectors",
    2012, arXiv 1207.0580: `max_col_norm`, instead of weight decay beside dropout.

    Examples
    --------
    >>> from adversarial import backend
    >>> W = backend.shared([[3.0, 0.3], [4.0, 0.4]], "W")
    >>> updates = OrderedDict({W: W})
    >>> NormConstraint(max_col_norm=1.0).apply(updates, W)
    >>> backend.function([], updates[W])().round(3)
    array([[0.6, 0.3],
           [0.8, 0.4]], dtype=float32)
    """

    max_row_norm: Optional[float] = None
    max_col_norm: Optional[float] = None
    min_col_norm: Optional[float] = None

    def check(self, layer: str) -> None:
        """ValueError, which names the `layer`, for bounds that cannot be kept."""
        check_norms(layer, **vars(self))
        if self.max_row_norm is not None and self.max_col_norm is not None:
            raise ValueError(f"layer {layer!r}: give max_row_norm or max_col_norm, not both")
        if self.min_col_norm is not None and self.max_col_norm is not None:
            if self.min_col_norm > self.max_col_norm:
                raise ValueError(
                    f"layer {layer!r}: min_col_norm {self.min_col_norm} exceeds max_col_norm "
                    f"{self.max_col_norm}"
                )

    def apply(self, updates: OrderedDict, W: Any) -> None:
        """Bring the new value of W in `updates`, if it has one, within the bounds."""
        constrain_norms(updates, W, (1,), self.max_row_norm)
        constrain_norms(updates, W, (0,), self.max_col_norm, self.min_col_norm or 0.0)


def constrain_norms(
    updates: OrderedDict,
    W: Any,
    axes: Sequence[int],
    at_most: Optional[float] = None,
    at_least: float = 0.0,
) -> None:
    """Rescale the new value of W in `updates`, if it has one, so that norms are within bounds.

    Parameters
    ----------
    updates : dict
        Shared variable -> its new value, symbolic; changed in place.
    W : shared variable
    axes : sequence of int
        The axes over which a norm is taken: (0,) for columns of a matrix.
    at_most, at_least : float
        A norm outside of these becomes the bound, by the factor bound / (1e-7 + norm).
    """
    if W not in updates or (at_most is None and not at_least):
        return
    new = updates[W]
    norms = at.sqrt(at.square(new).sum(axis=list(axes), keepdims=True))
    desired = norms
    if at_most is not None:
        desired = at.minimum(desired, at_most)
    if at_least:
        desired = at.maximum(desired, at_least)
    updates[W] = new * (desired / (TINY + norms))


def check_norms(layer: str, **norms: Optional[float]) -> None:
    """ValueError, which names the `layer`, for a bound that is not positive and finite."""
    for name, value in norms.items():
        if value is not None and not 0 < value < math.inf:
            raise ValueError(f"layer {layer!r}: {name} must be positive and finite, not {value!r}")
