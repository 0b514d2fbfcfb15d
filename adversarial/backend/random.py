"""Random numbers whose whole state is one plain array: saved, restored and repeated exactly."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
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
    """Symbolic random arrays that depend on nothing but a seed, a step and a place in the graph.

    Each call of a method makes one stream of its own. Each run of a compiled function that draws
    from any of them moves the step on by one.

    Parameters
    ----------
    seed : non-negative integer, or a sequence of them
    purpose : objects with the same seed and another purpose are independent

    Attributes
    ----------
    state : shared uint32 array: key low, key high, step low, step high; may be set to any value
    """

    # Holds nothing but plain data once asked for its state, so it may be saved with a model.
    persistent = True
    # How many draws the graphs built in this process hold.
    new_at_start = ("streams",)

    def __init__(self, seed: int | Sequence[int], purpose: str = "") -> None:
        words = [seed] if isinstance(seed, (int, np.integer)) else list(seed)
        if not all(isinstance(word, (int, np.integer)) and word >= 0 for word in words):
            raise ValueError(f"a seed is one or more non-negative integers, not {seed!r}")
        # The length keeps (1,) and (1, 0) apart, which SeedSequence does not.
        entropy = [zlib.crc32(purpose.encode()), len(words), *(int(word) for word in words)]
        key = np.random.SeedSequence(entropy).generate_state(2, np.uint32)
        self.__setstate__({"state": np.append(key, [0, 0]).astype("uint32")})

    def __getstate__(self) -> dict[str, Any]:
        return {"state": self.state.get_value()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        # Not a list, of lists of lists: that could grow without end as it becomes an array.
        if not isinstance(state["state"], np.ndarray) or state["state"].shape != (4,):
            raise ValueError("a random stream's state is an array of four words")
        self.state = shared(state["state"].astype("uint32"), name="random_state")
        self.state.default_update = Advance()(self.state)
        # Graphs are built anew, in the same order, so counting anew gives the same streams.
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
    """The shape as an int64 vector, and what is known of it."""
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
    """offset + factor * values in the graph, where gradients pass to `offset` and `factor`."""
    return at.cast(offset, values.dtype) + at.cast(factor, values.dtype) * values
