"""Factors per example, moved past whatever treats each example by itself.

The gradients of the players' two objectives at D's output differ by a factor per example, and
nothing else.  Written as in the paper they travel down D separately; with the factors taken out
they are one gradient, which `MergeOptimizer` sees, and the factors are put back where the paths
part: at D's weights and at the samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

import aesara.tensor as at
from aesara.graph.basic import Apply, Variable
from aesara.graph.fg import FunctionGraph
from aesara.graph.rewriting.basic import in2out, node_rewriter
from aesara.scalar import Mul
from aesara.tensor.elemwise import Elemwise
from aesara.tensor.math import Dot

from adversarial.backend.maxout import MaxoutGrad
from adversarial.backend.rectifier import RectifyGrad
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


@node_rewriter([Dot, MaxoutGrad, RectifyGrad])
def scale_later(fgraph: FunctionGraph, node: Apply) -> Optional[list]:
    """f(column * v) -> column * f(v), for f that is linear in each row of v."""
    place = 0 if isinstance(node.op, Dot) else 1
    if not is_matrix(node.inputs[place]) or not is_matrix(node.outputs[0]):
        return None
    columns, rest = _columns_and_rest(node.inputs[place])
    if not columns:
        return None
    if isinstance(node.op, Dot) and len(rest) > 1:
        # Past the sampled images, where gradients part, the factor has no company: it stays.
        weights = node.inputs[1]
        if sum(multiplies_by(client, weights) for client, _ in fgraph.clients[weights]) < 2:
            return None
    inputs = list(node.inputs)
    (inputs[place],) = _product(rest, node.inputs[place])
    return _product([*columns, *apply(node.op, inputs, node.outputs)], node.outputs[0])


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
    columns = [factor for factor in factors if factor.type.broadcastable[1]]
    rest = [factor for factor in factors if not factor.type.broadcastable[1]]
    if any(map(is_column, columns)) and any(map(is_matrix, rest)):
        return columns, rest
    return [], [v]


def _factors(v: Variable) -> list[Variable]:
    """What `v` is the product of, element by element; [v] when it is none."""
    if is_elemwise(v.owner, Mul):
        return [factor for term in v.owner.inputs for factor in _factors(term)]
    return [v]


def _product(factors: Sequence[Any], like: Variable) -> list[Variable]:
    if len(factors) == 1:
        return list(factors)
    return apply(at.mul(*factors).owner.op, factors, [like])


later = in2out(scale_rows, scale_later, name="adversarial_factors_later")
sooner = in2out(scale_sooner, name="adversarial_factors_sooner")
