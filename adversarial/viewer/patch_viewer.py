"""`PatchViewer` and `make_viewer`: weights or images as patches around a middle grey."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from adversarial.datasets.view_converter import DefaultViewConverter
from adversarial.viewer.grid import Grid, save_image, show_image

# One colour for each activation of a patch, from the innermost border outwards.
SHELL_COLORS = ((1.0, 1.0, 0.0), (1.0, 0.0, 1.0), (0.0, 1.0, 0.0))


class PatchViewer:
    """A grid to which patches are added one after the other, row by row.

    A patch has values in [-1, 1]: -1 is black, 0 middle grey, 1 white. When the grid is full,
    the next patch begins a new one.

    Parameters
    ----------
    grid_shape
        (rows, columns) in patches.
    patch_shape
        (rows, columns) in pixels; smaller patches are drawn in the middle of that room.
    is_color
        Whether patches have three channels.
    pad
        Pixels between patches: (vertical, horizontal) or one number. Default 5.
    background
        On the scale of patches; three values if `is_color`. Default 0, middle grey.
    """

    def __init__(
        self,
        grid_shape: Sequence[int],
        patch_shape: Sequence[int],
        is_color: bool = False,
        pad: int | Sequence[int] | None = None,
        background: float | Sequence[float] | None = None,
    ):
        self.grid_shape = _pair("grid_shape", grid_shape)
        self.patch_shape = _pair("patch_shape", patch_shape)
        self.is_color = bool(is_color)
        pad = 5 if pad is None else pad
        self.pad = (pad, pad) if isinstance(pad, (int, np.integer)) else _pair("pad", pad)
        self.background = np.asarray(0.0 if background is None else background, dtype=float)
        if self.background.shape not in ((), (3,)) or np.abs(self.background).max() > 1:
            raise ValueError(f"background must be one or three values in [-1, 1]: {background!r}")
        self._grid = Grid(
            *self.grid_shape,
            self.patch_shape,
            self.pad,
            np.broadcast_to(self.background * 0.5 + 0.5, 3),
        )
        self._count = 0

    @property
    def image(self) -> np.ndarray:
        """The picture (height, width, 3), values in [0, 1]."""
        return self._grid.pixels

    @property
    def cur_pos(self) -> tuple:
        """The (row, column) in the grid that the next patch takes."""
        return divmod(self._count, self.grid_shape[1])

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
        rescale
            Divide the patch by its largest magnitude. Otherwise it must lie in [-1, 1].
        recenter
            Whether a patch smaller than `patch_shape` is allowed.
        activation
            Draws a border whose brightness is this number, in [0, 1]; none if it is negative.
            Several numbers draw borders of different colours, from the inside outwards.
        warn_blank_patch
            Warn of a patch in which nothing can be seen.

        Raises
        ------
        ValueError
            If the shape or the values do not fit, or the padding has no room for the borders.
        """
        patch = self._checked(patch, recenter)
        low, high = patch.min(), patch.max()
        if warn_blank_patch and low == high and (rescale or low == 0):
            warnings.warn(f"patch {self._count} is blank: all of it is {low:g}", stacklevel=2)
        if rescale:
            patch = patch / (max(-low, high) or 1.0)
        elif low < -1 or high > 1:
            raise ValueError(
                f"without rescale, a patch must lie in [-1, 1], got {low:g} to {high:g}"
            )
        borders = self._checked_activation(activation)

        if self._count == 0:
            self._grid.clear()
        self._grid.put(self._count, patch * 0.5 + 0.5)
        for shell, (amount, color) in enumerate(zip(borders, SHELL_COLORS)):
            if amount >= 0:
                self._grid.frame(self._count, patch.shape, amount * np.asarray(color), shell)
        self._count = (self._count + 1) % (self.grid_shape[0] * self.grid_shape[1])

    def addVid(
        self,
        vid: np.ndarray,
        rescale: bool = False,
        subtract_mean: bool = False,
        recenter: bool = False,
    ) -> None:
        """Add the frames of `vid` (rows, columns, frames), all on one scale."""
        vid = np.asarray(vid, dtype=float)
        if subtract_mean:
            vid = vid - vid.mean()
        if rescale:
            vid = vid / (np.abs(vid).max() or 1.0)
        for i in range(vid.shape[2]):
            self.add_patch(vid[:, :, i], rescale=False, recenter=recenter)

    def show(self) -> bool:
        """Open a window with the picture; False, and a message, where there is no display."""
        return show_image(self.get_img())

    def get_img(self) -> Image.Image:
        """The picture as a Pillow image."""
        return self._grid.to_image()

    def save(self, path: str | os.PathLike) -> None:
        """Write the picture to `path`, in the format that its ending names."""
        save_image(self.get_img(), path)

    @staticmethod
    def pick_shape(n: int, exact: bool = False) -> tuple:
        """The (rows, columns), nearly square, of a grid for `n` patches.

        With `exact`, of one that they fill: both are then divisors of `n`.
        """
        if isinstance(n, bool) or not isinstance(n, (int, np.integer)):
            raise TypeError(f"the number of patches must be an integer, got {n!r}")
        if n < 1:
            raise ValueError(f"the number of patches must be at least 1, got {n}")
        rows = math.isqrt(n)
        while exact and n % rows:
            rows -= 1
        return rows, -(-int(n) // rows)

    def _checked(self, patch: np.ndarray, recenter: bool) -> np.ndarray:
        """`patch` as floats (rows, columns, channels)."""
        patch = np.asarray(patch, dtype=float)
        if patch.ndim == 2 and not self.is_color:
            patch = patch[:, :, None]
        channels = 3 if self.is_color else 1
        if patch.ndim != 3 or patch.shape[2] != channels or not patch.size:
            raise ValueError(
                f"expected a patch of shape (rows, columns, {channels}), got {patch.shape}"
            )
        if not recenter and patch.shape[:2] != self.patch_shape:
            raise ValueError(f"expected a patch of {self.patch_shape}, got {patch.shape[:2]}")
        if not np.isfinite(patch).all():
            raise ValueError("a patch has values that are infinite or not numbers")
        return patch

    def _checked_activation(self, activation: Any) -> np.ndarray:
        """`activation` as an array of one number a border."""
        amounts = np.atleast_1d([] if activation is None else np.asarray(activation, dtype=float))
        if amounts.ndim != 1 or len(amounts) > len(SHELL_COLORS) or (amounts > 1).any():
            raise ValueError(
                f"activation must be up to {len(SHELL_COLORS)} numbers of at most 1, "
                f"got {activation!r}"
            )
        # Borders of neighbours must not touch.
        if 2 * len(amounts) >= min(self.pad) and len(amounts):
            raise ValueError(
                f"{len(amounts)} borders need a pad of at least {2 * len(amounts) + 1}, "
                f"got {self.pad}"
            )
        return amounts


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
    grid_shape
        (rows, columns) in patches; chosen nearly square if None.
    patch_shape
        (rows, columns) in pixels of the rows of a matrix; nearly square if None.
    activation
        One number a patch, or a sequence of such sequences, one a border.
    pad, rescale
        See `PatchViewer` and `PatchViewer.add_patch`.
    is_color
        Whether the rows of a matrix have three channels. A batch of images shows that itself.

    Raises
    ------
    ValueError
        If `mat` is neither, or its rows or their number do not fit the shapes asked for.
    """
    mat = np.asarray(mat)
    if mat.ndim not in (2, 4) or not len(mat):
        raise ValueError(
            "mat must have shape (n, pixels) or (n, rows, columns, channels) and n > 0, "
            f"got {mat.shape}"
        )
    if mat.ndim == 2:
        channels = 3 if is_color else 1
        if patch_shape is None:
            if mat.shape[1] % channels:
                raise ValueError(f"rows of {mat.shape[1]} numbers have not {channels} channels")
            patch_shape = PatchViewer.pick_shape(mat.shape[1] // channels, exact=True)
        mat = DefaultViewConverter((*patch_shape, channels)).design_mat_to_topo_view(mat)
    if grid_shape is None:
        grid_shape = PatchViewer.pick_shape(len(mat))
    if len(mat) > grid_shape[0] * grid_shape[1]:
        raise ValueError(f"{len(mat)} patches do not fit in a grid of {tuple(grid_shape)}")

    viewer = PatchViewer(grid_shape, mat.shape[1:3], is_color=mat.shape[3] > 1, pad=pad)
    # (n,) becomes (n, 1), and (borders, n) becomes (n, borders).
    activations = [None] * len(mat) if activation is None else np.atleast_2d(activation).T
    if len(activations) != len(mat):
        raise ValueError(f"{len(mat)} patches cannot have {len(activations)} activations")
    for patch, amounts in zip(mat, activations):
        viewer.add_patch(patch, rescale=rescale, activation=amounts)
    return viewer


def _pair(name: str, value: Sequence[int]) -> tuple:
    """`value` as two integers."""
    pair = tuple(value)
    if len(pair) != 2 or not all(isinstance(n, (int, np.integer)) for n in pair):
        raise ValueError(f"{name} must be a pair of integers, got {value!r}")
    return int(pair[0]), int(pair[1])
