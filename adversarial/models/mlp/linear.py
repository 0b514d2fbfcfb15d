"""Dense layers that apply one function to each unit.

A layer of this kind is its `_activate`, a function of z = x W + b; see `Softplus`. Weights, biases,
constraints and monitor channels come from `Linear` and its bases.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Optional

import aesara.tensor as at

from adversarial import backend
from adversarial.models.channels import unit_channels
from adversarial.models.mlp.cross_entropy import binary_cross_entropy
from adversarial.models.mlp.dense import Dense
from adversarial.models.mlp.sizes import positive_size
from adversarial.space import Space, VectorSpace
from adversarial.utils.positional import positional_order

# `adversarial.models.mlp` exports these.
__all__ = ["HardSigmoid", "Linear", "RectifiedLinear", "Sigmoid", "Softplus", "Tanh"]


class Linear(Dense):
    """x W + b, shape (batch, dim).

    The loss is the squared error, summed over units and averaged over examples.

    Parameters
    ----------
    dim : int
        Number of units.
    layer_name : str
    copy_input : bool, optional
        Append the input to the output, shape (batch, dim + inputs).
    use_abs_loss : bool
        The loss is the absolute error instead.
    **kwargs
        The weights' first values (`irange`, `istdev`, `sparse_init`, ...; see `help(WeightInit)`
        in `adversarial.models.initialization`), bounds on their norms (`max_col_norm`, ...; see
        `help(NormConstraint)` in `adversarial.models.constraints`), factors of the learning rate
        (`W_lr_scale`, `b_lr_scale`; see `help(Affine)` in `adversarial.models.mlp.affine`), and
        `init_bias`, `use_bias` and `mask_weights` (see `help(Dense)`).

    Examples
    --------
    >>> from adversarial import backend
    >>> from adversarial.models.mlp import MLP
    >>> layer = Linear(dim=2, layer_name="h0", irange=0.5, init_bias=[1.0, 2.0])
    >>> mlp = MLP([layer], nvis=3)
    >>> x = backend.shared([[0.0, 0.0, 0.0]])
    >>> backend.function([], mlp.fprop(x))()
    array([[1., 2.]], dtype=float32)
    """

    # Whether `cost_matrix` is a loss for this layer as the top of a network. A subclass for hidden
    # units says False, or it inherits the squared error.
    defines_loss = True

    @positional_order(
        "dim layer_name irange istdev sparse_init sparse_stdev include_prob init_bias",
        "W_lr_scale b_lr_scale mask_weights max_row_norm max_col_norm min_col_norm",
        "copy_input use_abs_loss use_bias",
    )
    def __init__(
        self,
        dim: int,
        layer_name: str,
        *,
        copy_input: Optional[int] = None,
        use_abs_loss: bool = False,
        **kwargs: Any,
    ) -> None:
        self.dim = positive_size(f"layer {layer_name!r}", "dim", dim)
        self.copy_input = bool(copy_input)
        self.use_abs_loss = use_abs_loss
        super().__init__(layer_name, **kwargs)

    @property
    def units(self) -> int:
        return self.dim

    def set_input_space(self, space: Space) -> None:
        super().set_input_space(space)
        copied = self.input_dim if self.copy_input else 0
        self.output_space = VectorSpace(self.dim + copied)

    def fprop(self, state_below: Any) -> Any:
        p = self._activate(self._linear_part(state_below))
        if self.copy_input:
            x = self.input_space.format_as(state_below, self.desired_space)
            p = at.concatenate([p, x], axis=1)
        return p

    def _activate(self, z: Any) -> Any:
        """The function of each unit's z (batch, dim), symbolic: here the identity."""
        return z

    def cost_matrix(self, Y: Any, Y_hat: Any) -> Any:
        if not self.defines_loss:
            raise NotImplementedError(f"{type(self).__name__} defines no loss")
        error = Y - Y_hat
        return abs(error) if self.use_abs_loss else at.square(error)

    def get_layer_monitoring_channels(
        self, state_below: Any = None, state: Any = None, targets: Any = None
    ) -> OrderedDict:
        channels = super().get_layer_monitoring_channels(state_below, state, targets)
        if state is None and state_below is not None:
            state = self.fprop(state_below)
        if state is not None:
            channels.update(unit_channels(state))
        return channels


class RectifiedLinear(Linear):
    """max(z, 0), or left_slope * z where z is negative; see `Linear` for z.

    Parameters
    ----------
    left_slope : float
    **kwargs
        Those of `Linear`, which `help(Linear)` describes.

    References
    ----------
    X. Glorot, A. Bordes and Y. Bengio, "Deep sparse rectifier neural networks", AISTATS 2011;
    A. Maas, A. Hannun and A. Ng, "Rectifier nonlinearities improve neural network acoustic models",
    ICML 2013, for a slope other than 0.

    Examples
    --------
    >>> from adversarial import backend
    >>> layer = RectifiedLinear(dim=3, layer_name="h0", irange=0.05, left_slope=0.1)
    >>> backend.function([], layer._activate(backend.shared([-2.0, 0.0, 3.0])))()
    array([-0.2,  0. ,  3. ], dtype=float32)
    """

    defines_loss = False

    def __init__(self, left_slope: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.left_slope = left_slope

    def _activate(self, z: Any) -> Any:
        return backend.rectify(z, self.left_slope)


class Softplus(Linear):
    """log(1 + exp(z)), a smooth rectifier; see `Linear` for z.

    Parameters
    ----------
    **kwargs
        Those of `Linear`, which `help(Linear)` describes.

    References
    ----------
    C. Dugas et al., "Incorporating second-order functional knowledge for better option pricing",
    NIPS 2000, equation 1.

    Examples
    --------
    >>> from adversarial import backend
    >>> layer = Softplus(dim=2, layer_name="h0", irange=0.05)
    >>> backend.function([], layer._activate(backend.shared([0.0, 100.0])))().round(3)
    array([  0.693, 100.   ], dtype=float32)
    """

    defines_loss = False

    def _activate(self, z: Any) -> Any:
        return at.softplus(z)


class Tanh(Linear):
    """tanh(z); see `Linear` for z.

    Parameters
    ----------
    **kwargs
        Those of `Linear`, which `help(Linear)` describes.

    References
    ----------
    Y. LeCun et al., "Efficient backprop", 1998, section 4.4.

    Examples
    --------
    >>> from adversarial import backend
    >>> layer = Tanh(dim=2, layer_name="h0", irange=0.05)
    >>> backend.function([], layer._activate(backend.shared([0.0, 1.0])))().round(3)
    array([0.   , 0.762], dtype=float32)
    """

    defines_loss = False

    def _activate(self, z: Any) -> Any:
        return at.tanh(z)


class HardSigmoid(Linear):
    """z clipped to [0, 1]; see `Linear` for z.

    Parameters
    ----------
    left_slope : float
        Accepted, as in 2014, and unused.
    **kwargs
        Those of `Linear`, which `help(Linear)` describes.

    Examples
    --------
    >>> from adversarial import backend
    >>> layer = HardSigmoid(dim=3, layer_name="h0", irange=0.05)
    >>> backend.function([], layer._activate(backend.shared([-1.0, 0.25, 2.0])))()
    array([0.  , 0.25, 1.  ], dtype=float32)
    """

    defines_loss = False

    def __init__(self, left_slope: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.left_slope = left_slope

    def _activate(self, z: Any) -> Any:
        return at.clip(z, 0.0, 1.0)


class Sigmoid(Linear):
    """1 / (1 + exp(-z)); see `Linear` for z.

    With one unit it is the top of a discriminator: the probability that the input is data. The loss
    is the mean cross-entropy of the units, computed from z (see `cross_entropy`).

    Parameters
    ----------
    monitor_style : 'detection', 'bit_vector_class' or 'classification'
        Channels where targets are monitored: precision, recall and F1 of the decision p > 0.5, its
        share of errors and the loss (`kl`); the share of examples with any unit on the wrong side
        of 0.5; the share of examples whose greatest unit is not that of the target.
    **kwargs
        Those of `Linear`, which `help(Linear)` describes.

    References
    ----------
    "Generative Adversarial Nets", section 3: D(x).

    Examples
    --------
    >>> from adversarial import backend
    >>> layer = Sigmoid(dim=2, layer_name="y", irange=0.05)
    >>> p = layer._activate(backend.shared([[0.0, -200.0]]))
    >>> backend.function([], layer.cost_matrix(backend.shared([[1.0, 1.0]]), p))().round(3)
    array([[  0.693, 200.   ]], dtype=float32)
    """

    STYLES = ("detection", "bit_vector_class", "classification")

    def __init__(self, monitor_style: str = "detection", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if monitor_style not in self.STYLES:
            raise ValueError(f"monitor_style must be one of {self.STYLES}, not {monitor_style!r}")
        self.monitor_style = monitor_style

    def _activate(self, z: Any) -> Any:
        return at.sigmoid(z)

    def cost_matrix(self, Y: Any, Y_hat: Any) -> Any:
        if self.copy_input:
            raise NotImplementedError(
                f"layer {self.layer_name!r} has copy_input, so its output is not only "
                "probabilities, and defines no loss"
            )
        return binary_cross_entropy(Y, Y_hat)

    def cost_from_cost_matrix(self, cost_matrix: Any) -> Any:
        """Mean over units and examples."""
        return cost_matrix.mean()

    def kl(self, Y: Any, Y_hat: Any) -> Any:
        """Mean cross-entropy of the units, (batch,): the KL divergence up to Y's own entropy."""
        return self.cost_matrix(Y, Y_hat).mean(axis=1)

    @staticmethod
    def get_detection_channels_from_state(state: Any, target: Any) -> OrderedDict:
        """Precision, recall, F1 and misclassification of the decision state > 0.5."""
        y_hat = at.cast(state > 0.5, state.dtype)
        y = at.cast(target > 0.5, state.dtype)
        hits, misses = (y * y_hat).sum(), (y * (1 - y_hat)).sum()
        false_alarms = ((1 - y) * y_hat).sum()
        tiny = 1e-7
        precision = hits / at.maximum(tiny, hits + false_alarms)
        recall = hits / at.maximum(tiny, hits + misses)
        return OrderedDict(
            misclass=at.neq(y, y_hat).mean(dtype=state.dtype),
            precision=precision,
            recall=recall,
            f1=2.0 * precision * recall / at.maximum(tiny, precision + recall),
        )

    def get_layer_monitoring_channels(
        self, state_below: Any = None, state: Any = None, targets: Any = None
    ) -> OrderedDict:
        channels = super().get_layer_monitoring_channels(state_below, state, targets)
        if state is None and state_below is not None:
            state = self.fprop(state_below)
        if targets is None or state is None:
            return channels
        if self.monitor_style == "detection":
            found = self.get_detection_channels_from_state(state, targets)
            channels.update(found, **{"01_loss": found["misclass"]})
            if not self.copy_input:
                channels["kl"] = self.cost(targets, state)
        elif self.monitor_style == "bit_vector_class":
            wrong = at.neq(targets > 0.5, state > 0.5).any(axis=1)
            channels["misclass"] = wrong.mean(dtype=state.dtype)
        else:
            wrong = at.neq(state.argmax(axis=1), targets.argmax(axis=1))
            channels["misclass"] = wrong.mean(dtype=state.dtype)
        return channels
