"""What fully connected layers have in common: weights, biases and their constraints."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Optional

import aesara.tensor as at
import numpy as np

from adversarial import backend
from adversarial.models.constraints import check_norms, constrain_norms
from adversarial.models.initialization import check_initialization, initial_bias, initial_weights
from adversarial.models.mlp.affine import Affine
from adversarial.models.statistics import norm_channels
from adversarial.space import Conv2DSpace, Space, VectorSpace


class Dense(Affine):
    """An affine map of a batch (batch, inputs) to (batch, units): x W + b.

    Parameters
    ----------
    units : int
        Columns of W.
    irange, istdev, sparse_init : one of them
        How W begins; see `initial_weights` (also for `sparse_stdev` and `include_prob`).
    init_bias : float or array (units,)
        How b begins.
    W_lr_scale, b_lr_scale : float, optional
        Factors on the learning rates of W and b.
    mask_weights : array (inputs, units), optional
        Weights where it is zero stay zero.
    max_col_norm, min_col_norm, max_row_norm : float, optional
        Bounds on the norm of each column (row) of W, kept at every update.
    """

    def __init__(
        self,
        layer_name: str,
        units: int,
        irange: Optional[float] = None,
        istdev: Optional[float] = None,
        sparse_init: Optional[int] = None,
        sparse_stdev: float = 1.0,
        include_prob: float = 1.0,
        init_bias: Any = 0.0,
        W_lr_scale: Optional[float] = None,
        b_lr_scale: Optional[float] = None,
        mask_weights: Optional[np.ndarray] = None,
        max_row_norm: Optional[float] = None,
        max_col_norm: Optional[float] = None,
        min_col_norm: Optional[float] = None,
        use_bias: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(layer_name, W_lr_scale, b_lr_scale, **kwargs)
        check_initialization(layer_name, irange=irange, istdev=istdev, sparse_init=sparse_init)
        check_norms(max_row_norm=max_row_norm, max_col_norm=max_col_norm, min_col_norm=min_col_norm)
        if max_row_norm is not None and max_col_norm is not None:
            raise ValueError(f"layer {layer_name!r}: give max_row_norm or max_col_norm, not both")
        self.irange = irange
        self.istdev = istdev
        self.sparse_init = sparse_init
        self.sparse_stdev = sparse_stdev
        self.include_prob = include_prob
        self.mask_weights = mask_weights
        self.max_row_norm = max_row_norm
        self.max_col_norm = max_col_norm
        self.min_col_norm = min_col_norm
        self.use_bias = use_bias
        if use_bias:
            bias = initial_bias(init_bias, units, layer_name)
            self.b = backend.shared(bias.astype(backend.floatX), f"{layer_name}_b")

    def set_input_space(self, space: Space) -> None:
        self.input_space = space
        self.input_dim = space.get_total_dimension()
        self.desired_space = VectorSpace(self.input_dim)
        shape = (self.input_dim, self.units)
        if self.mask_weights is not None:
            self.mask_weights = np.asarray(self.mask_weights, dtype=backend.floatX)
            if self.mask_weights.shape != shape:
                raise ValueError(
                    f"layer {self.layer_name!r}: mask_weights has shape "
                    f"{self.mask_weights.shape}, expected {shape}"
                )
        W = initial_weights(
            self.mlp.rng,
            shape,
            irange=self.irange,
            istdev=self.istdev,
            sparse_init=self.sparse_init,
            sparse_stdev=self.sparse_stdev,
            include_prob=self.include_prob,
            allowed=self.mask_weights,
        )
        if self.mask_weights is not None:
            W = W * self.mask_weights
        self.W = backend.shared(W.astype(backend.floatX), f"{self.layer_name}_W")
        self._params = [self.W] if self.b is None else [self.W, self.b]

    @property
    def units(self) -> int:
        """Columns of W."""
        raise NotImplementedError

    def _linear_part(self, state_below: Any) -> Any:
        """x W + b, shape (batch, units), for `state_below` in the layer's input space."""
        x = self.input_space.format_as(state_below, self.desired_space)
        z = at.dot(x, self.W)
        return z if self.b is None else z + self.b

    def _modify_updates(self, updates: OrderedDict) -> None:
        if self.mask_weights is not None and self.W in updates:
            updates[self.W] = updates[self.W] * self.mask_weights
        constrain_norms(updates, self.W, (1,), self.max_row_norm)
        constrain_norms(updates, self.W, (0,), self.max_col_norm, self.min_col_norm or 0.0)

    def get_weights(self) -> np.ndarray:
        return self.W.get_value()

    def get_weights_topo(self) -> np.ndarray:
        """One image a unit, (units, rows, columns, channels), when the input is an image."""
        if not isinstance(self.input_space, Conv2DSpace):
            raise NotImplementedError(f"the input of layer {self.layer_name!r} is not an image")
        images = self.desired_space.np_format_as(self.W.get_value().T, self.input_space)
        return Conv2DSpace.convert_numpy(images, self.input_space.axes, ("b", 0, 1, "c"))

    def get_layer_monitoring_channels(
        self, state_below: Any = None, state: Any = None, targets: Any = None
    ) -> OrderedDict:
        return norm_channels(self.W)


def get_lr_scalers_from_layers(owner: Any) -> OrderedDict:
    """The learning rate factors of all layers of `owner`; ValueError for a foreign parameter."""
    scalers = OrderedDict()
    params = owner.get_params()
    frozen = getattr(owner, "freeze_set", ())
    for layer in owner.layers:
        for param, scale in layer.get_lr_scalers().items():
            if param in frozen:
                continue
            if param not in params:
                raise ValueError(f"layer {layer.layer_name!r} scales the rate of foreign {param}")
            scalers[param] = scale
    return scalers


def weight_decay(layers: Sequence[Any], method: str, coeffs: Any) -> Any:
    """The sum over `layers` of `method` (get_weight_decay, or its L1 kin), a symbolic scalar.

    `coeffs` is one coefficient for all of them, or a list of one a layer; a layer that is made of
    layers may have a list of its own. Layers whose coefficient is 0 need not have weights; without
    any other, the sum is a constant 0 of type floatX. ValueError for a list of another length.
    """
    if not isinstance(coeffs, (list, tuple)):
        coeffs = [coeffs] * len(layers)
    if len(coeffs) != len(layers):
        raise ValueError(f"{len(coeffs)} weight decay coefficients for {len(layers)} layers")
    terms = [
        getattr(layer, method)(coeff)
        for layer, coeff in zip(layers, coeffs)
        if isinstance(coeff, (list, tuple)) or hasattr(coeff, "owner") or coeff != 0
    ]
    return sum(terms) if terms else at.constant(np.asarray(0, dtype=backend.floatX))
