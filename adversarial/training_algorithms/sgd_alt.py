"""Epochs of D alone, alternating with epochs in which the players take turns (2014: `sgd_alt`)."""

from __future__ import annotations

from typing import Any

from adversarial.training_algorithms import k_steps


class SGD(k_steps.SGD):
    """Descent with two kinds of epoch, in turn; the first is one of D alone.

    In an epoch of D alone, D moves on each minibatch. In an epoch of turns, `discriminator_steps`
    minibatches train D and the next one trains G; with 2 steps: D D G D D G. Each minibatch of data
    trains one player only, while in `k_steps.SGD` the step of G shares the last minibatch of D.

    Parameters
    ----------
    *args, **kwargs
        Those of `adversarial.training_algorithms.k_steps.SGD`.

    Examples
    --------
    >>> algorithm = SGD(learning_rate=0.1, batch_size=100, discriminator_steps=2)
    >>> algorithm.discriminator_alone  # the kind of the next epoch
    True
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.discriminator_alone = True

    def train(self, dataset: Any) -> None:
        """Train for one epoch, of the kind that is due; see `sgd.SGD.train`."""
        super().train(dataset)
        self.discriminator_alone = not self.discriminator_alone

    def _on_minibatch(self, batch: Any) -> None:
        # Computed from the number of minibatches, so that a resumed epoch continues with the same
        # player.
        turn = self.batches_this_epoch % (self.discriminator_steps + 1)
        of_generator = not self.discriminator_alone and turn == self.discriminator_steps
        self._call_step(self._g_step if of_generator else self._d_step, batch)
