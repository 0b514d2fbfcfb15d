"""Merges two passes of a network over two batches into one pass over both.

D is applied to data and to samples with the same weights. Written as in the paper, each of its
weight matrices is a factor of two products in the forward pass and of two in the backward pass.
This rewrite makes one product with twice the rows of two, so that the matrix is read once:

    before   h_x = dot(x, W)            after   both = dot([x; s], W)
             h_s = dot(s, W)                    h_x, h_s = both[:n], both[n:]

             dW = dot(x', dx)                   dW = dot([x; s]', [dx; ds])
                + dot(s', ds)

`[x; s]` has the rows of x, followed by those of s. Operations between two merged products that act
on each row separately (activations, dropout masks) are merged too, so that rows are copied into one
matrix only once. The rewriter visits the nodes in topological order. `_Merging` records which
variables have become rows of a larger matrix.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

import aesara.tensor as at
from aesara.graph.basic import Apply, Variable, ancestors
from aesara.graph.fg import FunctionGraph
from aesara.graph.rewriting.basic import GraphRewriter
from aesara.scalar import Add, Mul
from aesara.tensor.elemwise import Elemwise
from aesara.tensor.math import Dot, Sum
from aesara.tensor.type import TensorType
from aesara.tensor.var import TensorConstant

from adversarial.backend.ops.maxout import Maxout, MaxoutGrad
from adversarial.backend.ops.rectifier import Rectify, RectifyGrad
from adversarial.backend.rewrites.shapes import (
    alike,
    apply,
    is_elemwise,
    is_matrix,
    is_transpose,
    multiplies_by,
)

# If a weight matrix is narrower, reading it twice costs less than copying rows into one matrix.
_NARROW = 64


class MergePasses(GraphRewriter):
    """Rewrites A.W and B.W to slices of [A; B].W, and A'.C + B'.D to [A; B]'.[C; D]."""

    def add_requirements(self, fgraph: FunctionGraph) -> None:
        pass

    def apply(self, fgraph: FunctionGraph) -> None:
        if not hasattr(fgraph, "shape_feature"):
            return
        merging = _Merging(fgraph)
        for node in fgraph.toposort():
            if node in fgraph.apply_nodes and isinstance(node.op, Dot):
                merging.products_by(node.inputs[1])
        for node in fgraph.toposort():
            if node in fgraph.apply_nodes and is_elemwise(node, Add):
                merging.sum_of_products(node)


class _Merging:
    """The state of `MergePasses` while it rewrites one graph."""

    def __init__(self, fgraph: FunctionGraph) -> None:
        self.fgraph = fgraph
        # Variable -> (the matrix of which it is a slice of rows, index of the slice, their number).
        self.part_of: dict[Variable, tuple[Variable, int, int]] = {}
        # Variable -> index of its slice when it was merged, so that gradients are merged in the
        # order of the activations.
        self.place: dict[Variable, int] = {}
        # Variables -> the matrix into which their rows were copied.
        self.copied: dict[tuple[Variable, ...], Variable] = {}

    def products_by(self, matrix: Variable) -> None:
        """Merge all products whose right factor is `matrix`."""
        if not _is_wide(matrix):
            return
        products = [
            client.outputs[0]
            for client, _ in self.fgraph.clients[matrix]
            if multiplies_by(client, matrix)
        ]
        if len(products) < 2 or not _independent(products):
            return
        order = {node: i for i, node in enumerate(self.fgraph.toposort())}
        products.sort(key=lambda product: order[product.owner])
        rows = self.merged([product.owner.inputs[0] for product in products])
        self.replace_by_rows(products, at.dot(rows, matrix))

    def sum_of_products(self, node: Apply) -> None:
        """Merge the terms of the sum `node` that are gradients of weights, or sums over rows."""
        terms = list(node.inputs)
        products = [v for v in terms if self._used_once(v) and _is_gradient_of_weights(v)]
        products.sort(key=lambda v: self.place.get(v.owner.inputs[0].owner.inputs[0], 0))
        if len(products) > 1 and _independent([v.owner.inputs[1] for v in products]):
            above = self.merged([v.owner.inputs[0].owner.inputs[0] for v in products])
            below = self.merged([v.owner.inputs[1] for v in products])
            terms = [v for v in terms if v not in products]
            terms += apply(products[0].owner.op, [above.T, below], node.outputs)
        sums = [v for v in terms if self._used_once(v) and _is_sum_of_rows(v)]
        sums.sort(key=lambda v: self.place.get(v.owner.inputs[0], 0))
        # Only if the rows are merged already: for a sum, copying rows costs more than it saves.
        whole = self.whole_of([v.owner.inputs[0] for v in sums])
        if len(sums) > 1 and whole is not None:
            terms = [v for v in terms if v not in sums]
            terms += apply(sums[0].owner.op, [whole], node.outputs)
        if len(terms) < len(node.inputs):
            new = terms[0] if len(terms) == 1 else at.add(*terms)
            old = node.outputs[0]
            new = new if new.type == old.type else old.type.filter_variable(new)
            self.fgraph.replace_validate(old, new, reason="merge_passes")

    def _used_once(self, v: Variable) -> bool:
        return len(self.fgraph.clients.get(v, ())) == 1

    def merged(self, parts: Sequence[Variable]) -> Variable:
        """One matrix with the rows of `parts`, made with as few copies as possible."""
        whole = self.whole_of(parts)
        if whole is not None:
            return whole
        nodes = [part.owner for part in parts]
        if None not in nodes and len(set(nodes)) == len(nodes) and _independent(parts):
            inputs = self.merged_inputs(nodes)
            if inputs is not None:
                return self.merge_nodes(nodes, inputs)[nodes[0].outputs.index(parts[0])]
        return self.copied_together(tuple(parts))

    def copied_together(self, parts: tuple[Variable, ...]) -> Variable:
        if parts not in self.copied:
            self.place.update((part, i) for i, part in enumerate(parts))
            join = at.join(0, *parts).owner
            columns = next((n for part in parts if (n := part.type.shape[1]) is not None), None)
            like = TensorType(parts[0].dtype, (None, columns))()
            (self.copied[parts],) = apply(join.op, join.inputs, [like])
        return self.copied[parts]

    def merge_nodes(self, nodes: Sequence[Apply], inputs: Sequence[Variable]) -> list[Variable]:
        """Replace `nodes` by one node with the inputs `inputs`, and return its outputs."""
        outputs = nodes[0].op(*inputs, return_list=True)
        for i, new in enumerate(outputs):
            self.replace_by_rows([node.outputs[i] for node in nodes], new)
        return outputs

    def merged_inputs(self, nodes: Sequence[Apply]) -> Optional[list[Variable]]:
        """The inputs of one node that replaces `nodes`; None if merging them would not save work.

        The nodes must apply the same operation to each row of their inputs. Merging saves work if
        some of the inputs are merged already, or are narrower than the outputs.
        """
        if not _treat_rows_alike(nodes):
            return None
        groups = list(zip(*(node.inputs for node in nodes)))
        if not all(_is_shared(parts) or _are_rows(parts) for parts in groups):
            return None
        if not isinstance(nodes[0].op, MaxoutGrad) and not any(map(self.needs_no_copy, groups)):
            return None
        return [parts[0] if _is_shared(parts) else self.merged(parts) for parts in groups]

    def needs_no_copy(self, parts: Sequence[Variable]) -> bool:
        """Whether `parts`, or what they are computed from, are rows of one matrix already."""
        if self.whole_of(parts) is not None:
            return True
        nodes = [part.owner for part in parts]
        if None in nodes or not _treat_rows_alike(nodes):
            return False
        groups = zip(*(node.inputs for node in nodes))
        return any(
            _are_rows(below) and all(map(is_matrix, below)) and self.needs_no_copy(below)
            for below in groups
        )

    def whole_of(self, parts: Sequence[Variable]) -> Optional[Variable]:
        """The matrix whose rows are those of `parts`, in this order; None if there is none."""
        found = [self.part_of.get(part) for part in parts]
        if not found or found[0] is None:
            return None
        whole = found[0][0]
        return whole if found == [(whole, i, len(parts)) for i in range(len(parts))] else None

    def replace_by_rows(self, parts: Sequence[Variable], whole: Variable) -> None:
        """Replace each of `parts` by its slice of rows of `whole`."""
        start: Any = 0
        replacements = []
        for i, part in enumerate(parts):
            stop = start + self.fgraph.shape_feature.get_shape(self.fgraph, part, 0)
            rows = whole[start:stop].owner
            (new,) = apply(rows.op, rows.inputs, [part])
            self.part_of[new], self.place[new] = (whole, i, len(parts)), i
            if part in self.fgraph.variables:
                replacements.append((part, new))
            start = stop
        self.fgraph.replace_all_validate(replacements, reason="merge_passes")


def _is_wide(matrix: Variable) -> bool:
    return is_matrix(matrix) and all((n or 0) >= _NARROW for n in matrix.type.shape)


def _is_gradient_of_weights(v: Variable) -> bool:
    """Whether `v` is A'.B, of matrices with examples in their rows."""
    return (
        v.owner is not None
        and isinstance(v.owner.op, Dot)
        and is_matrix(v)
        and is_transpose(v.owner.inputs[0])
        and is_matrix(v.owner.inputs[1])
        and (v.type.shape[1] or 0) >= _NARROW
    )


def _is_sum_of_rows(v: Variable) -> bool:
    return (
        v.owner is not None
        and isinstance(v.owner.op, Sum)
        and v.owner.op.axis is not None
        and tuple(v.owner.op.axis) == (0,)
        and is_matrix(v.owner.inputs[0])
    )


def _treat_rows_alike(nodes: Sequence[Apply]) -> bool:
    """Whether all `nodes` apply the same operation to each row of their inputs."""
    op = nodes[0].op
    if any(node.op != op or len(node.inputs) != len(nodes[0].inputs) for node in nodes):
        return False
    if isinstance(op, Elemwise):
        return isinstance(op.scalar_op, (Mul, Add))
    return isinstance(op, (Maxout, MaxoutGrad, Rectify, RectifyGrad))


def _is_shared(parts: Sequence[Variable]) -> bool:
    """Whether `parts` are one variable (or equal constants) that is broadcast to all rows."""
    first = parts[0]
    return first.type.broadcastable[:1] in ((), (True,)) and all(
        part is first or _equal(part, first) for part in parts
    )


def _equal(a: Variable, b: Variable) -> bool:
    return isinstance(a, TensorConstant) and isinstance(b, TensorConstant) and a.equals(b)


def _are_rows(parts: Sequence[Variable]) -> bool:
    """Whether `parts` are different matrices that can be joined along their rows."""
    return len(set(parts)) == len(parts) and all(
        part.ndim == 2 and not part.type.broadcastable[0] and alike(part, parts[0])
        for part in parts
    )


def _independent(variables: Sequence[Variable]) -> bool:
    """Whether no variable is computed from another one."""
    nodes = {v.owner for v in variables}
    return not any(
        v.owner in nodes
        for v in ancestors([i for node in nodes for i in node.inputs])
        if v.owner is not None
    )
