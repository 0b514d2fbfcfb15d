"""Random masks of images: 1 where a pixel is visible, 0 where it is hidden."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Optional

import aesara.tensor as at
import numpy as np

from adversarial import backend
from adversarial.modelfile import Persistent
from adversarial.space.conv2d import SIDES, half_of
from adversarial.utils.seeding import Seed, seed_words

# What each kind hides. `pixels`: each pixel independently, with a probability drawn for each image;
# `rectangle`: one with random corners; `window`: all but such a rectangle; a side: that half.
KINDS = ("pixels", "rectangle", "window", *SIDES, "everything")


class RandomMasks(Persistent):
    """Draws a mask for each image of a batch: first its kind, then a mask of that kind.

    Parameters
    ----------
    shape : tuple of int
        (rows, columns) of the images.
    kinds : dict of str to float
        Relative frequency of each kind in `KINDS`.
    seed : int or list of int, optional

    Raises
    ------
    ValueError
        If the shape is not two positive integers, a kind is unknown, a frequency is not positive
        and finite, or there are no kinds.

    Examples
    --------
    >>> from adversarial import backend
    >>> masks = RandomMasks((2, 4), {"left": 1})
    >>> backend.function([], masks.draw(1))()[0, :, :, 0]
    array([[0., 0., 1., 1.],
           [0., 0., 1., 1.]], dtype=float32)
    """

    def __init__(
        self, shape: Sequence[int], kinds: Mapping[str, float], seed: Optional[Seed] = None
    ) -> None:
        self.shape = tuple(shape)
        if len(self.shape) != 2 or not all(isinstance(n, int) and n > 0 for n in self.shape):
            raise ValueError(f"shape must be (rows, columns), not {shape!r}")
        for kind, weight in kinds.items():
            if kind not in KINDS:
                raise ValueError(f"kinds of masks are {', '.join(KINDS)}, not {kind!r}")
            if not 0 < weight < np.inf:
                raise ValueError(f"kinds: the frequency of {kind} must be positive, not {weight!r}")
        if not kinds:
            raise ValueError("kinds must not be empty")
        self.kinds = dict(kinds)
        self.theano_rng = backend.RandomStreams(seed_words(seed, [2014, 7, 3]), "masks")

    def draw(self, n: Any) -> Any:
        """`n` masks: symbolic, floatX, shape (n, rows, columns, 1)."""
        weights = np.cumsum(list(self.kinds.values()))
        point = self.theano_rng.uniform((n, 1, 1), high=float(weights[-1]))
        chosen = self._drawn(list(self.kinds)[-1], n)
        for kind, upto in list(zip(self.kinds, weights))[-2::-1]:
            chosen = at.switch(at.lt(point, float(upto)), self._drawn(kind, n), chosen)
        return at.cast(chosen, backend.floatX).dimshuffle(0, 1, 2, "x")

    def _drawn(self, kind: str, n: Any) -> Any:
        """`n` masks of one kind: symbolic, boolean, shape (n, rows, columns)."""
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
        """`n` random intervals of [0, length): symbolic, boolean, shape (n, length)."""
        ends = at.floor(self.theano_rng.uniform((n, 2), high=length + 1.0))
        places = np.arange(length, dtype=backend.floatX)
        first, stop = ends.min(axis=1, keepdims=True), ends.max(axis=1, keepdims=True)
        return at.and_(at.ge(places, first), at.lt(places, stop))
