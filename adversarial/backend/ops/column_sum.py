"""The sum over the rows of a matrix, which is the gradient of a bias.

Models do not call this Op: `rewrites.fuse` inserts it.
"""

from __future__ import annotations

from typing import Any

from aesara.graph.basic import Apply
from aesara.tensor.type import TensorType

from adversarial.backend.ops.c_op import HeaderOp, c_type, floating


class ColumnSum(HeaderOp):
    """The sum over rows of a matrix, accumulated in double precision."""

    header = "column_sum.h"
    __props__ = ()

    def make_node(self, x: Any) -> Apply:
        (x,) = floating("ColumnSum", x, ndim=2)
        return Apply(self, [x], [TensorType(x.dtype, (x.type.shape[1],))()])

    def infer_shape(self, fgraph: Any, node: Apply, input_shapes: Any) -> list:
        return [(input_shapes[0][1],)]

    def perform(self, node: Apply, inputs: Any, output_storage: Any) -> None:
        (x,) = inputs
        output_storage[0][0] = x.sum(axis=0, dtype="float64").astype(x.dtype)

    def c_code(self, node: Apply, name: str, inputs: Any, outputs: Any, sub: dict) -> str:
        return self.call(
            f"column_sum<{c_type(node.inputs[0])}>", *inputs, *outputs, fail=sub["fail"]
        )
