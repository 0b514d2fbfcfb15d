"""Rows of a design matrix as images: the methods of `DenseDesignMatrix` that need a view converter.

2014's word for a stack of images is "topological view", and for the three axes of an image (rows,
columns, channels) "topo". How a row holds an image is the `DefaultViewConverter`'s matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adversarial.datasets.dataset import Dataset
from adversarial.datasets.view_converter import AXES, DefaultViewConverter, check_axes
from adversarial.space import Space
from adversarial.utils.budget import spend


class ImageViewMixin(Dataset):
    """Images in and out of a design matrix `X`, by `view_converter`.

    All but `adjust_for_viewer` and `adjust_to_be_viewed_with` raise ValueError where
    `view_converter` is None.

    Attributes
    ----------
    X : array of shape (n, dim)
        Each row holds an image, its channels one after the other.
    view_converter : DefaultViewConverter or None
        How a row holds an image.

    Examples
    --------
    >>> from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
    >>> data = DenseDesignMatrix(topo_view=np.arange(12).reshape(2, 1, 2, 3))
    >>> data.view_shape(), data.X[0].tolist()
    ((1, 2, 3), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0])
    >>> data.set_view_converter_axes(("c", 0, 1, "b"))
    >>> data.get_topological_view().shape
    (3, 1, 2, 2)
    """

    X: Any
    view_converter: DefaultViewConverter | None

    def set_design_matrix(self, X: Any) -> None:
        """Replace all rows."""
        raise NotImplementedError

    def _views(self) -> DefaultViewConverter:
        if self.view_converter is None:
            raise ValueError("this dataset has no view converter: its rows are not images")
        return self.view_converter

    def get_topological_view(self, mat: np.ndarray | None = None) -> np.ndarray:
        """The rows of `mat` (all rows by default) as images, axes as in `view_converter.axes`."""
        # Rows in a file are read.
        return self._views().design_mat_to_topo_view(np.asarray(self.X if mat is None else mat))

    def set_topological_view(self, V: Any, axes: Sequence = AXES) -> None:
        """Replace all examples by the images `V`, whose axes are in the order `axes`."""
        self.view_converter = self._converter_of(V, axes)
        V = np.asarray(V)
        spend(f"images of {V.size} numbers", time=10 * V.size, briefly=V.nbytes)
        self.set_design_matrix(self.view_converter.topo_view_to_design_mat(V))

    @staticmethod
    def _converter_of(V: Any, axes: Sequence) -> DefaultViewConverter:
        axes, shape = check_axes(axes), np.shape(V)
        if len(shape) != 4:
            raise ValueError(f"images need four axes {axes}, not shape {shape}")
        return DefaultViewConverter([shape[axes.index(a)] for a in (0, 1, "c")], axes)

    def set_view_converter_axes(self, axes: Sequence) -> None:
        """Give images with their axes in the order `axes` from now on."""
        self._views().set_axes(axes)

    def get_topo_batch_axis(self) -> int:
        """Which axis of an image array counts examples."""
        return self._views().axes.index("b")

    def get_formatted_view(self, mat: np.ndarray, space: Space) -> np.ndarray:
        """The rows `mat` in `space`."""
        return self._views().get_formatted_batch(mat, space)

    def get_weights_view(self, mat: np.ndarray) -> np.ndarray:
        """The rows `mat`, each the weights of one unit, as images."""
        return self._views().design_mat_to_weights_view(mat)

    def view_shape(self) -> tuple[int, int, int]:
        """(rows, columns, channels) of an image."""
        return self._views().view_shape()

    def weights_view_shape(self) -> tuple[int, int, int]:
        """(rows, columns, channels) of a unit's weights."""
        return self._views().weights_view_shape()

    def adjust_for_viewer(self, X: np.ndarray) -> np.ndarray:
        return X / (np.abs(X).max() or 1.0)

    def adjust_to_be_viewed_with(
        self, X: np.ndarray, other: np.ndarray, per_example: bool = False
    ) -> np.ndarray:
        return np.clip(X / (np.abs(other).max() or 1.0), -1.0, 1.0)
