"""Layers without weights that apply one function to each value of their input."""

from __future__ import annotations

from typing import Any

import aesara.tensor as at

from adversarial import backend
from adversarial.models.mlp.layer import SameSpaceLayer


class RectifierActivation(SameSpaceLayer):
    """max(x, 0), or left_slope * x where x is negative, for any space.

    `adversarial.RectifiedLinear` in a YAML file. The layer with weights is
    `adversarial.models.mlp.RectifiedLinear`.

    Parameters
    ----------
    layer_name : str
    left_slope : float

    Examples
    --------
    >>> layer = RectifierActivation("h0", left_slope=0.1)
    >>> backend.function([], layer.fprop(backend.shared([-2.0, 3.0])))()
    array([-0.2,  3. ], dtype=float32)
    """

    def __init__(self, layer_name: str, left_slope: float = 0.0, **kwargs: Any) -> None:
        super().__init__(layer_name, **kwargs)
        self.left_slope = left_slope

    def fprop(self, state_below: Any) -> Any:
        return backend.rectify(state_below, self.left_slope)


class SigmoidActivation(SameSpaceLayer):
    """1 / (1 + exp(-x)), for any space.

    `adversarial.Sigmoid` in a YAML file. The layer with weights is
    `adversarial.models.mlp.Sigmoid`.

    Parameters
    ----------
    layer_name : str
    left_slope : float
        Accepted, as in 2014, and unused.

    Examples
    --------
    >>> layer = SigmoidActivation("h0")
    >>> backend.function([], layer.fprop(backend.shared([0.0, 3.0])))().round(3)
    array([0.5  , 0.953], dtype=float32)
    """

    def __init__(self, layer_name: str, left_slope: float = 0.0, **kwargs: Any) -> None:
        super().__init__(layer_name, **kwargs)
        self.left_slope = left_slope

    def fprop(self, state_below: Any) -> Any:
        return at.sigmoid(state_below)
