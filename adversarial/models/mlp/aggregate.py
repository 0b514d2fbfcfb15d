"""What a network, or a layer that is made of layers, collects from its layers."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Union

import aesara.tensor as at
import numpy as np

from adversarial import backend

if TYPE_CHECKING:
    from adversarial.models.mlp.composite import CompositeLayer
    from adversarial.models.mlp.layer import Layer
    from adversarial.models.mlp.network import MLP


def get_lr_scalers_from_layers(owner: Union[MLP, CompositeLayer]) -> OrderedDict:
    """The learning rate factors of all layers of a network, of parameters that are not frozen.

    Raises
    ------
    ValueError
        If a layer names a parameter that is not the network's.
    """
    scalers = OrderedDict()
    params = owner.get_params()
    frozen = getattr(owner, "freeze_set", ())
    for layer in owner.layers:
        for param, scale in layer.get_lr_scalers().items():
            if param in frozen:
                continue
            if param not in params:
                raise ValueError(
                    f"layer {layer.layer_name!r} scales the learning rate of {param}, which is not "
                    "a parameter of its network"
                )
            scalers[param] = scale
    return scalers


def weight_decay(layers: Sequence[Layer], method: str, coeffs: Any) -> Any:
    """The weight decay of several layers together.

    Parameters
    ----------
    layers : list of Layer
    method : 'get_weight_decay' or 'get_l1_weight_decay'
    coeffs : float, symbolic scalar, list or dict
        One coefficient for all layers, a list of one a layer, or a dict of them by the names of
        layers, 0 for others; a layer that is made of layers may have a list or dict of its own. A
        layer whose coefficient is 0 need not have weights.

    Returns
    -------
    symbolic scalar
        0, of type floatX, if all coefficients are 0.

    Raises
    ------
    ValueError
        For a list of another length, or a layer that does not exist.
    """
    if isinstance(coeffs, Mapping):
        names = [layer.layer_name for layer in layers]
        unknown = [name for name in coeffs if name not in names]
        if unknown:
            raise ValueError(
                f"a weight decay coefficient of {unknown[0]!r}: the layers are {names}"
            )
        coeffs = [coeffs.get(name, 0) for name in names]
    if not isinstance(coeffs, (list, tuple)):
        coeffs = [coeffs] * len(layers)
    if len(coeffs) != len(layers):
        raise ValueError(f"{len(coeffs)} weight decay coefficients for {len(layers)} layers")
    terms = [
        getattr(layer, method)(coeff)
        for layer, coeff in zip(layers, coeffs)
        if isinstance(coeff, (list, tuple, Mapping)) or hasattr(coeff, "owner") or coeff != 0
    ]
    return sum(terms) if terms else at.constant(np.asarray(0, dtype=backend.floatX))
