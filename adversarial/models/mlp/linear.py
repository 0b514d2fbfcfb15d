"""Fully connected layers that apply one function to each unit."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Optional

import aesara.tensor as at

from adversarial import backend
from adversarial.models.mlp.cross_entropy import binary_cross_entropy
from adversarial.models.mlp.dense import Dense
from adversarial.models.statistics import unit_channels
from adversarial.space import Space, VectorSpace


class Linear(Dense):
    """x W + b, shape (batch, dim).

    The loss of a Linear layer is the squared error (absolute if `use_abs_loss`), summed over
    units.  `copy_input` appends the input to the output.  Other arguments: see `Dense`.
    """

    def __init__(
        self,
        dim: int,
        layer_name: str,
        irange: Optional[float] = None,
        istdev: Optional[float] = None,
        sparse_init: Optional[int] = None,
        sparse_stdev: float = 1.0,
        include_prob: float = 1.0,
        init_bias: Any = 0.0,
        W_lr_scale: Optional[float] = None,
        b_lr_scale: Optional[float] = None,
        mask_weights: Any = None,
        max_row_norm: Optional[float] = None,
        max_col_norm: Optional[float] = None,
        min_col_norm: Optional[float] = None,
        copy_input: Optional[int] = None,
        use_abs_loss: bool = False,
        use_bias: bool = True,
        **kwargs: Any,
    ) -> None:
        if not (isinstance(dim, int) and dim > 0):
            raise ValueError(f"layer {layer_name!r}: dim must be a positive integer, not {dim!r}")
        self.dim = dim
        self.copy_input = bool(copy_input)
        self.use_abs_loss = use_abs_loss
        super().__init__(
            layer_name,
            dim,
            irange=irange,
            istdev=istdev,
            sparse_init=sparse_init,
            sparse_stdev=sparse_stdev,
            include_prob=include_prob,
            init_bias=init_bias,
            W_lr_scale=W_lr_scale,
            b_lr_scale=b_lr_scale,
            mask_weights=mask_weights,
            max_row_norm=max_row_norm,
            max_col_norm=max_col_norm,
            min_col_norm=min_col_norm,
            use_bias=use_bias,
            **kwargs,
        )

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
        """The function applied to each unit: none."""
        return z

    def cost_matrix(self, Y: Any, Y_hat: Any) -> Any:
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
    """max(z, 0), or left_slope * z where z is negative."""

    def __init__(self, left_slope: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.left_slope = left_slope

    def _activate(self, z: Any) -> Any:
        return backend.rectify(z, self.left_slope)

    def cost_matrix(self, Y: Any, Y_hat: Any) -> Any:
        raise NotImplementedError("RectifiedLinear defines no loss")


class Softplus(Linear):
    """log(1 + exp(z))."""

    def _activate(self, z: Any) -> Any:
        return at.softplus(z)

    def cost_matrix(self, Y: Any, Y_hat: Any) -> Any:
        raise NotImplementedError("Softplus defines no loss")


class Tanh(Linear):
    """tanh(z)."""

    def _activate(self, z: Any) -> Any:
        return at.tanh(z)

    def cost_matrix(self, Y: Any, Y_hat: Any) -> Any:
        raise NotImplementedError("Tanh defines no loss")


class Sigmoid(Linear):
    """1 / (1 + exp(-z)); its loss is the cross-entropy (see `cross_entropy`).

    `monitor_style` says which channels are added when targets are monitored: 'detection'
    (precision, recall, F1 of the decision p > 0.5), 'bit_vector_class' (the share of examples
    with any unit wrong) or 'classification' (the share whose greatest unit is wrong).
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

    def kl(self, Y: Any, Y_hat: Any) -> Any:
        """Cross-entropy per example, shape (batch,): the KL divergence up to Y's own entropy."""
        return self.cost_matrix(Y, Y_hat).sum(axis=1)

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
            channels.update(self.get_detection_channels_from_state(state, targets))
        elif self.monitor_style == "bit_vector_class":
            wrong = at.neq(targets > 0.5, state > 0.5).any(axis=1)
            channels["misclass"] = wrong.mean(dtype=state.dtype)
        else:
            wrong = at.neq(state.argmax(axis=1), targets.argmax(axis=1))
            channels["misclass"] = wrong.mean(dtype=state.dtype)
        return channels
