"""Annealed importance sampling: chains move from the prior to the posterior, and back.

Three kinds of runs through the precisions p_0 = 0 < p_1 < ... < p_T of a schedule, with
f(u) = -||x - G(z(u))||^2 / 2 and Z(p) = E exp(p f(u)) over the prior:

- `Forward` (Neal, "Annealed importance sampling", 2001): u_0 from the prior; then for t = 1 .. T
  log w += (p_t - p_{t-1}) f(u), and a transition that leaves the posterior at p_t as it is. The
  mean of w is Z(p_T), so log w is a stochastic lower bound of log Z.
- `Reverse` (Grosse, Ghahramani and Adams, "Sandwiching the marginal likelihood using bidirectional
  Monte Carlo", 2015): the same in the opposite order, from an exact sample of the posterior, which
  data simulated from the model has: the u that it was made of. The mean of 1 / w is 1 / Z.
- `Pilot`: a forward run with fewer precisions that adapts the length of leapfrog steps. The other
  two use what it found and adapt nothing: both bounds need transitions that do not depend on the
  chain's past, and that are the same in both directions.

`likelihood` makes these runs one after another. A run can be interrupted after each transition:
`get_state` is all that the rest depends on.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adversarial import backend
from adversarial.evaluation.ais.hmc import Chains

# The acceptance probability at which HMC moves farthest for its cost is 0.65 (Beskos et al., 2013);
# a little more leaves room for states that are stiffer than those of the pilot run.
TARGET_ACCEPTANCE = 0.7
# A pilot's log step changes by GAIN * (acceptance - TARGET_ACCEPTANCE) at each transition.
GAIN = 0.5
# About the best step for the prior, which is standard normal. A pilot reduces steps faster than it
# increases them, so it begins with a long one.
FIRST_STEP = 1.0


class Run:
    """A run through some precisions, of one batch of examples.

    Parameters
    ----------
    chains : Chains
    x : (n, dimension) array
        The examples.
    u : (chains * n, latent) array
        Where the chains start; row c * n + i is chain c of example i.
    precisions : (T + 1,) array
        From 0 upwards.
    log_steps : (T + 1, n) array
        Log length of leapfrog steps, for each precision and example.
    seed : sequence of int
        Of the transitions; runs of different seeds are independent.

    Attributes
    ----------
    done : int
        Moves so far, of `total`.
    log_weights : (T + 1, chains * n) float64 array
        At each precision that the run has reached.
    acceptance : float
        Mean acceptance probability so far.
    """

    def __init__(
        self,
        chains: Chains,
        x: np.ndarray,
        u: np.ndarray,
        precisions: np.ndarray,
        log_steps: np.ndarray,
        seed: Any,
    ) -> None:
        self.chains = chains
        self.x = x
        self.precisions = precisions
        self.log_steps = log_steps
        self.total = len(precisions) - 1
        self.done = 0
        self.log_weights = np.zeros((len(precisions), len(u)))
        self._accepted = 0.0
        streams = backend.RandomStreams(seed, "annealing")
        backend.assign(chains.streams.state, streams.state.get_value())
        chains.start(u, x)

    @property
    def acceptance(self) -> float:
        """Mean acceptance probability of the transitions so far."""
        return self._accepted / max(self.done, 1)

    def move(self) -> None:
        """Add to the weights, and make a transition."""
        raise NotImplementedError

    def get_state(self) -> dict[str, np.ndarray]:
        """What the rest of the run depends on, and its results so far, by name."""
        return {
            **self.chains.get_state(),
            "done": np.asarray(self.done),
            "accepted": np.asarray(self._accepted),
            "log_weights": self.log_weights,
            "log_steps": self.log_steps,
        }

    def set_state(self, state: dict[str, np.ndarray]) -> None:
        """Continue from what `get_state` of an equal run returned."""
        self.chains.set_state(state, self.x)
        self.done, self._accepted = int(state["done"]), float(state["accepted"])
        self.log_weights, self.log_steps = state["log_weights"], state["log_steps"]

    def _transition(self, t: int) -> np.ndarray:
        """A transition at precision t; the acceptance probability of each chain, (chains, n)."""
        copies = self.log_weights.shape[1] // len(self.x)
        steps = np.tile(np.exp(self.log_steps[t]), copies)
        accepted = self.chains.advance(self.precisions[t], steps)
        self._accepted += float(accepted.mean(dtype=np.float64))
        return accepted.reshape(copies, -1)


class Forward(Run):
    """From the prior to the posterior; the mean of exp(log_weights[t]) is Z(precisions[t])."""

    def move(self) -> None:
        t = self.done + 1
        gained = (self.precisions[t] - self.precisions[t - 1]) * self.chains.fits()
        self.log_weights[t] = self.log_weights[t - 1] + gained
        self._transition(t)
        self.done = t


class Pilot(Forward):
    """A forward run that adapts `log_steps`, each example's on its own."""

    def _transition(self, t: int) -> np.ndarray:
        accepted = super()._transition(t)
        if t < self.total:
            # The width of the posterior, and so the step, falls as 1 / sqrt(precision) wherever x
            # constrains u. Without this, the adaptation would lag behind.
            narrower = 0.5 * np.diff(_scale(self.precisions[t : t + 2], self.precisions))
            off = accepted.mean(axis=0, dtype=np.float64) - TARGET_ACCEPTANCE
            self.log_steps[t + 1] = self.log_steps[t] + GAIN * off - narrower
        return accepted


class Reverse(Run):
    """From exact samples of the posterior to the prior; the mean of exp(-log_weights[0]) is 1 / Z.

    `log_weights[0]` is that of the whole run; its sign is that of `Forward`.
    """

    def move(self) -> None:
        t = self.total - self.done
        # A forward run ends with a transition at the last precision, which begins its reverse.
        self._transition(t)
        gained = (self.precisions[t] - self.precisions[t - 1]) * self.chains.fits()
        self.log_weights[t - 1] = self.log_weights[t] + gained
        self.done += 1


def first_log_steps(precisions: np.ndarray, examples: int) -> np.ndarray:
    """The log steps that a `Pilot` begins with, and adapts."""
    return np.full((len(precisions), examples), np.log(FIRST_STEP))


def log_steps_for(
    precisions: np.ndarray, pilot_precisions: np.ndarray, log_steps: np.ndarray
) -> np.ndarray:
    """The log steps (T + 1, n) for `precisions`, from those that a pilot found for its own."""
    ours, known = (_scale(each, pilot_precisions) for each in (precisions, pilot_precisions))
    return np.column_stack([np.interp(ours, known, steps) for steps in log_steps.T])


def _scale(precisions: np.ndarray, schedule: np.ndarray) -> np.ndarray:
    """Precisions on a scale on which the log steps of a run are nearly linear."""
    return np.log(precisions + schedule[1])
