"""`Dense`, the base of fully connected layers."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Optional

import aesara.tensor as at
import numpy as np

from adversarial import backend
from adversarial.models.channels import norm_channels
from adversarial.models.constraints import NormConstraint
from adversarial.models.initialization import initial_bias
from adversarial.models.mlp.affine import Affine
from adversarial.space import Conv2DSpace, Space, VectorSpace
from adversarial.utils.flat_arguments import FlatAttributes, flat_arguments


class Dense(Affine):
    """z = x W + b for a batch x (batch, inputs); what becomes of z is the subclass's to say.

    A subclass says in `units` how many columns W has, which must be known before this constructor
    is called, and computes its output from `_linear_part`. A function of each unit is shorter to
    write as a subclass of `Linear`.

    Parameters
    ----------
    layer_name : str
    init_bias : float or array (units,)
        Initial values of b.
    norm_constraint : NormConstraint
        Bounds on norms of W. In a YAML file its fields are given one by one: `max_col_norm: 1.9`.
    mask_weights : array (inputs, units), optional
        Weights where it is zero stay zero.
    use_bias : bool
        Whether there is a b.
    **kwargs
        As `Affine` takes them.

    Raises
    ------
    ValueError
        If the bounds cannot be kept, or `init_bias` is not finite or not of the shape of b. When
        the layer gets its input space: if `mask_weights` is not of the shape of W.

    Examples
    --------
    >>> from adversarial.models.mlp import MLP
    >>> class Square(Dense):
    ...     units = 2
    ...     def set_input_space(self, space):
    ...         super().set_input_space(space)
    ...         self.output_space = VectorSpace(self.units)
    ...     def fprop(self, state_below):
    ...         return self._linear_part(state_below) ** 2
    >>> mlp = MLP([Square("h0", irange=0.05, init_bias=[2.0, 3.0])], nvis=3)
    >>> mlp.layers[0].W.get_value().shape
    (3, 2)
    >>> backend.function([], mlp.fprop(backend.shared([[0.0, 0.0, 0.0]])))()
    array([[4., 9.]], dtype=float32)
    """

    norm_constraint = FlatAttributes(NormConstraint)

    @flat_arguments(norm_constraint=NormConstraint)
    def __init__(
        self,
        layer_name: str,
        *,
        init_bias: Any = 0.0,
        mask_weights: Optional[np.ndarray] = None,
        norm_constraint: NormConstraint,
        use_bias: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(layer_name, **kwargs)
        norm_constraint.check(layer_name)
        self.mask_weights = mask_weights
        self.norm_constraint = norm_constraint
        self.use_bias = use_bias
        if use_bias:
            bias = initial_bias(init_bias, (self.units,), layer_name)
            self.b = backend.shared(bias.astype(backend.floatX), f"{layer_name}_b")

    @property
    def units(self) -> int:
        """Columns of W."""
        raise NotImplementedError(f"{type(self).__name__} does not define units")

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
        W = self.weight_init.draw(self.mlp.rng, shape, allowed=self.mask_weights)
        if self.mask_weights is not None:
            W = W * self.mask_weights
        self.W = backend.shared(W.astype(backend.floatX), f"{self.layer_name}_W")
        self._params = [self.W] if self.b is None else [self.W, self.b]

    def _linear_part(self, state_below: Any) -> Any:
        """x W + b, shape (batch, units), for `state_below` in the layer's input space."""
        x = self.input_space.format_as(state_below, self.desired_space)
        z = at.dot(x, self.W)
        return z if self.b is None else z + self.b

    def _modify_updates(self, updates: OrderedDict) -> None:
        if self.mask_weights is not None and self.W in updates:
            updates[self.W] = updates[self.W] * self.mask_weights
        self.norm_constraint.apply(updates, self.W)

    def get_weights(self) -> np.ndarray:
        return self._weights().get_value()

    def get_weights_topo(self) -> np.ndarray:
        """One image a unit, (units, rows, columns, channels), if the input is images."""
        if not isinstance(self.input_space, Conv2DSpace):
            raise NotImplementedError(f"the input of layer {self.layer_name!r} is not an image")
        images = self.desired_space.np_format_as(self.get_weights().T, self.input_space)
        return Conv2DSpace.convert_numpy(images, self.input_space.axes, ("b", 0, 1, "c"))

    def get_layer_monitoring_channels(
        self, state_below: Any = None, state: Any = None, targets: Any = None
    ) -> OrderedDict:
        return norm_channels(self.W)
