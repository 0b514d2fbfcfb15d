"""What training minimises: the base class of costs, and costs made of other costs.

A cost turns a model and a symbolic minibatch into a scalar (`expr`) and, for each parameter, into
the gradient that training follows (`get_gradients`). A training algorithm
(`adversarial.training_algorithms`) calls `get_data_specs` to learn which data to feed, then
`get_gradients` once, when it compiles its step. The monitor calls `get_monitoring_channels`.

For most costs the gradient is that of `expr`. A game has no such scalar: each player has an
objective of its own (`adversarial.costs.adversary`), and overrides `get_gradients`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Optional, Union

import aesara.tensor as at

from adversarial.modelfile import Persistent
from adversarial.space import CompositeSpace, NullSpace
from adversarial.utils.budget import spend
from adversarial.utils.checks import check_list
from adversarial.utils.deprecated import deprecated_arguments

# Nanoseconds to compile one more cost of a small network.
_PER_COST = 100_000_000


class Gradients(OrderedDict):
    """The gradient of each parameter, and the objectives that they belong to.

    Attributes
    ----------
    objectives : dict of str to (symbolic scalar, list of parameters)
        Each objective by name, with the parameters that follow its gradient. Training reports a
        divergence by these names.

    Examples
    --------
    >>> from adversarial.backend import shared
    >>> W, gradients = shared([1.0, 2.0], name="W"), Gradients()
    >>> gradients.add("of the model", (W**2).sum(), [W], [2 * W])
    >>> list(gradients) == [W], list(gradients.objectives)
    (True, ['of the model'])
    """

    def __init__(self) -> None:
        super().__init__()
        self.objectives: dict[str, tuple[Any, list]] = {}

    def add(self, name: str, objective: Any, params: list, gradients: Sequence[Any]) -> None:
        """Add the gradients of one objective.

        Parameters
        ----------
        name : str
            Completes "the objective ..." in messages.
        objective : symbolic scalar
        params : list of shared variable
        gradients : sequence of symbolic variable
            One for each of `params`, of its shape.
        """
        self.update(zip(params, gradients))
        self.objectives[name] = (objective, params)


class Cost(Persistent):
    """Base class of costs.

    A subclass defines `expr` and `get_data_specs`; the latter comes from `DefaultDataSpecsMixin`
    (the model's input, and its targets if `supervised`) or `NullDataSpecsMixin` (no data).

    Attributes
    ----------
    supervised : bool
        Whether the cost reads targets beside the model's input.

    Examples
    --------
    >>> class SumOfSquares(NullDataSpecsMixin, Cost):
    ...     def expr(self, model, data, **kwargs):
    ...         return sum((param**2).sum() for param in model.get_params())
    """

    supervised = False

    def expr(self, model: Any, data: Any, **kwargs: Any) -> Any:
        """The value of the cost on a minibatch.

        Parameters
        ----------
        model : Model
        data : symbolic variable, or nested tuple of them
            A minibatch in the layout that `get_data_specs` asks for.

        Returns
        -------
        symbolic scalar, or None for a cost that has gradients but no value
        """
        raise NotImplementedError(f"{type(self).__name__} defines no expression")

    def get_gradients(
        self, model: Any, data: Any, **kwargs: Any
    ) -> tuple[OrderedDict, OrderedDict]:
        """What training adds to the parameters, up to the learning rule.

        Parameters
        ----------
        model, data
            As for `expr`.

        Returns
        -------
        gradients : OrderedDict
            Parameter to gradient; a `Gradients` if divergence is to be reported by objective.
        updates : OrderedDict
            Further shared variables to change at each step, with their new values.
        """
        cost = self.expr(model, data, **kwargs)
        params = list(model.get_params())
        gradients = Gradients()
        found = at.grad(cost, params, disconnected_inputs="ignore")
        gradients.add("of the model", cost, params, found)
        return gradients, OrderedDict()

    def get_monitoring_channels(self, model: Any, data: Any, **kwargs: Any) -> OrderedDict:
        """What to record of a monitoring batch: channel name to symbolic scalar.

        A channel `objective` is taken for the value of the cost; without it, the monitor computes
        `expr` for that channel.
        """
        return OrderedDict()

    def get_data_specs(self, model: Any) -> tuple:
        """(space, source): the layout and the names of the data that the cost reads."""
        raise NotImplementedError(f"{type(self).__name__} does not say what data it needs")


def part_of(model: Any, name: str, cost: Cost) -> Any:
    """The method or attribute `name` of the model, which `cost` uses.

    Raises
    ------
    ValueError
        If the model has none, as where an `AdversaryPair` is given the cost of an `MLP`.
    """
    try:
        return getattr(model, name)
    except AttributeError:
        raise ValueError(
            f"{type(cost).__name__} is no cost of {type(model).__name__}, which has no {name!r}"
        ) from None


class NullDataSpecsMixin:
    """For costs that read no data.

    Examples
    --------
    >>> from adversarial.costs.default import WeightDecay  # a cost of the weights alone
    >>> isinstance(WeightDecay(0.001), NullDataSpecsMixin)
    True
    >>> WeightDecay(0.001).get_data_specs(model=None)
    (NullSpace(), '')
    """

    def get_data_specs(self, model: Any) -> tuple:
        return (NullSpace(), "")


class DefaultDataSpecsMixin:
    """For costs that read the model's input, and its targets if `supervised`.

    Examples
    --------
    >>> from adversarial.costs.default import Default  # a supervised cost
    >>> from adversarial.models.mlp import MLP, Linear
    >>> space, source = Default().get_data_specs(MLP([Linear(2, "y", irange=0.1)], nvis=4))
    >>> source, [part.dim for part in space.components]
    (('features', 'targets'), [4, 2])
    """

    supervised: bool

    def get_data_specs(self, model: Any) -> tuple:
        space, source = model.get_input_space(), model.get_input_source()
        if not self.supervised:
            return (space, source)
        both = CompositeSpace([space, model.get_target_space()])
        return (both, (source, model.get_target_source()))


class SumOfCosts(Cost):
    """A weighted sum of costs.

    Each cost gets data of its own: the data of the sum are a tuple with an entry for each cost.

    Parameters
    ----------
    costs : list of Cost or of (coefficient, Cost)
        The coefficient is 1 where none is given.

    Raises
    ------
    ValueError
        If `costs` is empty.
    TypeError
        If `costs` is not a list, or an entry is not a Cost.

    Examples
    --------
    >>> from adversarial.costs.default import Default, WeightDecay
    >>> cost = SumOfCosts([Default(), (0.5, WeightDecay(0.001))])
    >>> cost.coeffs
    [1.0, 0.5]
    """

    def __init__(self, costs: Sequence[Union[Cost, tuple[float, Cost]]]) -> None:
        check_list("costs", costs)
        if not costs:
            raise ValueError("costs is empty")
        spend(f"a sum of {len(costs)} costs", time=_PER_COST * len(costs))
        self.costs: list[Cost] = []
        self.coeffs: list[float] = []
        for entry in costs:
            coeff, cost = entry if isinstance(entry, (tuple, list)) else (1.0, entry)
            if not isinstance(cost, Cost):
                raise TypeError(f"costs must hold Cost objects, not {cost!r}")
            self.costs.append(cost)
            self.coeffs.append(coeff)
        self.supervised = any(cost.supervised for cost in self.costs)

    def expr(self, model: Any, data: Any, **kwargs: Any) -> Any:
        """The weighted sum of the costs' values, leaving out costs without one."""
        return self._weighted(
            [cost.expr(model, part, **kwargs) for cost, part in zip(self.costs, data)]
        )

    def _weighted(self, terms: list) -> Any:
        return sum(coeff * term for coeff, term in zip(self.coeffs, terms) if term is not None)

    def get_data_specs(self, model: Any) -> tuple:
        """The data specs of each cost side by side, in a composite space."""
        specs = [cost.get_data_specs(model) for cost in self.costs]
        return (CompositeSpace([space for space, _ in specs]), tuple(source for _, source in specs))

    def get_gradients(
        self, model: Any, data: Any, **kwargs: Any
    ) -> tuple[OrderedDict, OrderedDict]:
        """The weighted sum of the costs' gradients, and all of their updates.

        Raises
        ------
        ValueError
            If two of the costs update the same variable.
        """
        gradients = Gradients()
        updates: OrderedDict = OrderedDict()
        for position, (coeff, cost, part) in enumerate(zip(self.coeffs, self.costs, data)):
            found, more = cost.get_gradients(model, part, **kwargs)
            for name, objective in getattr(found, "objectives", {}).items():
                gradients.objectives[f"{name}, term {position}"] = objective
            for param, gradient in found.items():
                term = coeff * gradient
                gradients[param] = gradients[param] + term if param in gradients else term
            clash = [var for var in more if var in updates]
            if clash:
                raise ValueError(f"two of the summed costs update {clash[0]}")
            updates.update(more)
        return gradients, updates

    def get_monitoring_channels(self, model: Any, data: Any, **kwargs: Any) -> OrderedDict:
        """The costs' own channels, the value of each cost as `term_N`, and the sum, `objective`.

        The terms and the objective are computed from the same dropout masks and samples, so that
        the weighted terms add up to the objective.
        """
        channels: OrderedDict = OrderedDict()
        terms = []
        for position, (cost, part) in enumerate(zip(self.costs, data)):
            found = cost.get_monitoring_channels(model, part, **kwargs)
            # `objective` is the value of the sum; the value of a single cost is its term.
            value = found.pop("objective", None)
            if value is None:
                value = cost.expr(model, part, **kwargs)
            channels.update(found)
            terms.append(value)
            if value is not None:
                name = getattr(value, "name", None)
                channels[f"term_{position}" + (f"_{name}" if name else "")] = value
        if any(term is not None for term in terms):
            channels["objective"] = self._weighted(terms)
        return channels


class LpPenalty(NullDataSpecsMixin, Cost):
    """A penalty on the size of shared variables: the sum of |v|^p over all of their entries.

    Parameters
    ----------
    variables : sequence of shared variable
    p : int

    Examples
    --------
    >>> from adversarial.backend import shared
    >>> W = shared([1.0, -3.0], name="W")
    >>> [float(LpPenalty([W], p).expr(None, ()).eval()) for p in (1, 2)]
    [4.0, 10.0]
    """

    def __init__(self, variables: Sequence[Any], p: int) -> None:
        self.variables = list(variables)
        self.p = p

    def expr(self, model: Any, data: Any, **kwargs: Any) -> Any:
        """The penalty; neither `model` nor `data` is read."""
        return sum((abs(variable) ** self.p).sum() for variable in self.variables)


class MethodCost(Cost):
    """A method of the model, named by the YAML, as a cost.

    Parameters
    ----------
    method : str
        Called with a minibatch; returns a symbolic scalar.
    data_specs : (space, source), optional
        What the minibatch holds; else the model's method `<method>_data_specs` says it.

    Raises
    ------
    ValueError
        When the cost is used, if the model has no such method, or nothing says what it reads.

    Examples
    --------
    >>> from adversarial.models.mlp import MLP, Linear
    >>> model = MLP([Linear(2, "y", irange=0.1)], nvis=4)
    >>> MethodCost("cost_from_X").get_data_specs(model)[1]  # of `cost_from_X_data_specs`
    ('features', 'targets')
    """

    @deprecated_arguments(supervised="the method's data_specs say whether it takes targets")
    def __init__(self, method: str, data_specs: Optional[tuple] = None) -> None:
        self.method = method
        self.data_specs = data_specs

    def expr(self, model: Any, data: Any, **kwargs: Any) -> Any:
        return part_of(model, self.method, self)(data, **kwargs)

    def get_data_specs(self, model: Any) -> tuple:
        if self.data_specs is not None:
            return self.data_specs
        part_of(model, self.method, self)
        specs = getattr(model, self.method + "_data_specs", None)
        if specs is None:
            raise ValueError(
                f"give data_specs: {type(model).__name__} has no {self.method}_data_specs"
            )
        return specs()
