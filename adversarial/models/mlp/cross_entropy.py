"""Cross-entropy losses of probabilities, computed from their logits.

The losses of Sigmoid and Softmax layers, and of the sigmoid of a convolutional layer, are here.
They are called with the output p of a network. If p is a sigmoid that saturates, log p has no exact
digits left; the same loss as a function of the logit has: with p = sigmoid(z),

    -log p = softplus(-z) = log(1 + exp(-z))

So these functions search the graph of p for z, and compute the loss from it. Without a sigmoid or
softmax at the top of the graph they compute the loss from p, clipped.
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

# These select and arrange entries, so that they may be applied to the logit instead.
_ARRANGE = (DimShuffle, Reshape, SpecifyShape, Subtensor, Print)


def binary_cross_entropy(Y: Any, p: Any) -> Any:
    """-Y log p - (1 - Y) log(1 - p), elementwise.

    Parameters
    ----------
    Y : symbolic array
        Targets from 0 to 1, of the shape of `p`.
    p : symbolic array
        Probabilities. If their graph ends in a sigmoid, the loss and its gradient are exact even if
        the sigmoid saturates; else p is clipped to [1e-7, 1 - 1e-7].

    Returns
    -------
    symbolic array of the same shape

    Examples
    --------
    >>> from adversarial import backend
    >>> p = at.sigmoid(backend.shared([-200.0]))
    >>> backend.function([], binary_cross_entropy(1.0, p))()
    array([200.], dtype=float32)
    """
    z = sigmoid_logit(p)
    if z is None:
        p = _inside(p)
        return -Y * at.log(p) - (1 - Y) * at.log1p(-p)
    return Y * at.softplus(-z) + (1 - Y) * at.softplus(z)


def log_probabilities(p: Any) -> Any:
    """log p for rows of class probabilities (batch, classes); from the logits if p is a softmax.

    Examples
    --------
    >>> from adversarial import backend
    >>> p = Softmax(axis=-1)(backend.shared([[0.0, -200.0]]))
    >>> backend.function([], log_probabilities(p))()
    array([[   0., -200.]], dtype=float32)
    """
    z = softmax_logit(p)
    return at.log(_inside(p)) if z is None else log_softmax(z, axis=-1)


def sigmoid_logit(p: Any) -> Optional[Any]:
    """z if `p` is sigmoid(z), or entries of it, reshaped or transposed; else None."""
    node = getattr(p, "owner", None)
    if node is None:
        return None
    scalar_op = node.op.scalar_op if isinstance(node.op, Elemwise) else None
    if isinstance(scalar_op, Sigmoid):
        return node.inputs[0]
    if isinstance(node.op, _ARRANGE) or isinstance(scalar_op, Cast):
        z = sigmoid_logit(node.inputs[0])
        # A new node instead of a copy of `node`, since z may have another dtype.
        return None if z is None else node.op(z, *node.inputs[1:])
    return None


def softmax_logit(p: Any) -> Optional[Any]:
    """z if `p` is the softmax of z over its last axis; else None."""
    node = getattr(p, "owner", None)
    if node is None:
        return None
    if isinstance(node.op, Softmax) and node.op.axis in (-1, p.ndim - 1):
        return node.inputs[0]
    if isinstance(node.op, Print):
        return softmax_logit(node.inputs[0])
    return None


def _inside(p: Any) -> Any:
    """`p` clipped to where its logarithm is finite, by the rounding error of float32 at 1."""
    return at.clip(p, 1e-7, 1 - 1e-7)
