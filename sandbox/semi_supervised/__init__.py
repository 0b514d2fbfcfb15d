"""Features of D, or of an inferer, for a classifier with few labels (arXiv 1406.2661, section 7,
extension 4)."""

from __future__ import annotations

from typing import Optional

import numpy as np

from adversarial.datasets.mnist import MNIST
from adversarial.models import adversary_pair
from adversarial.models.mlp import MLP, Layer
from adversarial.utils.seeding import Seed, numpy_rng

CLASSES = 10
# Labels are chosen among MNIST's first so many digits, those the GAN saw.
POOL = 50000


class FewLabels(MNIST):
    """Some of the first POOL digits of MNIST, as many of each class, in a random order.

    Parameters
    ----------
    count : int
        How many; a multiple of ten.
    seed : int or list of int, optional
        Which ones; `train.py --seed` is mixed into it.
    """

    def __init__(self, count: int, seed: Optional[Seed] = None) -> None:
        super().__init__("train", start=0, stop=POOL)
        if not isinstance(count, int) or count < CLASSES or count % CLASSES:
            raise ValueError(f"count must be a multiple of {CLASSES}, not {count!r}")
        rng = numpy_rng(seed, [2014, 6, 10])
        of_class = [np.flatnonzero(self.y == c) for c in range(CLASSES)]
        if count // CLASSES > min(map(len, of_class)):
            raise ValueError(f"there are not {count // CLASSES} examples of each class")
        rows = [rng.choice(found, count // CLASSES, replace=False) for found in of_class]
        self._keep_rows(rng.permutation(np.concatenate(rows)))


def recapitate(network: MLP, new_head: Layer) -> MLP:
    """`network` itself with `new_head` in place of its top layer.

    Its layers' own learning rates, which an inferer has for another loss, are forgotten.
    """
    adversary_pair.recapitate(network, new_head)
    for layer in network.layers:
        layer.W_lr_scale = layer.b_lr_scale = None
    return network


def begin_again(network: MLP, seed: Seed) -> MLP:
    """`network` itself, which has forgotten all: its weights drawn anew as its layers say."""
    network.rng = np.random.RandomState(seed)
    network.set_input_space(network.get_input_space())
    for layer in network.layers:
        layer.b.set_value(np.zeros_like(layer.b.get_value()))
    return network


def shuffle_below_head(network: MLP, seed: Seed) -> MLP:
    """`network` itself, the numbers of each parameter below the head in a random order.

    So the weights are as large as training left them, and hold no features.
    """
    rng = np.random.RandomState(seed)
    for layer in network.layers[:-1]:
        for param in layer.get_params():
            value = param.get_value()
            param.set_value(rng.permutation(value.ravel()).reshape(value.shape))
    return network


def freeze_below_head(network: MLP) -> MLP:
    """`network` itself, of which only the top layer is trained from now on."""
    network.freeze(param for layer in network.layers[:-1] for param in layer.get_params())
    return network
