"""Hamiltonian Monte Carlo for all chains at once, as one compiled function of one transition.

The target of a transition is the annealed posterior of u given x,

    pi(u) proportional to exp(precision * fit(u) - |u|^2 / 2),    fit(u) = -||x - G(z(u))||^2 / 2,

where `precision` is 1 / sigma^2 at the end of annealing, and less before; `decoder` has u and z.
`annealing` calls `Chains.advance` once for each intermediate distribution.

One transition draws a momentum, takes some leapfrog steps, and accepts or rejects where they lead
(Neal, "MCMC using Hamiltonian dynamics", 2011, section 3.2). Each chain keeps the fit and its
gradient at its u. They do not depend on `precision`, so a leapfrog step evaluates the network and
its gradient once, and the weights of annealed importance sampling cost nothing.

Why the compiled function is one leapfrog step, called in a loop:

- A call takes 10 ms or more on MNIST's generator, its overhead less than 0.1 ms.
- With the steps of a transition unrolled, compilation takes ten times as long, and the memory of
  all steps is needed at once. Aesara also merges the additions of all steps into one: the graph
  computes the sum again in each step, and has more terms than NumPy's functions take.
- Aesara's scan runs the same code in each iteration, hides progress and Ctrl-C until its end,
  cannot be saved halfway, and has no conversion to JAX that the engine could use.
"""

from __future__ import annotations

from typing import Any

import aesara
import aesara.tensor as at
import numpy as np

from adversarial import backend
from adversarial.evaluation.ais.decoder import Decoder

# Leapfrog steps in a transition, as in Wu et al.
LEAPFROG_STEPS = 10
# The step of each transition is multiplied by a random number in [1 - JITTER, 1 + JITTER], so that
# no chain returns to its start by a trajectory of just one period (Neal, section 3.2).
JITTER = 0.2


class Chains:
    """The states of the chains, and the compiled function that moves them.

    Parameters
    ----------
    decoder : Decoder
    seed : int
        Of all momenta, acceptances and jitters.
    leapfrog_steps : int

    Examples
    --------
    >>> from adversarial.models.generator import Generator
    >>> from adversarial.models.mlp import MLP, Linear
    >>> generator = Generator(MLP([Linear(layer_name="y", dim=2, irange=1.0)], nvis=2))
    >>> chains = Chains(Decoder(generator), leapfrog_steps=3)
    >>> chains.start(np.zeros((5, 2)), x=np.ones((5, 2)))
    >>> acceptance = chains.advance(precision=1.0, step=np.full(5, 0.1))
    >>> acceptance.shape, bool((acceptance > 0.9).all())
    ((5,), True)
    """

    def __init__(
        self, decoder: Decoder, seed: int = 0, leapfrog_steps: int = LEAPFROG_STEPS
    ) -> None:
        self.decoder = decoder
        self.leapfrog_steps = leapfrog_steps
        self.streams = backend.RandomStreams([seed], "Hamiltonian Monte Carlo")
        self.x = self._shared("x", decoder.dimension)
        # The state between two transitions.
        self.u = self._shared("u", decoder.latent)
        self.gradient = self._shared("gradient", decoder.latent)
        self.fit = self._shared("fit")
        # Within a transition: the momentum, the factor of its step, and where it started.
        self._v = self._shared("v", decoder.latent)
        self._jitter = self._shared("jitter")
        self._start = {each: self._shared("start", *each.type.shape[1:]) for each in self._kept()}
        self._start_energy = self._shared("start_energy")
        fit, gradient = self._fit_and_gradient(self.u)
        self._begin = backend.function([], updates={self.fit: fit, self.gradient: gradient})
        self._leapfrog = self._compile()

    def start(self, u: np.ndarray, x: np.ndarray) -> None:
        """Put chains at `u` (chains * n, latent), of examples `x` (n, dimension)."""
        self._set(u, x)
        self._begin()

    def fits(self) -> np.ndarray:
        """-||x - G(z(u))||^2 / 2 of each chain, float64, (chains * n,)."""
        return self.fit.get_value().astype(np.float64)

    def advance(self, precision: float, step: np.ndarray) -> np.ndarray:
        """One transition of all chains; the probability with which each was accepted.

        Parameters
        ----------
        precision : float
        step : (chains * n,) array
            The length of a leapfrog step of each chain.

        Returns
        -------
        (chains * n,) array
        """
        steps = np.asarray(step, backend.floatX)
        last = self.leapfrog_steps - 1
        for i in range(self.leapfrog_steps):
            acceptance = self._leapfrog(precision, steps, i == 0, i == last)
        return acceptance

    def get_state(self) -> dict[str, np.ndarray]:
        """Everything that later transitions depend on, by name."""
        values = {variable.name: variable.get_value() for variable in self._kept()}
        return {**values, "streams": self.streams.state.get_value()}

    def set_state(self, state: dict[str, np.ndarray], x: np.ndarray) -> None:
        """Continue from what `get_state` returned, for the same examples `x`."""
        self._set(state["u"], x)
        for variable in self._kept():
            backend.assign(variable, state[variable.name])
        backend.assign(self.streams.state, state["streams"])

    def _kept(self) -> list[Any]:
        return [self.u, self.gradient, self.fit]

    @staticmethod
    def _shared(name: str, *width: int) -> Any:
        return backend.shared(np.zeros((0, *width)), name, shape=(None, *width))

    def _set(self, u: np.ndarray, x: np.ndarray) -> None:
        """Set `u` and `x`; all other arrays become zeros of fitting shapes."""
        backend.assign(self.x, x)
        for variable in (*self._kept(), *self._start.values(), self._v, self._jitter):
            backend.assign(variable, np.zeros((len(u), *variable.type.shape[1:])))
        backend.assign(self._start_energy, np.zeros(len(u)))
        backend.assign(self.u, u)

    def _fit_and_gradient(self, u: Any) -> tuple[Any, Any]:
        fit = self.decoder.fit(u, self.x)
        return fit, aesara.grad(fit.sum(), u)

    def _compile(self) -> Any:
        """The function of one leapfrog step, (precision, step, is first, is last).

        The first of a transition draws the momentum; the last accepts or rejects. The output is the
        acceptance probability of each chain, which has a meaning after the last only.
        """
        precision, step = at.scalar("precision"), at.vector("step")
        first, last = at.bscalar("first"), at.bscalar("last")

        def energy(u: Any, fit: Any, v: Any) -> Any:
            return 0.5 * ((u * u).sum(axis=1) + (v * v).sum(axis=1)) - precision * fit

        jitter = self.streams.uniform(self.fit.shape, low=1 - JITTER, high=1 + JITTER)
        jitter = at.switch(first, jitter, self._jitter)
        v = at.switch(first, self.streams.normal(self.u.shape), self._v)
        start = {each: at.switch(first, each, kept) for each, kept in self._start.items()}
        start_energy = at.switch(first, energy(self.u, self.fit, v), self._start_energy)

        length = (step * jitter).dimshuffle(0, "x")
        half = 0.5 * length
        v = v + half * (precision * self.gradient - self.u)
        u = self.u + length * v
        fit, gradient = self._fit_and_gradient(u)
        v = v + half * (precision * gradient - u)

        gain = start_energy - energy(u, fit, v)
        # A trajectory that overflowed is rejected: comparisons with NaN are false.
        accept = at.log(self.streams.uniform(self.fit.shape)) < gain
        # Within a transition, all chains go on.
        go_on = at.or_(accept, at.eq(last, 0))
        rows = go_on.dimshuffle(0, "x")
        updates = {
            self.u: at.switch(rows, u, start[self.u]),
            self.gradient: at.switch(rows, gradient, start[self.gradient]),
            self.fit: at.switch(go_on, fit, start[self.fit]),
            self._v: v,
            self._jitter: jitter,
            self._start_energy: start_energy,
            **{kept: start[each] for each, kept in self._start.items()},
        }
        probability = at.switch(at.isnan(gain), 0.0, at.exp(at.minimum(gain, 0.0)))
        return backend.function(
            [precision, step, first, last], at.cast(probability, gain.dtype), updates=updates
        )
