"""Features of images, for metrics that compare distributions of features instead of pixels."""

from __future__ import annotations

from typing import Any

import aesara.tensor as at
import numpy as np

from adversarial import backend
from adversarial.models.mlp import MLP
from adversarial.space import VectorSpace


class Features:
    """The output of a classifier's layer below the top one, as rows of numbers.

    Parameters
    ----------
    network : MLP of at least two layers
    batch_size : int
        Examples that are computed at a time.

    Raises
    ------
    ValueError
        Where the network has a single layer.

    Examples
    --------
    >>> from adversarial.models.mlp import Sigmoid, Softmax
    >>> hidden, top = Sigmoid(layer_name="h", dim=3, irange=1.0), Softmax(2, "y", irange=1.0)
    >>> Features(MLP([hidden, top], nvis=4))(np.zeros((5, 4))).tolist()[0]
    [0.5, 0.5, 0.5]
    """

    def __init__(self, network: Any, batch_size: int = 1000) -> None:
        if not isinstance(network, MLP) or len(network.layers) < 2:
            raise ValueError(
                f"features are taken from an MLP of at least two layers, not a "
                f"{type(network).__name__}"
            )
        self.batch_size = batch_size
        taken, given = network.get_input_space(), network.layers[-2].get_output_space()
        self.dimension = taken.get_total_dimension()
        rows = at.matrix("rows")
        states = network.fprop(VectorSpace(self.dimension).format_as(rows, taken), return_all=True)
        width = VectorSpace(given.get_total_dimension())
        self._compute = backend.function([rows], given.format_as(states[-2], width))

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Features (n, k) of `rows` (n, dimension)."""
        if rows.ndim != 2 or rows.shape[1] != self.dimension:
            raise ValueError(
                f"the classifier takes examples of {self.dimension} numbers, not {rows.shape[1:]}"
            )
        rows = np.asarray(rows, backend.floatX)
        starts = range(0, max(len(rows), 1), self.batch_size)
        return np.concatenate(
            [self._compute(rows[start : start + self.batch_size]) for start in starts]
        )
