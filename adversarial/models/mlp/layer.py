"""The base of all layers."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Optional

from adversarial.models.model import Model
from adversarial.space import Space


class Layer(Model):
    """A model that maps one space to another as part of an MLP.

    A layer gets its owner by `set_mlp`, then its input space by `set_input_space`, which is when
    it makes its parameters (from the owner's `rng`) and settles `output_space`.
    """

    # Of the class, for subclasses that do not call the constructor.
    layer_name: Any = None
    mlp: Any = None
    # What dropout puts in the place of an input that it drops: for most layers, nothing.
    dropout_input_mask_value: float = 0.0

    def __init__(self, layer_name: Optional[str] = None, extensions: Optional[list] = None) -> None:
        super().__init__(extensions)
        if layer_name is not None and not isinstance(layer_name, str):
            raise TypeError(f"layer_name must be a string, not {layer_name!r}")
        self.layer_name = layer_name
        self.mlp = None

    def get_mlp(self) -> Any:
        return self.mlp

    def set_mlp(self, mlp: Any) -> None:
        if self.mlp is not None and self.mlp is not mlp:
            raise ValueError(f"layer {self.layer_name!r} already belongs to another MLP")
        self.mlp = mlp

    def set_input_space(self, space: Space) -> None:
        raise NotImplementedError(f"{type(self).__name__} does not define set_input_space")

    def fprop(self, state_below: Any) -> Any:
        """The layer's output, symbolic, for input `state_below` in its input space."""
        raise NotImplementedError(f"{type(self).__name__} does not define fprop")

    # Losses, for the layer at the top of an MLP.  Y_hat is what `fprop` returned.

    def cost(self, Y: Any, Y_hat: Any) -> Any:
        """Mean loss over the batch, a scalar."""
        return self.cost_from_cost_matrix(self.cost_matrix(Y, Y_hat))

    def cost_matrix(self, Y: Any, Y_hat: Any) -> Any:
        """Loss per example and output unit, shape (batch, units)."""
        raise NotImplementedError(f"{type(self).__name__} defines no loss")

    def cost_from_cost_matrix(self, cost_matrix: Any) -> Any:
        """Sum over units, mean over examples."""
        return cost_matrix.sum(axis=1).mean()

    def get_layer_monitoring_channels(
        self, state_below: Any = None, state: Any = None, targets: Any = None
    ) -> OrderedDict:
        """Channel name -> scalar; `state` is the layer's output for `state_below`."""
        return OrderedDict()

    # Parameters of a typical layer

    def set_weights(self, weights: Any) -> None:
        raise NotImplementedError(f"{type(self).__name__} has no weights to set")

    def get_biases(self) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no biases")

    def set_biases(self, biases: Any) -> None:
        raise NotImplementedError(f"{type(self).__name__} has no biases to set")

    def get_weight_decay(self, coeff: Any) -> Any:
        """`coeff` times the sum of squared weights."""
        raise NotImplementedError(f"{type(self).__name__} has no weights to decay")

    def get_l1_weight_decay(self, coeff: Any) -> Any:
        """`coeff` times the sum of absolute weights."""
        raise NotImplementedError(f"{type(self).__name__} has no weights to decay")


class SameSpaceLayer(Layer):
    """The base of layers without weights whose output has the layout of their input."""

    def set_input_space(self, space: Space) -> None:
        self.input_space = space
        self.output_space = space
