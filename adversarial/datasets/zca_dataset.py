"""A data set that was whitened before it was saved, and how to show its rows as images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
from adversarial.datasets.preprocessing import ZCA
from adversarial.datasets.splits import check_range
from adversarial.datasets.view_converter import AXES, DefaultViewConverter
from adversarial.utils.checks import check_part


class ZCA_Dataset(DenseDesignMatrix):  # noqa: N801
    """The rows of `preprocessed_dataset`, which `preprocessor` has whitened.

    Parameters
    ----------
    preprocessed_dataset : DenseDesignMatrix
        Its rows, targets and image shape are used as they are; it stays as it is.
    preprocessor : ZCA
        What has whitened it.
    convert_to_one_hot : bool
        Class numbers become rows of zeros with a single one.
    start, stop : int, optional
        Keep only these examples.
    axes : sequence
        The order of the axes of images.

    Raises
    ------
    TypeError
        Where `preprocessed_dataset` or `preprocessor` is no such object.
    ValueError
        Where `start` and `stop` select no examples.

    Examples
    --------
    >>> data = DenseDesignMatrix(X=[[1.0, 1.0], [-1.0, -1.0], [2.0, -2.0], [-2.0, 2.0]])
    >>> zca = ZCA(filter_bias=0)
    >>> zca.apply(data, can_fit=True)
    >>> whitened = ZCA_Dataset(data, zca, start=2)
    >>> whitened.X.round(2).tolist(), whitened.mapback(whitened.X).round(2).tolist()
    ([[1.0, -1.0], [-1.0, 1.0]], [[2.0, -2.0], [-2.0, 2.0]])
    """

    def __init__(
        self,
        preprocessed_dataset: DenseDesignMatrix,
        preprocessor: ZCA,
        convert_to_one_hot: bool = True,
        start: int | None = None,
        stop: int | None = None,
        axes: Sequence = AXES,
    ) -> None:
        check_part("preprocessed_dataset", preprocessed_dataset, "get_design_matrix")
        check_part("preprocessor", preprocessor, "inverse")
        source = preprocessed_dataset
        rows = check_range(start, stop, source.get_num_examples())
        y = source.get_targets()
        views = source.view_converter
        super().__init__(
            X=source.get_design_matrix()[rows],
            y=None if y is None else y[rows],
            y_labels=source.y_labels,
            view_converter=None if views is None else DefaultViewConverter(views.shape, axes),
        )
        self.preprocessor = preprocessor
        if convert_to_one_hot and y is not None and np.issubdtype(y.dtype, np.integer):
            # By the classes of the whole set, of which a part may lack some.
            if self.y_labels is None:
                self.y_labels = int(y.max()) + 1
            self.convert_to_one_hot()

    def mapback(self, X: np.ndarray) -> np.ndarray:
        """Whitened rows (n, dim) as they were before."""
        return self.preprocessor.inverse(X)

    def mapback_for_viewer(self, X: np.ndarray) -> np.ndarray:
        """Whitened rows as they were before, in [-1, 1]: each by its own largest magnitude."""
        return self.adjust_for_viewer(self.mapback(X))

    def adjust_for_viewer(self, X: np.ndarray) -> np.ndarray:
        return self.adjust_to_be_viewed_with(X, X, per_example=True)

    def adjust_to_be_viewed_with(
        self, X: np.ndarray, other: np.ndarray, per_example: bool = False
    ) -> np.ndarray:
        """`X` in [-1, 1], divided by the largest magnitude in `other`, of each row its own."""
        axes = tuple(range(1, np.ndim(other))) if per_example else None
        peak = np.abs(other).max(axis=axes, keepdims=True)
        return np.clip(X / np.where(peak > 0, peak, 1), -1.0, 1.0)
