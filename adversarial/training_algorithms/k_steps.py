"""Algorithm 1 of the paper: k steps of D, then one step of G (2014: the module `adversarial.sgd`).

The paper's own experiments use k = 1 with one simultaneous step of both players, which is
`adversarial.training_algorithms.sgd.SGD`.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from adversarial.training_algorithms import sgd
from adversarial.utils.positional import order_of, positional_order

# As in 2014, where this class alone still took init_momentum, after the learning rule.
_ORDER = order_of(sgd.SGD)
_ORDER.insert(_ORDER.index("set_batch_size"), "init_momentum")


class SGD(sgd.SGD):
    """Descent in which D moves on each minibatch, and G after each `discriminator_steps` of them.

    The step of G follows the last step of D and uses the same minibatch of data. The two steps are
    two compiled functions. An inferer moves with D.

    Parameters
    ----------
    *args, **kwargs
        Those of `adversarial.training_algorithms.sgd.SGD`, by position or name.
    discriminator_steps : int
        k of Algorithm 1, at least 1.

    Raises
    ------
    ValueError
        If `discriminator_steps` is not a positive integer; at setup, if the model has no
        generator, or the cost has `alternate_g`, which sets the players' turns as well, or other
        updates of its own.

    References
    ----------
    Goodfellow et al., "Generative Adversarial Nets", 2014, Algorithm 1.

    Examples
    --------
    Two steps of D for each step of G:

    >>> algorithm = SGD(learning_rate=0.1, batch_size=100, discriminator_steps=2)
    """

    @positional_order(*_ORDER, "discriminator_steps")
    def __init__(self, *args: Any, discriminator_steps: int = 1, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not (isinstance(discriminator_steps, int) and discriminator_steps > 0):
            raise ValueError(f"discriminator_steps must be at least 1, not {discriminator_steps!r}")
        self.discriminator_steps = discriminator_steps
        self.steps_since_generator = 0

    def _compile(self, inputs: list, gradients: OrderedDict, updates: OrderedDict) -> None:
        generator = getattr(self.model, "generator", None)
        if generator is None:
            raise ValueError(
                f"{type(self).__module__}.SGD moves the players of an AdversaryPair in turn, and "
                f"{type(self.model).__name__} has no generator: use {sgd.SGD.__module__}.SGD"
            )
        if getattr(self.cost, "alternate_g", False):
            raise ValueError(
                "discriminator_steps sets the players' turns already: leave out alternate_g"
            )
        if updates:
            raise ValueError(
                f"the cost changes {next(iter(updates))} at each step, and the players make "
                f"separate steps: use {sgd.SGD.__module__}.SGD"
            )
        of_generator = generator.get_params()
        g = OrderedDict((p, grad) for p, grad in gradients.items() if p in of_generator)
        d = OrderedDict((p, grad) for p, grad in gradients.items() if p not in of_generator)
        self._d_step = self._compile_step(inputs, d, OrderedDict())
        self._g_step = self._compile_step(inputs, g, OrderedDict())

    def _on_minibatch(self, batch: Any) -> None:
        self._call_step(self._d_step, batch)
        self.steps_since_generator += 1
        if self.steps_since_generator >= self.discriminator_steps:
            self._call_step(self._g_step, batch)
            self.steps_since_generator = 0
