"""`score`: the log-likelihood of test data under a model's samples, in one call (Table 1).

`AdversaryPair.score` calls it. `parzen_protocol` has the protocol, which the command `parzen_ll`
follows as well, so both give the same numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional, Union

import numpy as np

from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
from adversarial.evaluation import parzen_protocol
from adversarial.evaluation.compatibility import check_compatible, rows_of
from adversarial.evaluation.metric import Progress, no_progress
from adversarial.evaluation.parzen import FoldedScore, ParzenEstimator, ParzenScore, check_sigmas
from adversarial.evaluation.parzen_protocol import default_sigmas, outcomes_of, split_of, total_of
from adversarial.evaluation.sampling import draw_samples


def score(
    model: Any,
    data: Any,
    num_samples: int = 10000,
    sigma: Optional[float] = None,
    seed: int = 0,
    limit_size: int = 1000,
    sigmas: Union[None, Sequence[float], np.ndarray] = None,
    progress: Progress = no_progress,
) -> Union[ParzenScore, FoldedScore]:
    """Mean log-likelihood of test data under a Parzen window density on the model's samples.

    Parameters
    ----------
    model : AdversaryPair or Generator
    data : data set or (n, dimension) array
        A data set of which there is a test set, such as MNIST, is scored on that one, and sigma is
        chosen on its validation set. Of an array or another data set, the first examples choose
        sigma, at most half of them, and the others are scored.
    num_samples : int
    sigma : float, optional
        The width of the windows. By default the best of `sigmas` on validation examples.
    seed : int
        For the samples.
    limit_size : int
        Validation examples to choose sigma by.
    sigmas : sequence of float, optional
        By default ten from 0.1 to 1.
    progress : function of (total, what, unit), optional
        Gives a context manager whose `update(n)` counts; see `adversarial.evaluation.metric`.

    Returns
    -------
    ParzenScore
        `mean` and `standard_error` in nats, `sigma`, and `n`, the number of scored examples; a
        FoldedScore with `mean` and `standard_error` for a data set with folds (TFD).

    Raises
    ------
    ValueError
        If data and samples differ in width, image shape or scale, or an argument is no width or no
        number of examples.

    References
    ----------
    "Generative Adversarial Nets", section 5.

    Examples
    --------
    >>> from adversarial.models.generator import Generator
    >>> from adversarial.models.mlp import MLP, Sigmoid
    >>> generator = Generator(MLP([Sigmoid(layer_name="y", dim=2, irange=1.0)], nvis=3))
    >>> data = np.random.RandomState(0).uniform(size=(200, 2))
    >>> found = score(generator, data, num_samples=100)
    >>> found.n, found.standard_error < 1
    (100, True)
    """
    dataset = (
        data if hasattr(data, "get_design_matrix") else DenseDesignMatrix(X=rows_of(data, "data"))
    )
    if sigma is not None:
        chosen, limit_size = check_sigmas([sigma]), 0
    else:
        chosen = check_sigmas(default_sigmas() if sigmas is None else sigmas)
        is_whole = isinstance(limit_size, (int, np.integer)) and not isinstance(limit_size, bool)
        if not is_whole or limit_size < 1:
            raise ValueError(f"limit_size must be a whole number of at least 1, not {limit_size!r}")
    folds = range(parzen_protocol.FOLDS if parzen_protocol.has_folds(dataset) else 1)
    first = split_of(dataset, 0, limit_size, itself=True)
    check_compatible(model, "the model", first.scored, dataset, "the data")
    with progress(num_samples, "drawing", "sample") as bar:
        samples = draw_samples(model, num_samples, seed, progress=bar.update)
    splits = (split_of(dataset, n, limit_size, itself=True) if n else first for n in folds)
    return total_of(list(outcomes_of(ParzenEstimator(samples), splits, chosen, progress)))
