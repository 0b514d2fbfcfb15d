"""Reads one image file with Pillow, for `ImageFolder`.

Files may come from strangers: only formats that Pillow decodes itself are opened (EPS would run
Ghostscript), and the size that a header states is checked before anything is decoded.
"""

from __future__ import annotations

import os
import warnings
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageOps
from PIL.TiffImagePlugin import IMAGELENGTH, IMAGEWIDTH, TiffImageFile

from adversarial.files.opening import BadFile, open_regular
from adversarial.utils.budget import Fault, spend

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
SUFFIXES = frozenset(
    ".png .apng .jpg .jpeg .jpe .bmp .dib .gif .tif .tiff .webp .ppm .pgm .pbm .pnm".split()
)
# More than any camera has; a decoded image takes 3 to 8 bytes a pixel.
MAX_PIXELS = 120_000_000
RESIZINGS = ("crop", "stretch", "pad")
# Nanoseconds to decode a pixel.
_PER_PIXEL = 5
_ORIENTATION = 0x0112
_GREY = ("1", "L", "LA", "La", "I;16", "I;16L", "I;16B", "I")
_DEEP = ("I;16", "I;16L", "I;16B", "I")
_ALPHA = ("LA", "La", "RGBA", "RGBa", "PA")


class _Header(NamedTuple):
    """What the header of an image file says, without its pixels.

    Attributes
    ----------
    rows, columns : int
        Of the image as it is seen, with the camera turned as it was.
    channels : 1 for grey, 3 for colour, 4 with transparency
    is_deep : bool
        Whether it has 16 bits a pixel.
    """

    rows: int
    columns: int
    channels: int
    is_deep: bool


def read_header(path: str | os.PathLike[str]) -> _Header:
    """The header of an image file; `BadFile` if it is no image that can be read."""
    with open_regular(path) as stream:
        try:
            with _opened(stream, path) as image:
                columns, rows = image.size
                if isinstance(image, TiffImageFile):
                    # As stored: Pillow 9 gives `size` as stored, too, but Pillow 13 as it is seen.
                    columns, rows = image.tag_v2[IMAGEWIDTH], image.tag_v2[IMAGELENGTH]
                # Of a PNG without Exif before its pixels, Pillow would decode the pixels.
                has_exif = image.format != "PNG" or "exif" in image.info
                if has_exif and image.getexif().get(_ORIENTATION, 1) in (5, 6, 7, 8):
                    rows, columns = columns, rows
                return _Header(rows, columns, _channels(image), image.mode in _DEEP)
        except (BadFile, Fault):
            raise
        except Exception as error:
            raise _bad(path, error) from error


def read_image(
    path: str | os.PathLike[str],
    channels: int,
    size: tuple[int, int] | None = None,
    resize: str = "crop",
    is_deep: bool = False,
) -> np.ndarray:
    """The pixels of an image file.

    Parameters
    ----------
    path : path
    channels : 1 for grey, 3 for colour, 4 for colour with transparency
        Without transparency, transparent pixels are laid over white.
    size : (rows, columns), optional
        What the image is resized to.
    resize : str
        'crop' fills the size and cuts off what juts out on two sides, 'stretch' changes the
        proportions, 'pad' adds black, or transparent, edges.
    is_deep : bool
        Keep 16 bits of a grey image.

    Returns
    -------
    (rows, columns, channels) array, uint8 or uint16

    Raises
    ------
    BadFile
        If the file is damaged, too large, or no image of a known format.
    """
    with open_regular(path) as stream:
        try:
            with _opened(stream, path) as image:
                spend(
                    f"the pixels of {os.fspath(path)}", time=_PER_PIXEL * image.width * image.height
                )
                image.load()
                # This has turned a TIFF, whose Exif keeps its orientation in Pillow 9.
                if not isinstance(image, TiffImageFile):
                    image = ImageOps.exif_transpose(image)
                deep = image.mode in _DEEP
                image = _converted(image, channels, is_deep)
                if size is not None and (image.height, image.width) != tuple(size):
                    image = _resized(image, size, resize)
                pixels = np.asarray(image)
        except (BadFile, Fault):
            raise
        except Exception as error:  # decoders raise a dozen types for damaged bytes
            raise _bad(path, error) from error
    if is_deep:
        # Beside 16-bit images, those of 8 bits get the same range.
        pixels = np.clip(np.rint(pixels), 0, 65535).astype(np.uint16) * (1 if deep else 257)
    return pixels.reshape(*pixels.shape[:2], channels)


def _opened(stream: Any, path: str | os.PathLike[str]) -> Image.Image:
    with warnings.catch_warnings():
        # The error below says the same.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        image = Image.open(stream, formats=FORMATS)
    if image.width * image.height > MAX_PIXELS:
        raise BadFile(
            f"{os.fspath(path)}: its header says {image.height} x {image.width} pixels, more than "
            f"the {MAX_PIXELS:,} that are read"
        )
    return image


def _bad(path: str | os.PathLike[str], error: Exception) -> BadFile:
    words = " ".join(str(error).split())[:200]
    if type(error).__name__ == "UnidentifiedImageError":
        words = f"its content is none of {', '.join(FORMATS)}"
    return BadFile(
        f"{os.fspath(path)}: cannot be read as an image: {words or type(error).__name__}"
    )


def _channels(image: Image.Image) -> int:
    if image.mode in _ALPHA or "transparency" in image.info:
        return 4
    if image.mode == "P":
        # Formats store palettes in several orders, which Pillow sorts out when it decodes.
        colours = np.array(image.getpalette("RGB") or [0, 0, 0]).reshape(-1, 3)
        return 1 if (colours == colours[:, :1]).all() else 3
    return 1 if image.mode in _GREY else 3


def _converted(image: Image.Image, channels: int, is_deep: bool) -> Image.Image:
    """The image with so many channels."""
    if image.mode == "F":
        raise ValueError(
            "it holds floating-point numbers, whose range is not known: save the images as .npy"
        )
    if image.mode in _DEEP:
        deep = np.asarray(image).astype(np.float32)
        if deep.min() < 0 or deep.max() > 65535:
            raise ValueError("it holds numbers of more than 16 bits: save the images as .npy")
        if is_deep:
            return Image.fromarray(deep)
        image = Image.fromarray(np.rint(deep / 257).astype(np.uint8))
    elif is_deep:
        return image.convert("L").convert("F")
    if channels == 4:
        return image.convert("RGBA")
    if image.mode in _ALPHA or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert({1: "L", 3: "RGB"}[channels])


def _resized(image: Image.Image, size: tuple[int, int], resize: str) -> Image.Image:
    target = size[1], size[0]
    filtered = Image.Resampling.BICUBIC
    if resize == "stretch":
        return image.resize(target, filtered)
    if resize == "pad":
        return ImageOps.pad(image, target, filtered)
    return ImageOps.fit(image, target, filtered)
