"""Softmax regression: the network that is one Softmax."""

from __future__ import annotations

from typing import Any, Optional

from adversarial.models.mlp import MLP, Softmax
from adversarial.space import Space
from adversarial.utils.seeding import Seed


class SoftmaxRegression(MLP):
    """An MLP whose only layer is a Softmax named 'y'.

    `n_classes`, the initialisation, the norms and the learning rate factors are the Softmax's; the
    rest is the MLP's.

    Example: `SoftmaxRegression(n_classes=10, irange=0.0, nvis=784)`.
    """

    def __init__(
        self,
        n_classes: int,
        batch_size: Optional[int] = None,
        input_space: Optional[Space] = None,
        irange: Optional[float] = None,
        istdev: Optional[float] = None,
        W_lr_scale: Optional[float] = None,
        b_lr_scale: Optional[float] = None,
        max_row_norm: Optional[float] = None,
        max_col_norm: Optional[float] = None,
        sparse_init: Optional[int] = None,
        nvis: Optional[int] = None,
        seed: Optional[Seed] = None,
        **kwargs: Any,
    ) -> None:
        classifier = Softmax(
            n_classes=n_classes,
            layer_name="y",
            irange=irange,
            istdev=istdev,
            sparse_init=sparse_init,
            W_lr_scale=W_lr_scale,
            b_lr_scale=b_lr_scale,
            max_row_norm=max_row_norm,
            max_col_norm=max_col_norm,
        )
        super().__init__([classifier], batch_size, input_space, nvis=nvis, seed=seed, **kwargs)
