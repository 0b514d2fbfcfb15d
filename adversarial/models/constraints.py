"""Constraints on the norms of weights, applied to every update (max_col_norm and its kin)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Optional

import aesara.tensor as at

# Keeps the division finite for a column of zeros, as in the original.
TINY = 1e-7


def constrain_norms(
    updates: OrderedDict,
    W: Any,
    axes: Sequence[int],
    at_most: Optional[float] = None,
    at_least: float = 0.0,
) -> None:
    """Rescale the new value of W in `updates`, if there is one, so that norms stay in bounds.

    Norms are taken over `axes`; a norm outside [at_least, at_most] is brought to the bound by the
    factor desired / (1e-7 + norm).
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


def check_norms(**norms: Optional[float]) -> None:
    """ValueError when a given norm is not positive."""
    for name, value in norms.items():
        if value is not None and not value > 0:
            raise ValueError(f"{name} must be positive, not {value!r}")
