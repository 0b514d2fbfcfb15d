"""The loss of an MLP's top layer, without dropout."""

from __future__ import annotations

from typing import Any

from adversarial.costs.cost import Cost, DefaultDataSpecsMixin


class Default(DefaultDataSpecsMixin, Cost):
    """`model.cost_from_X`: the top layer's own loss."""

    supervised = True

    def expr(self, model: Any, data: Any, **kwargs: Any) -> Any:
        return model.cost_from_X(data)
