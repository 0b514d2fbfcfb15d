"""Channels of a layer's units, such as the mean over units of the maximum over examples, as one Op.

`models.channels.unit_channels` calls `unit_statistics`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from aesara.graph.basic import Apply
from aesara.tensor.type import TensorType

from adversarial.backend.ops.c_op import HeaderOp, c_type, floating

OVER_EXAMPLES = ("max", "mean", "min", "range")
OVER_UNITS = ("max", "mean", "min")


class UnitStatistics(HeaderOp):
    """Twelve scalars of a matrix (examples, units): each of OVER_UNITS of each of OVER_EXAMPLES.

    Their order is max of the max, mean of the max, min of the max, max of the mean, and so on. The
    range is the maximum minus the minimum. Sums are accumulated in double precision. As in NumPy,
    a statistic of values with a NaN is NaN. The Op has no gradient. It exists because these
    statistics, written with Aesara's reductions, would be most of the monitor's graph.
    """

    header = "unit_statistics.h"
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
        (x,), fail, real = inputs, sub["fail"], c_type(node.inputs[0])
        scalars = "\n".join(
            self.call(f"set_scalar<{real}>", out, f"({real}) found[{i // 3}][{i % 3}]", fail=fail)
            for i, out in enumerate(outputs)
        )
        return f"""
        {{
            npy_float64 found[adversarial::over_examples][3];
            {self.call(f"unit_statistics<{real}>", x, "found", fail=fail)}
            {scalars}
        }}
        """


def _check(shape: tuple) -> None:
    if 0 in shape:
        raise ValueError(f"no statistics of {shape[0]} examples of {shape[1]} units")


def unit_statistics(state: Any) -> dict[tuple[str, str], Any]:
    """The scalars of `UnitStatistics` of `state`, by (statistic over examples, over units)."""
    names = [(x, u) for x in OVER_EXAMPLES for u in OVER_UNITS]
    return dict(zip(names, UnitStatistics()(state, return_list=True)))
