"""Ops that test whether every value of some arrays is finite.

Training calls `all_finite` on the objectives and the new parameters of each step, to notice a
divergence. The kernel reads the bits of the exponents only. `rewrites.fuse` replaces
`AllFinite(x + y)` by `CheckedAdd`, which tests the sums while it writes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from aesara.graph.basic import Apply, Variable
from aesara.tensor.basic import as_tensor_variable
from aesara.tensor.type import TensorType

from adversarial.backend.ops.c_op import HeaderOp, c_type, floating


class AllFinite(HeaderOp):
    """Arrays of one floating point type -> 1 if every value is finite, else 0 (int8 scalar)."""

    header = "all_finite.h"
    __props__ = ()

    def make_node(self, *arrays: Any) -> Apply:
        if not arrays:
            raise TypeError("AllFinite needs at least one array")
        return Apply(self, floating("AllFinite", *arrays), [TensorType("int8", ())()])

    def infer_shape(self, fgraph: Any, node: Apply, input_shapes: Any) -> list:
        return [()]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[False]] * len(node.inputs)

    def perform(self, node: Apply, inputs: Any, output_storage: Any) -> None:
        found = all(np.isfinite(array).all() for array in inputs)
        output_storage[0][0] = np.asarray(found, dtype="int8")

    def c_code(self, node: Apply, name: str, inputs: Any, outputs: Any, sub: dict) -> str:
        (out,), fail = outputs, sub["fail"]
        look = f"look_for_not_finite<{c_type(node.inputs[0])}>"
        calls = "\n".join(self.call(look, x, "bad", fail=fail) for x in inputs)
        return f"""
        {{
            int bad = 0;
            {calls}
            {self.call("set_scalar<npy_int8>", out, "!bad", fail=fail)}
        }}
        """


class CheckedAdd(HeaderOp):
    """x, y of one shape -> x + y, and 1 if every sum is finite, else 0 (int8 scalar)."""

    header = "all_finite.h"
    __props__ = ("inplace",)

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace
        if inplace:
            self.destroy_map = {0: [0]}

    def make_node(self, x: Any, y: Any) -> Apply:
        x, y = floating("CheckedAdd", x, y)
        if x.type.broadcastable != y.type.broadcastable:
            raise TypeError(f"CheckedAdd takes arrays of one shape, not {x.type} and {y.type}")
        return Apply(self, [x, y], [x.type(), TensorType("int8", ())()])

    def infer_shape(self, fgraph: Any, node: Apply, input_shapes: Any) -> list:
        return [input_shapes[0], ()]

    def perform(self, node: Apply, inputs: Any, output_storage: Any) -> None:
        output_storage[0][0] = inputs[0] + inputs[1]
        output_storage[1][0] = np.asarray(np.isfinite(output_storage[0][0]).all(), dtype="int8")

    def c_code(self, node: Apply, name: str, inputs: Any, outputs: Any, sub: dict) -> str:
        kernel = f"checked_add<{c_type(node.inputs[0])}>"
        return self.call(kernel, *inputs, str(int(self.inplace)), *outputs, fail=sub["fail"])


def all_finite(arrays: Sequence[Variable]) -> Variable:
    """1 if every value of `arrays`, all of one dtype, is finite, else 0: a symbolic int8 scalar."""
    if not arrays:  # a step of a player whose parameters are all frozen
        return as_tensor_variable(np.int8(1))
    return AllFinite()(*arrays)
