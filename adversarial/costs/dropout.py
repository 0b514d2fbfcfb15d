"""The loss of an MLP trained with dropout."""

from __future__ import annotations

from typing import Any, Optional

from adversarial.costs.cost import Cost, DefaultDataSpecsMixin
from adversarial.utils.parts import check_finite


class Dropout(DefaultDataSpecsMixin, Cost):
    """The top layer's loss with dropout on each layer's input (Hinton et al., 2012).

    The arguments are those of `MLP.dropout_fprop`.
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

    def _predict(self, model: Any, X: Any) -> Any:
        return model.dropout_fprop(
            X,
            default_input_include_prob=self.default_input_include_prob,
            input_include_probs=self.input_include_probs,
            default_input_scale=self.default_input_scale,
            input_scales=self.input_scales,
            per_example=self.per_example,
        )

    def expr(self, model: Any, data: Any, **kwargs: Any) -> Any:
        X, Y = data
        return model.cost(Y, self._predict(model, X))

    def cost_per_example(self, model: Any, data: Any, **kwargs: Any) -> Any:
        X, Y = data
        return model.cost_matrix(Y, self._predict(model, X)).sum(axis=1)

    def is_stochastic(self) -> bool:
        return True
