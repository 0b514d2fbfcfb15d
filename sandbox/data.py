"""Test sets, labels, and a check that what a model computes is finite."""

from __future__ import annotations

from typing import Any

import numpy as np

from adversarial.datasets.dense_design_matrix import DenseDesignMatrix


def get_test_set(training: Any) -> Any:
    """The test set that belongs to a training set.

    Raises
    ------
    ValueError
        If the data set has no test set.
    """
    if not hasattr(training, "get_test_set"):
        raise ValueError(f"the training set, a {type(training).__name__}, has no test set")
    return training.get_test_set()


def labels_of(dataset: DenseDesignMatrix) -> np.ndarray:
    """The class of each example: integers (n,).

    Raises
    ------
    ValueError
        If the data set has no labels.
    """
    if dataset.y is None:
        raise ValueError(f"a {type(dataset).__name__} without labels")
    return dataset.y.ravel()


def check_finite(what: str, *arrays: np.ndarray) -> None:
    """Raise ValueError if a value in the arrays is not finite; `what` names them, in the plural."""
    if not all(np.isfinite(array).all() for array in arrays):
        raise ValueError(f"{what} contain NaN or infinite values: the model has diverged")
