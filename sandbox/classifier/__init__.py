"""A classifier of digits, trained without generated images, to tell which digit a sample shows."""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import Any, Union

import aesara.tensor as at
import numpy as np

from adversarial import backend, modelfile
from adversarial.models.mlp import MLP, Softmax
from adversarial.space import VectorSpace

BATCH = 1000  # rows classified in one call


class Classifier:
    """A trained network as a function from rows (n, dimension) to probabilities (n, classes).

    Parameters
    ----------
    network : MLP
        Its input space is a VectorSpace, its top layer a Softmax.

    Raises
    ------
    TypeError
        If `network` is not an MLP.
    ValueError
        If its input space or top layer is another one.

    Examples
    --------
    >>> network = MLP([Softmax(n_classes=3, layer_name="y", irange=0.0)], nvis=2)
    >>> Classifier(network).probabilities(np.ones((1, 2))).round(2)
    array([[0.33, 0.33, 0.33]], dtype=float32)
    """

    def __init__(self, network: MLP) -> None:
        if not isinstance(network, MLP):
            raise TypeError(f"a classifier is an MLP with a Softmax on top, not {network!r}")
        top, space = network.layers[-1], network.get_input_space()
        if not isinstance(top, Softmax):
            raise ValueError(f"a classifier has a Softmax on top, not {top!r}")
        if not isinstance(space, VectorSpace):
            raise ValueError(f"a classifier takes vectors, not {space}")
        self.network = network
        self.n_classes: int = top.n_classes
        self._dimension: int = space.dim
        self._classify: Any = None

    @classmethod
    def load(
        cls, path: Union[str, os.PathLike[str]], allow_modules: Collection[str] = ()
    ) -> Classifier:
        """The classifier in a model file.

        Raises
        ------
        ValueError
            If the file holds another model; the message names the file.
        """
        network = modelfile.load(path, allow_modules=allow_modules)
        try:
            return cls(network)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{path}: {error}") from error

    def fprop(self, rows: Any) -> Any:
        """Symbolic probabilities (n, classes) of symbolic rows (n, dimension)."""
        return self.network.fprop(rows)

    def probabilities(self, rows: np.ndarray) -> np.ndarray:
        """Probabilities (n, classes) of rows (n, dimension)."""
        rows = np.asarray(rows, backend.floatX)
        if rows.ndim != 2 or rows.shape[1] != self._dimension:
            raise ValueError(
                f"the classifier takes rows of {self._dimension} numbers, not {rows.shape}"
            )
        if self._classify is None:
            x = at.matrix("x")
            self._classify = backend.function([x], self.fprop(x), name="classifier")
        found = np.empty((len(rows), self.n_classes), backend.floatX)
        for start in range(0, len(rows), BATCH):
            found[start : start + BATCH] = self._classify(rows[start : start + BATCH])
        return found

    def classes(self, rows: np.ndarray) -> np.ndarray:
        """The most probable class of each row, (n,)."""
        return self.probabilities(rows).argmax(axis=1)
