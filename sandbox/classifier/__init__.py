"""A classifier of digits, trained apart from any generator, as the judge of what samples show."""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import Any, Union

import aesara.tensor as at
import numpy as np

from adversarial import backend, modelfile
from adversarial.models.mlp import MLP, Softmax
from adversarial.space import VectorSpace

BATCH = 1000  # rows judged at a time


class Classifier:
    """What a trained network says of rows, (n, dimension): probabilities (n, classes).

    Parameters
    ----------
    network : MLP
        Takes vectors; its top layer is a Softmax. Else ValueError (TypeError for no MLP at all).
    """

    def __init__(self, network: MLP) -> None:
        if not isinstance(network, MLP):
            raise TypeError(f"a classifier is an MLP with a Softmax on top, not {network!r}")
        if not isinstance(network.layers[-1], Softmax):
            raise ValueError(f"a classifier has a Softmax on top, not {network.layers[-1]!r}")
        if not isinstance(network.get_input_space(), VectorSpace):
            raise ValueError(f"a classifier takes vectors, not {network.get_input_space()}")
        self.network = network
        self._judge: Any = None

    @classmethod
    def load(
        cls, path: Union[str, os.PathLike[str]], allow_modules: Collection[str] = ()
    ) -> Classifier:
        """The one in the model file `path`; ValueError, naming the file, where it holds none."""
        network = modelfile.load(path, allow_modules=allow_modules)
        try:
            return cls(network)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{path}: {error}") from error

    @property
    def n_classes(self) -> int:
        return self.network.layers[-1].n_classes

    def fprop(self, rows: Any) -> Any:
        """Probabilities within a graph, symbolic (n, classes), of symbolic rows."""
        return self.network.fprop(rows)

    def probabilities(self, rows: np.ndarray) -> np.ndarray:
        """The probability of each class, (n, classes), for each of `rows`, (n, dimension)."""
        dimension = self.network.get_input_space().dim
        rows = np.asarray(rows, backend.floatX)
        if rows.ndim != 2 or rows.shape[1] != dimension:
            raise ValueError(f"the classifier takes rows of {dimension} numbers, not {rows.shape}")
        if self._judge is None:
            x = at.matrix("x")
            self._judge = backend.function([x], self.fprop(x), name="classifier")
        found = np.empty((len(rows), self.n_classes), backend.floatX)
        for start in range(0, len(rows), BATCH):
            found[start : start + BATCH] = self._judge(rows[start : start + BATCH])
        return found

    def classes(self, rows: np.ndarray) -> np.ndarray:
        """The most probable class of each row, (n,)."""
        return self.probabilities(rows).argmax(axis=1)
