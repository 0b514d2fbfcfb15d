"""Cross-entropy losses of probabilities, computed from logits where the graph has them.

Sigmoid and Softmax layers, and the sigmoid of a convolutional layer, call these with what their
`fprop` returned, or with any other graph that ends in a sigmoid or softmax.  The log of a sigmoid
loses all its digits where the sigmoid saturates; the same loss as a function of the logit does not:
with p = sigmoid(z), -log p = softplus(-z).
"""

from __future__ import annotations

from typing import Any, Optional

import aesara.tensor as at
from aesara.printing import Print
from aesara.scalar import Cast, Sigmoid
from aesara.tensor.elemwise import DimShuffle, Elemwise
from aesara.tensor.shape import Reshape, SpecifyShape
from aesara.tensor.special import Softmax, log_softmax
from aesara.tensor.subtensor import Subtensor

# These pick and arrange entries, so a function applied to each entry may come before or after.
_ARRANGE = (DimShuffle, Reshape, SpecifyShape, Subtensor, Print)


def binary_cross_entropy(Y: Any, p: Any) -> Any:
    """-Y log p - (1 - Y) log(1 - p), elementwise.

    Parameters
    ----------
    Y : symbolic array
        Targets from 0 to 1, of the shape of `p`.
    p : symbolic array
        Probabilities.  Where the graph shows them to be a sigmoid, the loss and its gradient are
        exact however far the sigmoid saturates; else they are clipped away from 0 and 1.
    """
    z = sigmoid_logit(p)
    if z is None:
        p = _inside(p)
        return -Y * at.log(p) - (1 - Y) * at.log1p(-p)
    return Y * at.softplus(-z) + (1 - Y) * at.softplus(z)


def log_probabilities(p: Any) -> Any:
    """log p for rows of class probabilities; from the logit where `p` is a softmax."""
    z = softmax_logit(p)
    return at.log(_inside(p)) if z is None else log_softmax(z, axis=-1)


def sigmoid_logit(p: Any) -> Optional[Any]:
    """z where `p` is sigmoid(z), possibly reshaped, transposed or cut out of it; else None."""
    node = getattr(p, "owner", None)
    if node is None:
        return None
    scalar_op = node.op.scalar_op if isinstance(node.op, Elemwise) else None
    if isinstance(scalar_op, Sigmoid):
        return node.inputs[0]
    if isinstance(node.op, _ARRANGE) or isinstance(scalar_op, Cast):
        z = sigmoid_logit(node.inputs[0])
        # A node of its own, since the type may differ in dtype.
        return None if z is None else node.op(z, *node.inputs[1:])
    return None


def softmax_logit(p: Any) -> Optional[Any]:
    """z where `p` is the softmax of z over its last axis; else None."""
    node = getattr(p, "owner", None)
    if node is None:
        return None
    if isinstance(node.op, Softmax) and node.op.axis in (-1, p.ndim - 1):
        return node.inputs[0]
    if isinstance(node.op, Print):
        return softmax_logit(node.inputs[0])
    return None


def _inside(p: Any) -> Any:
    """`p` with 0 and 1 moved inwards by the rounding error of 32-bit numbers at 1."""
    return at.clip(p, 1e-7, 1 - 1e-7)
