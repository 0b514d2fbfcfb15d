"""Removes run-time checks that compare a length with itself.

For an elementwise operation on two arrays, Aesara adds a run-time check that their lengths agree,
unless both lengths are the same variable. It does so before it merges equal variables, so that many
of these checks compare a length with itself:

    before   Assert{broadcast}(n, eq(n, n))   with n = Shape_i{0}(x)
    after    n
"""

from __future__ import annotations

from typing import Optional

from aesara.graph.basic import Apply
from aesara.graph.fg import FunctionGraph
from aesara.graph.rewriting.basic import in2out, node_rewriter
from aesara.raise_op import Assert
from aesara.scalar import Composite

# The message of the checks that `aesara.tensor.extra_ops.broadcast_shape_iter` adds.
_BROADCAST = "Could not broadcast dimensions"


@node_rewriter([Assert])
def length_of_equals(fgraph: FunctionGraph, node: Apply) -> Optional[list]:
    """Replace a run-time check that a length equals itself by the length."""
    found = node.inputs[0].owner
    if node.op.msg != _BROADCAST or found is None or not isinstance(found.op, Composite):
        return None
    lengths = set(found.inputs)
    return list(lengths) if len(lengths) == 1 else None


of_equals = in2out(length_of_equals, name="adversarial_drop_length_checks")
