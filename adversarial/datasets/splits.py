"""Ranges, folds and held-out parts of a design matrix."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from adversarial.utils.iteration import as_rng


class SplitMixin:
    """Folds and held-out parts of `X`, for a class with `X`, `rng` and `get_num_examples`.

    All methods raise ValueError where a part would be empty; those of held-out parts also unless
    exactly one of `train_size` and `train_prop` is given.

    Examples
    --------
    >>> from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
    >>> data = DenseDesignMatrix(X=[[0], [1], [2], [3], [4]])
    >>> [fold.ravel().tolist() for fold in data.split_dataset_nfolds(2)]
    [[0.0, 1.0, 2.0], [3.0, 4.0]]
    >>> train, valid = data.bootstrap_holdout(train_prop=0.8, rng=0)
    >>> len(train), len(valid)
    (4, 1)
    """

    X: Any
    rng: np.random.RandomState
    get_num_examples: Callable[[], int]

    def split_dataset_nfolds(self, nfolds: int = 0) -> list[np.ndarray]:
        """`nfolds` neighbouring parts of the rows, their sizes equal to within one."""
        return self._folds(np.arange(self.get_num_examples()), nfolds)

    def bootstrap_nfolds(self, nfolds: int, rng: Any = None) -> list[np.ndarray]:
        """Like `split_dataset_nfolds`, of the rows in a random order."""
        rng = self.rng if rng is None else as_rng(rng)
        return self._folds(rng.permutation(self.get_num_examples()), nfolds)

    def split_dataset_holdout(
        self, train_size: int = 0, train_prop: float = 0
    ) -> tuple[np.ndarray, np.ndarray]:
        """(train, valid): the first rows and the rest.

        `train_size` rows, or the share `train_prop` of all, go to train.
        """
        return self._apply_holdout(np.arange(self.get_num_examples()), train_size, train_prop)

    def bootstrap_holdout(
        self, train_size: int = 0, train_prop: float = 0, rng: Any = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Like `split_dataset_holdout`, of the rows in a random order; no row is in both parts."""
        rng = self.rng if rng is None else as_rng(rng)
        order = rng.permutation(self.get_num_examples())
        return self._apply_holdout(order, train_size, train_prop)

    def _folds(self, order: np.ndarray, nfolds: int) -> list[np.ndarray]:
        if not 1 <= nfolds <= len(order):
            raise ValueError(f"cannot cut {len(order)} examples into {nfolds!r} folds")
        return [self.X[part] for part in np.array_split(order, nfolds)]

    def _apply_holdout(
        self, order: np.ndarray, train_size: int, train_prop: float
    ) -> tuple[np.ndarray, np.ndarray]:
        if bool(train_size) == bool(train_prop):
            raise ValueError(
                f"give either train_size or train_prop, not {train_size!r} and {train_prop!r}"
            )
        size = train_size or int(round(len(order) * train_prop))
        if not 0 < size < len(order):
            raise ValueError(
                f"a training part of {size} out of {len(order)} examples leaves "
                f"one of the parts empty"
            )
        return self.X[order[:size]], self.X[order[size:]]


def check_range(start: int | None, stop: int | None, size: int) -> slice:
    """The slice of the examples from `start` up to, not including, `stop`.

    Parameters
    ----------
    start, stop : int or None
        None is the first example, or the end.
    size : int
        How many examples there are.

    Raises
    ------
    ValueError
        Unless 0 <= start < stop <= size.

    Examples
    --------
    >>> check_range(None, 3, 10)
    slice(0, 3, None)
    """
    first = 0 if start is None else start
    last = size if stop is None else stop
    if not 0 <= first < last <= size:
        raise ValueError(
            f"start {start!r} and stop {stop!r} do not select from {size} examples "
            f"(0 <= start < stop <= {size})"
        )
    return slice(first, last)
