"""Maxout: the maximum of each group of adjacent columns, as one Op, and its gradient.

Goodfellow, Warde-Farley, Mirza, Courville and Bengio, "Maxout networks" (ICML 2013). The forward
pass also returns the index of the maximum, which the gradient uses.
"""

from __future__ import annotations

from typing import Any

import aesara.tensor as at
import numpy as np
from aesara.gradient import DisconnectedType
from aesara.graph.basic import Apply, Variable
from aesara.tensor.type import TensorType

from adversarial.backend.ops.c_op import HeaderOp, c_type

_MOST_PIECES = 256


def maxout(z: Variable, num_pieces: int) -> Variable:
    """Maximum over the pieces of each unit.

    Parameters
    ----------
    z : (batch, units * num_pieces); unit u has columns u * num_pieces .. (u + 1) * num_pieces - 1
    num_pieces : 1 .. 256

    Returns
    -------
    (batch, units). The gradient goes to the first of equal maxima; NaN counts as the largest.

    Raises
    ------
    ValueError
        When `num_pieces` is out of range or does not divide the number of columns.
    TypeError
        When `z` is not a floating point matrix.
    """
    return Maxout(num_pieces)(z)[0]


class Maxout(HeaderOp):
    """z (batch, units * num_pieces) -> maximum (batch, units), index of its piece as uint8."""

    header = "maxout.h"
    __props__ = ("num_pieces",)

    def __init__(self, num_pieces: int) -> None:
        super().__init__()
        if not 1 <= num_pieces <= _MOST_PIECES:
            raise ValueError(f"num_pieces must be 1 .. {_MOST_PIECES}, not {num_pieces}")
        self.num_pieces = int(num_pieces)

    def make_node(self, z: Any) -> Apply:
        z = at.as_tensor_variable(z)
        if z.ndim != 2 or z.dtype not in ("float32", "float64"):
            raise TypeError(f"maxout takes a matrix of float32 or float64, not {z.type}")
        batch, columns = z.type.shape
        if columns is not None:
            self._check(columns)
            columns //= self.num_pieces
        shape = (batch, columns)
        return Apply(self, [z], [TensorType(z.dtype, shape)(), TensorType("uint8", shape)()])

    def _check(self, columns: int) -> None:
        if columns % self.num_pieces:
            raise ValueError(
                f"maxout: {columns} columns cannot be split into units of {self.num_pieces} pieces"
            )

    def infer_shape(self, fgraph: Any, node: Apply, input_shapes: Any) -> list:
        ((batch, columns),) = input_shapes
        return [(batch, columns // self.num_pieces)] * 2

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[True, False]]

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list:  # noqa: N802
        gradient = output_gradients[0]
        if isinstance(gradient.type, DisconnectedType):
            return [inputs[0].zeros_like()]
        return [MaxoutGrad(self.num_pieces)(outputs[1], gradient)]

    def perform(self, node: Apply, inputs: Any, output_storage: Any) -> None:
        (z,) = inputs
        self._check(z.shape[1])
        pieces = z.reshape(z.shape[0], z.shape[1] // self.num_pieces, self.num_pieces)
        output_storage[0][0] = pieces.max(axis=2)
        output_storage[1][0] = pieces.argmax(axis=2).astype("uint8")

    def c_code(self, node: Apply, name: str, inputs: Any, outputs: Any, sub: dict) -> str:
        kernel = f"maxout<{c_type(node.inputs[0])}, {self.num_pieces}>"
        return self.call(kernel, *inputs, *outputs, fail=sub["fail"])


class MaxoutGrad(HeaderOp):
    """index of the piece, gradient (both (batch, units)) -> (batch, units * num_pieces)."""

    header = "maxout.h"
    __props__ = ("num_pieces",)

    def __init__(self, num_pieces: int) -> None:
        super().__init__()
        self.num_pieces = num_pieces

    def make_node(self, which: Any, gradient: Any) -> Apply:
        which, gradient = at.as_tensor_variable(which), at.as_tensor_variable(gradient)
        batch, units = which.type.shape
        columns = None if units is None else units * self.num_pieces
        return Apply(self, [which, gradient], [TensorType(gradient.dtype, (batch, columns))()])

    def infer_shape(self, fgraph: Any, node: Apply, input_shapes: Any) -> list:
        batch, units = input_shapes[0]
        return [(batch, units * self.num_pieces)]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        return [[False], [True]]

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list:  # noqa: N802
        which, gradient = inputs
        shape = (which.shape[0], which.shape[1], self.num_pieces)
        won = at.eq(which.dimshuffle(0, 1, "x"), at.arange(self.num_pieces))
        chosen = at.where(won, output_gradients[0].reshape(shape), 0).sum(axis=2)
        return [DisconnectedType()(), at.cast(chosen, gradient.dtype)]

    def perform(self, node: Apply, inputs: Any, output_storage: Any) -> None:
        which, gradient = inputs
        spread = np.zeros(which.shape + (self.num_pieces,), dtype=gradient.dtype)
        np.put_along_axis(spread, which[:, :, None].astype("intp"), gradient[:, :, None], axis=2)
        output_storage[0][0] = spread.reshape(which.shape[0], -1)

    def c_code(self, node: Apply, name: str, inputs: Any, outputs: Any, sub: dict) -> str:
        kernel = f"maxout_grad<{c_type(node.outputs[0])}>"
        return self.call(kernel, *inputs, str(self.num_pieces), *outputs, fail=sub["fail"])
