"""The loss of a network that learns from targets with dropout (a YAML's `costs.mlp.dropout`)."""

from __future__ import annotations

from typing import Any, Optional

from adversarial.costs.cost import Cost, DefaultDataSpecsMixin, part_of
from adversarial.utils.checks import check_finite


class Dropout(DefaultDataSpecsMixin, Cost):
    """The top layer's loss, with dropout on the input of each layer.

    Parameters
    ----------
    default_input_include_prob : float
        The probability that an input of a layer is kept.
    input_include_probs : dict of str to float, optional
        That probability for single layers, by layer name.
    default_input_scale : float
        What kept inputs are multiplied by.
    input_scales : dict of str to float, optional
        That factor for single layers, by layer name.
    per_example : bool
        Draw a mask for each example; False draws one for the whole batch.

    References
    ----------
    Hinton, Srivastava, Krizhevsky, Sutskever and Salakhutdinov, "Improving neural networks by
    preventing co-adaptation of feature detectors", 2012.

    Examples
    --------
    Keep 80 % of the inputs of layer h0 and half of those of all other layers; scaling by the
    inverse keeps their means:

    >>> cost = Dropout(
    ...     default_input_include_prob=0.5,
    ...     default_input_scale=2.0,
    ...     input_include_probs={"h0": 0.8},
    ...     input_scales={"h0": 1.25},
    ... )
    """

    supervised = True

    def __init__(
        self,
        default_input_include_prob: float = 0.5,
        input_include_probs: Optional[dict[str, float]] = None,
        default_input_scale: float = 2.0,
        input_scales: Optional[dict[str, float]] = None,
        per_example: bool = True,
    ) -> None:
        check_finite(
            default_input_include_prob=default_input_include_prob,
            input_include_probs=input_include_probs,
            default_input_scale=default_input_scale,
            input_scales=input_scales,
        )
        self.default_input_include_prob = default_input_include_prob
        self.input_include_probs = input_include_probs or {}
        self.default_input_scale = default_input_scale
        self.input_scales = input_scales or {}
        self.per_example = per_example

    def expr(self, model: Any, data: Any, **kwargs: Any) -> Any:
        """The mean loss over the minibatch `data`, (inputs, targets)."""
        X, Y = data
        predicted = part_of(model, "dropout_fprop", self)(
            X,
            default_input_include_prob=self.default_input_include_prob,
            input_include_probs=self.input_include_probs,
            default_input_scale=self.default_input_scale,
            input_scales=self.input_scales,
            per_example=self.per_example,
        )
        return model.cost(Y, predicted)
