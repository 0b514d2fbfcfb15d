"""Log-likelihood by annealed importance sampling; `evaluation.ais` has the method."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Optional

from adversarial.evaluation.ais.bounds import Mean
from adversarial.evaluation.ais.likelihood import Settings, ais_log_likelihood
from adversarial.evaluation.metric import Progress, Result, metric
from adversarial.evaluation.parzen_protocol import Split

# Above this gap between the bounds on simulated data, a note says that more steps are needed.
WIDE_GAP = 5.0


@metric(unit="nats", by_default=False)
def ais_ll(
    model: Any,
    splits: Sequence[Split],
    progress: Progress,
    *,
    examples: int = 100,
    simulated: int = 25,
    valid_examples: int = 25,
    sigma: Optional[float] = None,
    chains: int = 2,
    steps: int = 2000,
    leapfrog_steps: int = 10,
    schedule: str = "exponential",
    seed: int = 0,
    state: Optional[str] = None,
) -> Result:
    """Mean log-likelihood of test data under G(z) + Gaussian noise (annealed importance sampling).

    Parameters
    ----------
    model : AdversaryPair or Generator
    splits : sequence of Split
        Validation examples, which choose sigma, and test examples; of data with folds, the first.
    progress : function of (total, what, unit)
    examples, simulated, valid_examples, sigma, state
        As `ais.likelihood.ais_log_likelihood` takes them; all test examples if there are fewer.
    chains, steps, leapfrog_steps, schedule, seed
        As `ais.likelihood.Settings` has them.

    Returns
    -------
    Result
        The mean lower bound, in nats, with its standard error over test examples. `details` has
        sigma and, on data simulated from the model, the mean lower and upper bound and their gap.

    References
    ----------
    Y. Wu, Y. Burda, R. Salakhutdinov and R. Grosse, "On the quantitative analysis of decoder-based
    generative models", ICLR 2017 (arXiv 1611.04273).
    """
    if not (state is None or isinstance(state, (str, os.PathLike))) or state == "":
        raise ValueError(f"state must be a path, not {state!r}")
    split = splits[0]
    fewer = min(examples, len(split.scored)) if isinstance(examples, int) else examples
    found = ais_log_likelihood(
        model,
        split.scored,
        split.valid,
        examples=fewer,
        simulated=simulated,
        valid_examples=valid_examples,
        sigma=sigma,
        settings=Settings(chains, steps, leapfrog_steps, schedule, seed),
        state=state,
        progress=progress,
    )
    details = {
        "sigma": found.sigma,
        "examples": len(found.log_likelihoods),
        "acceptance": found.acceptance,
        **_named("lower bound on simulated data", found.lower),
        **_named("upper bound on simulated data", found.upper),
        **_named("gap on simulated data", found.gap),
    }
    notes = []
    if fewer != examples:
        notes.append(f"there are {fewer} test examples, not {examples}")
    if len(splits) > 1:
        notes.append("only the first fold was scored; --fold chooses another")
    if found.at_edge:
        notes.append(
            f"sigma {found.sigma:.4g} is the outermost one tried; a better one may lie beyond: "
            "give the option sigma"
        )
    if found.gap is None:
        notes.append(
            "without simulated examples, nothing tells how far the bound is from the truth"
        )
    elif found.gap.value > WIDE_GAP:
        notes.append(
            f"on simulated data the bounds are {found.gap.value:.3g} nats apart: raise the option "
            f"steps, now {steps}"
        )
    return Result(found.mean.value, found.mean.standard_error, details, tuple(notes))


def _named(name: str, mean: Optional[Mean]) -> dict[str, Any]:
    if mean is None:
        return {}
    return {name: mean.value, f"{name}, standard error": mean.standard_error}
