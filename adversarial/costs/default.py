"""The loss of an MLP's top layer, without dropout, and penalties on weights."""

from __future__ import annotations

from typing import Any

from adversarial.costs.cost import Cost, DefaultDataSpecsMixin, NullDataSpecsMixin
from adversarial.models.mlp.dense import weight_decay


class Default(DefaultDataSpecsMixin, Cost):
    """`model.cost_from_X`: the top layer's own loss."""

    supervised = True

    def expr(self, model: Any, data: Any, **kwargs: Any) -> Any:
        return model.cost_from_X(data)


class WeightDecay(NullDataSpecsMixin, Cost):
    """The sum over layers of coeff * the sum of squared weights; to be added to a loss.

    Parameters
    ----------
    coeffs : float or list
        One coefficient for all layers, or one a layer; a layer that is made of layers may have a
        list of its own.

    Examples
    --------
    >>> SumOfCosts([Default(), WeightDecay([0.0005, 0.0005])])  # doctest: +SKIP
    """

    _method = "get_weight_decay"
    _name = "weight_decay"

    def __init__(self, coeffs: Any) -> None:
        self.coeffs = coeffs

    def expr(self, model: Any, data: Any, **kwargs: Any) -> Any:
        """The penalty, a symbolic scalar; `data` is not looked at."""
        penalty = weight_decay(model.layers, self._method, self.coeffs)
        # A name of its own, after which its channel in a SumOfCosts is called.
        penalty = penalty.copy()
        penalty.name = self._name
        return penalty


class L1WeightDecay(WeightDecay):
    """The sum over layers of coeff * the sum of absolute weights; otherwise as `WeightDecay`."""

    _method = "get_l1_weight_decay"
    _name = "l1_penalty"
