"""`PatchViewer` and `make_viewer` of 2014, for Python scripts of that time; `Grid` draws.

Nothing in this package calls them: its own pictures are `viewer.samples.Sheet`s.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from adversarial.datasets.view_converter import DefaultViewConverter
from adversarial.viewer import grid
from adversarial.viewer.grid import Grid, save_image, show_image

# The colour of each activation's border, from the innermost outwards.
BORDER_COLORS = np.array([(1.0, 1.0, 0.0), (1.0, 0.0, 1.0), (0.0, 1.0, 0.0)])


class PatchViewer:
    """A grid that is filled with patches row by row; a full grid begins anew.

    A patch has values in [-1, 1]: -1 is black, 0 middle grey, 1 white.

    Parameters
    ----------
    grid_shape : (rows, columns) in patches
    patch_shape : (rows, columns) in pixels; smaller patches are drawn in the middle
    is_color : whether patches have three channels
    pad : pixels between patches, (vertical, horizontal) or one number (5)
    background : on the scale of patches; three values if `is_color` (0, middle grey)

    Raises
    ------
    ValueError
        Where the grid is empty or its picture too large.

    Examples
    --------
    >>> viewer = PatchViewer((1, 2), (3, 3), pad=1)
    >>> viewer.add_patch(np.eye(3))
    >>> viewer.get_img().size
    (9, 5)
    """

    pick_shape = staticmethod(grid.pick_shape)

    def __init__(
        self,
        grid_shape: Sequence[int],
        patch_shape: Sequence[int],
        is_color: bool = False,
        pad: int | Sequence[int] | None = None,
        background: float | Sequence[float] | None = None,
    ) -> None:
        rows, cols = grid_shape
        padding = np.broadcast_to(5 if pad is None else pad, 2).tolist()
        color = np.broadcast_to(0.0 if background is None else background, 3)
        self.is_color = is_color
        self._grid = Grid(rows, cols, patch_shape, padding, _to_unit(color).tolist())
        self._count = 0

    def clear(self) -> None:
        """Take all patches away."""
        self._grid.clear()
        self._count = 0

    def add_patch(
        self,
        patch: np.ndarray,
        rescale: bool = True,
        recenter: bool = True,
        activation: float | Sequence[float] | None = None,
        warn_blank_patch: bool = True,
    ) -> None:
        """Draw `patch` at the next place.

        Parameters
        ----------
        patch : (rows, columns, channels), or (rows, columns) if it is not in colour
        rescale : divide the patch by its largest magnitude; otherwise it must lie in [-1, 1]
        recenter : whether a patch smaller than `patch_shape` is allowed
        activation : the brightness, in [0, 1], of a border; of several numbers each is a border
            of another colour, from the inside outwards; none where it is negative
        warn_blank_patch : warn of a patch in which nothing can be seen

        Raises
        ------
        ValueError
            If the shape or the values do not fit, or the padding has no room for the borders.
        """
        patch = np.asarray(patch, dtype=float)
        patch = patch[:, :, None] if patch.ndim == 2 else patch
        if not recenter and patch.shape[:2] != self._grid.cell:
            raise ValueError(f"expected a patch of {self._grid.cell}, got {patch.shape[:2]}")
        if patch.shape[2:] != ((3,) if self.is_color else (1,)):
            raise ValueError(f"a patch of shape {patch.shape} with is_color {self.is_color}")
        if warn_blank_patch and np.ptp(patch) == 0 and (rescale or not patch.any()):
            warnings.warn(
                f"patch {self._count} is blank: all of it is {patch.max():g}", stacklevel=2
            )
        if rescale:
            patch = patch / (np.abs(patch).max() or 1.0)
        if not np.abs(patch).max() <= 1:  # also NaN
            raise ValueError(f"a patch must lie in [-1, 1], got {patch.min():g} to {patch.max():g}")
        borders = np.atleast_1d(-1.0 if activation is None else activation)
        index = self._count % (self._grid.rows * self._grid.cols)
        if index == 0:
            self._grid.clear()
        self._grid.put(index, _to_unit(patch))
        for shell, (brightness, color) in enumerate(zip(borders, BORDER_COLORS)):
            if brightness >= 0:
                self._grid.frame(index, patch.shape, (brightness * color).tolist(), shell)
        self._count = index + 1

    def addVid(
        self,
        vid: np.ndarray,
        rescale: bool = False,
        subtract_mean: bool = False,
        recenter: bool = False,
    ) -> None:
        """Add the frames of `vid` (rows, columns, frames), all on one scale."""
        vid = vid - np.mean(vid) if subtract_mean else np.asarray(vid)
        vid = vid / (np.abs(vid).max() or 1.0) if rescale else vid
        for frame in np.moveaxis(vid, 2, 0):
            self.add_patch(frame, rescale=False, recenter=recenter)

    def get_img(self) -> Image.Image:
        """The picture as a Pillow image."""
        return self._grid.to_image()

    def show(self) -> bool:
        """Open a window with the picture; False, and a message, where there is no display."""
        return show_image(self.get_img())

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the picture to `path`, in the format that its ending names."""
        save_image(self.get_img(), path)


def make_viewer(
    mat: np.ndarray,
    grid_shape: Sequence[int] | None = None,
    patch_shape: Sequence[int] | None = None,
    activation: Any = None,
    pad: int | Sequence[int] | None = None,
    is_color: bool = False,
    rescale: bool = True,
) -> PatchViewer:
    """A `PatchViewer` of the rows of a matrix, or of a batch of images.

    Parameters
    ----------
    mat : (n, pixels) or (n, rows, columns, channels)
        Rows of a matrix hold their channels one after the other, as datasets store images.
    grid_shape : (rows, columns) in patches; nearly square if None
    patch_shape : (rows, columns) in pixels of the rows of a matrix; nearly square if None
    activation : (n,) or (borders, n); see `PatchViewer.add_patch`
    pad, rescale : see `PatchViewer` and `PatchViewer.add_patch`
    is_color : whether the rows of a matrix have three channels

    Raises
    ------
    ValueError
        If the rows of `mat`, or their number, do not fit the shapes.

    Examples
    --------
    >>> make_viewer(np.eye(16), pad=1).get_img().size
    (21, 21)
    """
    mat = np.asarray(mat)
    if mat.ndim == 2:
        channels = 3 if is_color else 1
        if patch_shape is None:
            patch_shape = grid.pick_shape(mat.shape[1] // channels, exact=True)
        mat = DefaultViewConverter((*patch_shape, channels)).design_mat_to_topo_view(mat)
    if grid_shape is None:
        grid_shape = grid.pick_shape(len(mat))
    if len(mat) > np.prod(grid_shape):
        raise ValueError(f"{len(mat)} patches do not fit in a grid of {tuple(grid_shape)}")
    viewer = PatchViewer(grid_shape, mat.shape[1:3], mat.shape[3] == 3, pad)
    activations = [None] * len(mat) if activation is None else np.atleast_2d(activation).T
    if len(activations) != len(mat):
        raise ValueError(f"{len(mat)} patches cannot have {len(activations)} activations")
    for patch, amounts in zip(mat, activations):
        viewer.add_patch(patch, rescale=rescale, activation=amounts)
    return viewer


def _to_unit(values: np.ndarray) -> np.ndarray:
    """[-1, 1] to [0, 1]."""
    return values * 0.5 + 0.5
