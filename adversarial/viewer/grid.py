"""A grid of small images on one picture: `Grid` draws it, `save_grid` draws and writes in one call.

Every command that writes a picture of samples, examples or weights ends here; curves with axes are
in `plot`.
"""

from __future__ import annotations

import logging
import math
import os
import sys
from collections.abc import Sequence

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from adversarial.files import outputs
from adversarial.files.atomic_write import atomic_write

GREY = (0.5, 0.5, 0.5)
# Ten times the pixels of a screen; a picture takes 24 bytes a pixel while it is drawn.
MAX_PIXELS = 40_000_000
YELLOW = (1.0, 1.0, 0.0)

logger = logging.getLogger(__name__)


class Grid:
    """`rows` x `cols` cells with padding between and around them.

    Cells are counted row by row from the upper left; colours are RGB in [0, 1].

    Parameters
    ----------
    rows, cols : int
    cell : (height, width) of a cell, in pixels
    pad : (vertical, horizontal) pixels between and around the cells
    background : colour of the padding and of empty cells

    Attributes
    ----------
    pixels : (height, width, 3) array, the picture so far

    Raises
    ------
    ValueError
        Where the grid is empty, or its picture has more than MAX_PIXELS.

    Examples
    --------
    >>> grid = Grid(1, 2, cell=(2, 2), pad=(1, 1))
    >>> grid.put(1, np.ones((2, 2, 1)))
    >>> grid.pixels[1, :, 0].tolist()
    [0.5, 0.5, 0.5, 0.5, 1.0, 1.0, 0.5]
    """

    def __init__(
        self,
        rows: int,
        cols: int,
        cell: Sequence[int],
        pad: Sequence[int],
        background: Sequence[float] = GREY,
    ) -> None:
        if rows < 1 or cols < 1:
            raise ValueError(f"a grid has at least one row and one column, got {rows} x {cols}")
        if min(cell) < 1 or min(pad) < 0:
            raise ValueError(f"a grid cannot have cells of {tuple(cell)} padded by {tuple(pad)}")
        self.rows, self.cols = rows, cols
        self.cell, self.pad = tuple(cell), tuple(pad)
        self.background = np.asarray(background)
        height, width = (
            count * size + (count + 1) * gap for count, size, gap in zip((rows, cols), cell, pad)
        )
        check_pixels(height, width)
        self.pixels = np.empty((height, width, 3))
        self.clear()

    def clear(self) -> None:
        """Paint everything in the background colour."""
        self.pixels[:] = self.background

    def put(self, index: int, patch: np.ndarray) -> None:
        """Draw `patch` (height, width, 1 or 3), values in [0, 1], in the middle of a cell."""
        top, left = self._corner(index, patch.shape)
        self.pixels[top : top + patch.shape[0], left : left + patch.shape[1]] = patch

    def frame(self, index: int, shape: Sequence[int], color: Sequence[float], shell: int) -> None:
        """A line one pixel wide around a patch of `shape`, in the padding, `shell` pixels off."""
        if shell >= min(self.pad):
            raise ValueError(f"padding of {self.pad} has no room for a frame {shell + 1} wide")
        top, left = (start - shell - 1 for start in self._corner(index, shape))
        bottom, right = top + shape[0] + 2 * shell + 1, left + shape[1] + 2 * shell + 1
        self.pixels[[top, bottom], left : right + 1] = color
        self.pixels[top : bottom + 1, [left, right]] = color

    def to_image(self, scale: int = 1) -> Image.Image:
        """The picture with 8 bits a channel, each pixel as a square of `scale` pixels."""
        if scale < 1 or scale != int(scale):
            raise ValueError(f"scale must be a whole number of at least 1, got {scale!r}")
        check_pixels(*(length * int(scale) for length in self.pixels.shape[:2]))
        pixels = np.rint(self.pixels * 255).astype(np.uint8)
        return Image.fromarray(pixels.repeat(int(scale), axis=0).repeat(int(scale), axis=1))

    def _corner(self, index: int, shape: Sequence[int]) -> tuple[int, ...]:
        """The (row, column) of the upper left pixel of a patch of `shape` in cell `index`."""
        if not 0 <= index < self.rows * self.cols:
            raise ValueError(f"a grid of {self.rows} x {self.cols} has no cell {index}")
        if shape[0] > self.cell[0] or shape[1] > self.cell[1]:
            raise ValueError(f"a patch of {tuple(shape[:2])} does not fit in cells of {self.cell}")
        return tuple(
            at * (size + gap) + gap + (size - length) // 2
            for at, size, gap, length in zip(divmod(index, self.cols), self.cell, self.pad, shape)
        )


def check_pixels(height: int, width: int) -> None:
    """ValueError for a picture of more than MAX_PIXELS."""
    if height * width > MAX_PIXELS:
        raise ValueError(
            f"a picture of {height} x {width} pixels is larger than the {MAX_PIXELS} that are "
            "drawn: fewer rows or columns, or a smaller scale, will do"
        )


def save_grid(
    images: np.ndarray,
    path: str | os.PathLike[str],
    rows: int,
    cols: int,
    pad: int = 2,
    frame: np.ndarray | None = None,
    scale: int = 1,
) -> None:
    """Write `images` as one picture, atomically (see `files.atomic_write`).

    Parameters
    ----------
    images, rows, cols, pad, frame
        As `grid_of` takes them.
    path : str or path
        Its ending (.png, ...) tells the format.
    scale : int
        Factor by which the picture is enlarged.

    Raises
    ------
    ValueError
        If an argument does not fit these descriptions, or the images do not fit the grid.

    Examples
    --------
    >>> save_grid(np.zeros((6, 28, 28, 1)), "black.png", rows=2, cols=3)
    >>> Image.open("black.png").size
    (92, 62)
    """
    save_image(grid_of(images, rows, cols, pad, frame).to_image(scale), path)


def grid_of(
    images: np.ndarray, rows: int, cols: int, pad: int = 2, frame: np.ndarray | None = None
) -> Grid:
    """A grid with `images` in its cells.

    Parameters
    ----------
    images : (n, height, width, channels), in [0, 1]
        Put row by row; channels is 1 or 3, n at most `rows * cols`.
    rows, cols : int
    pad : int
        Grey pixels between and around the images.
    frame : (n,) booleans, optional
        Which images get a yellow frame, as the training examples in the paper's Figure 2.

    Raises
    ------
    ValueError
        If an argument does not fit these descriptions, or the images do not fit the grid.
    """
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[3] not in (1, 3):
        raise ValueError(f"images must have shape (n, height, width, 1 or 3), got {images.shape}")
    if len(images) > rows * cols:
        raise ValueError(f"{len(images)} images do not fit in {rows} rows of {cols}")
    if not np.isfinite(images).all():
        raise ValueError(
            "images contain NaN or infinite values: a model that makes them has diverged"
        )
    # The margin forgives rounding.
    if images.size and not (images.min() >= -1e-5 and images.max() <= 1 + 1e-5):
        raise ValueError(
            f"images must have values in [0, 1], got {images.min():g} to {images.max():g}"
        )
    framed = np.zeros(len(images), bool) if frame is None else np.asarray(frame, bool)
    if framed.shape != (len(images),):
        raise ValueError(f"frame must have shape ({len(images)},), got {framed.shape}")

    grid = Grid(rows, cols, images.shape[1:3], (pad, pad))
    for index, image in enumerate(images):
        grid.put(index, image.clip(0, 1))
        if framed[index]:
            # Half of the padding: the other half belongs to the neighbour.
            for shell in range(max(1, pad // 2)):
                grid.frame(index, image.shape, YELLOW, shell)
    return grid


def is_picture(path: str | os.PathLike[str]) -> bool:
    """Whether `save_image` can write a file of this name, by its ending.

    Examples
    --------
    >>> is_picture("digits.PNG"), is_picture("digits.csv")
    (True, False)
    """
    return _format_of(path) in Image.SAVE


def _format_of(path: str | os.PathLike[str]) -> str | None:
    """The name that Pillow has for the format of this ending."""
    return Image.registered_extensions().get(os.path.splitext(path)[1].lower())


def save_image(image: Image.Image, path: str | os.PathLike[str]) -> None:
    """Write `image` to `path`, atomically; its ending tells the format.

    Raises
    ------
    ValueError
        Where Pillow writes no format of that ending.
    """
    path = os.fspath(path)
    kind = _format_of(path)
    if not is_picture(path):
        raise ValueError(f"cannot tell an image format from {path!r}: end it in .png")
    mark = outputs.mark()
    options = {}
    if mark and kind == "PNG":
        options["pnginfo"] = PngInfo()
        options["pnginfo"].add_text("Run", mark.decode("ascii"))
    with atomic_write(path) as stream:
        image.save(stream, format=kind, **options)
        if mark and not options:
            stream.seek(0, os.SEEK_END)
            stream.write(mark)  # programs that read pictures stop before it


def pick_shape(n: int, exact: bool = False) -> tuple[int, int]:
    """The (rows, columns), nearly square, of a grid for `n` patches.

    With `exact`, the patches fill the grid: both numbers are divisors of `n`.

    Raises
    ------
    ValueError
        Where `n` is below 1.

    Examples
    --------
    >>> pick_shape(10), pick_shape(10, exact=True)
    ((3, 4), (2, 5))
    """
    if n < 1:
        raise ValueError(f"the number of patches must be at least 1, got {n}")
    rows = math.isqrt(n)
    while exact and n % rows:
        rows -= 1
    return rows, -(-n // rows)


def present(path: str | os.PathLike[str], show: bool) -> None:
    """Print where a picture was saved; with `show`, open it in a window, too.

    A file that Pillow does not read, such as a video or a drawing of vectors, gives a warning.
    """
    print(path)
    if show:
        try:
            with Image.open(path) as image:
                show_image(image)
        except OSError as error:
            logger.warning("--show: %s; open the file with another program", error)


def show_image(image: Image.Image) -> bool:
    """Open `image` in a window; where there is no display, log a warning and return False."""
    headless = sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
    if headless or not _open_window(image):
        logger.warning("No display to show the image on: save it to a file instead.")
        return False
    return True


def _open_window(image: Image.Image) -> bool:
    from PIL import ImageShow  # looks for viewer programs when imported

    return bool(ImageShow.show(image))
