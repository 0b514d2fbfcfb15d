"""Softmax regression: a network that is one `Softmax` layer."""

from __future__ import annotations

from typing import Any, Optional

from adversarial.models.initialization import WeightInit
from adversarial.models.mlp import MLP, Softmax
from adversarial.utils.flat_arguments import flat_arguments
from adversarial.utils.positional import positional_order


class SoftmaxRegression(MLP):
    """An MLP whose only layer is a `Softmax` named 'y'.

    Parameters
    ----------
    n_classes : int
    weight_init, W_lr_scale, b_lr_scale, max_row_norm, max_col_norm
        As `Softmax` takes them: `irange`, ...
    **kwargs
        As `MLP` takes them: `nvis`, `seed`, ...

    Examples
    --------
    >>> SoftmaxRegression(n_classes=10, irange=0.0, nvis=784).get_output_space()
    VectorSpace(dim=10, dtype=float32)
    """

    @positional_order(
        "n_classes batch_size input_space irange istdev W_lr_scale b_lr_scale max_row_norm",
        "max_col_norm sparse_init nvis seed",
        fixed=["layers"],
    )
    @flat_arguments(weight_init=WeightInit)
    def __init__(
        self,
        n_classes: int,
        *,
        weight_init: WeightInit,
        W_lr_scale: Optional[float] = None,
        b_lr_scale: Optional[float] = None,
        max_row_norm: Optional[float] = None,
        max_col_norm: Optional[float] = None,
        **kwargs: Any,
    ) -> None:
        classifier = Softmax(
            n_classes=n_classes,
            layer_name="y",
            weight_init=weight_init,
            W_lr_scale=W_lr_scale,
            b_lr_scale=b_lr_scale,
            max_row_norm=max_row_norm,
            max_col_norm=max_col_norm,
        )
        super().__init__([classifier], **kwargs)
