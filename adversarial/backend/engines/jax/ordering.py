"""Orders the updates of weights after all that reads the old ones, so that XLA copies no weights.

`mode.Linker` calls `update_last` for each graph. New weights are written into the memory of the old
ones, which are donated (`function.Function`). If XLA does not know that the old ones have been read
by then, it copies them at the beginning of the step; and it knows only the order in which values
depend on each other. A layer's weights W are last read for the gradient at the layer's input, on
which the biases below depend:

    before   W + (m v - r g)             may be computed before dot(gradient, W')
    after    W + (m v - r after(g, b))   is computed after b, the new bias of the layer below

`after(g, b)` is g.
"""

from __future__ import annotations

import functools
import operator
from typing import Any

import jax
import numpy as np
from aesara.graph.basic import Apply, Variable, ancestors
from aesara.graph.fg import FunctionGraph
from aesara.graph.op import Op
from aesara.link.jax.dispatch import jax_funcify
from aesara.scalar import Add, Sub

from adversarial.backend.engines.jax import devices
from adversarial.backend.rewrites.shapes import is_elemwise

_FLOATS = ("float32", "float64")


class After(Op):
    """x and some vectors -> x, computed after the vectors."""

    __props__ = ()

    def make_node(self, x: Variable, *vectors: Variable) -> Apply:
        return Apply(self, [x, *vectors], [x.type()])

    def perform(self, node: Apply, inputs: Any, output_storage: Any) -> None:
        output_storage[0][0] = inputs[0]


@jax_funcify.register(After)
def convert_after(op: After, **kwargs: Any) -> Any:
    def after(x: jax.Array, *vectors: jax.Array) -> jax.Array:
        words = [_word(vector) for vector in vectors if vector.size]
        if not words or devices.platform() != "cpu":
            return x
        # x times one. XLA does not know that the factor is one, nor leaves out what it is made of,
        # as it does for an optimization barrier.
        zero = (functools.reduce(operator.or_, words) >> np.uint32(31)) >> np.uint32(1)
        one = jax.lax.bitcast_convert_type(zero | np.uint32(0x3F800000), np.float32)
        return x * one.astype(x.dtype)

    return after


def _word(vector: jax.Array) -> jax.Array:
    """A scalar that depends on `vector`."""
    return jax.lax.bitcast_convert_type(vector[0].astype(np.float32), np.uint32)


def update_last(fgraph: FunctionGraph) -> None:
    """Let the updates of weights depend on those of vectors, where that makes no cycle.

    An update is W + change or W - change, with a variable W that is also read elsewhere.
    """
    updates = [
        (fgraph.outputs[new], fgraph.inputs[old])
        for new, old in (fgraph.update_mapping or {}).items()
        if fgraph.outputs[new].dtype in _FLOATS
    ]
    changes = [
        v.owner
        for new, old in updates
        if new.ndim > 1 and len(fgraph.clients[old]) > 1
        if is_elemwise(new.owner, Add) or is_elemwise(new.owner, Sub)
        if old in new.owner.inputs
        for v in new.owner.inputs
        if v is not old and is_elemwise(v.owner, object)
    ]
    late = {v for node in changes for v in node.outputs}
    vectors = [new for new, _ in updates if new.ndim == 1 and late.isdisjoint(ancestors([new]))]
    if not vectors:
        return
    for node in dict.fromkeys(changes):
        # An input, since XLA would compute a product by one again for each of its readers.
        wide = [i for i, v in enumerate(node.inputs) if not any(v.type.broadcastable)]
        if wide:
            after = After()(node.inputs[wide[-1]], *vectors)
            fgraph.change_node_input(node, wide[-1], after)
