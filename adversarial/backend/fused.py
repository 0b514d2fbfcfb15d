"""Operations that do in one pass what the plain graph does in several.

None is called by the models: `rewrites` puts them where their pattern occurs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from aesara.graph.basic import Apply
from aesara.tensor.type import TensorType

from adversarial.backend.loops import LoopOp, allocate, floating
from adversarial.backend.maxout import ROW, row_function
from adversarial.backend.rectifier import branch

# exp(-|x|)-based logistic function in plain arithmetic, which compilers vectorise, unlike calls
# of expf.  Range reduction and polynomial after Cephes' expf (Moshier); relative error below
# 3e-7.  Infinite x saturates; NaN passes through.
LOGISTIC = """
#ifndef ADVERSARIAL_LOGISTIC
#define ADVERSARIAL_LOGISTIC
static inline npy_float32 adversarial_logistic(npy_float32 x) {
    npy_float32 y = x < 0 ? x : -x;
    y = y < -87.0f ? -87.0f : y;
    const npy_float32 shifted = y * 1.44269504088896341f + 12582912.0f;
    const npy_float32 n = shifted - 12582912.0f;
    npy_float32 r = y - n * 0.693359375f;
    r = r + n * 2.12194440e-4f;
    npy_float32 p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    union { npy_int32 i; npy_float32 f; } power;
    power.i = ((npy_int32) n + 127) << 23;
    const npy_float32 e = p * power.f;
    const npy_float32 s = (x < 0 ? e : 1.0f) / (1.0f + e);
    return x != x ? x : s;
}
static inline npy_float64 adversarial_logistic(npy_float64 x) {
    const npy_float64 e = exp(x < 0 ? x : -x);
    return (x < 0 ? e : 1.0) / (1.0 + e);
}
#endif
"""


class _WithBias(LoopOp):
    """z (rows, columns) and bias (columns,) in, arrays of `rows` rows out."""

    def make_node(self, z: Any, bias: Any) -> Apply:
        z, bias = floating(type(self).__name__, z, bias)
        if (z.ndim, bias.ndim) != (2, 1):
            raise TypeError(f"{type(self).__name__} takes a matrix and a vector, "
                            f"not {z.type} and {bias.type}")
        columns = z.type.shape[1] if z.type.shape[1] is not None else bias.type.shape[0]
        return Apply(self, [z, bias], self._outputs(z.dtype, z.type.shape[0], columns))

    def _outputs(self, dtype: str, rows: Any, columns: Any) -> list:
        return [TensorType(dtype, (rows, columns))()]

    def infer_shape(self, fgraph: Any, node: Apply, input_shapes: Any) -> list:
        return [input_shapes[0]]

    def c_support_code(self, **kwargs: Any) -> str:
        return LOGISTIC + ROW

    def c_headers(self, **kwargs: Any) -> list[str]:
        return [*super().c_headers(**kwargs), "<math.h>"]

    def _prologue(self, node: Apply, inputs: Any, outputs: Any, sub: dict, shape: str) -> str:
        """Declares rows, columns, shape, z and bias; allocates the outputs."""
        z, bias = inputs
        real = "npy_" + node.inputs[0].dtype
        release = "Py_XDECREF(za); Py_XDECREF(ba);"
        fail = f"{release} {sub['fail']}"
        allocations = "".join(
            allocate(out, var.dtype, 2, "shape", fail) for out, var in zip(outputs, node.outputs))
        return f"""
            PyArrayObject *za = PyArray_GETCONTIGUOUS({z});
            PyArrayObject *ba = PyArray_GETCONTIGUOUS({bias});
            if (za == NULL || ba == NULL || PyArray_DIM(za, 1) != PyArray_DIM(ba, 0)) {{
                if (!PyErr_Occurred())
                    PyErr_SetString(PyExc_ValueError, "the bias does not fit the columns");
                {fail}
            }}
            const npy_intp rows = PyArray_DIM(za, 0), columns = PyArray_DIM(za, 1);
            npy_intp shape[2] = {{rows, {shape}}};
            {allocations}
            const {real} *z = (const {real} *) PyArray_DATA(za);
            const {real} *bias = (const {real} *) PyArray_DATA(ba);
        """


class BiasElementwise(_WithBias):
    """f(z + bias) for f 'linear', 'rectify' (with a left slope) or 'sigmoid'.

    In place it overwrites z, which saves the machine reading another array into its caches.
    """

    __props__ = ("kind", "left_slope", "inplace")

    def __init__(self, kind: str, left_slope: float = 0.0, inplace: bool = False) -> None:
        super().__init__()
        if kind not in ("linear", "rectify", "sigmoid"):
            raise ValueError(f"no function is named {kind!r}")
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
        (out,) = outputs
        real = "npy_" + node.inputs[0].dtype
        result = {
            "linear": "v",
            "rectify": branch(self.left_slope, real),
            "sigmoid": "adversarial_logistic(v)",
        }[self.kind]
        take_z = ""
        if self.inplace:
            take_z = f"""
            if (PyArray_IS_C_CONTIGUOUS({inputs[0]}) && PyArray_ISWRITEABLE({inputs[0]})) {{
                Py_XDECREF({out});
                {out} = {inputs[0]};
                Py_INCREF({out});
            }}"""
        return f"""
        {{
            {take_z}
            {self._prologue(node, inputs, outputs, sub, "columns")}
            {real} *to = ({real} *) PyArray_DATA({out});
            {self.parallel("rows * columns")}
            for (npy_intp i = 0; i < rows; ++i) {{
                const {real} *row = z + i * columns;
                {real} *into = to + i * columns;
                #pragma GCC ivdep
                for (npy_intp j = 0; j < columns; ++j) {{
                    const {real} v = row[j] + bias[j];
                    into[j] = {result};
                }}
            }}
            Py_DECREF(za); Py_DECREF(ba);
        }}
        """


class BiasMaxout(_WithBias):
    """Maxout of z + bias: the maximum (rows, columns / pieces) and its piece as uint8."""

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
        top, which = outputs
        real, pieces = "npy_" + node.inputs[0].dtype, self.num_pieces
        return f"""
        {{
            {self._prologue(node, inputs, outputs, sub, f"columns / {pieces}")}
            const npy_intp units = shape[1];
            {real} *to = ({real} *) PyArray_DATA({top});
            npy_uint8 *winner = (npy_uint8 *) PyArray_DATA({which});
            {self.parallel("rows * columns")}
            for (npy_intp i = 0; i < rows; ++i)
                {row_function(real, pieces)}(
                    z + i * columns, bias, units, to + i * units, winner + i * units);
            Py_DECREF(za); Py_DECREF(ba);
        }}
        """


class ColumnSum(LoopOp):
    """The sum over rows of a matrix, accumulated in double precision."""

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
        (x,), (out,), fail = inputs, outputs, sub["fail"]
        real = "npy_" + node.inputs[0].dtype
        return f"""
        {{
            PyArrayObject *xa = PyArray_GETCONTIGUOUS({x});
            if (xa == NULL) {{ {fail} }}
            const npy_intp rows = PyArray_DIM(xa, 0), columns = PyArray_DIM(xa, 1);
            npy_intp shape[1] = {{columns}};
            {allocate(out, node.outputs[0].dtype, 1, "shape", f"Py_DECREF(xa); {fail}")}
            const {real} *from = (const {real} *) PyArray_DATA(xa);
            {real} *to = ({real} *) PyArray_DATA({out});
            // Blocks of columns, so that the running sums stay in the nearest cache.
            const npy_intp width = 128, blocks = (columns + width - 1) / width;
            {self.parallel("rows * columns")}
            for (npy_intp block = 0; block < blocks; ++block) {{
                const npy_intp start = block * width;
                const npy_intp n = columns - start < width ? columns - start : width;
                npy_float64 sums[128] = {{0}};
                for (npy_intp i = 0; i < rows; ++i) {{
                    const {real} *row = from + i * columns + start;
                    for (npy_intp j = 0; j < n; ++j) sums[j] += row[j];
                }}
                for (npy_intp j = 0; j < n; ++j) to[start + j] = ({real}) sums[j];
            }}
            Py_DECREF(xa);
        }}
        """
