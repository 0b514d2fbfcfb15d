"""`Layer`, the base of all layers."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Optional

from adversarial.models.model import Model
from adversarial.space import Space
from adversarial.utils.checks import check_name

if TYPE_CHECKING:
    from adversarial.models.mlp.network import MLP


class Layer(Model):
    """A function from one space to another, a part of an MLP.

    The MLP calls `set_mlp` on each of its layers, then `set_input_space` from the input up. A layer
    makes its parameters in `set_input_space`, drawn from `self.mlp.rng`, and sets `output_space`.
    `fprop` is its function. A dense layer is shorter to write as a subclass of `Linear`.

    Parameters
    ----------
    layer_name : str, optional
        Unique in its MLP. Channels and costs refer to the layer by it.
    extensions : list, optional
        As `Model` takes them.

    Raises
    ------
    TypeError
        If `layer_name` is no string.
    ValueError
        If it is empty or has control characters, such as line breaks.

    Examples
    --------
    >>> from adversarial import backend
    >>> from adversarial.models.mlp import MLP
    >>> class Square(Layer):
    ...     def set_input_space(self, space):
    ...         self.input_space = self.output_space = space
    ...     def fprop(self, state_below):
    ...         return state_below**2
    >>> mlp = MLP([Square("h0")], nvis=2)
    >>> backend.function([], mlp.fprop(backend.shared([[2.0, 3.0]])))()
    array([[4., 9.]], dtype=float32)
    """

    # Of the class, for subclasses that do not call the constructor.
    layer_name: Any = None
    mlp: Any = None  # an MLP; Any, since a layer has none before it becomes part of one
    # The value that dropout gives to an input that it drops.
    dropout_input_mask_value: float = 0.0

    def __init__(self, layer_name: Optional[str] = None, extensions: Optional[list] = None) -> None:
        super().__init__(extensions)
        if layer_name is not None and not isinstance(layer_name, str):
            raise TypeError(f"layer_name must be a string, not {layer_name!r}")
        if layer_name is not None:
            check_name("layer_name", layer_name)
        self.layer_name = layer_name
        self.mlp = None

    def get_mlp(self) -> Optional[MLP]:
        """The MLP that the layer belongs to, or None."""
        return self.mlp

    def set_mlp(self, mlp: MLP) -> None:
        """Make the layer a part of `mlp`; ValueError if it is a part of another."""
        if self.mlp is not None and self.mlp is not mlp:
            raise ValueError(f"layer {self.layer_name!r} already belongs to another MLP")
        self.mlp = mlp

    def set_input_space(self, space: Space) -> None:
        """Set `input_space` and `output_space`, and draw the parameters, if there are any."""
        raise NotImplementedError(f"{type(self).__name__} does not define set_input_space")

    def fprop(self, state_below: Any) -> Any:
        """The output, symbolic, in the output space, for a batch of the input space."""
        raise NotImplementedError(f"{type(self).__name__} does not define fprop")

    # The loss of the layer at the top of an MLP. Y_hat is what `fprop` returned.

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
        """Monitor channels of the layer.

        Parameters
        ----------
        state_below : symbolic batch, optional
            The layer's input.
        state : symbolic batch, optional
            Its output for that input, if the caller has it.
        targets : symbolic batch, optional
            For the top layer, if there are any.

        Returns
        -------
        dict of str to symbolic scalar
        """
        return OrderedDict()

    # Parameters of a typical layer

    def set_weights(self, weights: Any) -> None:
        """Set W to an array of its shape."""
        raise NotImplementedError(f"{type(self).__name__} has no weights to set")

    def get_biases(self) -> Any:
        """The value of b."""
        raise NotImplementedError(f"{type(self).__name__} has no biases")

    def set_biases(self, biases: Any) -> None:
        """Set b to an array of its shape."""
        raise NotImplementedError(f"{type(self).__name__} has no biases to set")

    def get_weight_decay(self, coeff: Any) -> Any:
        """`coeff` times the sum of squared weights, a symbolic scalar."""
        raise NotImplementedError(f"{type(self).__name__} has no weights to decay")

    def get_l1_weight_decay(self, coeff: Any) -> Any:
        """`coeff` times the sum of absolute weights, a symbolic scalar."""
        raise NotImplementedError(f"{type(self).__name__} has no weights to decay")


class SameSpaceLayer(Layer):
    """The base of layers without weights whose output has the layout of their input.

    Parameters
    ----------
    layer_name, extensions
        As `Layer` takes them.

    Examples
    --------
    >>> from adversarial.models.mlp import MLP
    >>> class Square(SameSpaceLayer):
    ...     def fprop(self, state_below):
    ...         return state_below**2
    >>> MLP([Square("h0")], nvis=2).get_output_space()
    VectorSpace(dim=2, dtype=float32)
    """

    def set_input_space(self, space: Space) -> None:
        self.input_space = space
        self.output_space = space
