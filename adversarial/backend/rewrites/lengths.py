"""Lengths that are what they are.

Where two arrays meet element by element, Aesara compares the lengths of their axes when the
function runs, unless it sees at once that they are one.  It looks before it has merged what is
computed twice, and so compares many a length with itself.
"""

from __future__ import annotations

from typing import Optional

from aesara.graph.basic import Apply
from aesara.graph.fg import FunctionGraph
from aesara.graph.rewriting.basic import in2out, node_rewriter
from aesara.raise_op import Assert
from aesara.scalar import Composite

# The message by which `aesara.tensor.extra_ops.broadcast_shape_iter` is known.
_BROADCAST = "Could not broadcast dimensions"


@node_rewriter([Assert])
def length_of_equals(fgraph: FunctionGraph, node: Apply) -> Optional[list]:
    """The common length of axes that are all as long as the same one -> that one's length."""
    found = node.inputs[0].owner
    if node.op.msg != _BROADCAST or found is None or not isinstance(found.op, Composite):
        return None
    lengths = set(found.inputs)
    return list(lengths) if len(lengths) == 1 else None


of_equals = in2out(length_of_equals, name="adversarial_lengths")
