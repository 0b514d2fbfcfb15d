"""The Ops of `backend.random`: `Draw` makes random arrays, `Advance` increments the step."""

from __future__ import annotations

from typing import Any, Union

import aesara
import aesara.tensor as at
import numpy as np
from aesara.graph.basic import Apply, Variable
from aesara.link.c.params_type import ParamsType
from aesara.scalar import int64, uint32
from aesara.tensor.type import TensorType

from adversarial.backend.ops import philox
from adversarial.backend.ops.c_op import HeaderOp, c_type

Number = Union[float, Variable]

# The same numbers as in random_draw.h.
UNIFORM, NORMAL, BINOMIAL, COIN = range(4)
STATE = TensorType("uint32", shape=(4,))


class Draw(HeaderOp):
    """(state, shape, a, b) -> array of `shape`: a pure function of its inputs and of `stream`.

    UNIFORM: uniform in [a, b). NORMAL: normal with mean a and standard deviation b. BINOMIAL: 1
    with probability a, else 0. COIN: 1 with probability 1/2, else 0. C code and NumPy give the
    same bits.

    Parameters
    ----------
    kind : UNIFORM, NORMAL, BINOMIAL or COIN
    stream : 0 .. 2**32 - 1; different streams are independent
    dtype : float32 or float64; a uniform number has 24 random bits in both
    static_shape : the static shape; None for a symbolic length
    """

    header = "random_draw.h"
    __props__ = ("kind", "stream", "dtype", "static_shape")
    # Passed at run time, so that all draws with the same number of axes use one compiled module.
    params_type = ParamsType(kind=int64, stream=uint32)

    def __init__(
        self, kind: int, stream: int, dtype: str, static_shape: tuple[int | None, ...]
    ) -> None:
        super().__init__()
        self.kind = kind
        self.stream = stream
        self.dtype = dtype
        self.static_shape = static_shape

    def make_node(self, state: Any, shape: Any, a: Any, b: Any) -> Apply:
        state = STATE.filter_variable(at.as_tensor_variable(state))
        shape = at.cast(at.as_tensor_variable(shape, ndim=1), "int64")
        a, b = map(as_double, (a, b))
        return Apply(self, [state, shape, a, b], [TensorType(self.dtype, self.static_shape)()])

    def infer_shape(self, fgraph: Any, node: Apply, input_shapes: Any) -> list:
        shape = node.inputs[1]
        known = self.static_shape
        return [[shape[i] if known[i] is None else known[i] for i in range(len(known))]]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[False]] * 4

    def grad(self, inputs: Any, output_gradients: Any) -> list:
        return [aesara.gradient.DisconnectedType()() for _ in inputs]

    def perform(self, node: Apply, inputs: Any, output_storage: Any, params: Any = None) -> None:
        state, shape, a, b = inputs
        a, b = float(a), float(b)
        if (shape < 0).any():
            raise ValueError(f"a random array cannot have the shape {tuple(shape)}")
        n = int(np.prod(shape))
        real = np.dtype(self.dtype).type
        if self.kind == UNIFORM:
            check_uniform(a, b)
            values = real(a) + (real(b) - real(a)) * philox.uniform(state, self.stream, n).astype(
                real
            )
            values = np.minimum(values, np.nextafter(real(b), real(a)))
        elif self.kind == NORMAL:
            check_normal(b)
            values = real(a) + real(b) * philox.normal(state, self.stream, n).astype(real)
        elif self.kind == BINOMIAL:
            check_binomial(a)
            values = philox.binomial(state, self.stream, n, a)
        else:
            values = philox.coin(state, self.stream, n)
        output_storage[0][0] = values.astype(real, copy=False).reshape(shape)

    def c_compile_args(self, **kwargs: Any) -> list[str]:
        # No fused multiply-add, which would round differently from NumPy. Without errno, sqrtf is
        # one instruction, with the same result.
        return [*super().c_compile_args(**kwargs), "-ffp-contract=off", "-fno-math-errno"]

    def c_code(self, node: Apply, name: str, inputs: Any, outputs: Any, sub: dict) -> str:
        params = sub["params"]
        return self.call(
            f"draw<{c_type(node.outputs[0])}>",
            *inputs,
            str(len(self.static_shape)),
            f"{params}->kind",
            f"{params}->stream",
            *outputs,
            fail=sub["fail"],
        )


class Advance(HeaderOp):
    """state -> state with the step incremented: the last two words are a 64-bit integer."""

    header = "random_draw.h"
    __props__ = ()

    def make_node(self, state: Any) -> Apply:
        state = STATE.filter_variable(at.as_tensor_variable(state))
        return Apply(self, [state], [STATE()])

    def infer_shape(self, fgraph: Any, node: Apply, input_shapes: Any) -> list:
        return input_shapes

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[False]]

    def perform(self, node: Apply, inputs: Any, output_storage: Any) -> None:
        key_low, key_high, low, high = (int(word) for word in inputs[0])
        step = ((high << 32) + low + 1) % 2**64
        output_storage[0][0] = np.array(
            [key_low, key_high, step % 2**32, step >> 32], dtype="uint32"
        )

    def c_code(self, node: Apply, name: str, inputs: Any, outputs: Any, sub: dict) -> str:
        return self.call("advance", *inputs, *outputs, fail=sub["fail"])


def as_double(value: Number) -> Variable:
    """`value` as a float64 scalar; Aesara by itself would round a Python float to floatX."""
    if isinstance(value, Variable):
        return at.cast(at.as_tensor_variable(value, ndim=0), "float64")
    return at.constant(np.float64(value), dtype="float64")


def check_uniform(low: float, high: float) -> None:
    if not low <= high:
        raise ValueError(f"uniform: low must not be above high, but low={low}, high={high}")


def check_normal(std: float) -> None:
    if not std >= 0:
        raise ValueError(f"normal: std must not be negative, but std={std}")


def check_binomial(p: float) -> None:
    if not 0 <= p <= 1:
        raise ValueError(f"binomial: p must be in [0, 1], but p={p}")
