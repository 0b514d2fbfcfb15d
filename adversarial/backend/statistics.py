"""Statistics over units of statistics over examples, read in one pass."""

from __future__ import annotations

from typing import Any

import numpy as np
from aesara.graph.basic import Apply
from aesara.tensor.type import TensorType

from adversarial.backend.loops import LoopOp, allocate, floating

OVER_EXAMPLES = ("max", "mean", "min", "range")
OVER_UNITS = ("max", "mean", "min")


class UnitStatistics(LoopOp):
    """Twelve scalars of a matrix (examples, units): each of OVER_UNITS of each of OVER_EXAMPLES.

    In the order max of the max, mean of the max, min of the max, max of the mean...; the range
    is the maximum less the minimum.  Sums are accumulated in double precision.  NaN when any of
    a unit's values is, as in NumPy.  Has no gradient: it is there for monitoring, where the same
    statistics made of Aesara's reductions are most of the graph.
    """

    __props__ = ()

    def make_node(self, state: Any) -> Apply:
        (state,) = floating("UnitStatistics", state, ndim=2)
        kinds = len(OVER_EXAMPLES) * len(OVER_UNITS)
        return Apply(self, [state], [TensorType(state.dtype, ())() for _ in range(kinds)])

    def infer_shape(self, fgraph: Any, node: Apply, input_shapes: Any) -> list:
        return [()] * len(node.outputs)

    def perform(self, node: Apply, inputs: Any, output_storage: Any) -> None:
        (state,) = inputs
        _check(state.shape)
        highest, lowest = state.max(axis=0), state.min(axis=0)
        mean = state.mean(axis=0, dtype="float64").astype(state.dtype)
        values = []
        for per_unit in (highest, mean, lowest, highest - lowest):
            values += [per_unit.max(), per_unit.mean(dtype="float64"), per_unit.min()]
        for storage, value in zip(output_storage, values):
            storage[0] = np.asarray(value, dtype=state.dtype)

    def c_code(self, node: Apply, name: str, inputs: Any, outputs: Any, sub: dict) -> str:
        (x,), fail = inputs, sub["fail"]
        dtype = node.inputs[0].dtype
        real = "npy_" + dtype
        kinds = len(OVER_EXAMPLES)
        scalars = "\n".join(
            allocate(out, dtype, 0, "none", f"Py_DECREF(xa); {fail}")
            + f"*({real} *) PyArray_DATA({out}) = ({real}) over_units[{i // 3}][{i % 3}];"
            for i, out in enumerate(outputs)
        )
        return f"""
        {{
            PyArrayObject *xa = PyArray_GETCONTIGUOUS({x});
            if (xa == NULL) {{ {fail} }}
            const npy_intp rows = PyArray_DIM(xa, 0), columns = PyArray_DIM(xa, 1);
            if (rows == 0 || columns == 0) {{
                PyErr_Format(PyExc_ValueError, "no statistics of %zd examples of %zd units",
                             (Py_ssize_t) rows, (Py_ssize_t) columns);
                Py_DECREF(xa); {fail}
            }}
            const {real} *from = (const {real} *) PyArray_DATA(xa);
            // For each statistic over examples: maximum, sum, minimum over units.
            npy_float64 over_units[{kinds}][3];
            for (int k = 0; k < {kinds}; ++k) {{
                over_units[k][0] = -HUGE_VAL;
                over_units[k][1] = 0;
                over_units[k][2] = HUGE_VAL;
            }}
            // Blocks of columns, so that the running values stay in the nearest cache.
            const npy_intp width = 128;
            for (npy_intp start = 0; start < columns; start += width) {{
                const npy_intp n = columns - start < width ? columns - start : width;
                {real} high[128], low[128];
                npy_float64 sum[128] = {{0}};
                int bad[128] = {{0}};
                for (npy_intp j = 0; j < n; ++j) high[j] = low[j] = from[start + j];
                for (npy_intp i = 0; i < rows; ++i) {{
                    const {real} *row = from + i * columns + start;
                    for (npy_intp j = 0; j < n; ++j) {{
                        const {real} v = row[j];
                        high[j] = v > high[j] ? v : high[j];
                        low[j] = v < low[j] ? v : low[j];
                        bad[j] |= v != v;
                    }}
                    for (npy_intp j = 0; j < n; ++j) sum[j] += row[j];
                }}
                for (npy_intp j = 0; j < n; ++j) {{
                    const {real} top = bad[j] ? ({real}) NAN : high[j];
                    const {real} bottom = bad[j] ? ({real}) NAN : low[j];
                    const {real} of_unit[{kinds}] = {{
                        top, ({real}) (sum[j] / rows), bottom, top - bottom
                    }};
                    for (int k = 0; k < {kinds}; ++k) {{
                        const npy_float64 v = of_unit[k];
                        npy_float64 *u = over_units[k];
                        // What has become NaN stays so: no number compares greater.
                        u[0] = v > u[0] || v != v ? v : u[0];
                        u[1] += v;
                        u[2] = v < u[2] || v != v ? v : u[2];
                    }}
                }}
            }}
            for (int k = 0; k < {kinds}; ++k) over_units[k][1] /= columns;
            const npy_intp none[1] = {{0}};
            {scalars}
            Py_DECREF(xa);
        }}
        """


def _check(shape: tuple) -> None:
    if 0 in shape:
        raise ValueError(f"no statistics of {shape[0]} examples of {shape[1]} units")


def unit_statistics(state: Any) -> dict[tuple[str, str], Any]:
    """The scalars of `UnitStatistics` of `state`, by (statistic over examples, over units)."""
    names = [(x, u) for x in OVER_EXAMPLES for u in OVER_UNITS]
    return dict(zip(names, UnitStatistics()(state, return_list=True)))
