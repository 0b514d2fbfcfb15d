"""max(z, 0) and its leaky kin as one operation that the compiler can vectorise.

Aesara's own `switch(z > 0, z, slope * z)` becomes two strided loops, several times slower.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from aesara.graph.basic import Apply, Variable
from aesara.tensor.type import TensorType

from adversarial.backend.loops import LoopOp, allocate, floating


def rectify(z: Variable, left_slope: float = 0.0) -> Variable:
    """z where it is positive, `left_slope` * z elsewhere; any shape.

    The gradient at 0 is that of the left side.  Slopes below zero are refused: the gradient is
    computed from the output, whose sign they would lose.
    """
    if not left_slope >= 0:
        raise ValueError(f"left_slope must not be negative, but is {left_slope!r}")
    return Rectify(left_slope)(z)


def branch(slope: float, real: str) -> str:
    """C expression of the rectifier of `v`.  NaN passes through; 0 * v would not spare infinity."""
    return "(v > 0 || v != v) ? v : 0" if slope == 0 else f"v > 0 ? v : ({real}) {slope!r} * v"


class _Contiguous(LoopOp):
    """A loop over arrays of one shape."""

    __props__: tuple = ("left_slope",)

    def __init__(self, left_slope: float) -> None:
        super().__init__()
        self.left_slope = float(left_slope)

    def make_node(self, *arrays: Any) -> Apply:
        arrays = floating(type(self).__name__, *arrays)
        shapes = zip(*(array.type.shape for array in arrays))
        shape = [next((n for n in axis if n is not None), None) for axis in shapes]
        return Apply(self, arrays, [TensorType(arrays[0].dtype, shape)()])

    def infer_shape(self, fgraph: Any, node: Apply, input_shapes: Any) -> list:
        return [input_shapes[0]]

    def expression(self, real: str) -> str:
        """C code of one element, from v (and w, of the second array)."""
        raise NotImplementedError

    def c_code(self, node: Apply, name: str, inputs: Any, outputs: Any, sub: dict) -> str:
        (out,), fail = outputs, sub["fail"]
        real, ndim = "npy_" + node.inputs[0].dtype, node.inputs[0].ndim
        last = inputs[-1]
        return f"""
        {{
            PyArrayObject *a = PyArray_GETCONTIGUOUS({inputs[0]});
            PyArrayObject *b = PyArray_GETCONTIGUOUS({last});
            if (a == NULL || b == NULL || !PyArray_SAMESHAPE(a, b)) {{
                if (!PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "shapes differ");
                Py_XDECREF(a); Py_XDECREF(b);
                {fail}
            }}
            {allocate(out, node.outputs[0].dtype, ndim, "PyArray_DIMS(a)",
                      f"Py_DECREF(a); Py_DECREF(b); {fail}")}
            const {real} *va = (const {real} *) PyArray_DATA(a);
            const {real} *vb = (const {real} *) PyArray_DATA(b);
            {real} *to = ({real} *) PyArray_DATA({out});
            const npy_intp n = PyArray_SIZE({out});
            {self.parallel("n")}
            for (npy_intp j = 0; j < n; ++j) {{
                const {real} v = va[j], w = vb[j];
                to[j] = {self.expression(real)};
            }}
            Py_DECREF(a); Py_DECREF(b);
        }}
        """


class Rectify(_Contiguous):
    """z -> z where positive, left_slope * z elsewhere."""

    def expression(self, real: str) -> str:
        return branch(self.left_slope, real)

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list:  # noqa: N802
        # From the output, so that z need not be kept.
        return [RectifyGrad(self.left_slope)(outputs[0], output_gradients[0])]

    def perform(self, node: Apply, inputs: Any, output_storage: Any) -> None:
        (z,) = inputs
        left = np.zeros_like(z) if self.left_slope == 0 else z * z.dtype.type(self.left_slope)
        output_storage[0][0] = np.where((z > 0) | np.isnan(z), z, left)


class RectifyGrad(_Contiguous):
    """output, gradient -> gradient where the output is positive, left_slope * it elsewhere."""

    def expression(self, real: str) -> str:
        return f"v > 0 ? w : ({real}) {self.left_slope!r} * w"

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list:  # noqa: N802
        p, _ = inputs
        return [p.zeros_like(), RectifyGrad(self.left_slope)(p, output_gradients[0])]

    def perform(self, node: Apply, inputs: Any, output_storage: Any) -> None:
        p, gradient = inputs
        left = gradient * gradient.dtype.type(self.left_slope)
        output_storage[0][0] = np.where(p > 0, gradient, left)
