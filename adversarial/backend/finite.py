"""One bit that tells whether arrays hold nothing but finite numbers."""

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
    """Arrays of one floating point type -> 1 if every value is finite, else 0 (int8 scalar).

    Looks at bits, so it costs one reading of memory and no arithmetic.
    """

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
        # Bits that differ from thread to thread are or-ed, so their order cannot matter.
        share = (
            f"#pragma omp parallel for reduction(|:bad) if (n >= {PARALLEL_FROM})"
            if self.openmp else ""
        )
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


def all_finite(arrays: Sequence[Variable]) -> Variable:
    """Whether every value of every one of `arrays`, of one type, is finite: 1 or 0, symbolic."""
    return AllFinite()(*arrays)
