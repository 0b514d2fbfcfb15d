"""`Cycler`, a callback that lets one player move only at every k-th minibatch."""

from __future__ import annotations

from typing import Any

from adversarial.backend import assign
from adversarial.modelfile import Persistent

PLAYERS = ("generator", "discriminator", "inference")


class Cycler(Persistent):
    """Update callback: switches a player on before every k-th step, and off before all others.

    It sets the switch `now_train_<player>` of the adversarial cost. Both players' gradients are
    still computed at each step; `k_steps.SGD` leaves out what is not used.

    Parameters
    ----------
    k : int
        Positive.
    player : str
        "generator", "discriminator" or "inference".

    Raises
    ------
    ValueError
        If `k` is not a positive integer, or there is no such player; at setup, if the cost has no
        switch of this player.

    Examples
    --------
    Let G move at every third minibatch:

    >>> from adversarial.training_algorithms.sgd import SGD
    >>> algorithm = SGD(learning_rate=0.1, batch_size=100, update_callbacks=Cycler(3))
    """

    def __init__(self, k: int, player: str = "generator") -> None:
        if not (isinstance(k, int) and k > 0):
            raise ValueError(f"k must be a positive integer, not {k!r}")
        if player not in PLAYERS:
            raise ValueError(f"player must be one of {', '.join(PLAYERS)}, not {player!r}")
        self.k = k
        self.player = player
        self.i = 0

    def __setstate__(self, state: dict[str, Any]) -> None:
        # Files of versions without the argument `player` mean the generator.
        self.__dict__.update({"player": "generator", **state})

    def check_algorithm(self, sgd: Any) -> None:
        """Raise ValueError if the cost has no switch."""
        self._switch(sgd)

    def __call__(self, sgd: Any) -> None:
        """Set the switch for the next minibatch; called after each."""
        self.i = (self.i + 1) % self.k
        assign(self._switch(sgd), self.i == 0)

    def _switch(self, sgd: Any) -> Any:
        """The shared variable of the cost."""
        name = f"now_train_{self.player}"
        switch = getattr(sgd.cost, name, None)
        if switch is None:
            raise ValueError(
                f"Cycler needs an adversarial cost with {name}, not {type(sgd.cost).__name__}: "
                "leave it out of update_callbacks"
            )
        return switch
