"""Rewrites that replace patterns of Aesara's operations by the fused Ops of `backend.ops`."""

from __future__ import annotations

from typing import Any, Optional

from aesara.graph.basic import Apply, Variable
from aesara.graph.rewriting.basic import in2out, node_rewriter
from aesara.scalar import Add, Sigmoid
from aesara.tensor.blas import Dot22, Gemm
from aesara.tensor.elemwise import DimShuffle, Elemwise
from aesara.tensor.math import Sum

from adversarial.backend.ops import conv, sparse_gemm
from adversarial.backend.ops.all_finite import AllFinite, CheckedAdd
from adversarial.backend.ops.bias_activation import BiasElementwise, BiasMaxout
from adversarial.backend.ops.c_op import FLOATS
from adversarial.backend.ops.column_sum import ColumnSum
from adversarial.backend.ops.conv import CorrMM, CorrMM_gradInputs, CorrMM_gradWeights
from adversarial.backend.ops.elementwise import with_contiguous_loop
from adversarial.backend.ops.maxout import Maxout
from adversarial.backend.ops.rectifier import Rectify
from adversarial.backend.rewrites.shapes import alike, is_elemwise


def _matrix_and_bias(fgraph: Any, v: Variable) -> Optional[tuple[Variable, Variable]]:
    """(z, bias) if `v` is z + bias, with bias broadcast to rows, and has one client; else None."""
    node = v.owner
    if not is_elemwise(node, Add) or len(node.inputs) != 2 or len(fgraph.clients[v]) != 1:
        return None
    for z, row in (node.inputs, node.inputs[::-1]):
        shuffle = row.owner
        if (
            shuffle is not None
            and isinstance(shuffle.op, DimShuffle)
            and shuffle.op.new_order == ("x", 0)
            and not any(shuffle.inputs[0].type.broadcastable)  # one number for all columns
            and z.dtype == row.dtype
            and z.dtype in FLOATS
            and z.ndim == 2
            and not any(z.type.broadcastable)
        ):
            return z, shuffle.inputs[0]
    return None


@node_rewriter([Rectify])
def fuse_rectify(fgraph: Any, node: Apply) -> Optional[list]:
    found = _matrix_and_bias(fgraph, node.inputs[0]) if node.inputs[0].ndim == 2 else None
    return found and [BiasElementwise("rectify", node.op.left_slope)(*found)]


@node_rewriter([Elemwise])
def fuse_sigmoid(fgraph: Any, node: Apply) -> Optional[list]:
    if not is_elemwise(node, Sigmoid):
        return None
    found = _matrix_and_bias(fgraph, node.inputs[0])
    return found and [BiasElementwise("sigmoid")(*found)]


@node_rewriter([Maxout])
def fuse_maxout(fgraph: Any, node: Apply) -> Optional[list]:
    found = _matrix_and_bias(fgraph, node.inputs[0])
    return found and BiasMaxout(node.op.num_pieces)(*found, return_list=True)


@node_rewriter([Sum])
def fuse_column_sum(fgraph: Any, node: Apply) -> Optional[list]:
    (x,) = node.inputs
    out = node.outputs[0]
    axes = node.op.axis
    if x.ndim != 2 or axes is None or tuple(axes) != (0,) or x.dtype not in FLOATS:
        return None
    return [ColumnSum()(x)] if out.dtype == x.dtype else None


@node_rewriter([AllFinite])
def check_while_adding(fgraph: Any, node: Apply) -> Optional[dict]:
    """AllFinite(x + y) -> CheckedAdd(x, y), which checks the sum while it writes it."""
    sums = [
        v
        for v in node.inputs
        if is_elemwise(v.owner, Add)
        and len(v.owner.inputs) == 2
        and all(alike(v, term) for term in v.owner.inputs)
    ]
    if not sums:
        return None
    checked = [CheckedAdd()(*v.owner.inputs) for v in sums]
    rest = [v for v in node.inputs if v not in sums]
    flags = [flag for _, flag in checked] + ([node.op(*rest)] if rest else [])
    finite = flags[0]
    for flag in flags[1:]:
        finite = finite & flag
    return {node.outputs[0]: finite, **{old: new for old, (new, _) in zip(sums, checked)}}


@node_rewriter([BiasElementwise, CheckedAdd])
def work_in_place(fgraph: Any, node: Apply) -> Optional[list]:
    if node.op.inplace:
        return None
    if isinstance(node.op, CheckedAdd):
        return CheckedAdd(inplace=True)(*node.inputs, return_list=True)
    return [BiasElementwise(node.op.kind, node.op.left_slope, inplace=True)(*node.inputs)]


@node_rewriter([Dot22, Gemm, CorrMM, CorrMM_gradWeights, CorrMM_gradInputs])
def skip_zeros(fgraph: Any, node: Apply) -> Optional[list]:
    op = sparse_gemm.skipping_zeros(node) or conv.skipping_zeros(node)
    return op and Apply(op, node.inputs, [out.type() for out in node.outputs]).outputs


@node_rewriter([Elemwise])
def loop_contiguously(fgraph: Any, node: Apply) -> Optional[list]:
    op = with_contiguous_loop(node)
    return op and Apply(op, node.inputs, [out.type() for out in node.outputs]).outputs


patterns = in2out(
    fuse_rectify,
    fuse_sigmoid,
    fuse_maxout,
    fuse_column_sum,
    check_while_adding,
    name="adversarial_fuse",
)
in_place = in2out(work_in_place, ignore_newtrees=True, name="adversarial_in_place")
# Runs after Aesara's rewrites that insert BLAS operations and that make operations inplace.
skipping_zeros = in2out(skip_zeros, ignore_newtrees=True, name="adversarial_skip_zeros")
contiguous_loops = in2out(
    loop_contiguously, ignore_newtrees=True, name="adversarial_contiguous_loops"
)
