"""Epochs of the discriminator alone, alternating with epochs in which the players take turns."""

from __future__ import annotations

from typing import Any

from adversarial.training_algorithms import k_steps


class SGD(k_steps.SGD):
    """Descent with two kinds of epoch.

    In the first, third, fifth ... epoch each minibatch trains the discriminator. In the others,
    `discriminator_steps` minibatches train the discriminator and the next one trains the generator
    alone; with 2 steps: D D G D D G. Each such epoch begins with the discriminator. Arguments are
    those of `adversarial.training_algorithms.k_steps.SGD`, which instead gives both players the
    same minibatch.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.discriminator_alone = True

    def train(self, dataset: Any) -> None:
        """One epoch, of one kind or the other; see `sgd.SGD.train`."""
        super().train(dataset)
        self.discriminator_alone = not self.discriminator_alone

    def _on_minibatch(self, batch: Any) -> None:
        # From the count of minibatches, so that an epoch that is resumed goes on with the same
        # player.
        turn = self.batches_this_epoch % (self.discriminator_steps + 1)
        of_generator = not self.discriminator_alone and turn == self.discriminator_steps
        self._take(self._g_step if of_generator else self._d_step, batch)
