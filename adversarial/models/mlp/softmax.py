"""The softmax layer, the top of a classifier."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Optional

import aesara.tensor as at
import numpy as np
from aesara.tensor.special import softmax

from adversarial.models.initialization import WeightInit
from adversarial.models.mlp.cross_entropy import log_probabilities
from adversarial.models.mlp.dense import Dense
from adversarial.models.mlp.sizes import positive_size
from adversarial.space import IndexSpace, Space, VectorSpace
from adversarial.utils.flat_arguments import flat_arguments
from adversarial.utils.positional import positional_order

if TYPE_CHECKING:
    from adversarial.datasets.dense_design_matrix import DenseDesignMatrix


class Softmax(Dense):
    """Class probabilities (batch, n_classes): the softmax of the logits z = x W + b.

    The loss is the negative log-likelihood, computed from the logits (see `cross_entropy`).

    Parameters
    ----------
    n_classes : int
    layer_name : str
    no_affine : bool
        The input is already the logits; the layer has no parameters.
    init_bias_target_marginals : DenseDesignMatrix, optional
        Initial biases are the logarithms of the class frequencies of its targets, minus their mean.
        Targets are one class number an example, or one column a class.
    binary_target_dim : int, optional
        Targets are class numbers, this many an example, instead of one-hot rows. The loss of an
        example is the sum over its targets of -log p. It is misclassified if the most probable
        class is none of them.
    non_redundant : bool
        The first logit is fixed at zero, so that n_classes - 1 are learned.
    **kwargs
        As `Dense`, `Affine` and `WeightInit` take them: `irange`, `max_col_norm`, ...

    Raises
    ------
    NotOneLabel
        A ValueError: `init_bias_target_marginals` has several class numbers an example.

    Examples
    --------
    >>> from adversarial import backend
    >>> from adversarial.models.mlp import MLP
    >>> mlp = MLP([Softmax(n_classes=4, layer_name="y", irange=0.0)], nvis=3)
    >>> backend.function([], mlp.fprop(backend.shared([[1.0, 2.0, 3.0]])))()
    array([[0.25, 0.25, 0.25, 0.25]], dtype=float32)
    """

    @positional_order(
        "n_classes layer_name irange istdev sparse_init W_lr_scale b_lr_scale max_row_norm",
        "no_affine max_col_norm init_bias_target_marginals binary_target_dim non_redundant",
        fixed=["init_bias", "use_bias"],
    )
    @flat_arguments(weight_init=WeightInit)
    def __init__(
        self,
        n_classes: int,
        layer_name: str,
        *,
        weight_init: WeightInit,
        no_affine: bool = False,
        init_bias_target_marginals: Optional[DenseDesignMatrix] = None,
        binary_target_dim: Optional[int] = None,
        non_redundant: bool = False,
        **kwargs: Any,
    ) -> None:
        self.n_classes = positive_size(f"layer {layer_name!r}", "n_classes", n_classes)
        if self.n_classes < 2:
            raise ValueError(f"layer {layer_name!r}: n_classes must be at least 2, not {n_classes}")
        self.non_redundant = non_redundant
        self.no_affine = no_affine
        self.binary_target_dim = binary_target_dim
        if no_affine:
            if weight_init != WeightInit():
                raise ValueError(f"layer {layer_name!r}: no_affine leaves no weights to initialise")
            weight_init = WeightInit(irange=0.0)
        super().__init__(
            layer_name,
            weight_init=weight_init,
            init_bias=_log_frequencies(init_bias_target_marginals, self.n_classes, non_redundant),
            use_bias=not no_affine,
            **kwargs,
        )
        self.output_space = VectorSpace(self.n_classes)

    @property
    def units(self) -> int:
        return self.n_classes - int(self.non_redundant)

    def set_input_space(self, space: Space) -> None:
        if self.no_affine:
            self.input_space = space
            self.desired_space = VectorSpace(space.get_total_dimension())
            if self.desired_space.dim != self.units:
                raise ValueError(
                    f"layer {self.layer_name!r} without weights needs {self.units} inputs, "
                    f"got {self.desired_space.dim}"
                )
        else:
            super().set_input_space(space)

    def get_target_space(self) -> Space:
        if self.binary_target_dim is None:
            return self.output_space
        return IndexSpace(self.n_classes, self.binary_target_dim)

    def fprop(self, state_below: Any) -> Any:
        if self.no_affine:
            z = self.input_space.format_as(state_below, self.desired_space)
        else:
            z = self._linear_part(state_below)
        if self.non_redundant:
            z = at.concatenate([at.zeros((z.shape[0], 1), dtype=z.dtype), z], axis=1)
        return softmax(z, axis=-1)

    def cost_matrix(self, Y: Any, Y_hat: Any) -> Any:
        """-Y log p, shape (batch, n_classes)."""
        return -self._cost(Y, Y_hat)

    def _cost(self, Y: Any, Y_hat: Any) -> Any:
        log_p = log_probabilities(Y_hat)
        if self.binary_target_dim is not None:
            # (batch, targets, n_classes): a class that is a target twice counts twice.
            hot = at.eq(Y.dimshuffle(0, 1, "x"), np.arange(self.n_classes))
            Y = hot.sum(axis=1, dtype=log_p.dtype)
        return Y * log_p

    def _modify_updates(self, updates: OrderedDict) -> None:
        if not self.no_affine:
            super()._modify_updates(updates)

    def get_lr_scalers(self) -> OrderedDict:
        return OrderedDict() if self.no_affine else super().get_lr_scalers()

    def get_layer_monitoring_channels(
        self, state_below: Any = None, state: Any = None, targets: Any = None
    ) -> OrderedDict:
        channels = OrderedDict()
        if not self.no_affine:
            channels = super().get_layer_monitoring_channels(state_below, state, targets)
        if state is None and state_below is not None:
            state = self.fprop(state_below)
        if state is None:
            return channels
        surest = state.max(axis=1)
        channels["mean_max_class"] = surest.mean()
        channels["max_max_class"] = surest.max()
        channels["min_max_class"] = surest.min()
        if targets is not None:
            chosen = at.argmax(state, axis=1)
            # No inversion of booleans: without C code, Aesara computes ~True as -2, which is true.
            if self.binary_target_dim is None:
                wrong = at.neq(chosen, targets.argmax(axis=1))
            else:
                wrong = at.neq(chosen.dimshuffle(0, "x"), targets).all(axis=1)
            channels["misclass"] = wrong.mean(dtype=state.dtype)
            channels["nll"] = self.cost(targets, state)
        return channels


class NotOneLabel(ValueError, AssertionError):
    """Targets with several labels an example have no class frequencies.

    Also an AssertionError, which it was in 2014.
    """


def _log_frequencies(
    dataset: Optional[DenseDesignMatrix], n_classes: int, non_redundant: bool
) -> Any:
    if dataset is None:
        return 0.0
    y = dataset.get_targets()
    if y is None:
        raise ValueError("init_bias_target_marginals needs a data set that has targets")
    y = np.asarray(y)
    are_numbers = getattr(dataset, "y_labels", None) is not None
    if y.ndim == 2 and y.shape[1] == n_classes and not are_numbers:
        frequencies = y.mean(axis=0)
    elif y.size == len(y):
        frequencies = np.bincount(y.ravel().astype(int), minlength=n_classes) / len(y)
    else:
        raise NotOneLabel(
            f"init_bias_target_marginals needs one label an example, or {n_classes} columns that "
            f"are not class numbers, but its targets have shape {y.shape}"
        )
    if frequencies.shape != (n_classes,) or not (frequencies > 0).all():
        raise ValueError(
            f"init_bias_target_marginals: the class frequencies are {frequencies.tolist()}, and "
            f"{n_classes} are needed, all above 0"
        )
    bias = np.log(frequencies)
    return (bias - bias[0])[1:] if non_redundant else bias - bias.mean()
