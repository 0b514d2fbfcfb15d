"""The largest of each group of neighbouring columns, as one operation.

Goodfellow, Warde-Farley, Mirza, Courville and Bengio, "Maxout networks" (ICML 2013). The forward
pass keeps which column won, so that the gradient need not look again.
"""

from __future__ import annotations

from typing import Any

import aesara.tensor as at
import numpy as np
from aesara.gradient import DisconnectedType
from aesara.graph.basic import Apply, Variable
from aesara.tensor.type import TensorType

from adversarial.backend.loops import LoopOp, allocate

_MOST_PIECES = 256

# One row: the greatest of each `pieces` neighbours of z + bias (of z, where there is no bias), and
# its place among them. NaN counts as the greatest. Few pieces are compared at every column,
# though the result is wanted at each `pieces`-th only: that needs no strided reads, and vector
# units do sixteen columns at once.
ROW = """
#ifndef ADVERSARIAL_MAXOUT
#define ADVERSARIAL_MAXOUT
template <typename Real, typename Index, int pieces>
static inline void adversarial_maxout(
    const Real *z, const Real *bias, npy_intp units, Real *to, npy_uint8 *winner
) {
    enum { block = pieces <= 16 ? 64 : 8, step = pieces <= 16 ? 1 : pieces };
    Real v[block * pieces], best[block * pieces];
    Index first[block * pieces];
    for (npy_intp start = 0; start < units; start += block) {
        const npy_intp n = units - start < block ? units - start : block;
        const Real *from = z + start * pieces;
        if (bias)
            for (npy_intp j = 0; j < n * pieces; ++j) v[j] = from[j] + bias[start * pieces + j];
        else
            for (npy_intp j = 0; j < n * pieces; ++j) v[j] = from[j];
        for (npy_intp j = 0; j <= (n - 1) * pieces; j += step) {
            Real b = v[j];
            Index f = 0;
            for (int k = 1; k < pieces; ++k) {
                const Real x = v[j + k];
                const bool takes = (x > b) | (x != x);
                b = takes ? x : b;
                f = takes ? k : f;
            }
            best[j] = b;
            first[j] = f;
        }
        for (npy_intp u = 0; u < n; ++u) {
            to[start + u] = best[u * pieces];
            winner[start + u] = (npy_uint8) first[u * pieces];
        }
    }
}
#endif
"""


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


class Maxout(LoopOp):
    """z (batch, units * num_pieces) -> maximum (batch, units), and its piece as uint8."""

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

    def c_support_code(self, **kwargs: Any) -> str:
        return ROW

    def c_code(self, node: Apply, name: str, inputs: Any, outputs: Any, sub: dict) -> str:
        (z,), (top, which), fail = inputs, outputs, sub["fail"]
        real = "npy_" + node.inputs[0].dtype
        pieces = self.num_pieces
        return f"""
        {{
            const npy_intp batch = PyArray_DIM({z}, 0), columns = PyArray_DIM({z}, 1);
            npy_intp shape[2] = {{batch, columns / {pieces}}};
            if (columns % {pieces}) {{
                PyErr_Format(PyExc_ValueError,
                    "maxout: %lld columns cannot be split into units of {pieces} pieces",
                    (long long) columns);
                {fail}
            }}
            {allocate(top, node.outputs[0].dtype, 2, "shape", fail)}
            {allocate(which, "uint8", 2, "shape", fail)}
            PyArrayObject *rows = PyArray_GETCONTIGUOUS({z});
            if (rows == NULL) {{ {fail} }}
            const npy_intp units = shape[1];
            const {real} *from = (const {real} *) PyArray_DATA(rows);
            {real} *to = ({real} *) PyArray_DATA({top});
            npy_uint8 *winner = (npy_uint8 *) PyArray_DATA({which});
            {self.parallel("batch * columns")}
            for (npy_intp i = 0; i < batch; ++i)
                {row_function(real, pieces)}(
                    from + i * columns, NULL, units, to + i * units, winner + i * units);
            Py_DECREF(rows);
        }}
        """


class MaxoutGrad(LoopOp):
    """winning piece (batch, units), gradient (batch, units) -> (batch, units * num_pieces)."""

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
        (which, gradient), (out,), fail = inputs, outputs, sub["fail"]
        real = "npy_" + node.outputs[0].dtype
        pieces = self.num_pieces
        return f"""
        {{
            const npy_intp batch = PyArray_DIM({which}, 0), units = PyArray_DIM({which}, 1);
            npy_intp shape[2] = {{batch, units * {pieces}}};
            if (PyArray_DIM({gradient}, 0) != batch || PyArray_DIM({gradient}, 1) != units) {{
                PyErr_SetString(PyExc_ValueError, "maxout gradient: shapes differ");
                {fail}
            }}
            {allocate(out, node.outputs[0].dtype, 2, "shape", fail)}
            PyArrayObject *won = PyArray_GETCONTIGUOUS({which});
            PyArrayObject *given = PyArray_GETCONTIGUOUS({gradient});
            if (won == NULL || given == NULL) {{
                Py_XDECREF(won); Py_XDECREF(given); {fail}
            }}
            const npy_uint8 *winner = (const npy_uint8 *) PyArray_DATA(won);
            const {real} *value = (const {real} *) PyArray_DATA(given);
            {real} *start = ({real} *) PyArray_DATA({out});
            {self.parallel(f"batch * units * {pieces}")}
            for (npy_intp i = 0; i < batch; ++i) {{
                {real} *to = start + i * units * {pieces};
                memset(to, 0, units * {pieces} * sizeof({real}));
                for (npy_intp u = 0; u < units; ++u)
                    to[u * {pieces} + winner[i * units + u]] = value[i * units + u];
            }}
            Py_DECREF(won); Py_DECREF(given);
        }}
        """


def row_function(real: str, pieces: int) -> str:
    """The instance of `ROW` for a type and a number of pieces."""
    # Places as wide as the numbers: the masks of comparisons then fit both.
    index = "npy_int32" if real == "npy_float32" else "npy_int64"
    return f"adversarial_maxout<{real}, {index}, {pieces}>"
