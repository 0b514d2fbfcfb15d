"""Moves a factor that has one number per example behind operations that are linear per example.

The gradients of the two players' objectives with respect to D's output differ only by a factor per
example (paper, Algorithm 1: the derivatives of log(1 - D(G(z))) and of log D(G(z))). Written as in
the paper, the two gradients are backpropagated through D separately. After this rewrite each linear
operation is applied to the same variable in both, so `MergeOptimizer` merges them. The factors are
multiplied later, where the two gradients are used: at D's weights and at the samples.

    before   g1 = dot(c1 * v, W')       after   g = dot(v, W')
             g2 = dot(c2 * v, W')               g1, g2 = c1 * g, c2 * g

c1 and c2 are columns (one number per example), v a batch. Later, `towards_inputs` moves a factor
through the gradient of maxout again, to the input, which has fewer numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Optional

import aesara.tensor as at
from aesara.graph.basic import Apply, Constant, Variable
from aesara.graph.fg import FunctionGraph
from aesara.graph.rewriting.basic import in2out, node_rewriter
from aesara.scalar import Mul
from aesara.tensor.basic import MakeVector
from aesara.tensor.elemwise import DimShuffle, Elemwise
from aesara.tensor.math import Dot, Sum
from aesara.tensor.shape import Reshape, SpecifyShape

from adversarial.backend.ops.conv import AbstractConv2d_gradInputs, AbstractConv2d_gradWeights
from adversarial.backend.ops.maxout import MaxoutGrad
from adversarial.backend.ops.pooling import MaxPoolGrad
from adversarial.backend.ops.rectifier import RectifyGrad
from adversarial.backend.rewrites.shapes import (
    apply,
    is_column,
    is_elemwise,
    is_matrix,
    is_outer_product,
    multiplies_by,
)


@node_rewriter([Dot])
def outer_product_as_scaling(fgraph: FunctionGraph, node: Apply) -> Optional[dict]:
    """dot(column, row) -> column * row, if several such products of `row` are used alike.

    In D's top layer, which has one unit, the gradients of both objectives are such products.
    """
    if not is_outer_product(node):
        return None
    clients = [client for client, _ in fgraph.clients[node.inputs[1]] if is_outer_product(client)]
    products = [client.outputs[0] for client in clients]
    # Replace all products at once: after replacing the first, the second would be the only one.
    if len(products) < 2 or not _are_used_alike(fgraph, products):
        return None
    mul = at.mul(*node.inputs).owner.op
    return {old: apply(mul, old.owner.inputs, [old])[0] for old in products}


def _are_used_alike(fgraph: FunctionGraph, gradients: Sequence[Variable]) -> bool:
    """Whether two of `gradients` are inputs of the same operation with the same other inputs."""
    seen = set()
    for gradient in gradients:
        for client, position in fgraph.clients[gradient]:
            if isinstance(client, Apply):
                others = tuple(v for i, v in enumerate(client.inputs) if i != position)
                way = (client.op, position, others)
                if way in seen:
                    return True
                seen.add(way)
    return False


# Operations that are linear in each example of one of their inputs -> the position of that input.
_LINEAR = {
    Dot: 0,
    MaxoutGrad: 1,
    RectifyGrad: 1,
    MaxPoolGrad: 1,
    AbstractConv2d_gradInputs: 1,
    Reshape: 0,
    SpecifyShape: 0,
    DimShuffle: 0,
}


@node_rewriter(list(_LINEAR))
def hoist(fgraph: FunctionGraph, node: Apply) -> Optional[list]:
    """f(column * v) -> column * f(v), for f that is linear in each example of v."""
    place = _LINEAR[type(node.op)]
    v = node.inputs[place]
    if not (_is_batch(v) and _is_batch(node.outputs[0]) and _keeps_examples(node)):
        return None
    columns, rest = _columns_and_rest(v)
    if not columns:
        return None
    if isinstance(node.op, Dot) and len(rest) > 1:
        # If no other product has these weights, moving the factor merges nothing.
        weights = node.inputs[1]
        if sum(multiplies_by(client, weights) for client, _ in fgraph.clients[weights]) < 2:
            return None
    inputs = list(node.inputs)
    (inputs[place],) = _product(rest, v)
    columns = [_of_axes(column, node.outputs[0].ndim) for column in columns]
    return _product([*columns, *apply(node.op, inputs, node.outputs)], node.outputs[0])


@node_rewriter([AbstractConv2d_gradWeights])
def hoist_to_images(fgraph: FunctionGraph, node: Apply) -> Optional[list]:
    """Gradient of kernels with inputs (images, column * v) -> with inputs (column * images, v).

    The gradient is a sum over examples of products of both inputs, so either may have the factor.
    The images have fewer channels than the convolution's output, and v is then the same for both
    objectives.
    """
    images, maps = node.inputs[:2]
    columns, rest = _columns_and_rest(maps)
    if not columns or not _is_batch(images):
        return None
    scaled, v = _product([*columns, images], images), _product(rest, maps)
    return apply(node.op, [*scaled, *v, *node.inputs[2:]], node.outputs)


@node_rewriter([Sum])
def hoist_from_sum(fgraph: FunctionGraph, node: Apply) -> Optional[list]:
    """Sum of column * v over examples and pixels -> sum of column * (sum of v over pixels)."""
    (v,) = node.inputs
    if v.ndim != 4 or node.op.axis is None or tuple(node.op.axis) != (0, 2, 3):
        return None
    columns, rest = _columns_and_rest(v)
    if not columns:
        return None
    (v,) = _product(rest, v)
    of_maps = at.mul(*[_of_axes(column, 2) for column in columns], v.sum(axis=(2, 3)))
    examples = Sum(axis=[0], dtype=node.op.dtype, acc_dtype=node.op.acc_dtype)
    return apply(examples, [of_maps], node.outputs)


@node_rewriter([Elemwise])
def sink(fgraph: FunctionGraph, node: Apply) -> Optional[list]:
    """column * MaxoutGrad(v) -> MaxoutGrad(column * v), since v has fewer columns."""
    if not is_elemwise(node, Mul):
        return None
    wide = [v for v in node.inputs if is_matrix(v)]
    narrow = [v for v in node.inputs if v.ndim == 2 and v.type.broadcastable[1]]
    if len(wide) != 1 or len(wide) + len(narrow) != len(node.inputs):
        return None
    spread = wide[0].owner
    if spread is None or not isinstance(spread.op, MaxoutGrad):
        return None
    which, gradient = spread.inputs
    scaled = _product([*narrow, gradient], gradient)
    return apply(spread.op, [which, *scaled], node.outputs)


def _columns_and_rest(v: Variable) -> tuple[list[Variable], list[Variable]]:
    """(factors of `v` with one number per example, or a single number; the other factors).

    ([], [v]) if `v` is not a product of such factors and a batch.
    """
    factors = _factors(v)
    columns = [factor for factor in factors if all(factor.type.broadcastable[1:])]
    rest = [factor for factor in factors if not all(factor.type.broadcastable[1:])]
    if any(map(is_column, columns)) and any(map(_is_batch, rest)):
        return columns, rest
    return [], [v]


def _is_batch(v: Variable) -> bool:
    """Whether `v` has a first axis of examples, and more than one number per example."""
    known = v.type.broadcastable
    return v.ndim > 1 and not known[0] and not all(known[1:])


def _keeps_examples(node: Apply) -> bool:
    """Whether `node` leaves the first axis, that of the examples, as it is."""
    if isinstance(node.op, DimShuffle):
        order = node.op.new_order
        return order[0] == 0 and "x" not in order and len(order) == node.inputs[0].ndim
    if isinstance(node.op, Reshape):
        shape = node.inputs[1].owner
        if shape is None or not isinstance(shape.op, MakeVector):
            return False
        sizes: list[Any] = [n.data if isinstance(n, Constant) else None for n in shape.inputs[1:]]
        before = node.inputs[0].type.shape[1:]
        if None in sizes or None in before:
            return False
        return math.prod(sizes) == math.prod(before)
    return True


def _of_axes(column: Variable, ndim: int) -> Variable:
    """`column` with axes of length 1 added, up to `ndim`."""
    return column if column.ndim == ndim else column.dimshuffle(0, *"x" * (ndim - 1))


def _factors(v: Variable) -> list[Variable]:
    """The factors of the elementwise product `v`; [v] when it is not a product."""
    if is_elemwise(v.owner, Mul):
        return [factor for term in v.owner.inputs for factor in _factors(term)]
    return [v]


def _product(factors: Sequence[Any], like: Variable) -> list[Variable]:
    if len(factors) == 1:
        return list(factors)
    return apply(at.mul(*factors).owner.op, factors, [like])


towards_outputs = in2out(
    outer_product_as_scaling,
    hoist,
    hoist_to_images,
    hoist_from_sum,
    name="adversarial_hoist_factors",
)
towards_inputs = in2out(sink, name="adversarial_sink_factors")
