"""Multilayer perceptrons: the network, its fully connected layers, and layers that route."""

from adversarial.models.mlp.composite import CompositeLayer, SpaceConverter
from adversarial.models.mlp.dense import Dense, get_lr_scalers_from_layers
from adversarial.models.mlp.layer import Layer
from adversarial.models.mlp.linear import Linear, RectifiedLinear, Sigmoid, Softplus, Tanh
from adversarial.models.mlp.network import MLP, apply_dropout
from adversarial.models.mlp.softmax import Softmax

__all__ = [
    "MLP",
    "CompositeLayer",
    "Dense",
    "Layer",
    "Linear",
    "RectifiedLinear",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "SpaceConverter",
    "Tanh",
    "apply_dropout",
    "get_lr_scalers_from_layers",
]
