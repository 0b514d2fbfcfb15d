"""Semi-supervised learning: D, or an inferer, as a classifier trained with few labels.

This is extension 4 of the paper's section 7 (arXiv 1406.2661).
"""

from __future__ import annotations

from typing import Optional

import numpy as np

from adversarial.datasets.mnist import MNIST
from adversarial.models import adversary_pair
from adversarial.models.mlp import MLP, Layer
from adversarial.models.mlp.dense import Dense
from adversarial.utils.seeding import Seed, numpy_rng
from sandbox.data import labels_of

CLASSES = 10
# Labels are chosen among the digits that the GAN was trained on: the first so many of MNIST.
POOL = 50000


class FewLabels(MNIST):
    """Some of the first POOL digits of MNIST, equally many of each class, in random order.

    Parameters
    ----------
    count : int
        Number of digits; a multiple of ten.
    seed : int or list of int, optional
        For the choice of digits; `train.py --seed` is mixed into it.

    Raises
    ------
    ValueError
        If `count` is not a multiple of ten, or there are not enough digits of a class.
    """

    def __init__(self, count: int, seed: Optional[Seed] = None) -> None:
        super().__init__("train", start=0, stop=POOL)
        if not isinstance(count, int) or count < CLASSES or count % CLASSES:
            raise ValueError(f"count must be a multiple of {CLASSES}, not {count!r}")
        rng = numpy_rng(seed, [2014, 6, 10])
        of_class = [np.flatnonzero(labels_of(self) == c) for c in range(CLASSES)]
        if count // CLASSES > min(map(len, of_class)):
            raise ValueError(f"count: there are not {count // CLASSES} examples of each class")
        rows = [rng.choice(found, count // CLASSES, replace=False) for found in of_class]
        self._keep_rows(rng.permutation(np.concatenate(rows)))


def recapitate(network: MLP, new_head: Layer) -> MLP:
    """Replace the top layer of `network` by `new_head`; returns `network`.

    The layers' learning rate factors, which belong to the loss of an inferer, are removed.
    """
    adversary_pair.recapitate(network, new_head)
    for layer in dense_layers(network):
        layer.W_lr_scale = layer.b_lr_scale = None
    return network


def dense_layers(network: MLP) -> list[Dense]:
    """The layers of `network`, all of which must be fully connected."""
    dense = [layer for layer in network.layers if isinstance(layer, Dense)]
    if len(dense) < len(network.layers):
        raise ValueError("all layers of D and of the inferer must be fully connected")
    return dense


def reinitialize(network: MLP, seed: Seed) -> MLP:
    """Draw all weights of `network` again, as its layers specify; returns `network`."""
    network.rng = np.random.RandomState(seed)
    network.set_input_space(network.get_input_space())
    for layer in dense_layers(network):
        if layer.b is not None:
            layer.b.set_value(np.zeros_like(layer.b.get_value()))
    return network


def shuffle_below_head(network: MLP, seed: Seed) -> MLP:
    """Shuffle the values of each parameter below the top layer; returns `network`.

    The weights keep their trained magnitudes, but lose the learned features.
    """
    rng = np.random.RandomState(seed)
    for layer in network.layers[:-1]:
        for param in layer.get_params():
            value = param.get_value()
            param.set_value(rng.permutation(value.ravel()).reshape(value.shape))
    return network


def freeze_below_head(network: MLP) -> MLP:
    """Make all parameters below the top layer constant in training; returns `network`."""
    network.freeze(param for layer in network.layers[:-1] for param in layer.get_params())
    return network
