"""The conversion between rows of a design matrix and images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adversarial.modelfile import Persistent
from adversarial.space import Conv2DSpace, Space, VectorSpace
from adversarial.space.image_rows import ROW_AXES

AXES = ("b", 0, 1, "c")


def check_axes(axes: Sequence) -> tuple:
    """`axes` as a tuple; ValueError unless it is an order of 'b', 0, 1 and 'c'."""
    axes = tuple(axes)
    if len(axes) != 4 or set(axes) != set(AXES):
        raise ValueError(f"axes must be an order of 'b', 0, 1 and 'c', not {axes!r}")
    return axes


class DefaultViewConverter(Persistent):
    """Views rows of ``rows * cols * channels`` numbers as images, and back.

    A row holds its channels one after the other, each in row-major order, whatever `axes` is.

    Parameters
    ----------
    shape : (rows, cols, channels)
    axes : sequence
        The order in which images have their axes; 'b' counts examples.

    Attributes
    ----------
    topo_space : Conv2DSpace
        The space of the images.

    Examples
    --------
    >>> converter = DefaultViewConverter((1, 2, 3))  # one row of two pixels, in three colours
    >>> row = np.arange(6)[None]
    >>> converter.design_mat_to_topo_view(row).tolist()
    [[[[0, 2, 4], [1, 3, 5]]]]
    """

    def __init__(self, shape: Sequence[int], axes: Sequence = AXES) -> None:
        sizes = tuple(int(n) for n in shape)
        if len(sizes) != 3 or min(sizes) < 1:
            raise ValueError(f"shape must be (rows, cols, channels), not {sizes!r}")
        self.shape = sizes
        self.set_axes(axes)

    def set_axes(self, axes: Sequence) -> None:
        """Change the order in which images have their axes."""
        self.axes = check_axes(axes)
        self._update_topo_space()

    def _update_topo_space(self) -> None:
        rows, cols, channels = self.shape
        self.topo_space = Conv2DSpace((rows, cols), num_channels=channels, axes=self.axes)

    @property
    def pixels_per_channel(self) -> int:
        return self.shape[0] * self.shape[1]

    def _dim(self) -> int:
        return self.pixels_per_channel * self.shape[2]

    def view_shape(self) -> tuple[int, int, int]:
        """(rows, cols, channels) of an image."""
        return self.shape

    def weights_view_shape(self) -> tuple[int, int, int]:
        """(rows, cols, channels) of a unit's weights."""
        return self.shape

    def rows_to_topo(self, rows: Any) -> Any:
        """Rows (n, dim) as images in `axes`; for NumPy arrays and Aesara matrices alike."""
        height, width, channels = self.shape
        stored = rows.reshape((rows.shape[0], channels, height, width))
        return stored.transpose(*[ROW_AXES.index(axis) for axis in self.axes])

    def design_mat_to_topo_view(self, design_matrix: np.ndarray) -> np.ndarray:
        """Rows (n, dim) as images in `axes`: a view, not a copy, where possible."""
        if design_matrix.ndim != 2 or design_matrix.shape[1] != self._dim():
            raise ValueError(
                f"a design matrix for images of {self.shape} has shape "
                f"(n, {self._dim()}), not {design_matrix.shape}"
            )
        return self.rows_to_topo(design_matrix)

    def design_mat_to_weights_view(self, X: np.ndarray) -> np.ndarray:
        """Rows (n, dim), each the weights of one unit, as images in `axes`."""
        return self.design_mat_to_topo_view(X)

    def topo_view_to_design_mat(self, topo_array: np.ndarray) -> np.ndarray:
        """Images in `axes` as rows (n, dim)."""
        if topo_array.ndim != 4 or self.shape != tuple(
            topo_array.shape[self.axes.index(axis)] for axis in (0, 1, "c")
        ):
            raise ValueError(
                f"images of {self.shape} with axes {self.axes} cannot come from an "
                f"array of shape {topo_array.shape}"
            )
        stored = topo_array.transpose([self.axes.index(axis) for axis in ROW_AXES])
        return stored.reshape(stored.shape[0], self._dim())

    def get_formatted_batch(self, batch: Any, space: Space) -> Any:
        """Rows (n, dim), numeric or symbolic, in `space`.

        A VectorSpace gets the rows as they are stored; a Conv2DSpace gets images.
        """
        if isinstance(space, VectorSpace):
            if space.get_total_dimension() != self._dim():
                raise ValueError(f"rows of {self._dim()} numbers do not fit into {space}")
            return batch
        if not isinstance(space, Conv2DSpace):
            raise ValueError(f"a minibatch of images cannot be formatted as {space}")
        if isinstance(batch, np.ndarray):
            topo = self.design_mat_to_topo_view(batch)
            return self.topo_space.np_format_as(topo, space)
        return self.topo_space.format_as(self.rows_to_topo(batch), space)
