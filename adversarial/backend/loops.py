"""Pieces of C code that the operations of this room share."""

from __future__ import annotations

from typing import Any

import aesara.tensor as at
from aesara.graph.basic import Variable
from aesara.link.c.op import OpenMPOp

FLOATS = ("float32", "float64")

# Below so many elements, waking a second thread costs more than it saves.
PARALLEL_FROM = 32768


class LoopOp(OpenMPOp):
    """An operation whose C code is loops over contiguous arrays, shared among threads."""

    def __init__(self) -> None:
        super().__init__()

    def parallel(self, count: str) -> str:
        """The line before a loop whose work is `count` elements, a C expression."""
        return f"#pragma omp parallel for if ({count} >= {PARALLEL_FROM})" if self.openmp else ""

    def c_code_cache_version(self) -> tuple:
        return (5, self.openmp)


def floating(name: str, *arrays: Any, ndim: int | None = None) -> list[Variable]:
    """`arrays` as variables of one floating point type; TypeError when they are not."""
    arrays = [at.as_tensor_variable(array) for array in arrays]
    dtypes = {array.dtype for array in arrays}
    if len(dtypes) != 1 or not dtypes <= set(FLOATS) \
            or (ndim is not None and any(array.ndim != ndim for array in arrays)):
        raise TypeError(f"{name} cannot take {', '.join(str(array.type) for array in arrays)}")
    return arrays


def allocate(out: str, dtype: str, ndim: int, shape: str, fail: str) -> str:
    """C code that makes `out` a contiguous array of `shape`, reusing what is there."""
    same = " && ".join(f"PyArray_DIM({out}, {i}) == {shape}[{i}]" for i in range(ndim)) or "1"
    return f"""
        if ({out} == NULL || !PyArray_IS_C_CONTIGUOUS({out}) || !PyArray_ISWRITEABLE({out})
            || !({same})) {{
            Py_XDECREF({out});
            {out} = (PyArrayObject *) PyArray_EMPTY(
                {ndim}, (npy_intp *) {shape}, NPY_{dtype.upper()}, 0);
            if ({out} == NULL) {{ {fail} }}
        }}"""
