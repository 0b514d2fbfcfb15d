"""The base of objectives, and the ways to combine them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Optional, Union

import aesara.tensor as at

from adversarial.space import CompositeSpace, NullSpace
from adversarial.utils.deprecated import deprecated_arguments
from adversarial.utils.serial import Persistent


class Gradients(OrderedDict):
    """Parameter -> gradient.

    Attributes
    ----------
    objectives : dict of str to (symbolic scalar, list of parameters)
        What these are the gradients of, so that training can see whether it is finite.
    """

    def __init__(self) -> None:
        super().__init__()
        self.objectives: dict[str, tuple[Any, list]] = {}

    def add(self, name: str, objective: Any, params: list, gradients: Sequence[Any]) -> None:
        """Add the gradients of one objective."""
        self.update(zip(params, gradients))
        self.objectives[name] = (objective, params)


class Cost(Persistent):
    """What training minimises: an expression of a model and a batch of data."""

    supervised = False

    def expr(self, model: Any, data: Any, **kwargs: Any) -> Any:
        """The objective, a symbolic scalar; `data` is laid out as `get_data_specs` says."""
        raise NotImplementedError(f"{type(self).__name__} defines no expression")

    def cost_per_example(self, model: Any, data: Any, **kwargs: Any) -> Any:
        """The objective of each example, shape (batch,)."""
        raise NotImplementedError(f"{type(self).__name__} has no cost per example")

    def get_gradients(
        self, model: Any, data: Any, **kwargs: Any
    ) -> tuple[OrderedDict, OrderedDict]:
        """(parameter -> gradient, further updates to make at each step); see `Gradients`."""
        cost = self.expr(model, data, **kwargs)
        params = list(model.get_params())
        gradients = Gradients()
        found = at.grad(cost, params, disconnected_inputs="ignore")
        gradients.add("of the model", cost, params, found)
        return gradients, OrderedDict()

    def get_monitoring_channels(self, model: Any, data: Any, **kwargs: Any) -> OrderedDict:
        """Channel name -> symbolic scalar."""
        return OrderedDict()

    def get_data_specs(self, model: Any) -> tuple:
        """(space, source): what data the cost wants, and in which layout."""
        raise NotImplementedError(f"{type(self).__name__} does not say what data it needs")

    def get_fixed_var_descr(self, model: Any, data: Any) -> FixedVarDescr:
        """Variables held fixed while the cost is evaluated more than once on a batch: none."""
        return FixedVarDescr()

    def is_stochastic(self) -> bool:
        """Whether two evaluations on the same batch may differ."""
        return False


class NullDataSpecsMixin:
    """For costs that look at no data."""

    def get_data_specs(self, model: Any) -> tuple:
        return (NullSpace(), "")


class DefaultDataSpecsMixin:
    """For costs that take the model's input, and its targets if `supervised`."""

    supervised: bool

    def get_data_specs(self, model: Any) -> tuple:
        space, source = model.get_input_space(), model.get_input_source()
        if not self.supervised:
            return (space, source)
        both = CompositeSpace([space, model.get_target_space()])
        return (both, (source, model.get_target_source()))


class FixedVarDescrDataSpecsError(TypeError):
    """Raised when a FixedVarDescr is asked for `data_specs`, which it never had."""


class FixedVarDescr:
    """Variables that stay the same over several evaluations on one batch.

    Attributes
    ----------
    fixed_vars : dict
        Keyword -> variable, handed to `expr` and `get_gradients`.
    on_load_batch : list
        Called with each new batch before it is used.
    """

    def __init__(self) -> None:
        self.fixed_vars: dict[str, Any] = {}
        self.on_load_batch: list = []

    def _data_specs_err(self, value: Any = None) -> None:
        raise FixedVarDescrDataSpecsError(
            "a FixedVarDescr has no data_specs: on_load_batch gets "
            "the batch in the data specs of its cost"
        )

    data_specs = property(_data_specs_err, _data_specs_err)


def merge(left: FixedVarDescr, right: FixedVarDescr) -> FixedVarDescr:
    """Both descriptions in one; ValueError when they fix a variable of the same name."""
    shared = sorted(set(left.fixed_vars) & set(right.fixed_vars))
    if shared:
        raise ValueError(f"both costs fix {', '.join(shared)}")
    merged = FixedVarDescr()
    merged.fixed_vars = {**left.fixed_vars, **right.fixed_vars}
    merged.on_load_batch = [*left.on_load_batch, *right.on_load_batch]
    return merged


class SumOfCosts(Cost):
    """The sum of several costs, each optionally weighted.

    Parameters
    ----------
    costs : list
        Of Cost, or of (coefficient, Cost).
    """

    def __init__(self, costs: Sequence[Union[Cost, tuple[float, Cost]]]) -> None:
        if not costs:
            raise ValueError("costs is empty")
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
        parts = self._parts(data)
        return self._weighted(
            [cost.expr(model, part, **kwargs) for cost, part in zip(self.costs, parts)]
        )

    def _weighted(self, terms: list) -> Any:
        """The sum of the costs' values; None stands for a cost that has gradients only."""
        return sum(coeff * term for coeff, term in zip(self.coeffs, terms) if term is not None)

    def get_composite_data_specs(self, model: Any) -> tuple:
        """The data of each cost side by side: a composite space and a tuple of sources."""
        specs = [cost.get_data_specs(model) for cost in self.costs]
        return (CompositeSpace([space for space, _ in specs]), tuple(source for _, source in specs))

    def get_composite_specs_and_mapping(self, model: Any) -> tuple:
        """(composite data specs, None): the costs' batches are nested, so nothing is mapped."""
        return self.get_composite_data_specs(model), None

    def get_data_specs(self, model: Any) -> tuple:
        return self.get_composite_data_specs(model)

    @staticmethod
    def _parts(data: Any) -> tuple:
        return tuple(data)

    def get_gradients(
        self, model: Any, data: Any, **kwargs: Any
    ) -> tuple[OrderedDict, OrderedDict]:
        gradients = Gradients()
        updates: OrderedDict = OrderedDict()
        for coeff, cost, part in zip(self.coeffs, self.costs, self._parts(data)):
            found, more = cost.get_gradients(model, part, **kwargs)
            for name, objective in getattr(found, "objectives", {}).items():
                gradients.objectives[f"{name}, term {len(gradients.objectives)}"] = objective
            for param, gradient in found.items():
                term = coeff * gradient
                gradients[param] = gradients[param] + term if param in gradients else term
            clash = [var for var in more if var in updates]
            if clash:
                raise ValueError(f"two of the summed costs update {clash[0]}")
            updates.update(more)
        return gradients, updates

    def get_monitoring_channels(self, model: Any, data: Any, **kwargs: Any) -> OrderedDict:
        """The costs' channels, the value of each as `term_N`, and their weighted sum, `objective`.

        All of one draw of dropout masks and samples, so that the terms add up to the objective.
        """
        channels: OrderedDict = OrderedDict()
        terms = []
        for position, (cost, part) in enumerate(zip(self.costs, self._parts(data))):
            found = cost.get_monitoring_channels(model, part, **kwargs)
            # A cost's own value is a term here; the objective is the sum.
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

    def get_fixed_var_descr(self, model: Any, data: Any) -> FixedVarDescr:
        merged = FixedVarDescr()
        for cost, part in zip(self.costs, self._parts(data)):
            merged = merge(merged, cost.get_fixed_var_descr(model, part))
        return merged

    def is_stochastic(self) -> bool:
        return any(cost.is_stochastic() for cost in self.costs)


class LpPenalty(NullDataSpecsMixin, Cost):
    """The sum over `variables` of sum |v|^p."""

    def __init__(self, variables: Sequence[Any], p: int) -> None:
        self.variables = list(variables)
        self.p = p

    def expr(self, model: Any, data: Any, **kwargs: Any) -> Any:
        return sum((abs(variable) ** self.p).sum() for variable in self.variables)


class MethodCost(Cost):
    """The value of a method of the model, by name, as a cost."""

    @deprecated_arguments(supervised="the method's data_specs say whether it takes targets")
    def __init__(self, method: str, data_specs: Optional[tuple] = None) -> None:
        self.method = method
        self.data_specs = data_specs

    def _bound(self, model: Any) -> Any:
        try:
            return getattr(model, self.method)
        except AttributeError:
            raise ValueError(f"{type(model).__name__} has no method {self.method!r}") from None

    def expr(self, model: Any, data: Any, **kwargs: Any) -> Any:
        return self._bound(model)(data, **kwargs)

    def get_data_specs(self, model: Any) -> tuple:
        if self.data_specs is not None:
            return self.data_specs
        self._bound(model)
        specs = getattr(model, self.method + "_data_specs", None)
        if specs is None:
            raise ValueError(
                f"give data_specs: {type(model).__name__} has no {self.method}_data_specs"
            )
        return specs()
