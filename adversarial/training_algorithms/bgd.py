"""Batch gradient descent: line searches along the gradient, on large minibatches.

The objective on one minibatch is minimised by a few line searches, then the next minibatch is
drawn. A line search goes from the parameters p to p - alpha d, where d is the gradient, divided by
its norm, or a conjugate direction. It tries several step sizes alpha and takes the one with the
lowest objective. There is no learning rate.
"""

from __future__ import annotations

import logging
import math
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Optional

import aesara.tensor as at
import numpy as np

from adversarial import backend
from adversarial.monitor import add_data_free_channel
from adversarial.training_algorithms import sgd
from adversarial.utils.checks import check_list
from adversarial.utils.seeding import Seed

log = logging.getLogger(__name__)

DEFAULT_SEED = (2012, 10, 16)
MODES = (None, "exhaustive")
FIRST_ALPHAS = {None: (0.001, 0.005, 0.01, 0.05, 0.1), "exhaustive": (0.5, 1.0)}
# Shorter steps hardly change a parameter of 32 bits; longer ones are not tried.
SMALLEST_ALPHA = 1e-6
LARGEST_ALPHA = 1e6
# An exhaustive search ends when the best alpha is known to this share of itself, or after
# MOST_TRIALS values of alpha.
PRECISION = 0.1
MOST_TRIALS = 40
# The weight of a new value in the running averages that are monitored.
_NEW_WEIGHT = 0.01


class BGD(sgd.SGD):
    """Batch gradient descent with line searches.

    Parameters
    ----------
    cost : Cost, optional
        By default the model's default cost. It must have a value (`expr`), which line searches
        compare.
    batch_size : int, optional
        By default the model's. Batch gradient descent proper takes the size of the data set.
    batches_per_iter : int, optional
        Minibatches in an epoch, by default as many as the data have.
    updates_per_batch : int
        Line searches on each minibatch, at least 1.
    monitoring_batch_size, monitoring_batches, monitoring_dataset, termination_criterion,
    set_batch_size, theano_function_mode
        As for `adversarial.training_algorithms.sgd.SGD`.
    reset_alpha : bool
        Begin each minibatch with `init_alpha`, instead of the step sizes that suited the last one.
    conjugate : bool
        Search along conjugate directions (Polak and Ribiere).
    min_init_alpha : float
        Without `reset_alpha`: the least value of the shortest step at the start of a minibatch.
    reset_conjugate : bool
        Begin each minibatch with its gradient, instead of a direction that is conjugate to those
        of the last one.
    line_search_mode : None or 'exhaustive'
        None: a few step sizes are tried, and these grow or shrink for the next search.
        'exhaustive': more step sizes are tried until the best of them lies between two others that
        are near it.
    verbose_optimization : bool
        Log each search.
    scale_step : float
        After the searches on a minibatch, go only this share of the way from the old parameters to
        the new ones.
    init_alpha : list of float, optional
        The step sizes that are tried first, in ascending order; by default FIRST_ALPHAS.
    seed : int or list of int, optional
        For the order of the minibatches.

    Raises
    ------
    ValueError
        If an argument is out of its range; at setup, if the cost has no value.

    Examples
    --------
    >>> BGD(batch_size=1000, conjugate=True).init_alpha  # the steps that are tried first
    [0.001, 0.005, 0.01, 0.05, 0.1]
    >>> BGD(batch_size=1000, line_search_mode="exhaustive").init_alpha
    [0.5, 1.0]
    """

    _kind = "BGD"

    def __init__(
        self,
        cost: Any = None,
        batch_size: Optional[int] = None,
        batches_per_iter: Optional[int] = None,
        updates_per_batch: int = 10,
        monitoring_batch_size: Optional[int] = None,
        monitoring_batches: Optional[int] = None,
        monitoring_dataset: Any = None,
        termination_criterion: Any = None,
        set_batch_size: bool = False,
        reset_alpha: bool = True,
        conjugate: bool = False,
        min_init_alpha: float = 0.001,
        reset_conjugate: bool = True,
        line_search_mode: Optional[str] = None,
        verbose_optimization: bool = False,
        scale_step: float = 1.0,
        theano_function_mode: Any = None,
        init_alpha: Optional[Sequence[float]] = None,
        seed: Optional[Seed] = None,
    ) -> None:
        if line_search_mode not in MODES:
            raise ValueError(f"line_search_mode must be one of {MODES}, not {line_search_mode!r}")
        if not (isinstance(updates_per_batch, int) and updates_per_batch > 0):
            raise ValueError(f"updates_per_batch must be at least 1, not {updates_per_batch!r}")
        alphas = FIRST_ALPHAS[line_search_mode] if init_alpha is None else init_alpha
        check_list("init_alpha", alphas)
        if not len(alphas) or min(alphas) <= 0 or sorted(alphas) != list(alphas):
            raise ValueError(f"init_alpha must be positive and rise, not {init_alpha!r}")
        super().__init__(
            1.0,  # a learning rate that is deleted below
            cost=cost,
            batch_size=batch_size,
            monitoring_batch_size=monitoring_batch_size,
            monitoring_batches=monitoring_batches,
            monitoring_dataset=monitoring_dataset,
            termination_criterion=termination_criterion,
            set_batch_size=set_batch_size,
            batches_per_iter=batches_per_iter,
            theano_function_mode=theano_function_mode,
            seed=DEFAULT_SEED if seed is None else seed,
        )
        # A learning-rate schedule then raises an error at setup, instead of having no effect.
        del self.learning_rate
        self.updates_per_batch = updates_per_batch
        self.reset_alpha = reset_alpha
        self.conjugate = conjugate
        self.min_init_alpha = float(min_init_alpha)
        self.reset_conjugate = reset_conjugate
        self.line_search_mode = line_search_mode
        self.verbose_optimization = verbose_optimization
        self.scale_step = float(scale_step)
        self.init_alpha = [float(alpha) for alpha in alphas]
        self._alphas = list(self.init_alpha)
        self._has_direction = False
        self.ave_step_size = backend.shared(0.0, "ave_step_size")
        self.ave_grad_size = backend.shared(0.0, "ave_grad_size")
        self.ave_grad_mult = backend.shared(0.0, "ave_grad_mult")

    # Set-up

    def _compile(self, inputs: list, gradients: OrderedDict, updates: OrderedDict) -> None:
        data = self._feed.batch(self.cost.get_data_specs(self.model))
        objective = self.cost.expr(self.model, data)
        if objective is None:
            raise ValueError(f"{type(self.cost).__name__} has no value, which line searches need")
        scalers = self.model.get_lr_scalers()
        params = list(gradients)

        def copies(what: str) -> list:
            return [
                backend.shared(np.zeros_like(p.get_value()), f"{what}_{p.name}") for p in params
            ]

        # Shared variables that keep their values between minibatches, and are saved.
        self._starts, self._grads, self._directions = map(
            copies, ("start", "gradient", "direction")
        )
        alpha, beta = at.scalar("alpha"), at.scalar("beta")
        new_grads = [gradients[p] * scalers.get(p, 1.0) for p in params]

        def function(inputs: list, outputs: list, changes: Any = ()) -> Any:
            changes = OrderedDict(changes)
            return backend.function(
                inputs, outputs, updates=changes, name="bgd", mode=self.theano_function_mode
            )

        self._objective = function(inputs, [objective])
        # |g|^2, g (g - previous g) and |previous g|^2: the last two give Polak and Ribiere's beta,
        # the share of the old direction in the new one.
        squares = sum(at.square(g).sum() for g in new_grads)
        change = sum((g * (g - old)).sum() for g, old in zip(new_grads, self._grads))
        before = sum(at.square(old).sum() for old in self._grads)
        self._update_gradient = function(
            inputs,
            [squares, change, before],
            [*zip(self._grads, new_grads), *zip(self._starts, params), *updates.items()],
        )
        new_directions = [g + beta * d for g, d in zip(self._grads, self._directions)]
        self._update_direction = function(
            [beta],
            [sum(at.square(d).sum() for d in new_directions)],
            zip(self._directions, new_directions),
        )
        ends = OrderedDict(
            (p, start - alpha * d) for p, start, d in zip(params, self._starts, self._directions)
        )
        self.model.modify_updates(ends)
        self._move = function([alpha], [], ends)

    def _setup_monitor(self, model: Any) -> None:
        self._monitor_data()
        if self.monitoring_dataset:
            for value in (self.ave_step_size, self.ave_grad_size, self.ave_grad_mult):
                add_data_free_channel(self.monitor, self.monitoring_dataset, value.name, value)

    # Training

    def _on_minibatch(self, batch: Any) -> None:
        before = [param.get_value() for param in self.params]
        if self.reset_alpha:
            self._alphas = list(self.init_alpha)
        elif self._alphas[0] < self.min_init_alpha:
            scale = self.min_init_alpha / self._alphas[0]
            self._alphas = [alpha * scale for alpha in self._alphas]
        if self.reset_conjugate:
            self._has_direction = False
        for _ in range(self.updates_per_batch):
            if not self._search(batch):
                break
        if self.scale_step != 1.0:
            share = self.scale_step
            for param, old in zip(self.params, before):
                backend.assign(param, (1 - share) * old + share * param.get_value())

    def _search(self, batch: Any) -> bool:
        """Make one line search; return whether another one on this minibatch may help."""
        start = self._value(batch)
        squares, change, old = map(float, self._update_gradient(*self._feed.arguments(batch)))
        if not (math.isfinite(start) and math.isfinite(squares)):
            when = f"in minibatch {self.batches_this_epoch + 1}"
            self._divergence.check_parameters(when)
            raise self._divergence.error("the objective", when)
        beta = 0.0
        if self.conjugate and self._has_direction and old > 0:
            beta = max(0.0, change / old)
        length = math.sqrt(float(self._update_direction(beta)[0]))
        if length == 0:
            return False
        self._has_direction = True
        scale = float(self.learning_rate_scale.get_value()) / length

        def value_at(alpha: float) -> float:
            self._move(alpha * scale)
            found = self._value(batch)
            return found if math.isfinite(found) else math.inf

        search = self._try_alphas if self.line_search_mode is None else self._bracket_alpha
        best, objective, again = search(start, value_at)
        self._move(best * scale)
        self._update_averages(best, math.sqrt(squares))
        if self.verbose_optimization:
            log.info("objective %g to %g by a step of %g", start, objective, best)
        return again

    def _value(self, batch: Any) -> float:
        return float(self._objective(*self._feed.arguments(batch))[0])

    def _try_alphas(self, start: float, value_at: Any) -> tuple[float, float, bool]:
        """(best alpha, its objective, whether to search on) among the current alphas and 0."""
        best, lowest, place = 0.0, start, -1
        for index, alpha in enumerate(self._alphas):
            found = value_at(alpha)
            if found <= lowest:  # of two steps with the same objective, the longer one
                best, lowest, place = alpha, found, index
        shortest = self._alphas[0] <= SMALLEST_ALPHA
        if place < 1 and not shortest:
            self._alphas = [alpha / 3 for alpha in self._alphas]
        elif place == len(self._alphas) - 1 and self._alphas[-1] < LARGEST_ALPHA:
            self._alphas = [alpha * 2 for alpha in self._alphas]
        return best, lowest, place >= 0 or not shortest

    def _bracket_alpha(self, start: float, value_at: Any) -> tuple[float, float, bool]:
        """As `_try_alphas`, with more alphas until worse ones bracket the best one closely."""
        tried = [(0.0, start)] + [(alpha, value_at(alpha)) for alpha in self._alphas]
        while len(tried) < MOST_TRIALS:
            tried.sort()
            place = min(range(len(tried)), key=lambda i: (tried[i][1], -tried[i][0]))
            best = tried[place][0]
            if place == len(tried) - 1 and best < LARGEST_ALPHA:
                new = 2 * best
            elif place == 0:
                new = tried[1][0] / 3
                if new < SMALLEST_ALPHA:
                    break
            else:
                below = best - tried[place - 1][0]
                above = tried[place + 1][0] - best if place + 1 < len(tried) else 0.0
                if max(below, above) <= PRECISION * best:
                    break
                new = best - below / 2 if below > above else best + above / 2
            tried.append((new, value_at(new)))
        objective, negated = min((found, -alpha) for alpha, found in tried)
        best = -negated
        if best > 0:
            self._alphas = [best / 2, best]
        return best, objective, best > 0

    def _update_averages(self, step: float, gradient: float) -> None:
        for average, new in (
            (self.ave_step_size, step),
            (self.ave_grad_size, gradient),
            (self.ave_grad_mult, step / gradient if gradient else 0.0),
        ):
            value = (1 - _NEW_WEIGHT) * average.get_value() + _NEW_WEIGHT * new
            backend.assign(average, value)
