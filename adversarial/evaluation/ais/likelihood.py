"""The whole procedure: sigma, the likelihood of test examples, and the error of both.

1. *Sigma*, unless given, is the one of greatest likelihood on validation examples. One run to the
   smallest sigma of the grid gives the likelihoods of all (see `schedule`).
2. *Test examples*: a pilot run adapts the steps, a forward run gives lower bounds of log p(x).
3. *Simulated examples*, drawn from the model with this sigma: the same, and a reverse run, which
   gives upper bounds. The mean difference is the gap: how far the bounds are from the truth, on
   data that the model explains. Data that it does not explain may be harder.

Examples are annealed in batches of at most MAX_ROWS chains, one batch after another, so memory does
not depend on their number. The metric `evaluation.metrics.ais_ll` calls `ais_log_likelihood`.
"""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Optional

import aesara.tensor as at
import numpy as np

from adversarial import backend
from adversarial.evaluation.ais import annealing, bounds, hmc, schedule
from adversarial.evaluation.ais.annealing import Forward, Pilot, Reverse, Run
from adversarial.evaluation.ais.bounds import Mean
from adversarial.evaluation.ais.checkpoint import Checkpoint, fingerprint_of
from adversarial.evaluation.ais.decoder import Decoder
from adversarial.evaluation.ais.hmc import Chains
from adversarial.utils.string_utils import nearest

# Chains that are moved at a time: more are not faster, and take 30 kB each on MNIST's generator.
MAX_ROWS = 1000
# A pilot run has this share of the precisions, and so many chains an example.
PILOT_SHARE, PILOT_CHAINS = 0.2, 2
# Draws from the prior, for each example, that tell how much its fit varies.
SCALE_CHAINS = 8
# Choosing sigma compares means that differ by tens of nats, so fewer precisions are enough.
VALID_SHARE = 0.5
_STATE = ("u", "gradient", "fit", "streams", "done", "accepted", "log_weights", "log_steps")
_PARTS = ("valid", "test", "simulated")
_KINDS = ("steps", "forward", "reverse", "acceptance", "scale")


def default_sigmas() -> np.ndarray:
    """The widths from which sigma is chosen: eleven from 0.04 to 0.4, on a logarithmic scale."""
    return np.geomspace(0.04, 0.4, 11)


@dataclass(frozen=True)
class Settings:
    """How to anneal.

    Parameters
    ----------
    chains : int
        For each example.
    steps : int
        Transitions of a chain, from the prior to the posterior.
    leapfrog_steps : int
        In each transition.
    schedule : 'exponential' or 'sigmoidal'
    seed : int
        The same seed, settings and engine give the same result.

    Raises
    ------
    ValueError
        For numbers below 1, or an unknown schedule.
    """

    # docs/EVALUATION.md has the gap between the bounds, and the time, that these give on MNIST.
    chains: int = 2
    steps: int = 2000
    leapfrog_steps: int = hmc.LEAPFROG_STEPS
    schedule: str = "exponential"
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("chains", "steps", "leapfrog_steps"):
            check_count(name, getattr(self, name))
        check_count("seed", self.seed, least=0)
        if self.schedule not in schedule.SCHEDULES:
            close = nearest(str(self.schedule), schedule.SCHEDULES)
            hint = f"; did you mean {close}?" if close else ""
            raise ValueError(
                f"schedule must be one of {', '.join(schedule.SCHEDULES)}, not "
                f"{self.schedule!r}{hint}"
            )

    def precisions(self, last: float, scale: float, share: float = 1.0) -> np.ndarray:
        """The schedule to `last`, with a share of the steps; see `schedule.exponential`."""
        steps = max(1, round(self.steps * share))
        return schedule.SCHEDULES[self.schedule](steps, last, scale)


@dataclass(frozen=True)
class Likelihood:
    """What annealed importance sampling found.

    Attributes
    ----------
    sigma : float
        Standard deviation of the Gaussian on the output.
    mean : Mean
        Of the lower bounds of log p(x), over test examples.
    log_likelihoods : (examples,) array
        The lower bound of each, in nats.
    chosen : (examples,) array of int
        Which rows of the test set these are.
    tried : tuple of (sigma, Mean)
        On validation examples; empty where sigma was given.
    lower, upper, gap : Mean or None
        Bounds on simulated examples and their difference; None without simulated examples.
    acceptance : float
        Mean acceptance probability on test examples.
    """

    sigma: float
    mean: Mean
    log_likelihoods: np.ndarray
    chosen: np.ndarray
    tried: tuple[tuple[float, Mean], ...]
    lower: Optional[Mean]
    upper: Optional[Mean]
    gap: Optional[Mean]
    acceptance: float

    @property
    def at_edge(self) -> bool:
        """Whether sigma is the least or greatest one tried, so that a better one may exist."""
        sigmas = [sigma for sigma, _ in self.tried]
        return len(sigmas) > 1 and self.sigma in (min(sigmas), max(sigmas))


def ais_log_likelihood(
    model: Any,
    test: np.ndarray,
    valid: Optional[np.ndarray] = None,
    *,
    examples: int = 100,
    simulated: int = 25,
    valid_examples: int = 25,
    sigma: Optional[float] = None,
    sigmas: Optional[Sequence[float]] = None,
    settings: Optional[Settings] = None,
    state: str | os.PathLike[str] | None = None,
    progress: Any = None,
) -> Likelihood:
    """Mean log p(x) of test examples under G(z) + sigma * Gaussian noise.

    Parameters
    ----------
    model : AdversaryPair or Generator
    test : (n, dimension) array
    valid : (m, dimension) array, optional
        To choose sigma by; not needed where sigma is given.
    examples, valid_examples : int
        How many rows of `test` and `valid` to use, drawn at random without replacement.
    simulated : int
        Examples drawn from the model, for the gap between the bounds; 0 for none.
    sigma : float, optional
    sigmas : sequence of float, optional
        The widths to choose from; `default_sigmas` unless given.
    settings : Settings, optional
    state : path, optional
        A file that the evaluation is saved to every 30 s, and continues from if it exists.
    progress : function of (total, what, unit), optional
        Gives a context manager, whose `update(n)` counts transitions.

    Returns
    -------
    Likelihood

    Raises
    ------
    ValueError
        Where the model has no likelihood of this kind, or arrays or numbers do not fit.

    References
    ----------
    Y. Wu, Y. Burda, R. Salakhutdinov and R. Grosse, "On the quantitative analysis of decoder-based
    generative models", ICLR 2017 (arXiv 1611.04273).

    Examples
    --------
    >>> from adversarial.models.generator import Generator
    >>> from adversarial.models.mlp import MLP, Linear
    >>> generator = Generator(MLP([Linear(layer_name="y", dim=2, irange=0.0)], nvis=1))
    >>> how = dict(sigma=1.0, examples=1, simulated=0, settings=Settings(steps=5))
    >>> found = ais_log_likelihood(generator, np.zeros((1, 2)), **how)
    >>> round(found.mean.value, 4)  # N((0, 0); 0, I): -log(2 pi)
    -1.8379
    """
    settings = settings or Settings()
    decoder = Decoder(model)
    evaluation = _Evaluation(decoder, settings, progress)
    check_count("examples", examples)
    check_count("simulated", simulated, least=0)
    rng = np.random.RandomState([settings.seed, 1])
    chosen, x = _choose("test", test, examples, decoder, rng)
    grid = np.empty(0)
    x_valid = np.empty((0, decoder.dimension), x.dtype)
    if sigma is None:
        grid = _check_sigmas(default_sigmas() if sigmas is None else sigmas)
        if valid is None:
            raise ValueError(
                "sigma is chosen on validation examples, and none are given: give sigma"
            )
        check_count("valid_examples", valid_examples)
        _, x_valid = _choose("valid", valid, min(valid_examples, len(valid)), decoder, rng)
    else:
        sigma = float(_check_sigmas([sigma])[0])
    evaluation.open(state, (x, x_valid, simulated, sigma, grid))

    tried: list[tuple[float, Mean]] = []
    if sigma is None:
        stops = grid**-2.0
        weights = evaluation.forward("valid", x_valid, stops, VALID_SHARE)
        tried = [
            (float(s), Mean.of(bounds.lower_bounds(w, p, decoder.dimension)))
            for s, p, w in zip(grid, stops, weights)
        ]
        sigma = max(tried, key=lambda pair: pair[1].value)[0]
    precision = sigma**-2.0
    (weights,) = evaluation.forward("test", x, [precision])
    found = bounds.lower_bounds(weights, precision, decoder.dimension)
    acceptance = evaluation.acceptance("test")
    lower = upper = gap = None
    if simulated:
        u, made = evaluation.simulate(simulated, sigma)
        (weights,) = evaluation.forward("simulated", made, [precision], posterior=u)
        low = bounds.lower_bounds(weights, precision, decoder.dimension)
        back = evaluation.reverse_weights("simulated")
        high = bounds.upper_bounds(back, precision, decoder.dimension)
        lower, upper, gap = Mean.of(low), Mean.of(high), Mean.of(high - low)
    return Likelihood(
        sigma, Mean.of(found), found, chosen, tuple(tried), lower, upper, gap, acceptance
    )


class _Evaluation:
    """The runs of one evaluation, each made once, or read from the checkpoint."""

    def __init__(self, decoder: Decoder, settings: Settings, progress: Any) -> None:
        self.decoder = decoder
        self.settings = settings
        self.progress = progress or _no_progress
        self.chains = Chains(decoder, settings.seed, settings.leapfrog_steps)
        self.batch = max(1, MAX_ROWS // max(settings.chains, SCALE_CHAINS))
        self.checkpoint: Checkpoint

    def open(self, state: str | os.PathLike[str] | None, data: tuple) -> None:
        """Read the checkpoint `state`, if there is one; `data` is what distinguishes it."""
        parameters = [param.get_value() for param in self.decoder.generator.get_params()]
        layers = [type(layer).__name__ for layer in self.decoder.generator.mlp.layers]
        fingerprint = fingerprint_of(
            dataclasses.astuple(self.settings),
            self.decoder.generator.noise,
            layers,
            backend.chosen(),
            *parameters,
            *data,
        )
        x, x_valid, simulated = data[:3]
        sizes = dict(zip(_PARTS, (len(x_valid), len(x), simulated)))
        runs = [
            self._name(part, batch, kind)
            for part in _PARTS
            for batch in range(math.ceil(sizes[part] / self.batch))
            for kind in _KINDS
        ]
        self.checkpoint = Checkpoint(state, fingerprint, runs, _STATE)

    def forward(
        self,
        part: str,
        x: np.ndarray,
        stops: Sequence[float] | np.ndarray,
        share: float = 1.0,
        posterior: Optional[np.ndarray] = None,
    ) -> np.ndarray:
        """Log weights of the examples x at the precisions `stops`, (stops, chains, n).

        With `posterior` (n, latent), the u that x was made of, runs back are made as well.
        """
        last, scale = float(max(stops)), self._scale(part, x[: self.batch])
        precisions = schedule.with_stops(self.settings.precisions(last, scale, share), stops)
        pilot_precisions = self.settings.precisions(last, scale, share * PILOT_SHARE)
        starts = range(0, len(x), self.batch)
        moves = len(precisions) - 1
        total = len(starts) * (len(pilot_precisions) - 1 + moves * (1 if posterior is None else 2))
        what = {"valid": "choosing sigma"}.get(part, f"annealing {part} examples")
        weights = []
        with self.progress(total, what, "transition") as bar:
            for batch, start in enumerate(starts):
                rows = slice(start, start + self.batch)
                where = (part, batch, bar)
                steps = self._steps(where, x[rows], pilot_precisions, precisions)
                at_stops = np.searchsorted(precisions, stops)
                found = self._weights(where, Forward, x[rows], None, precisions, steps, at_stops)
                weights.append(found)
                if posterior is not None:
                    u = posterior[rows]
                    self._weights(where, Reverse, x[rows], u, precisions, steps, np.array([0]))
        return np.concatenate(weights, axis=2)

    def reverse_weights(self, part: str) -> np.ndarray:
        """Log weights (chains, n) of the reverse runs that `forward` made."""
        return np.concatenate([found[0] for found in self._results(part, "reverse")], axis=1)

    def acceptance(self, part: str) -> float:
        """Mean acceptance probability of the forward runs."""
        return float(np.mean([float(found) for found in self._results(part, "acceptance")]))

    def simulate(self, n: int, sigma: float) -> tuple[np.ndarray, np.ndarray]:
        """(u, x) of `n` examples drawn from the model; u is a sample of the posterior given x."""
        rng = np.random.RandomState([self.settings.seed, 2])
        u = rng.standard_normal((n, self.decoder.latent)).astype(backend.floatX)
        noise = rng.standard_normal((n, self.decoder.dimension))
        symbolic = at.matrix("u")
        made = backend.function([symbolic], self.decoder.rows(symbolic))
        rows = [made(u[i : i + self.batch]) for i in range(0, n, self.batch)]
        return u, (np.concatenate(rows) + sigma * noise).astype(backend.floatX)

    def _steps(
        self, where: tuple, x: np.ndarray, pilot_precisions: np.ndarray, precisions: np.ndarray
    ) -> np.ndarray:
        """The log steps for `precisions`, from a pilot run."""
        name = self._name(where[0], where[1], "steps")
        log_steps = annealing.first_log_steps(pilot_precisions, len(x))
        if name not in self.checkpoint.results:
            u = self._prior(name, PILOT_CHAINS, len(x))
            seed = self._seed(name)
            run = Pilot(self.chains, x, u, pilot_precisions, log_steps, seed)
            self._make(run, where[2])
            self.checkpoint.finish(name, run.log_steps)
        else:
            where[2].update(len(pilot_precisions) - 1)
        return annealing.log_steps_for(precisions, pilot_precisions, self.checkpoint.results[name])

    def _weights(
        self,
        where: tuple,
        kind: type[Run],
        x: np.ndarray,
        u: Optional[np.ndarray],
        precisions: np.ndarray,
        log_steps: np.ndarray,
        at_stops: np.ndarray,
    ) -> np.ndarray:
        """Log weights (stops, chains, n) of a run; from the prior, or from `u` (n, latent)."""
        name = self._name(where[0], where[1], kind.__name__.lower())
        chains = self.settings.chains
        if name not in self.checkpoint.results:
            start = self._prior(name, chains, len(x)) if u is None else np.tile(u, (chains, 1))
            run = kind(self.chains, x, start, precisions, log_steps, self._seed(name))
            self._make(run, where[2])
            if kind is Forward:
                accepted = self._name(where[0], where[1], "acceptance")
                self.checkpoint.results[accepted] = np.asarray(run.acceptance)
            found = run.log_weights[at_stops].reshape(len(at_stops), chains, len(x))
            self.checkpoint.finish(name, found)
        else:
            where[2].update(len(precisions) - 1)
        return self.checkpoint.results[name]

    def _make(self, run: Run, bar: Any) -> None:
        """Make a run, continuing from the checkpoint's state of it."""
        if self.checkpoint.current:
            run.set_state(self.checkpoint.current)
            self.checkpoint.current = {}
            bar.update(run.done)
        while run.done < run.total:
            run.move()
            bar.update(1)
            if self.checkpoint.due():
                self.checkpoint.offer(run.get_state())
        _check_finite(run.log_weights)

    def _scale(self, part: str, x: np.ndarray) -> float:
        """1 / the standard deviation of the fit of an example under the prior, a mean over x."""
        self.chains.start(self._prior(f"{part} 0 scale", SCALE_CHAINS, len(x)), x)
        deviations = self.chains.fits().reshape(SCALE_CHAINS, -1).std(axis=0)
        _check_finite(deviations)
        # A generator that makes one sample only has no scale, and needs no annealing.
        return 1 / max(float(deviations.mean()), 1e-30)

    def _prior(self, name: str, chains: int, n: int) -> np.ndarray:
        rng = np.random.RandomState([*self._seed(name), 3])
        return rng.standard_normal((chains * n, self.decoder.latent)).astype(backend.floatX)

    def _seed(self, name: str) -> list[int]:
        part, batch, kind = name.split()
        return [self.settings.seed, _PARTS.index(part), int(batch), _KINDS.index(kind)]

    def _name(self, part: str, batch: int, kind: str) -> str:
        return f"{part} {batch} {kind}"

    def _results(self, part: str, kind: str) -> Iterator[np.ndarray]:
        batch = 0
        while (name := self._name(part, batch, kind)) in self.checkpoint.results:
            yield self.checkpoint.results[name]
            batch += 1


def _check_finite(values: np.ndarray) -> None:
    if not np.isfinite(values).all():
        raise ValueError(
            "the generator's samples are not finite, or too large for float32 (has the model "
            "diverged?)"
        )


def check_count(name: str, value: Any, least: int = 1) -> None:
    """Raise ValueError unless `value` is an integer of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, not {value!r}")


def _choose(
    name: str, rows: np.ndarray, count: int, decoder: Decoder, rng: np.random.RandomState
) -> tuple[np.ndarray, np.ndarray]:
    """(indices, rows) of `count` random rows, checked."""
    rows = np.asarray(rows)
    if rows.ndim != 2 or rows.shape[1] != decoder.dimension:
        raise ValueError(
            f"the model makes samples of {decoder.dimension} numbers, but {name} has the shape "
            f"{rows.shape}"
        )
    if count > len(rows):
        raise ValueError(f"{count} examples were asked for, but {name} has {len(rows)}")
    if len(rows) == 0:
        raise ValueError(f"{name} has no examples")
    chosen = np.sort(rng.permutation(len(rows))[:count])
    found = rows[chosen].astype(backend.floatX)
    if not np.isfinite(found).all():
        raise ValueError(f"{name} contains NaN or infinite values")
    return chosen, found


def _check_sigmas(sigmas: Sequence[float] | np.ndarray) -> np.ndarray:
    found = np.asarray(sigmas)
    good = found.ndim == 1 and found.size > 0 and found.dtype.kind in "fiu"
    if not good or not (np.isfinite(found) & (found > 0)).all():
        raise ValueError(f"sigma must be a positive number, or several, not {sigmas!r}")
    return found.astype(np.float64)


def _no_progress(total: int, what: str, unit: str) -> Any:
    return nullcontext(SimpleNamespace(update=lambda count: None))
