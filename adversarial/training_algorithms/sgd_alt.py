"""Epochs of D alone that alternate with epochs of both players."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np

from adversarial.training_algorithms import sgd


class SGD(sgd.SGD):
    """Descent whose first, third, fifth ... epoch trains the discriminator only."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.discriminator_alone = True

    def _compile(self, indices: Any, gradients: OrderedDict, updates: OrderedDict) -> None:
        of_generator = self.model.generator.get_params()
        d = OrderedDict((p, grad) for p, grad in gradients.items() if p not in of_generator)
        self._d_step = self._compile_step(indices, d, OrderedDict())
        self._both_step = self._compile_step(indices, gradients, updates)

    def train(self, dataset: Any) -> None:
        super().train(dataset)
        self.discriminator_alone = not self.discriminator_alone

    def _on_minibatch(self, indices: np.ndarray) -> None:
        self._take(self._d_step if self.discriminator_alone else self._both_step, indices)
