"""Log-likelihood under a Parzen window density: the score of Table 1.

Computed as `parzen_ll.py` computes it with its default options: `evaluation.parzen` has the
estimator, `evaluation.parzen_protocol` the procedure.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from adversarial.evaluation.metric import Progress, Result, metric
from adversarial.evaluation.parzen import ParzenEstimator
from adversarial.evaluation.parzen_protocol import Split, default_sigmas, outcomes_of, total_of


@metric(unit="nats")
def parzen_ll(samples: np.ndarray, splits: Sequence[Split], progress: Progress) -> Result:
    """Mean log-likelihood of test data under a Parzen window density on the samples (Table 1).

    Parameters
    ----------
    samples : (num_samples, dimension) array
    splits : sequence of Split
        One for each fold of the data: validation examples, which choose sigma, and test examples.
    progress : function of (total, what, unit)
        Gives a context manager, whose `update(n)` counts scored examples.

    Returns
    -------
    Result
        The mean, in nats; its uncertainty is the standard error over test examples or, with
        several folds, across folds. `details` has sigma, a list for several folds. A note says
        where sigma is the least or the greatest that was tried.

    References
    ----------
    "Generative Adversarial Nets", section 5; O. Breuleux, Y. Bengio and P. Vincent, "Quickly
    generating representative samples from an RBM-derived process", Neural Computation 23 (2011).
    """
    estimator = ParzenEstimator(samples)
    outcomes = list(outcomes_of(estimator, splits, default_sigmas(), progress))
    total = total_of(outcomes)
    found = [outcome.score.sigma for outcome in outcomes]
    notes = [
        f"sigma {outcome.score.sigma:.4g} is the outermost one tried; a better one may lie beyond "
        "(parzen_ll.py has options for that)"
        for outcome in outcomes
        if outcome.at_edge
    ]
    return Result(
        total.mean,
        total.standard_error,
        {"sigma": found[0] if len(found) == 1 else found},
        tuple(notes),
    )
