"""The evaluation protocol of Table 1: which examples are scored, and how sigma is chosen.

Of several sigmas, the one with the greatest mean log-likelihood on validation examples is used for
the test set (section 5 of arXiv 1406.2661).

- MNIST: training examples 50,000 to 60,000 are the validation set; the standard error is that of
  the mean over the test set.
- TFD: five folds, each with its own sigma; the standard error is taken across the folds.

As in 2014, the data set is the one that the model was trained on, preprocessed as for training
(`split_of`). `load_split` loads MNIST and TFD in [0, 1] for a model file that does not name its
data. The command `parzen_ll` and the metric of that name call this module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adversarial.evaluation.metric import Progress
from adversarial.evaluation.parzen import (
    FoldedScore,
    ParzenEstimator,
    ParzenScore,
    cross_validate_sigma,
)
from adversarial.evaluation.unavailable import Unavailable

DATASETS = ("mnist", "tfd")
FOLDS = 5
# Pixels of an example: 28 x 28 for MNIST, 48 x 48 or 96 x 96 for TFD.
DIMENSIONS = {"mnist": (28**2,), "tfd": (48**2, 96**2)}


@dataclass(frozen=True)
class Split:
    """Examples as rows, (n, dimension): `valid` to choose sigma by, `scored` to be scored."""

    valid: np.ndarray
    scored: np.ndarray


@dataclass(frozen=True)
class Outcome:
    """A score, and the pairs (sigma, mean log-likelihood in nats) that its sigma was chosen from.

    `tried` is empty where sigma was given.
    """

    score: ParzenScore
    tried: tuple[tuple[float, float], ...] = ()

    @property
    def at_edge(self) -> bool:
        """Whether sigma is the smallest or largest one tried, so that a better one may exist."""
        sigmas = [sigma for sigma, _ in self.tried]
        return len(sigmas) > 1 and self.score.sigma in (min(sigmas), max(sigmas))


def check_dimension(dataset: str, dimension: int, path: str) -> None:
    """Raise ValueError unless examples of `dataset`, one of DATASETS, have `dimension` pixels."""
    accepted = DIMENSIONS[dataset]
    if dimension not in accepted:
        raise ValueError(
            f"{path} makes samples of {dimension} numbers, but {dataset} has "
            f"{' or '.join(map(str, accepted))}: was it trained on another data set?"
        )


def load_split(
    dataset: str, dimension: int, fold: int = 0, limit_size: int = 1000, score_valid: bool = False
) -> Split:
    """The first `limit_size` validation examples of MNIST or TFD, and the test set.

    Parameters
    ----------
    dataset : a name of DATASETS
    dimension : int
        Pixels of an example, which tells the image size of TFD.
    fold : int
        Of TFD.
    limit_size : int
    score_valid : bool
        Score the whole validation set, not the test set.
    """
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
    """Whether `dataset`, a name of DATASETS or a data set, has FOLDS folds, as TFD does."""
    from adversarial.datasets import tfd

    return dataset == "tfd" if isinstance(dataset, str) else isinstance(dataset, tfd.TFD)


def is_named(name: str, dataset: Any) -> bool:
    """Whether `dataset` is a part of the data set that `name` stands for, or that name itself.

    `name` is one of DATASETS.
    """
    from adversarial.datasets import mnist, tfd

    if dataset is None or isinstance(dataset, str):
        return dataset == name
    return isinstance(dataset, {"mnist": mnist.MNIST, "tfd": tfd.TFD}[name])


def split_of(
    dataset: Any,
    fold: int = 0,
    limit_size: int = 1000,
    score_valid: bool = False,
    itself: bool = False,
) -> Split:
    """The validation examples and the test set of `dataset`, preprocessed as it is.

    Parameters
    ----------
    dataset : a data set with `get_test_set`, `get_valid_set` or both
        Without a validation set, the first examples of the test set choose sigma, at most half of
        them, and the others are scored.
    fold : int
        Of a data set with folds.
    limit_size : int
        How many validation examples to take; 0 where sigma is given.
    score_valid : bool
        Score the whole validation set, not the test set.
    itself : bool
        Use `dataset` as the test set if it has no `get_test_set`.

    Raises
    ------
    Unavailable
        Where there is no test set, or a single test example that would have to choose sigma, too.
    ValueError
        Where the validation set is to be scored, and is missing.
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
        raise Unavailable(
            f"the data set, a {name}, has no test set: give --dataset a YAML file of one"
        )
    if valid is not None:
        return Split(_rows(valid)[:limit_size], scored)
    if limit_size and len(scored) < 2:
        raise Unavailable(f"{len(scored)} examples are too few to choose sigma and to be scored")
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
    """Score `split.scored` with the sigma that is best on `split.valid`.

    Parameters
    ----------
    estimator : ParzenEstimator on the samples
    split : Split
    sigmas : (k,) widths to choose from; a single one is used as it is
    progress : function, optional
        Called with the number of rows done since the last call; these add up to
        `rows_of(split, sigmas)`.

    Examples
    --------
    >>> rng = np.random.RandomState(0)
    >>> split = Split(valid=rng.randn(50, 1), scored=rng.randn(50, 1))
    >>> choose_and_score(ParzenEstimator(rng.randn(500, 1)), split, [0.001, 0.3]).score.sigma
    0.3
    """
    sigma = float(sigmas[0])
    tried: list[tuple[float, float]] = []
    if len(sigmas) > 1:
        sigma, tried = cross_validate_sigma(estimator, split.valid, sigmas, progress)
    scores = estimator.log_likelihoods(split.scored, [sigma], progress=progress)[0]
    return Outcome(ParzenScore.of(scores, sigma), tuple(tried))


def outcomes_of(
    estimator: ParzenEstimator,
    splits: Iterable[Split],
    sigmas: Sequence[float] | np.ndarray,
    progress: Progress,
) -> Iterator[Outcome]:
    """`choose_and_score` of each split, one for each fold of the data.

    Parameters
    ----------
    estimator : ParzenEstimator on the samples
    splits : iterable of Split
        Read one by one, so that only one is in memory.
    sigmas : (k,) widths to choose from; a single one is used as it is
    progress : function of (total, what, unit)
        Gives a context manager, whose `update(n)` counts scored examples.
    """
    for split in splits:
        with progress(rows_of(split, sigmas), "scoring", "example") as bar:
            outcome = choose_and_score(estimator, split, sigmas, bar.update)
        yield outcome


def total_of(outcomes: Sequence[Outcome]) -> ParzenScore | FoldedScore:
    """The score of a data set: that of its only fold, or the mean over several folds."""
    if len(outcomes) == 1:
        return outcomes[0].score
    return FoldedScore(tuple(outcome.score for outcome in outcomes))


def rows_of(split: Split, sigmas: Sequence[float] | np.ndarray) -> int:
    """How many rows `choose_and_score` computes."""
    return len(split.scored) + (len(split.valid) if len(sigmas) > 1 else 0)
