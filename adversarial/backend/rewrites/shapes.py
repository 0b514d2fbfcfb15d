"""Predicates on variables and nodes that the rewrites share, and `apply`, which makes nodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

from aesara.graph.basic import Apply, Variable
from aesara.graph.op import Op
from aesara.tensor.elemwise import DimShuffle, Elemwise
from aesara.tensor.math import Dot


def is_elemwise(node: Any, scalar_op: type) -> bool:
    """Whether `node` applies `scalar_op` element by element."""
    return _is(node, Elemwise) and isinstance(node.op.scalar_op, scalar_op)


def is_matrix(v: Variable) -> bool:
    """Whether `v` has two axes, and neither is known to have length 1."""
    return v.ndim == 2 and not any(v.type.broadcastable)


def is_column(v: Variable) -> bool:
    """Whether `v` has one number per example: all axes but the first have length 1."""
    known = v.type.broadcastable
    return v.ndim > 1 and not known[0] and all(known[1:])


def is_transpose(v: Variable) -> bool:
    return _is(v.owner, DimShuffle) and v.owner.op.new_order == (1, 0)


def multiplies_by(node: Any, matrix: Variable) -> bool:
    """Whether `node` is dot(x, matrix), where the rows of x are examples."""
    return (
        _is(node, Dot)
        and node.inputs[1] is matrix
        and is_matrix(node.inputs[0])
        # If the left factor is a transpose, the product is a gradient of weights.
        and not is_transpose(node.inputs[0])
    )


def is_outer_product(node: Any) -> bool:
    """Whether `node` is the product of a column and a row."""
    return (
        _is(node, Dot)
        and node.inputs[0].type.ndim == node.inputs[1].type.ndim == 2
        and is_column(node.inputs[0])
        and node.inputs[1].type.broadcastable == (True, False)
    )


def alike(a: Variable, b: Variable) -> bool:
    """Whether `a` and `b` have the same dtype and the same axes of length 1."""
    return (a.dtype, a.type.broadcastable) == (b.dtype, b.type.broadcastable)


def apply(op: Op, inputs: Sequence[Variable], like: Sequence[Optional[Variable]]) -> list[Variable]:
    """The outputs of a node of `op` and `inputs`, with the types of `like` where it is not None.

    This keeps the static shapes. A SpecifyShape node, the alternative, would hide the product from
    Aesara's BLAS rewrites.
    """
    outputs = op.make_node(*inputs).outputs
    outputs = [(out if old is None else old).type() for out, old in zip(outputs, like)]
    return Apply(op, list(inputs), outputs).outputs


def _is(node: Any, kind: type) -> bool:
    return isinstance(node, Apply) and isinstance(node.op, kind)
