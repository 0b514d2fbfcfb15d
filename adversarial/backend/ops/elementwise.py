"""Elementwise loops over contiguous memory, which compilers vectorize and threads share.

Aesara loops over each axis with strides that are unknown to the compiler, and shares such a loop
among threads only if the first axis is very long. It treats arrays as flat memory only where the
graph knows their lengths, which it does not for gradients.
"""

from __future__ import annotations

from typing import Any

from aesara.graph.basic import Apply, Variable
from aesara.link.c.basic import failure_code
from aesara.tensor.elemwise import Elemwise

from adversarial.backend.ops.c_op import FOLDER, digest, header_mark

_HEADER = "elementwise.h"


class ContiguousElemwise(Elemwise):
    """An `Elemwise` with a loop of its own for C-contiguous arrays.

    Neighbouring axes become one if each array has both or is repeated along both. Arrays of one
    shape need a single loop. A matrix and a bias need two: one over rows, which threads share, and
    one over columns. Arrays that are not contiguous when it runs are left to Aesara.
    """

    def c_headers(self, **kwargs: Any) -> list[str]:
        return [*super().c_headers(**kwargs), f'"{_HEADER}"']

    def c_header_dirs(self, **kwargs: Any) -> list[str]:
        return [*super().c_header_dirs(**kwargs), str(FOLDER)]

    def c_support_code(self, **kwargs: Any) -> str:
        return super().c_support_code(**kwargs) + header_mark(_HEADER)

    def c_code_cache_version_apply(self, node: Apply) -> tuple:
        version = super().c_code_cache_version_apply(node)
        # () is the version of a scalar operation without one, whose code may change at any time.
        return version and (*version, "contiguous", 1, digest(_HEADER))

    def _c_all(self, node: Apply, name: str, inputs: Any, outputs: Any, sub: dict) -> tuple:
        declarations, checks, allocation, loop, end = super()._c_all(
            node, name, inputs, outputs, sub
        )
        own = self._contiguous_loop(node, name, inputs, outputs, sub)
        return declarations, checks, allocation, f"{own} else {{ {loop} }}", end

    def _contiguous_loop(self, node: Apply, name: str, inputs: Any, outputs: Any, sub: dict) -> str:
        """`if (the arrays are contiguous) { loops }`, in C."""
        variables = dict(zip([*inputs, *outputs], [*node.inputs, *node.outputs]))
        # An output that overwrites an input is the same memory, and goes by the input's name.
        overwriting = {outputs[o]: inputs[i] for o, i in self.inplace_pattern.items()}
        arrays = [array for array in variables if array not in overwriting]
        whole = overwriting.get(outputs[0], outputs[0])
        groups = _groups(node)
        inner = len(groups) - 1
        pointers, elements = [], []
        for array in arrays:
            kind = _type(variables[array])
            repeated = variables[array].type.broadcastable
            along = [not repeated[axis] for axis, _ in groups]
            offset = " + ".join(
                " * ".join([f"i{g}", *(f"n{h}" for h in range(g + 1, len(groups)) if along[h])])
                for g in range(inner)
                if along[g]
            )
            pointers.append(
                f"{kind} *{array}_at = ({kind} *) PyArray_DATA({array}) + {offset or 0};"
            )
            if along[inner]:
                elements.append(f"{kind} &{array}_i = {array}_at[i{inner}];")
            else:
                pointers.append(f"const {kind} {array}_i = *{array}_at;")
        for output, array in overwriting.items():
            elements.append(f"{_type(variables[output])} &{output}_i = {array}_i;")
        body = self.scalar_op.c_code(
            node.tag.fake_node,
            f"{name}_contiguous",
            [f"{array}_i" for array in inputs],
            [f"{array}_i" for array in outputs],
            # OpenMP's loops must not be left by a jump.
            {**sub, "fail": failure_code(sub, use_goto=False)},
        )
        lengths = "".join(
            f"const npy_intp n{g} = adversarial::length({whole}, {start}, {stop});\n"
            for g, (start, stop) in enumerate(groups)
        )
        loops = [f"for (npy_intp i{g} = 0; i{g} < n{g}; ++i{g})" for g in range(inner + 1)]
        shared = f"if(parallel: PyArray_SIZE({whole}) >= adversarial::parallel_from)"
        if not self.openmp:
            first, last = "", "#pragma omp simd"
        elif inner:
            first, last = f"#pragma omp parallel for collapse({inner}) {shared}", "#pragma omp simd"
        else:
            first, last = "", f"#pragma omp parallel for simd {shared}"
        # One loop can as well go through the memory of arrays that are all stored by columns.
        ready = " || ".join(
            " && ".join(_is_ready(array, variables[array], whole, order) for array in arrays)
            for order in ("C" if inner else "CF")
        )
        new_line = "\n"
        return f"""
        if ({ready}) {{
            {lengths}
            {first}
            {new_line.join(loops[:-1])} {{
                {new_line.join(pointers)}
                {last}
                {loops[-1]} {{
                    {new_line.join(elements)}
                    {body}
                }}
            }}
        }}
        """


def with_contiguous_loop(node: Apply) -> ContiguousElemwise | None:
    """The Op that does what the `Elemwise` of `node` does; None for scalars and for float16."""
    op = node.op
    if (
        type(op) is not Elemwise
        or any(all(out.type.broadcastable) for out in node.outputs)
        or any(variable.dtype == "float16" for variable in [*node.inputs, *node.outputs])
    ):
        return None
    return ContiguousElemwise(op.scalar_op, op.inplace_pattern, op.name, op.nfunc_spec, op.openmp)


def _groups(node: Apply) -> list[tuple[int, int]]:
    """Runs of axes (start, stop), each of which every array has whole or is repeated along.

    Axes of known length 1 in the outputs need no loop, and are in none.
    """
    patterns = list(zip(*(v.type.broadcastable for v in [*node.inputs, *node.outputs])))
    axes = [axis for axis, pattern in enumerate(patterns) if not all(pattern)]
    groups: list[tuple[int, int]] = []
    for axis in axes:
        if groups and patterns[groups[-1][0]] == patterns[axis]:
            groups[-1] = (groups[-1][0], axis + 1)
        else:
            groups.append((axis, axis + 1))
    return groups


def _is_ready(array: str, variable: Variable, whole: str, order: str) -> str:
    """A condition in C: the array is contiguous, and is repeated only where the graph says so."""
    axes = sum(1 << axis for axis, one in enumerate(variable.type.broadcastable) if not one)
    return (
        f"PyArray_IS_{order}_CONTIGUOUS({array})"
        f" && adversarial::is_as_long({array}, {whole}, {axes}u)"
    )


def _type(variable: Variable) -> str:
    return variable.type.dtype_specs()[1]
