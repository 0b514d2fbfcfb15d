"""What layers with weights and biases have in common, whatever shape these have."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Optional

import aesara.tensor as at
import numpy as np

from adversarial.models.mlp.layer import Layer


class Affine(Layer):
    """A layer with weights W and biases b, shared variables; b is None where there are none.

    Parameters
    ----------
    W_lr_scale, b_lr_scale : float, optional
        Factors on the learning rates of W and b.
    """

    # Made by the subclass, when it gets its input space.
    W: Any

    def __init__(
        self,
        layer_name: str,
        W_lr_scale: Optional[float] = None,
        b_lr_scale: Optional[float] = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(layer_name, **kwargs)
        self.W_lr_scale = W_lr_scale
        self.b_lr_scale = b_lr_scale
        self.b: Any = None

    def get_lr_scalers(self) -> OrderedDict:
        scalers: OrderedDict = OrderedDict()
        if self.W_lr_scale is not None:
            scalers[self.W] = self.W_lr_scale
        if self.b_lr_scale is not None and self.b is not None:
            scalers[self.b] = self.b_lr_scale
        return scalers

    def get_weight_decay(self, coeff: Any) -> Any:
        return coeff * at.square(self.W).sum()

    def get_l1_weight_decay(self, coeff: Any) -> Any:
        return coeff * abs(self.W).sum()

    def set_weights(self, weights: np.ndarray) -> None:
        self.W.set_value(np.asarray(weights, dtype=self.W.dtype))

    def get_biases(self) -> np.ndarray:
        if self.b is None:
            raise NotImplementedError(f"layer {self.layer_name!r} was made without biases")
        return self.b.get_value()

    def set_biases(self, biases: np.ndarray) -> None:
        if self.b is None:
            raise NotImplementedError(f"layer {self.layer_name!r} was made without biases")
        self.b.set_value(np.asarray(biases, dtype=self.b.dtype))
