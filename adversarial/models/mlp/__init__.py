"""Multilayer perceptrons: the network, and its dense, convolutional and composite layers."""

from adversarial.models.mlp.aggregate import get_lr_scalers_from_layers
from adversarial.models.mlp.composite import CompositeLayer, FlattenerLayer, SpaceConverter
from adversarial.models.mlp.conv_elemwise import ConvElemwise, ConvRectifiedLinear
from adversarial.models.mlp.conv_nonlinearity import (
    ConvNonlinearity,
    IdentityConvNonlinearity,
    RectifierConvNonlinearity,
    SigmoidConvNonlinearity,
    TanhConvNonlinearity,
)
from adversarial.models.mlp.dense import Dense
from adversarial.models.mlp.dropout import apply_dropout
from adversarial.models.mlp.layer import Layer

# All dense layers, so that a new one need not be named here, too.
from adversarial.models.mlp.linear import *  # noqa: F403
from adversarial.models.mlp.linear import __all__ as _dense_layers
from adversarial.models.mlp.network import MLP
from adversarial.models.mlp.pooling import max_pool, mean_pool
from adversarial.models.mlp.softmax import Softmax

__all__ = [
    *_dense_layers,
    "MLP",
    "CompositeLayer",
    "ConvElemwise",
    "ConvNonlinearity",
    "ConvRectifiedLinear",
    "Dense",
    "FlattenerLayer",
    "IdentityConvNonlinearity",
    "Layer",
    "RectifierConvNonlinearity",
    "SigmoidConvNonlinearity",
    "Softmax",
    "SpaceConverter",
    "TanhConvNonlinearity",
    "apply_dropout",
    "get_lr_scalers_from_layers",
    "max_pool",
    "mean_pool",
]
