"""Costs of a network that learns from targets: the loss of its top layer, and weight decay.

A classifier's YAML names `Default`, mostly in a `SumOfCosts` beside a penalty on the weights. With
dropout, `adversarial.costs.dropout.Dropout` takes the place of `Default`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Union

from adversarial.costs.cost import Cost, DefaultDataSpecsMixin, NullDataSpecsMixin, part_of
from adversarial.models.mlp.aggregate import weight_decay


class Default(DefaultDataSpecsMixin, Cost):
    """The mean over a minibatch of the top layer's own loss, `model.cost_from_X`.

    For a `Sigmoid` or `Softmax` layer that loss is the cross-entropy, for a `Linear` layer the
    squared error.

    Examples
    --------
    >>> import aesara.tensor as at
    >>> from adversarial.models.mlp import MLP, Linear
    >>> mlp = MLP([Linear(2, "y", irange=0.0)], nvis=3)
    >>> loss = Default().expr(mlp, (at.ones((1, 3)), at.constant([[1.0, 2.0]])))
    >>> float(loss.eval())  # the squared error of an output of zeros
    5.0
    """

    supervised = True

    def expr(self, model: Any, data: Any, **kwargs: Any) -> Any:
        return part_of(model, "cost_from_X", self)(data)


class WeightDecay(NullDataSpecsMixin, Cost):
    """A penalty on weights: the sum over layers of coeff * (sum of squared weights).

    Parameters
    ----------
    coeffs : float, list with a coefficient for each layer, or dict by the layers' names
        A layer that a dict leaves out has 0. A layer that is made of layers may have a list or dict
        of its own.

    Raises
    ------
    ValueError
        When the cost is used, if a list has another length than that of the layers, a dict names a
        layer that is not there, or the model has no layers.

    Examples
    --------
    >>> from adversarial.costs.cost import SumOfCosts
    >>> from adversarial.models.mlp import MLP, Linear
    >>> mlp = MLP([Linear(3, "h", irange=0.1), Linear(2, "y", irange=0.1)], nvis=4)
    >>> cost = SumOfCosts([Default(), WeightDecay([0.0005, 0.0])])
    >>> space, source = cost.get_data_specs(mlp)
    >>> source
    (('features', 'targets'), '')
    """

    _method = "get_weight_decay"
    _name = "weight_decay"

    def __init__(self, coeffs: Union[float, Sequence[Any], Mapping[str, Any]]) -> None:
        self.coeffs = coeffs

    def expr(self, model: Any, data: Any, **kwargs: Any) -> Any:
        """The penalty, a symbolic scalar; `data` is not read."""
        # SumOfCosts names a channel after the value. A copy can be given a name of its own.
        layers = part_of(model, "layers", self)
        penalty = weight_decay(layers, self._method, self.coeffs).copy()
        penalty.name = self._name
        return penalty


class L1WeightDecay(WeightDecay):
    """A penalty on weights: the sum over layers of coeff * (sum of absolute weights).

    Parameters
    ----------
    coeffs : float, list or dict
        As for `WeightDecay`.

    Examples
    --------
    >>> from adversarial.models.mlp import MLP, Linear
    >>> mlp = MLP([Linear(2, "y", irange=0.0)], nvis=1)
    >>> mlp.layers[0].set_weights([[1.0, -3.0]])
    >>> float(L1WeightDecay(0.5).expr(mlp, ()).eval())
    2.0
    """

    _method = "get_l1_weight_decay"
    _name = "l1_penalty"
