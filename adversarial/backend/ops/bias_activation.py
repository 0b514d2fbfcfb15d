"""Ops that add a bias to each row and apply an activation, in one pass over memory.

Models do not call these Ops: `rewrites.fuse` inserts them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from aesara.graph.basic import Apply
from aesara.tensor.type import TensorType

from adversarial.backend.ops.c_op import HeaderOp, c_type, floating


class _WithBias(HeaderOp):
    """Base of Ops from z (rows, columns) and bias (columns,) to arrays with `rows` rows."""

    header = "bias_activation.h"

    def make_node(self, z: Any, bias: Any) -> Apply:
        z, bias = floating(type(self).__name__, z, bias)
        if (z.ndim, bias.ndim) != (2, 1):
            raise TypeError(
                f"{type(self).__name__} takes a matrix and a vector, not {z.type} and {bias.type}"
            )
        columns = z.type.shape[1] if z.type.shape[1] is not None else bias.type.shape[0]
        return Apply(self, [z, bias], self._outputs(z.dtype, z.type.shape[0], columns))

    def _outputs(self, dtype: str, rows: Any, columns: Any) -> list:
        return [TensorType(dtype, (rows, columns))()]

    def infer_shape(self, fgraph: Any, node: Apply, input_shapes: Any) -> list:
        return [input_shapes[0]]


class BiasElementwise(_WithBias):
    """f(z + bias), where f is 'linear', 'rectify' (with a left slope) or 'sigmoid'.

    With `inplace` it overwrites z, so that the processor caches hold one array instead of two.
    """

    __props__ = ("kind", "left_slope", "inplace")

    def __init__(self, kind: str, left_slope: float = 0.0, inplace: bool = False) -> None:
        super().__init__()
        if kind not in ("linear", "rectify", "sigmoid"):
            raise ValueError(f"kind must be linear, rectify or sigmoid, not {kind!r}")
        self.kind = kind
        self.left_slope = float(left_slope)
        self.inplace = inplace
        if inplace:
            self.destroy_map = {0: [0]}

    def perform(self, node: Apply, inputs: Any, output_storage: Any) -> None:
        z, bias = inputs
        v = z + bias
        if self.kind == "rectify":
            left = np.zeros_like(v) if self.left_slope == 0 else v * v.dtype.type(self.left_slope)
            v = np.where((v > 0) | np.isnan(v), v, left)
        elif self.kind == "sigmoid":
            e = np.exp(-np.abs(v))
            v = (np.where(v < 0, e, 1) / (1 + e)).astype(v.dtype)
        output_storage[0][0] = v

    def c_code(self, node: Apply, name: str, inputs: Any, outputs: Any, sub: dict) -> str:
        real = c_type(node.inputs[0])
        function = {
            "linear": f"Linear<{real}>()",
            "sigmoid": f"Sigmoid<{real}>()",
            "rectify": f"Rectify<{real}>()"
            if self.left_slope == 0
            else f"LeakyRectify<{real}>{{({real}) {self.left_slope!r}}}",
        }[self.kind]
        return self.call(
            f"bias_activation<{real}>",
            *inputs,
            str(int(self.inplace)),
            *outputs,
            f"adversarial::{function}",
            fail=sub["fail"],
        )


class BiasMaxout(_WithBias):
    """Maxout of z + bias: maximum (rows, columns / pieces), and index of its piece as uint8."""

    __props__ = ("num_pieces",)

    def __init__(self, num_pieces: int) -> None:
        super().__init__()
        self.num_pieces = num_pieces

    def _outputs(self, dtype: str, rows: Any, columns: Any) -> list:
        shape = (rows, None if columns is None else columns // self.num_pieces)
        return [TensorType(dtype, shape)(), TensorType("uint8", shape)()]

    def infer_shape(self, fgraph: Any, node: Apply, input_shapes: Any) -> list:
        rows, columns = input_shapes[0]
        return [(rows, columns // self.num_pieces)] * 2

    def perform(self, node: Apply, inputs: Any, output_storage: Any) -> None:
        z, bias = inputs
        v = (z + bias).reshape(z.shape[0], -1, self.num_pieces)
        output_storage[0][0] = v.max(axis=2)
        output_storage[1][0] = v.argmax(axis=2).astype("uint8")

    def c_code(self, node: Apply, name: str, inputs: Any, outputs: Any, sub: dict) -> str:
        kernel = f"bias_maxout<{c_type(node.inputs[0])}, {self.num_pieces}>"
        return self.call(kernel, *inputs, *outputs, fail=sub["fail"])
