"""Dropout of a batch; `MLP.dropout_fprop` applies it to the input of each layer."""

from __future__ import annotations

from typing import Any, Optional

import aesara.tensor as at

from adversarial.space import CompositeSpace, Conv2DSpace, Space


def apply_dropout(
    state: Any,
    include_prob: Optional[float],
    scale: float,
    theano_rng: Any,
    input_space: Optional[Space] = None,
    mask_value: float = 0.0,
    per_example: bool = True,
) -> Any:
    """Dropout: `state` times a Bernoulli(include_prob) mask times `scale`.

    Parameters
    ----------
    state : symbolic batch
        A tuple of batches is masked part by part.
    include_prob : float or None
        Probability that a value is kept. 1 and None: `state` is returned as it is, not scaled.
    scale : float
        Factor on values that are kept.
    theano_rng : RandomStreams
    input_space : Space, optional
        The space of `state`, which says what each axis is; without it the first axis counts
        examples. The masks of images do not depend on the order of their axes.
    mask_value : float
        Value in the place of those that are dropped.
    per_example : bool
        Draw a mask for each example instead of one for the whole batch.

    Raises
    ------
    ValueError
        If `include_prob` is not in (0, 1].

    References
    ----------
    G. Hinton et al., "Improving neural networks by preventing co-adaptation of feature detectors",
    2012, arXiv 1207.0580.

    Examples
    --------
    >>> from adversarial import backend
    >>> x, streams = backend.shared([[1.0, 2.0, 3.0]]), backend.RandomStreams(0)
    >>> dropped = backend.function([], apply_dropout(x, 0.5, 2.0, streams))()
    >>> set((dropped / [[1, 2, 3]]).ravel()) <= {0.0, 2.0}
    True
    """
    if include_prob is None or include_prob == 1:
        return state
    if not 0 < include_prob < 1:
        raise ValueError(f"an include_prob must be in (0, 1], not {include_prob!r}")
    if isinstance(state, tuple):
        parts = input_space.components if isinstance(input_space, CompositeSpace) else None
        spaces = parts or [None] * len(state)
        return tuple(
            apply_dropout(part, include_prob, scale, theano_rng, space, mask_value, per_example)
            for part, space in zip(state, spaces)
        )
    order = list(range(state.ndim))
    if isinstance(input_space, Conv2DSpace):
        # The order in which convolutions take images, so that masks need no transposition.
        order = [input_space.axes.index(axis) for axis in ("b", "c", 0, 1)]
    size = [state.shape[axis] for axis in order]
    mask = theano_rng.binomial(size=size if per_example else size[1:], p=include_prob)
    if not per_example:
        mask = at.shape_padleft(mask)
    if order != sorted(order):
        mask = mask.dimshuffle([order.index(axis) for axis in range(state.ndim)])
    if mask_value == 0:
        return state * (mask * scale)
    return at.switch(mask, state * scale, mask_value)
