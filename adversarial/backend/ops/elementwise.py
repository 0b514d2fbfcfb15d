"""Elementwise loops that are vectorized and threaded whatever is known of the shapes.

Aesara loops over the axes of a matrix, whose strides compilers do not know and so do not vectorize,
and shares such a loop among threads only if the first axis is very long. It treats arrays as flat
memory only if graphs know their lengths, which those of gradients are not.
"""

from __future__ import annotations

from typing import Any

from aesara.graph.basic import Apply, Variable
from aesara.link.c.basic import failure_code
from aesara.tensor.elemwise import Elemwise

from adversarial.backend.ops.c_op import FOLDER, digest, header_mark

_HEADER = "arrays.h"  # has the number of elements from which threads share a loop


class FlatElemwise(Elemwise):
    """An `Elemwise` that treats contiguous arrays of one shape as flat memory.

    Which arrays are contiguous is found out when it runs; if they are not, it does as `Elemwise`.
    """

    def c_headers(self, **kwargs: Any) -> list[str]:
        return [*super().c_headers(**kwargs), f'"{_HEADER}"']

    def c_header_dirs(self, **kwargs: Any) -> list[str]:
        return [*super().c_header_dirs(**kwargs), str(FOLDER)]

    def c_support_code(self, **kwargs: Any) -> str:
        return super().c_support_code(**kwargs) + header_mark(_HEADER)

    def c_code_cache_version_apply(self, node: Apply) -> tuple:
        return (*super().c_code_cache_version_apply(node), "flat", 1, digest(_HEADER))

    def _c_all(self, node: Apply, name: str, inputs: Any, outputs: Any, sub: dict) -> tuple:
        declarations, checks, allocation, loop, end = super()._c_all(
            node, name, inputs, outputs, sub
        )
        flat = self._flat_loop(node, name, inputs, outputs, sub)
        return declarations, checks, allocation, f"{flat} else {{ {loop} }}", end

    def _flat_loop(self, node: Apply, name: str, inputs: Any, outputs: Any, sub: dict) -> str:
        """`if (the arrays are alike) { one loop }`, in C."""
        kinds = dict(zip([*inputs, *outputs], [*node.inputs, *node.outputs]))
        # An output that overwrites an input is the same memory, and is known by the input's name.
        own = {outputs[o]: inputs[i] for o, i in self.inplace_pattern.items()}
        arrays = [array for array in kinds if array not in own and not _is_scalar(kinds[array])]
        first, *others = arrays
        alike = "".join(f" && PyArray_SAMESHAPE({first}, {other})" for other in others)
        in_order = (
            " && ".join(f"PyArray_IS_{order}_CONTIGUOUS({array})" for array in arrays)
            for order in "CF"
        )
        pointers, elements, scalars = [], [], []
        for array, variable in kinds.items():
            if array in own:
                elements.append(f"{_type(variable)} &{array}_i = {own[array]}_i;")
            elif array in arrays:
                pointers.append(f"{_type(variable)} *{array}_all = {_data(array, variable)};")
                elements.append(f"{_type(variable)} &{array}_i = {array}_all[flat_i];")
            else:
                scalars.append(f"const {_type(variable)} {array}_i = *{_data(array, variable)};")
        # The loop is left at its end only, as OpenMP requires.
        fail = failure_code(sub, use_goto=False)
        body = self.scalar_op.c_code(
            node.tag.fake_node,
            f"{name}_flat_",
            [f"{array}_i" for array in inputs],
            [f"{array}_i" for array in outputs],
            {**sub, "fail": fail},
        )
        threads = "parallel for" if self.openmp else ""
        return f"""
        if ((({") || (".join(in_order)})){alike}) {{
            const npy_intp flat_n = PyArray_SIZE({first});
            {" ".join(pointers)}
            {" ".join(scalars)}
            #pragma omp {threads} simd {f"if({_PARALLEL})" if self.openmp else ""}
            for (npy_intp flat_i = 0; flat_i < flat_n; ++flat_i) {{
                {" ".join(elements)}
                {body}
            }}
        }}
        """


_PARALLEL = "parallel: flat_n >= adversarial::parallel_from"


def flattened(node: Apply) -> FlatElemwise | None:
    """The Op that does what the `Elemwise` of `node` does on flat memory; None if there is none.

    The node's inputs must be arrays without an axis of known length 1, and scalars.
    """
    op = node.op
    variables = [*node.inputs, *node.outputs]
    if (
        type(op) is not Elemwise
        or any(variable.dtype == "float16" for variable in variables)
        or any(any(out.type.broadcastable) or out.ndim == 0 for out in node.outputs)
        or not all(_is_scalar(v) or not any(v.type.broadcastable) for v in node.inputs)
        or all(_is_scalar(v) for v in node.inputs)
    ):
        return None
    return FlatElemwise(op.scalar_op, op.inplace_pattern, op.name, op.nfunc_spec, op.openmp)


def _is_scalar(variable: Variable) -> bool:
    return all(variable.type.broadcastable)


def _type(variable: Variable) -> str:
    return variable.type.dtype_specs()[1]


def _data(array: str, variable: Variable) -> str:
    return f"({_type(variable)} *) PyArray_DATA({array})"
