"""max(z, 0) and its leaky kin as one operation that the compiler can vectorise.

Aesara's own `switch(z > 0, z, slope * z)` becomes two strided loops, seven times slower.
"""

from __future__ import annotations

from typing import Any

import aesara.tensor as at
import numpy as np
from aesara.graph.basic import Apply, Variable
from aesara.link.c.op import COp
from aesara.tensor.type import TensorType


def rectify(z: Variable, left_slope: float = 0.0) -> Variable:
    """z where it is positive, `left_slope` * z elsewhere; any shape.

    The gradient at 0 is that of the left side.
    """
    return Rectify(left_slope)(z)


class _Elementwise(COp):
    """An operation on arrays of one shape; `expression` is C code in the values v0, v1 ...

    `left_slope` is part of the operation, not an input.
    """

    __props__ = ("left_slope",)
    expression: str

    def __init__(self, left_slope: float) -> None:
        self.left_slope = float(left_slope)

    def make_node(self, *inputs: Any) -> Apply:
        inputs = [at.as_tensor_variable(x) for x in inputs]
        first = inputs[0]
        if any(x.ndim != first.ndim or x.dtype != first.dtype for x in inputs) \
                or first.dtype not in ("float32", "float64"):
            raise TypeError(f"{type(self).__name__} cannot take {[x.type for x in inputs]}")
        shape = [next((n for n in axis if n is not None), None)
                 for axis in zip(*(x.type.shape for x in inputs))]
        return Apply(self, inputs, [TensorType(first.dtype, shape)()])

    def infer_shape(self, fgraph: Any, node: Apply, input_shapes: Any) -> list:
        return [input_shapes[0]]

    def c_code_cache_version(self) -> tuple:
        return (1,)

    def c_code(self, node: Apply, name: str, inputs: Any, outputs: Any, sub: dict) -> str:
        (out,), fail = outputs, sub["fail"]
        ndim, real = node.inputs[0].ndim, "npy_" + node.inputs[0].dtype
        clean_up = " ".join(f"Py_XDECREF(c{i});" for i in range(len(inputs)))
        copies = "\n".join(
            f"PyArrayObject *c{i} = PyArray_GETCONTIGUOUS({x});" for i, x in enumerate(inputs))
        wrong = " || ".join(
            [f"c{i} == NULL" for i in range(len(inputs))]
            + [f"!PyArray_SAMESHAPE(c0, c{i})" for i in range(1, len(inputs))])
        pointers = "\n".join(
            f"const {real} *x{i} = (const {real} *) PyArray_DATA(c{i});"
            for i in range(len(inputs)))
        values = " ".join(f"const {real} v{i} = x{i}[j];" for i in range(len(inputs)))
        expression = self.expression.format(slope=f"(({real}) {self.left_slope!r})")
        return f"""
        {{
            {copies}
            if ({wrong}) {{
                if (!PyErr_Occurred())
                    PyErr_SetString(PyExc_ValueError, "{type(self).__name__}: shapes differ");
                {clean_up}
                {fail}
            }}
            if ({out} == NULL || !PyArray_IS_C_CONTIGUOUS({out}) || !PyArray_SAMESHAPE({out}, c0)) {{
                Py_XDECREF({out});
                {out} = (PyArrayObject *) PyArray_EMPTY(
                    {ndim}, PyArray_DIMS(c0), NPY_{node.outputs[0].dtype.upper()}, 0);
                if ({out} == NULL) {{ {clean_up} {fail} }}
            }}
            {pointers}
            {real} *to = ({real} *) PyArray_DATA({out});
            const npy_intp n = PyArray_SIZE({out});
            for (npy_intp j = 0; j < n; ++j) {{
                {values}
                to[j] = {expression};
            }}
            {clean_up}
        }}
        """


class Rectify(_Elementwise):
    """z -> z where positive, left_slope * z elsewhere."""

    expression = "v0 > 0 ? v0 : {slope} * v0"

    def c_code(self, node: Apply, name: str, inputs: Any, outputs: Any, sub: dict) -> str:
        if self.left_slope == 0.0:
            # 0 * z would make -0, and NaN of minus infinity; NaN itself is passed on.
            self.expression = "v0 > 0 || v0 != v0 ? v0 : 0"
        return super().c_code(node, name, inputs, outputs, sub)

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list:  # noqa: N802
        return [RectifyGrad(self.left_slope)(inputs[0], output_gradients[0])]

    def perform(self, node: Apply, inputs: Any, output_storage: Any) -> None:
        (z,) = inputs
        left = np.zeros_like(z) if self.left_slope == 0 else z * z.dtype.type(self.left_slope)
        output_storage[0][0] = np.where((z > 0) | np.isnan(z), z, left)


class RectifyGrad(_Elementwise):
    """z, gradient -> gradient where z is positive, left_slope * gradient elsewhere."""

    expression = "v0 > 0 ? v1 : {slope} * v1"

    def L_op(self, inputs: Any, outputs: Any, output_gradients: Any) -> list:  # noqa: N802
        z, _ = inputs
        return [z.zeros_like(), RectifyGrad(self.left_slope)(z, output_gradients[0])]

    def perform(self, node: Apply, inputs: Any, output_storage: Any) -> None:
        z, gradient = inputs
        left = gradient * gradient.dtype.type(self.left_slope)
        output_storage[0][0] = np.where(z > 0, gradient, left)
