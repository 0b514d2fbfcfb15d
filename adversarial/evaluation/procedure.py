"""The procedure of Table 1: whose log-likelihood is taken, and by which sigma.

Sigma is the one, of several, of greatest mean log-likelihood on validation examples; the test set
is then scored with it alone. MNIST: train examples 50,000 to 60,000 validate, and the standard
error is that of the mean over the test set. TFD: five folds, a sigma each, and the standard error
is taken across the folds (section 5 of arXiv 1406.2661).

As in 2014 both sets are those of the data that a model was trained on, treated as that was
(`split_of`). `load_split` has those of MNIST and TFD in [0, 1], for a model that does not say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adversarial.evaluation.parzen import (
    FoldedScore,
    ParzenEstimator,
    ParzenScore,
    cross_validate_sigma,
)

DATASETS = ("mnist", "tfd")
FOLDS = 5
# Numbers in an example: 28 x 28 for MNIST, 48 x 48 or 96 x 96 for TFD.
DIMENSIONS = {"mnist": (28**2,), "tfd": (48**2, 96**2)}


@dataclass(frozen=True)
class Split:
    """Examples as rows: `valid` to choose sigma by, `scored` to score."""

    valid: np.ndarray
    scored: np.ndarray


@dataclass(frozen=True)
class Outcome:
    """A score, and the (sigma, mean log-likelihood) pairs its sigma was chosen from, if it was."""

    score: ParzenScore
    tried: tuple[tuple[float, float], ...] = ()

    @property
    def at_edge(self) -> bool:
        """Whether sigma is the smallest or largest tried, so that a better one may lie beyond."""
        sigmas = [sigma for sigma, _ in self.tried]
        return len(sigmas) > 1 and self.score.sigma in (min(sigmas), max(sigmas))


def check_dimension(dataset: str, dimension: int, path: str) -> None:
    """ValueError unless samples of `dimension` numbers can be scored on `dataset`."""
    accepted = DIMENSIONS[dataset]
    if dimension not in accepted:
        raise ValueError(
            f"{path} makes samples of {dimension} numbers, but {dataset} has "
            f"{' or '.join(map(str, accepted))}: was it trained on another data set?"
        )


def load_split(
    dataset: str, dimension: int, fold: int = 0, limit_size: int = 1000, score_valid: bool = False
) -> Split:
    """The first `limit_size` validation examples, and the test set (or the validation set)."""
    if dataset == "mnist":
        from adversarial.datasets.mnist import MNIST

        valid = MNIST(which_set="train", start=50000, stop=60000).X
        scored = valid if score_valid else MNIST(which_set="test").X
    elif dataset == "tfd":
        from adversarial.datasets.tfd import TFD

        size = round(dimension**0.5)
        valid = TFD(which_set="valid", fold=fold, image_size=size, scale=True).X
        if score_valid:
            scored = valid
        else:
            scored = TFD(which_set="test", fold=fold, image_size=size, scale=True).X
    else:
        raise ValueError(f"dataset must be one of {', '.join(DATASETS)}, not {dataset!r}")
    return Split(valid[:limit_size], scored)


def has_folds(dataset: Any) -> bool:
    """Whether `dataset`, a name of DATASETS or a data set, is divided into FOLDS folds."""
    from adversarial.datasets import tfd

    return dataset == "tfd" if isinstance(dataset, str) else isinstance(dataset, tfd.TFD)


def is_named(name: str, dataset: Any) -> bool:
    """Whether `dataset` is a part of the one that `name` of DATASETS stands for."""
    from adversarial.datasets import mnist, tfd

    return dataset is not None and isinstance(dataset, {"mnist": mnist.MNIST, "tfd": tfd.TFD}[name])


def split_of(
    dataset: Any,
    fold: int = 0,
    limit_size: int = 1000,
    score_valid: bool = False,
    itself: bool = False,
) -> Split:
    """The test set and validation examples of `dataset`, treated as it was.

    Parameters
    ----------
    dataset
        Its methods `get_test_set` and `get_valid_set` make them. Where it has no validation set,
        the first examples of the test set choose sigma, at most half of them, and the others are
        scored.
    fold : int
        Of a data set that has folds.
    limit_size : int
        How many validation examples to take; 0 where sigma is not to be chosen.
    score_valid : bool
        Score the whole validation set, not the test set.
    itself : bool
        Where it has no test set, it is one.

    Raises
    ------
    ValueError
        Where it lacks the set that is to be scored.
    """
    which = (fold,) if has_folds(dataset) else ()
    name = type(dataset).__name__
    valid = dataset.get_valid_set(*which) if hasattr(dataset, "get_valid_set") else None
    if score_valid:
        if valid is None:
            raise ValueError(f"the data set, a {name}, has no validation set")
        return Split(_rows(valid)[:limit_size], _rows(valid))
    if hasattr(dataset, "get_test_set"):
        scored = _rows(dataset.get_test_set(*which))
    elif itself:
        scored = _rows(dataset)
    else:
        raise ValueError(
            f"the data set, a {name}, has no test set: give --dataset a YAML file of one"
        )
    if valid is not None:
        return Split(_rows(valid)[:limit_size], scored)
    if limit_size and len(scored) < 2:
        raise ValueError(f"{len(scored)} examples are too few to choose sigma and to be scored")
    cut = min(limit_size, len(scored) // 2)
    return Split(scored[:cut], scored[cut:])


def _rows(dataset: Any) -> np.ndarray:
    if not hasattr(dataset, "get_design_matrix"):
        raise ValueError(f"the data set, a {type(dataset).__name__}, has no rows of numbers")
    return dataset.get_design_matrix()


def default_sigmas() -> np.ndarray:
    """The ten widths that are tried: 0.1 to 1, on a logarithmic scale, as in 2014."""
    return np.logspace(-1, 0, 10)


def choose_and_score(
    estimator: ParzenEstimator,
    split: Split,
    sigmas: Sequence[float] | np.ndarray,
    progress: Callable[[int], object] | None = None,
) -> Outcome:
    """Score `split.scored` with the one of `sigmas` that is best on `split.valid`.

    `progress` is called with numbers of rows done; they add up to `rows_of(split, sigmas)`.
    """
    sigma = float(sigmas[0])
    tried: list[tuple[float, float]] = []
    if len(sigmas) > 1:
        sigma, tried = cross_validate_sigma(estimator, split.valid, sigmas, progress)
    scores = estimator.log_likelihoods(split.scored, [sigma], progress=progress)[0]
    return Outcome(ParzenScore.of(scores, sigma), tuple(tried))


def total_of(outcomes: Sequence[Outcome]) -> ParzenScore | FoldedScore:
    """The score of a data set: that of its only fold, or the mean over several."""
    if len(outcomes) == 1:
        return outcomes[0].score
    return FoldedScore(tuple(outcome.score for outcome in outcomes))


def rows_of(split: Split, sigmas: Sequence[float] | np.ndarray) -> int:
    """How many rows `choose_and_score` works on."""
    return len(split.scored) + (len(split.valid) if len(sigmas) > 1 else 0)
