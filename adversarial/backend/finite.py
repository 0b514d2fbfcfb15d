"""One bit that tells whether arrays hold nothing but finite numbers.

It looks at bits, so that it costs no arithmetic, and nothing at all where a rewrite has the sum
that makes an array look at what it writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from aesara.graph.basic import Apply, Variable
from aesara.tensor.type import TensorType

from adversarial.backend.loops import PARALLEL_FROM, LoopOp, allocate, floating

# The exponent's bits, which are all set in NaN and the infinities and nowhere else.
_EXPONENT = {
    "float32": ("npy_uint32", "0x7f800000u"),
    "float64": ("npy_uint64", "0x7ff0000000000000u"),
}


class AllFinite(LoopOp):
    """Arrays of one floating point type -> 1 if every value is finite, else 0 (int8 scalar)."""

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
        word, exponent = _EXPONENT[node.inputs[0].dtype]
        share = _or_among_threads(self.openmp)
        looks = "\n".join(
            f"""
            if (!bad) {{
                PyArrayObject *xa = PyArray_GETCONTIGUOUS({x});
                if (xa == NULL) {{ {fail} }}
                const {word} *from = (const {word} *) PyArray_DATA(xa);
                const npy_intp n = PyArray_SIZE(xa);
                {share}
                for (npy_intp i = 0; i < n; ++i) bad |= (from[i] & {exponent}) == {exponent};
                Py_DECREF(xa);
            }}"""
            for x in inputs
        )
        return f"""
        {{
            int bad = 0;
            const npy_intp none[1] = {{0}};
            {looks}
            {allocate(out, "int8", 0, "none", fail)}
            *(npy_int8 *) PyArray_DATA({out}) = !bad;
        }}
        """


class CheckedAdd(LoopOp):
    """x, y of one shape -> x + y, and 1 if every value of that is finite, else 0 (int8 scalar)."""

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
        (x, y), (out, flag), fail = inputs, outputs, sub["fail"]
        dtype, ndim = node.inputs[0].dtype, node.inputs[0].ndim
        real, (word, exponent) = "npy_" + dtype, _EXPONENT[dtype]
        release = "Py_XDECREF(xa); Py_XDECREF(ya);"
        take_x = ""
        if self.inplace:
            take_x = f"""
            if (PyArray_IS_C_CONTIGUOUS({x}) && PyArray_ISWRITEABLE({x})) {{
                Py_XDECREF({out});
                {out} = {x};
                Py_INCREF({out});
            }}"""
        return f"""
        {{
            PyArrayObject *xa = PyArray_GETCONTIGUOUS({x}), *ya = PyArray_GETCONTIGUOUS({y});
            if (xa == NULL || ya == NULL || !PyArray_SAMESHAPE(xa, ya)) {{
                if (!PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "shapes differ");
                {release} {fail}
            }}
            {take_x}
            {allocate(out, dtype, ndim, "PyArray_DIMS(xa)", f"{release} {fail}")}
            const {real} *a = (const {real} *) PyArray_DATA(xa);
            const {real} *b = (const {real} *) PyArray_DATA(ya);
            {real} *to = ({real} *) PyArray_DATA({out});
            const npy_intp n = PyArray_SIZE({out});
            {word} bad = 0;
            {_or_among_threads(self.openmp)}
            for (npy_intp i = 0; i < n; ++i) {{
                union {{ {real} real; {word} bits; }} sum;
                sum.real = a[i] + b[i];
                to[i] = sum.real;
                bad |= (sum.bits & {exponent}) == {exponent};
            }}
            Py_DECREF(xa); Py_DECREF(ya);
            const npy_intp none[1] = {{0}};
            {allocate(flag, "int8", 0, "none", fail)}
            *(npy_int8 *) PyArray_DATA({flag}) = !bad;
        }}
        """


def _or_among_threads(openmp: bool) -> str:
    # Bits that differ from thread to thread are or-ed, so their order cannot matter.
    return f"#pragma omp parallel for reduction(|:bad) if (n >= {PARALLEL_FROM})" if openmp else ""


def all_finite(arrays: Sequence[Variable]) -> Variable:
    """Whether every value of every one of `arrays`, of one type, is finite: 1 or 0, symbolic."""
    return AllFinite()(*arrays)
