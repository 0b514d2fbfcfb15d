"""ReLU and leaky ReLU as one Op, with a loop that compilers vectorise.

Aesara compiles `switch(z > 0, z, slope * z)` to two strided loops, which are several times slower.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from aesara.graph.basic import Apply, Variable
from aesara.tensor.type import TensorType

from adversarial.backend.ops.c_op import HeaderOp, c_type, floating


def rectify(z: Variable, left_slope: float = 0.0) -> Variable:
    """z where it is positive, `left_slope` * z elsewhere; any shape.

    The gradient at 0 is `left_slope`. A negative `left_slope` raises ValueError: the gradient is
    computed from the sign of the output, which would then not be the sign of z.
    """
    if not left_slope >= 0:
        raise ValueError(f"left_slope must not be negative, but is {left_slope!r}")
    return Rectify(left_slope)(z)


class _Contiguous(HeaderOp):
    """Base of Ops that compute element by element on arrays of one shape."""

    header = "rectifier.h"
    __props__: tuple = ("left_slope",)
    kernel = ""

    def __init__(self, left_slope: float) -> None:
        super().__init__()
        self.left_slope = float(left_slope)

    def make_node(self, *arrays: Any) -> Apply:
        inputs = floating(type(self).__name__, *arrays)
        shapes = zip(*(array.type.shape for array in inputs))
        shape = [next((n for n in axis if n is not None), None) for axis in shapes]
        return Apply(self, inputs, [TensorType(inputs[0].dtype, shape)()])

    def infer_shape(self, fgraph: Any, node: Apply, input_shapes: Any) -> list:
        return [input_shapes[0]]

    def c_code(self, node: Apply, name: str, inputs: Any, outputs: Any, sub: dict) -> str:
        kernel = f"{self.kernel}<{c_type(node.inputs[0])}>"
        return self.call(kernel, *inputs, repr(self.left_slope), *outputs, fail=sub["fail"])


class Rectify(_Contiguous):
    """z -> z where positive, left_slope * z elsewhere."""

    kernel = "rectify"

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list:  # noqa: N802
        # The gradient uses the output, so that the memory of z can be reused.
        return [RectifyGrad(self.left_slope)(outputs[0], output_gradients[0])]

    def perform(self, node: Apply, inputs: Any, output_storage: Any) -> None:
        (z,) = inputs
        left = np.zeros_like(z) if self.left_slope == 0 else z * z.dtype.type(self.left_slope)
        output_storage[0][0] = np.where((z > 0) | np.isnan(z), z, left)


class RectifyGrad(_Contiguous):
    """output, gradient -> gradient where output > 0, left_slope * gradient elsewhere."""

    kernel = "rectify_grad"

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list:  # noqa: N802
        p, _ = inputs
        return [p.zeros_like(), RectifyGrad(self.left_slope)(p, output_gradients[0])]

    def perform(self, node: Apply, inputs: Any, output_storage: Any) -> None:
        p, gradient = inputs
        left = gradient * gradient.dtype.type(self.left_slope)
        output_storage[0][0] = np.where(p > 0, gradient, left)
