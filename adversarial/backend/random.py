"""Symbolic random streams whose state is one array, so that a saved run resumes exactly.

`Generator` and dropout draw from `RandomStreams`. The numbers are counter-based (`ops.philox`): a
draw is a function of the state array, of the draw's position in the graph, and of nothing else.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from typing import Any, Union

import aesara
import aesara.tensor as at
import numpy as np
from aesara.graph.basic import Constant, Variable

from adversarial.backend.compilation import shared
from adversarial.backend.ops.random_draw import (
    BINOMIAL,
    COIN,
    NORMAL,
    UNIFORM,
    Advance,
    Draw,
    Number,
    check_binomial,
    check_normal,
    check_uniform,
)

Size = Union[int, Sequence[Any], Variable]


class RandomStreams:
    """Symbolic random arrays that depend only on a seed, a step and the order of the calls.

    Each call of `uniform`, `normal` or `binomial` adds an independent stream to the graph. Each
    call of a compiled function that contains such a stream increments the step by 1.

    Parameters
    ----------
    seed : non-negative integer, or a sequence of them
    purpose : mixed into the seed; objects with one seed and different purposes are independent

    Attributes
    ----------
    state : shared uint32 array: key low, key high, step low, step high; may be set to any value
    """

    # `__getstate__` returns plain data only, so a model file can hold this object.
    persistent = True
    # `streams` counts the draws in the graphs of this process, so a checkpoint must not restore it.
    new_at_start = ("streams",)

    def __init__(self, seed: int | Sequence[int], purpose: str = "") -> None:
        words = list(seed) if isinstance(seed, Iterable) else [seed]
        if not all(isinstance(word, (int, np.integer)) and word >= 0 for word in words):
            raise ValueError(f"a seed is one or more non-negative integers, not {seed!r}")
        # SeedSequence treats (1,) and (1, 0) as equal; the length tells them apart.
        entropy = [zlib.crc32(purpose.encode()), len(words), *(int(word) for word in words)]
        key = np.random.SeedSequence(entropy).generate_state(2, np.uint32)
        self.__setstate__({"state": np.append(key, [0, 0]).astype("uint32")})

    def __getstate__(self) -> dict[str, Any]:
        return {"state": self.state.get_value()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        # A forged file could nest lists, which np.asarray would expand to a huge array.
        if not isinstance(state["state"], np.ndarray) or state["state"].shape != (4,):
            raise ValueError("a random stream's state is an array of four words")
        self.state = shared(state["state"].astype("uint32"), name="random_state")
        self.state.default_update = Advance()(self.state)
        # A resumed run builds its graphs in the same order, so it gets the same stream numbers.
        self.streams = 0

    def uniform(self, size: Size, low: Number = 0.0, high: Number = 1.0) -> Variable:
        """Array of `size` (int, or sequence or vector of ints, symbolic or not) in [low, high)."""
        if _symbolic(low, high):
            return _scale(self._draw(UNIFORM, size, 0.0, 1.0), low, high - low)
        check_uniform(low, high)
        return self._draw(UNIFORM, size, low, high)

    def normal(self, size: Size, avg: Number = 0.0, std: Number = 1.0) -> Variable:
        """Array of `size`, normal with mean `avg` and standard deviation `std`."""
        if _symbolic(avg, std):
            return _scale(self._draw(NORMAL, size, 0.0, 1.0), avg, std)
        check_normal(std)
        return self._draw(NORMAL, size, avg, std)

    def binomial(self, size: Size, p: Number = 0.5, n: int = 1) -> Variable:
        """Array of `size`: 1 with probability `p`, a number or a symbolic scalar, else 0."""
        if n != 1:
            raise ValueError(f"only n=1 is implemented, not n={n!r}")
        if not _symbolic(p):
            check_binomial(p)
            if p == 0.5:
                return self._draw(COIN, size, 0.0, 0.0)
        return self._draw(BINOMIAL, size, p, 0.0)

    def _draw(self, kind: int, size: Size, a: Number, b: float) -> Variable:
        shape, static_shape = _shape(size)
        draw = Draw(kind, self.streams, aesara.config.floatX, static_shape)
        self.streams += 1
        return draw(self.state, shape, a, b)


def _shape(size: Size) -> tuple[Any, tuple[int | None, ...]]:
    """(the shape as an int64 vector, the static shape with None for unknown lengths)."""
    if isinstance(size, Variable) and size.ndim == 1:
        length = size.type.shape[0]
        if length is None:
            raise ValueError(f"the number of axes must be known; {size} has an unknown length")
        if isinstance(size, Constant):
            size = size.data
        else:
            return size, (None,) * length
    if isinstance(size, (int, np.integer, Variable)):
        size = (size,)
    axes = [axis.data if isinstance(axis, Constant) else axis for axis in size]
    known = tuple(None if isinstance(axis, Variable) else int(axis) for axis in axes)
    if any(axis is not None and axis < 0 for axis in known):
        raise ValueError(f"a random array cannot have the shape {size!r}")
    if None not in known:
        return np.array(known, dtype="int64"), known
    return at.stack([at.cast(axis, "int64") for axis in axes]), known


def _symbolic(*values: Any) -> bool:
    return any(isinstance(value, Variable) for value in values)


def _scale(values: Variable, offset: Any, factor: Any) -> Variable:
    """Symbolic offset + factor * values, differentiable with respect to `offset` and `factor`."""
    return at.cast(offset, values.dtype) + at.cast(factor, values.dtype) * values
