"""Factors per example, moved past whatever treats each example by itself.

The gradients of the players' two objectives at D's output differ by a factor per example, and
nothing else.  Written as in the paper they travel down D separately; with the factors taken out
they are one gradient, which `MergeOptimizer` sees, and the factors are put back where the paths
part: at D's weights and at the samples.
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
def scale_rows(fgraph: FunctionGraph, node: Apply) -> Optional[dict]:
    """column . row -> column * row, for all such products that go the same way from one row.

    This is where the gradients of two objectives enter a discriminator, at its topmost weights.
    """
    if not is_outer_product(node):
        return None
    clients = [client for client, _ in fgraph.clients[node.inputs[1]] if is_outer_product(client)]
    products = [client.outputs[0] for client in clients]
    # All of them at once: each alone would find itself without company.
    if len(products) < 2 or not _go_the_same_way(fgraph, products):
        return None
    mul = at.mul(*node.inputs).owner.op
    return {old: apply(mul, old.owner.inputs, [old])[0] for old in products}


def _go_the_same_way(fgraph: FunctionGraph, gradients: Sequence[Variable]) -> bool:
    """Whether two of `gradients` enter the same operation in the same company."""
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


# Linear in each example of one of their inputs: which.
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
def scale_later(fgraph: FunctionGraph, node: Apply) -> Optional[list]:
    """f(column * v) -> column * f(v), for f that is linear in each example of v."""
    place = _LINEAR[type(node.op)]
    v = node.inputs[place]
    if not (_is_batch(v) and _is_batch(node.outputs[0]) and _keeps_examples(node)):
        return None
    columns, rest = _columns_and_rest(v)
    if not columns:
        return None
    if isinstance(node.op, Dot) and len(rest) > 1:
        # Past the sampled images, where gradients part, the factor has no company: it stays.
        weights = node.inputs[1]
        if sum(multiplies_by(client, weights) for client, _ in fgraph.clients[weights]) < 2:
            return None
    inputs = list(node.inputs)
    (inputs[place],) = _product(rest, v)
    columns = [_of_axes(column, node.outputs[0].ndim) for column in columns]
    return _product([*columns, *apply(node.op, inputs, node.outputs)], node.outputs[0])


@node_rewriter([AbstractConv2d_gradWeights])
def scale_images(fgraph: FunctionGraph, node: Apply) -> Optional[list]:
    """Gradient of kernels from (images, column * v) -> from (column * images, v).

    It adds up a product of the two over examples; images have fewer maps than what a convolution
    makes of them before its maximum, and v is then the same for two objectives.
    """
    images, maps = node.inputs[:2]
    columns, rest = _columns_and_rest(maps)
    if not columns or not _is_batch(images):
        return None
    scaled, v = _product([*columns, images], images), _product(rest, maps)
    return apply(node.op, [*scaled, *v, *node.inputs[2:]], node.outputs)


@node_rewriter([Sum])
def scale_sums(fgraph: FunctionGraph, node: Apply) -> Optional[list]:
    """Sum of column * v over examples and places -> sum of column * (sum of v over places)."""
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
def scale_sooner(fgraph: FunctionGraph, node: Apply) -> Optional[list]:
    """column * gradient of maxout -> gradient of maxout of (column * v), which is narrower."""
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
    """The factors of `v` that are one number per example (or in all), and the others.

    No columns when `v` is no such product.
    """
    factors = _factors(v)
    columns = [factor for factor in factors if all(factor.type.broadcastable[1:])]
    rest = [factor for factor in factors if not all(factor.type.broadcastable[1:])]
    if any(map(is_column, columns)) and any(map(_is_batch, rest)):
        return columns, rest
    return [], [v]


def _is_batch(v: Variable) -> bool:
    """Whether the first axis of `v` counts examples, of which each is more than one number."""
    known = v.type.broadcastable
    return v.ndim > 1 and not known[0] and not all(known[1:])


def _keeps_examples(node: Apply) -> bool:
    """Whether the first axis of what `node` puts out counts the same as that of its input."""
    if isinstance(node.op, DimShuffle):
        order = node.op.new_order
        return order[0] == 0 and "x" not in order and len(order) == node.inputs[0].ndim
    if isinstance(node.op, Reshape):
        shape = node.inputs[1].owner
        if shape is None or not isinstance(shape.op, MakeVector):
            return False
        sizes = [n.data if isinstance(n, Constant) else None for n in shape.inputs[1:]]
        before = node.inputs[0].type.shape[1:]
        known = None not in sizes and None not in before
        return known and math.prod(sizes) == math.prod(before)
    return True


def _of_axes(column: Variable, ndim: int) -> Variable:
    """One number per example, or in all, with as many axes as what it multiplies."""
    return column if column.ndim == ndim else column.dimshuffle(0, *"x" * (ndim - 1))


def _factors(v: Variable) -> list[Variable]:
    """What `v` is the product of, element by element; [v] when it is none."""
    if is_elemwise(v.owner, Mul):
        return [factor for term in v.owner.inputs for factor in _factors(term)]
    return [v]


def _product(factors: Sequence[Any], like: Variable) -> list[Variable]:
    if len(factors) == 1:
        return list(factors)
    return apply(at.mul(*factors).owner.op, factors, [like])


later = in2out(
    scale_rows, scale_later, scale_images, scale_sums, name="adversarial_factors_later"
)
sooner = in2out(scale_sooner, name="adversarial_factors_sooner")
