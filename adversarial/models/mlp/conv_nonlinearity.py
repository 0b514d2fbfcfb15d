"""The functions that `ConvElemwise` applies to each detector value."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import aesara.tensor as at

from adversarial import backend
from adversarial.modelfile import Persistent
from adversarial.models.channels import unit_channels
from adversarial.models.mlp.cross_entropy import binary_cross_entropy
from adversarial.models.mlp.linear import Sigmoid


class ConvNonlinearity(Persistent):
    """A function of each value of a batch of maps (batch, channels, rows, columns).

    A subclass overrides `apply`, and `cost` if it has a loss, the mean over the batch.

    Examples
    --------
    >>> class Square(ConvNonlinearity):
    ...     def apply(self, linear_response):
    ...         return linear_response**2
    >>> backend.function([], Square().apply(backend.shared([3.0])))()
    array([9.], dtype=float32)
    """

    def apply(self, linear_response: Any) -> Any:
        """The function, symbolic; here the identity."""
        return linear_response

    def _get_monitoring_channels_for_activations(self, state: Any) -> OrderedDict:
        return unit_channels(state, (0, 2, 3))

    def get_monitoring_channels_from_state(
        self, state: Any, target: Any, cost_fn: Any = None
    ) -> OrderedDict:
        """Monitor channels of the output.

        Parameters
        ----------
        state : symbolic batch (batch, channels, rows, columns)
            The layer's output.
        target : symbolic batch or None
        cost_fn : callable, optional
            The layer's loss, a function of targets and output.
        """
        return self._get_monitoring_channels_for_activations(state)

    def cost(self, Y: Any, Y_hat: Any, batch_axis: int) -> Any:
        """The loss, a symbolic scalar, of output `Y_hat` for targets `Y`."""
        raise NotImplementedError(f"{type(self).__name__} defines no loss")


class IdentityConvNonlinearity(ConvNonlinearity):
    """z; the loss is the squared error.

    Examples
    --------
    >>> x = backend.shared([[[[1.0, 2.0]]]])
    >>> backend.function([], IdentityConvNonlinearity().cost(0.0, x, batch_axis=0))()
    array(5., dtype=float32)
    """

    def get_monitoring_channels_from_state(
        self, state: Any, target: Any, cost_fn: Any = None
    ) -> OrderedDict:
        channels = super().get_monitoring_channels_from_state(state, target, cost_fn)
        if target is not None and cost_fn is not None:
            channels["mse"] = cost_fn(target, state)
        return channels

    def cost(self, Y: Any, Y_hat: Any, batch_axis: int) -> Any:
        losses = at.square(Y - Y_hat)
        return losses.sum(axis=[a for a in range(losses.ndim) if a != batch_axis]).mean()


class RectifierConvNonlinearity(ConvNonlinearity):
    """max(z, 0), or left_slope * z where z is negative.

    Parameters
    ----------
    left_slope : float

    Examples
    --------
    >>> z = backend.shared([-2.0, 3.0])
    >>> backend.function([], RectifierConvNonlinearity(0.1).apply(z))()
    array([-0.2,  3. ], dtype=float32)
    """

    def __init__(self, left_slope: float = 0.0) -> None:
        self.left_slope = left_slope

    def apply(self, linear_response: Any) -> Any:
        return backend.rectify(linear_response, self.left_slope)


class SigmoidConvNonlinearity(ConvNonlinearity):
    """1 / (1 + exp(-z)); the loss is the cross-entropy, computed from z (see `cross_entropy`).

    Parameters
    ----------
    monitor_style : 'classification' or 'detection'
        Channels with targets: `01_loss`, the share of wrong decisions p > 0.5, and `kl`, the loss;
        with 'detection' also precision, recall and F1.

    Examples
    --------
    >>> z = backend.shared([0.0, 3.0])
    >>> backend.function([], SigmoidConvNonlinearity().apply(z))().round(3)
    array([0.5  , 0.953], dtype=float32)
    """

    STYLES = ("classification", "detection")

    def __init__(self, monitor_style: str = "classification") -> None:
        if monitor_style not in self.STYLES:
            raise ValueError(f"monitor_style must be one of {self.STYLES}, not {monitor_style!r}")
        self.monitor_style = monitor_style

    def apply(self, linear_response: Any) -> Any:
        return at.sigmoid(linear_response)

    def get_monitoring_channels_from_state(
        self, state: Any, target: Any, cost_fn: Any = None
    ) -> OrderedDict:
        channels = super().get_monitoring_channels_from_state(state, target, cost_fn)
        if target is None:
            return channels
        found = Sigmoid.get_detection_channels_from_state(state, target)
        channels["01_loss"] = found.pop("misclass")
        if cost_fn is not None:
            channels["kl"] = cost_fn(target, state)
        if self.monitor_style == "detection":
            channels.update(found)
        return channels

    def cost(self, Y: Any, Y_hat: Any, batch_axis: int) -> Any:
        return binary_cross_entropy(Y, Y_hat).mean()


class TanhConvNonlinearity(ConvNonlinearity):
    """tanh(z).

    Examples
    --------
    >>> backend.function([], TanhConvNonlinearity().apply(backend.shared([0.0, 1.0])))().round(3)
    array([0.   , 0.762], dtype=float32)
    """

    def apply(self, linear_response: Any) -> Any:
        return at.tanh(linear_response)
