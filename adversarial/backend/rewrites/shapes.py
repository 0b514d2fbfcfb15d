"""What rewrites ask of variables and nodes, and how they make new ones."""

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
    """Whether `v` has rows and columns, neither known to be one alone."""
    return v.ndim == 2 and not any(v.type.broadcastable)


def is_column(v: Variable) -> bool:
    """Whether `v` has one number for each of its rows, whatever these are."""
    known = v.type.broadcastable
    return v.ndim > 1 and not known[0] and all(known[1:])


def is_transpose(v: Variable) -> bool:
    return _is(v.owner, DimShuffle) and v.owner.op.new_order == (1, 0)


def multiplies_by(node: Any, matrix: Variable) -> bool:
    """Whether `node` is the product of some examples and `matrix`, in that order."""
    return (
        _is(node, Dot)
        and node.inputs[1] is matrix
        and is_matrix(node.inputs[0])
        # With a transposed left side it is the gradient of weights, whose rows are no examples.
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
    """Whether rows of `a` and of `b` can stand in one array."""
    return (a.dtype, a.type.broadcastable) == (b.dtype, b.type.broadcastable)


def apply(op: Op, inputs: Sequence[Variable], like: Sequence[Optional[Variable]]) -> list[Variable]:
    """`op` of `inputs`, the outputs with the types of `like` where it has any.

    What is known of a shape is kept so; an operation that asserts it would stand between a
    product and the rewrites that look for one.
    """
    outputs = op.make_node(*inputs).outputs
    outputs = [(out if old is None else old).type() for out, old in zip(outputs, like)]
    return Apply(op, list(inputs), outputs).outputs


def _is(node: Any, kind: type) -> bool:
    return isinstance(node, Apply) and isinstance(node.op, kind)
