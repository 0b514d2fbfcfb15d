"""Which pixels are seen: random masks, 1 where a pixel is seen and 0 where it is to be painted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Optional

import aesara.tensor as at
import numpy as np

from adversarial import backend
from adversarial.space.conv2d import SIDES, half_of
from adversarial.utils.seeding import Seed, seed_words
from adversarial.utils.serial import Persistent

# What is hidden. `rectangle`: one with random corners; `window`: all but such a rectangle;
# `pixels`: each by itself, with a chance that is drawn anew for each image; a side: that half.
KINDS = ("pixels", "rectangle", "window", *SIDES, "everything")


class RandomMasks(Persistent):
    """Draws a mask for each image of a batch, of a kind that is drawn as well.

    Parameters
    ----------
    shape : (rows, columns) of the images
    kinds : dict
        Name, of `KINDS`, -> how often it is drawn, in any unit.
    seed : int or list of int, optional
    """

    def __init__(
        self, shape: Sequence[int], kinds: Mapping[str, float], seed: Optional[Seed] = None
    ) -> None:
        self.shape = tuple(shape)
        if len(self.shape) != 2 or not all(isinstance(n, int) and n > 0 for n in self.shape):
            raise ValueError(f"shape must be (rows, columns), not {shape!r}")
        for kind, weight in kinds.items():
            if kind not in KINDS:
                raise ValueError(f"a kind of mask is one of {', '.join(KINDS)}, not {kind!r}")
            if not 0 < weight < np.inf:
                raise ValueError(f"{kind} must be drawn with a positive weight, not {weight!r}")
        if not kinds:
            raise ValueError("kinds is empty: no mask could be drawn")
        self.kinds = dict(kinds)
        self.theano_rng = backend.RandomStreams(seed_words(seed, [2014, 7, 3]), "masks")

    def draw(self, n: Any) -> Any:
        """`n` masks, symbolic: floatX, shape (n, rows, columns, 1)."""
        weights = np.cumsum(list(self.kinds.values()))
        point = self.theano_rng.uniform((n, 1, 1), high=float(weights[-1]))
        chosen = self._drawn(list(self.kinds)[-1], n)
        for kind, upto in list(zip(self.kinds, weights))[-2::-1]:
            chosen = at.switch(at.lt(point, float(upto)), self._drawn(kind, n), chosen)
        return at.cast(chosen, backend.floatX).dimshuffle(0, 1, 2, "x")

    def _drawn(self, kind: str, n: Any) -> Any:
        """Whether each pixel is seen under `n` masks of one kind: (n, rows, columns)."""
        if kind == "pixels":
            chance = self.theano_rng.uniform((n, 1, 1))
            return at.lt(self.theano_rng.uniform((n, *self.shape)), chance)
        if kind in ("rectangle", "window"):
            rows, columns = (self._span(n, length) for length in self.shape)
            inside = at.and_(rows.dimshuffle(0, 1, "x"), columns.dimshuffle(0, "x", 1))
            return inside if kind == "window" else at.eq(inside, 0)
        seen = np.ones(self.shape, bool)
        seen[half_of(self.shape, kind) if kind in SIDES else ...] = False
        return at.alloc(seen, n, *self.shape)

    def _span(self, n: Any, length: int) -> Any:
        """Whether each of `length` places is between two random ends: (n, length)."""
        ends = at.floor(self.theano_rng.uniform((n, 2), high=length + 1.0))
        places = np.arange(length, dtype=backend.floatX)
        first, stop = ends.min(axis=1, keepdims=True), ends.max(axis=1, keepdims=True)
        return at.and_(at.ge(places, first), at.lt(places, stop))
