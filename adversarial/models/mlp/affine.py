"""`Affine`: the base of layers with weights and biases, dense and convolutional."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Optional

import aesara.tensor as at
import numpy as np

from adversarial.models.initialization import WeightInit
from adversarial.models.mlp.layer import Layer
from adversarial.utils.checks import check_finite
from adversarial.utils.flat_arguments import FlatAttributes, flat_arguments


class Affine(Layer):
    """A layer with weights W and biases b, which are shared variables.

    A subclass makes both when it gets its input space. `b` is None in a layer without biases.

    Parameters
    ----------
    layer_name : str
    weight_init : WeightInit
        How W is drawn. In a YAML file its fields are given one by one: `irange: 0.05`.
    W_lr_scale, b_lr_scale : float, optional
        Factors on the learning rates of W and b.
    **kwargs
        As `Layer` takes them.

    Raises
    ------
    ValueError
        If a factor is not finite, or `weight_init` gives no way to draw W, several, or a wrong one.

    Examples
    --------
    >>> from adversarial import backend
    >>> from adversarial.models.mlp import MLP, Linear
    >>> layer = Linear(dim=1, layer_name="y", irange=0.05, W_lr_scale=0.5)
    >>> mlp = MLP([layer], nvis=2)
    >>> list(layer.get_lr_scalers().items())
    [(y_W, 0.5)]
    >>> layer.set_weights([[3.0], [4.0]])
    >>> backend.function([], layer.get_weight_decay(0.5))().item()
    12.5
    """

    weight_init = FlatAttributes(WeightInit)
    W: Any = None

    @flat_arguments(weight_init=WeightInit)
    def __init__(
        self,
        layer_name: str,
        *,
        weight_init: WeightInit,
        W_lr_scale: Optional[float] = None,
        b_lr_scale: Optional[float] = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(layer_name, **kwargs)
        weight_init.check(layer_name)
        try:
            check_finite(W_lr_scale=W_lr_scale, b_lr_scale=b_lr_scale)
        except ValueError as error:
            raise ValueError(f"layer {layer_name!r}: {error}") from None
        self.weight_init = weight_init
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
        return coeff * at.square(self._weights()).sum()

    def get_l1_weight_decay(self, coeff: Any) -> Any:
        return coeff * abs(self._weights()).sum()

    def set_weights(self, weights: np.ndarray) -> None:
        self._weights().set_value(np.asarray(weights, dtype=self.W.dtype))

    def get_biases(self) -> np.ndarray:
        return self._biases().get_value()

    def set_biases(self, biases: np.ndarray) -> None:
        self._biases().set_value(np.asarray(biases, dtype=self.b.dtype))

    def _weights(self) -> Any:
        if self.W is None:
            raise NotImplementedError(f"layer {self.layer_name!r} was made without weights")
        return self.W

    def _biases(self) -> Any:
        if self.b is None:
            raise NotImplementedError(f"layer {self.layer_name!r} was made without biases")
        return self.b
