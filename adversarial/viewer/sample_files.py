"""Writes any number of samples to a file or folder, batch by batch, in bounded memory.

`show_samples` calls these. Arrays hold samples one a row, images with one channel after the other,
each row by row.
"""

from __future__ import annotations

import contextlib
import csv
import io
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, BinaryIO, Optional

import numpy as np
from PIL import Image

from adversarial.files import outputs
from adversarial.files.atomic_write import atomic_write
from adversarial.viewer.samples import View, finite, to_unit

Batches = Iterable[np.ndarray]
# Bytes: signature, header, data of one pixel, end.
_SMALLEST_PNG = 69


def write_npy(path: str, batches: Batches, n: int, dim: int, dtype: str = "float32") -> None:
    """Write `n` samples of `dim` numbers as an array (n, dim) of `dtype`.

    Examples
    --------
    >>> write_npy("x.npy", iter([np.zeros((2, 3)), np.ones((1, 3))]), 3, 3)
    >>> np.load("x.npy")[:, 0]
    array([0., 0., 1.], dtype=float32)
    """
    _check_room(path, np.dtype(dtype).itemsize * n * dim)
    with atomic_write(path) as stream:
        _write_rows(stream, batches, n, dim, dtype)


def write_csv(path: str, batches: Batches, columns: Sequence[str]) -> None:
    """Write samples as a table of text, with 12 significant digits, below the names of `columns`.

    Examples
    --------
    >>> write_csv("x.csv", iter([np.array([[0.5, 2.0]])]), ["petal", "sepal"])
    >>> print(open("x.csv").read(), end="")
    petal,sepal
    0.5,2
    """
    with atomic_write(path) as stream:
        text = io.TextIOWrapper(stream, "utf-8", newline="")
        table = csv.writer(text, lineterminator="\n")
        table.writerow(columns)
        for batch in map(finite, batches):
            table.writerows([f"{value:.12g}" for value in row] for row in batch.tolist())
        text.detach()  # flushes it


def write_npz(
    path: str,
    batches: Batches,
    n: int,
    dim: int,
    image_shape: Optional[Sequence[int]] = None,
    bounds: Optional[Sequence[float]] = None,
    columns: Optional[Sequence[str]] = None,
    dtype: str = "float32",
) -> None:
    """Write samples as the array `samples` of an .npz file, with what is known of them.

    The other arrays are `image_shape` (rows, columns, channels), if samples are images; `observed`,
    the least and the greatest value in the file; `bounds`, those that the model can emit, with
    infinities where they are open; `columns`, the names of the columns of a table.

    Examples
    --------
    >>> write_npz("x.npz", iter([np.zeros((2, 4))]), 2, 4, (2, 2, 1), (0, 1))
    >>> {name: array.tolist() for name, array in np.load("x.npz").items() if name != "samples"}
    {'image_shape': [2, 2, 1], 'observed': [0.0, 0.0], 'bounds': [0.0, 1.0]}
    """
    _check_room(path, np.dtype(dtype).itemsize * n * dim)
    with atomic_write(path) as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        with archive.open(_member("samples"), "w", force_zip64=True) as member:
            observed = _write_rows(member, batches, n, dim, dtype)
        more: dict[str, Any] = {} if image_shape is None else {"image_shape": list(image_shape)}
        more["observed"] = np.array(observed)
        more["bounds"] = np.array(bounds or (-np.inf, np.inf), float)
        if columns is not None:
            more["columns"] = [*columns]
        for name, array in more.items():
            content = io.BytesIO()
            np.save(content, np.asarray(array))
            archive.writestr(_member(name), content.getvalue())


def _member(name: str) -> zipfile.ZipInfo:
    # No time, so that equal samples are equal files.
    return zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0))


def _write_rows(stream: Any, batches: Batches, n: int, dim: int, dtype: str) -> tuple[float, float]:
    """Write an array in NumPy's format; returns its least and greatest value."""
    descr = np.dtype(dtype).newbyteorder("<").str
    header = {"descr": descr, "fortran_order": False, "shape": (n, dim)}
    np.lib.format.write_array_header_1_0(stream, header)
    low, high = np.inf, -np.inf
    for batch in map(finite, batches):
        stream.write(np.ascontiguousarray(batch, descr).tobytes())
        low, high = min(low, float(batch.min())), max(high, float(batch.max()))
    return low, high


def write_folder(
    path: str,
    batches: Batches,
    n: int,
    view: View,
    bounds: Optional[Sequence[float]] = None,
) -> None:
    """Write each sample as a picture, 000.png and so on, in a new folder.

    The pictures are 8-bit RGB, also of grey images, as tools that compute FID read them.

    Parameters
    ----------
    path : str
        A folder that does not exist, or is empty. It is complete, or not there.
    batches : iterable of arrays
    n : int
    view : View
    bounds : (least, greatest value), optional
        What becomes black and white. Without them, `to_unit` decides by the first batch.

    Raises
    ------
    ValueError
        If the folder has files already, which would be judged as samples, too.
    """
    target = check_folder(path)
    parent = os.path.dirname(target)
    _check_room(target, _SMALLEST_PNG * n)
    made = tempfile.mkdtemp(prefix=f".{os.path.basename(target)[:40]}-", dir=parent)
    try:
        os.chmod(made, 0o777 & ~_umask())
        digits = max(3, len(str(n - 1)))
        for index, image in enumerate(_images(batches, view, bounds)):
            with open(os.path.join(made, f"{index:0{digits}d}.png"), "xb") as stream:
                _save_rgb(image, stream)
        with contextlib.suppress(FileNotFoundError):
            os.rmdir(target)
        os.replace(made, target)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise


def check_folder(path: str) -> str:
    """The absolute path of a folder that `write_folder` can make; ValueError if it cannot."""
    target = os.path.abspath(path)
    outputs.check(target)
    if not os.path.isdir(os.path.dirname(target)):
        raise ValueError(f"cannot make {path}: there is no folder {os.path.dirname(target)}")
    if os.path.islink(target) or (os.path.exists(target) and not os.path.isdir(target)):
        raise ValueError(f"cannot make {path}: it is no folder")
    if os.path.isdir(target) and os.listdir(target):
        raise ValueError(
            f"the folder {path} is not empty, and its files would count as samples: empty it, or "
            "name another"
        )
    return target


def _check_room(path: str, size: int) -> None:
    """Raise OSError if the disk of `path` has no room for `size` bytes, before hours of drawing."""
    free = shutil.disk_usage(os.path.dirname(os.path.abspath(path))).free
    if size > free:
        raise OSError(
            f"cannot write {path}: it takes {size / 1e9:.3g} GB at least, but its disk has "
            f"{free / 1e9:.3g} GB free; draw fewer samples"
        )


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _images(
    batches: Batches, view: View, bounds: Optional[Sequence[float]]
) -> Iterator[np.ndarray]:
    like = None
    for batch in map(finite, batches):
        if bounds is not None:
            low, high = bounds
            unit = np.clip((view.images(batch) - low) / (high - low), 0, 1)
        else:
            like = batch if like is None else like
            unit = to_unit(view.images(batch), like=like)
        yield from unit


def _save_rgb(image: np.ndarray, stream: BinaryIO) -> None:
    pixels = np.rint(image * 255).astype(np.uint8)
    Image.fromarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3))).save(stream, format="PNG")
