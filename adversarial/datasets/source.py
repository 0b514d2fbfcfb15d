"""Examples as a file has them: what `OwnData` gets from each of its formats.

A class for a format, such as `NumpyFile`, opens its file as a `Source`: rows of numbers that are
read when they are indexed, and targets. `ScaledRows` are some of these rows in the scale that a
training gets, also read when they are indexed; for data larger than memory they are the design
matrix.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from adversarial.datasets.file_rows import FileRows
from adversarial.datasets.finite import LARGEST
from adversarial.datasets.scaling import Scaling, Statistics
from adversarial.datasets.view_converter import AXES, check_axes

# Numbers converted at a time: 16 MB as float32.
_BLOCK = 1 << 22
# float64, in which data is scaled, holds all whole numbers up to this one.
LARGEST_WHOLE = 1 << 53
CHANNELS = (1, 3, 4)


@dataclasses.dataclass
class Source:
    """The examples of a file or of a folder.

    Attributes
    ----------
    name : str
        The file, for messages.
    rows : array-like (n, columns)
        `rows[indices]`, for an int64 array or a slice, is a NumPy array of any type of number. An
        image has its channels one after the other.
    image : (rows, columns, channels), optional
        The shape of an example that is an image.
    targets : (n,) or (n, k) array, optional
        Whole numbers are classes, texts are names of classes, other numbers are targets.
    class_names : list of str, optional
        The names of all classes, where the format knows them.
    place : function, optional
        Where example i is in the file, for messages.

    Examples
    --------
    >>> source = Source("squares", FlatRows(np.arange(4) ** 2))
    >>> len(source), source.rows[np.array([3, 1])].tolist()
    (4, [[9], [1]])
    """

    name: str
    rows: Any
    image: tuple[int, int, int] | None = None
    targets: np.ndarray | None = None
    class_names: list[str] | None = None
    place: Callable[[int], str] = "example {}".format

    def __len__(self) -> int:
        return int(self.rows.shape[0])

    @property
    def dtype(self) -> np.dtype:
        """The type in which the file has its numbers."""
        return np.dtype(self.rows.dtype)


class ScaledRows(FileRows):
    """Some rows of a `Source` in a scale: read, scaled and checked when they are indexed.

    It is indexed by row as a float32 array (n, columns) is, and passes for one where all rows are
    not needed at once.

    Parameters
    ----------
    source : Source
    indices : (n,) int64 array
        Which of its rows.
    scaling : Scaling

    Examples
    --------
    >>> source = Source("squares", FlatRows(np.arange(4) ** 2))
    >>> rows = ScaledRows(source, np.array([3, 1, 0]), Scaling(0.0, 9.0, (0.0, 1.0)))
    >>> rows.shape, rows[0].tolist(), rows.max()
    ((3, 1), [1.0], 1.0)
    """

    dtype = np.dtype(np.float32)

    def __init__(self, source: Source, indices: np.ndarray, scaling: Scaling) -> None:
        self.source, self._indices, self._scaling = source, indices, scaling
        self.shape = len(indices), int(source.rows.shape[1])
        self._found: Statistics | None = None

    def __getitem__(self, rows: Any) -> np.ndarray:
        if isinstance(rows, (int, np.integer)):
            return self._read(self._indices[np.array([rows])])[0]
        if isinstance(rows, tuple):
            return self[rows[0]][(slice(None), *rows[1:])]
        return self._read(self._indices[rows])

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return self.read_all().astype(dtype or self.dtype, copy=False)

    def read_all(self) -> np.ndarray:
        """All rows in memory. They are read in the order of the file, whatever their own is."""
        result = np.empty(self.shape, self.dtype)
        for places in self._blocks():
            result[places] = self._read(self._indices[places])
        return result

    def parts(self) -> Iterator[np.ndarray]:
        """All rows, some thousand at a time, in the order of the file."""
        return (self._read(self._indices[places]) for places in self._blocks())

    def raw_parts(self) -> Iterator[np.ndarray]:
        """As `parts`, in the scale of the file."""
        for places in self._blocks():
            indices = np.sort(self._indices[places])
            raw = self.source.rows[indices]
            self._check(raw, indices)
            yield raw

    def _statistics(self) -> Statistics:
        if self._found is None:
            self._found = super()._statistics()
        return self._found

    def _blocks(self) -> Iterator[np.ndarray]:
        """Places of rows, some thousand at a time, so that the file is read from front to back."""
        order = np.argsort(self._indices, kind="stable")
        step = max(1, _BLOCK // max(1, self.shape[1]))
        return (order[start : start + step] for start in range(0, len(order), step))

    def _read(self, indices: np.ndarray) -> np.ndarray:
        raw = self.source.rows[indices]
        self._check(raw, indices)
        return self._scaling.apply(raw)

    def _check(self, raw: np.ndarray, indices: np.ndarray) -> None:
        """ValueError, which names the example, if a number is not finite, or cannot be scaled."""
        is_float = raw.dtype.kind == "f"
        largest = LARGEST if is_float else LARGEST_WHOLE
        if not raw.size or not (is_float or raw.dtype.itemsize == 8):
            return
        if -largest <= raw.min() and raw.max() <= largest:
            return
        row, column = np.argwhere(~((raw >= -largest) & (raw <= largest)))[0]
        value = raw[row, column]
        where = f"{self.source.name}: {self.source.place(int(indices[row]))}, column {column}, is "
        if not is_float:
            raise ValueError(
                f"{where}{value}, a whole number beyond 2**53, which float64 rounds\n"
                "Leave such a column out, such as one of identifiers, or subtract the smallest "
                "number from it."
            )
        what = "too large for float32" if np.isfinite(value) else "not finite"
        raise ValueError(
            f"{where}{value:g}, which is {what}\nLeave such examples out, or replace the numbers."
        )


class ImageRows:
    """An array of images as rows, each channel after the other.

    Parameters
    ----------
    array : array-like with 4 axes
        Indexed by example.
    axes : order of 'b', 0, 1, 'c', 'b' first

    Examples
    --------
    >>> rows = ImageRows(np.arange(6).reshape(1, 1, 2, 3), ("b", 0, 1, "c"))
    >>> rows[np.array([0])].tolist()
    [[0, 3, 1, 4, 2, 5]]
    """

    def __init__(self, array: Any, axes: Sequence) -> None:
        self._array = array
        self._order = [list(axes).index(axis) for axis in ("b", "c", 0, 1)]
        self.dtype = array.dtype
        self.shape = int(array.shape[0]), math.prod(map(int, array.shape[1:]))

    def __getitem__(self, indices: Any) -> np.ndarray:
        images = np.asarray(self._array[indices])
        return images.transpose(self._order).reshape(len(images), self.shape[1])


class FlatRows:
    """An array as rows of numbers, or rows of flat images in another order than channel by channel.

    Parameters
    ----------
    array : array-like, indexed by example
    image : shape of an example in `axes`, optional
    axes : sequence, optional
        'b', 'c', 0 and 1 in the order that `array` would have with images unfolded.

    Examples
    --------
    >>> FlatRows(np.arange(6).reshape(2, 3))[np.array([1])].tolist()
    [[3, 4, 5]]
    """

    def __init__(self, array: Any, image: tuple[int, ...] = (), axes: Sequence = ()) -> None:
        self._array, self._image = array, image
        self._order = [list(axes).index(axis) for axis in ("b", "c", 0, 1)] if image else []
        self.dtype = array.dtype
        self.shape = int(array.shape[0]), math.prod(map(int, array.shape[1:]))

    def __getitem__(self, indices: Any) -> np.ndarray:
        rows = np.asarray(self._array[indices])
        if self._image:
            rows = rows.reshape(len(rows), *self._image).transpose(self._order)
        return rows.reshape(len(rows), self.shape[1])


def rows_of(
    array: Any, name: str, shape: Sequence[int] | None = None, axes: Sequence | None = None
) -> tuple[Any, tuple[int, int, int] | None]:
    """(rows, image shape) of an array that is indexed by example.

    Parameters
    ----------
    array : array-like
        (n,) or (n, columns): numbers. (n, rows, columns): grey images. With four axes: images.
    name : str
        Of the array, for messages.
    shape : [rows, columns] or [rows, columns, channels], optional
        Of the images; necessary only where `array` has two axes.
    axes : order of 'b', 0, 1, 'c', optional
        Of the axes of `array`, of which 'c' is left out for three, or of those that it had before
        images became rows. By default channels are the last of four axes, or the second one if only
        that has 1, 3 or 4; in rows, one channel follows the other.
    """
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} holds no numbers but {array.dtype}")
    lengths = tuple(map(int, array.shape))
    if not 1 <= len(lengths) <= 4:
        raise ValueError(f"{name} has shape {lengths}; images have at most four axes")
    if 0 in lengths:
        raise ValueError(f"{name} has shape {lengths}: it holds no example")
    wanted = image_shape(shape)
    order = None if axes is None else check_axes(axes)
    if order is not None and order[0] != "b":
        raise ValueError(f"axes must begin with 'b', which counts examples, not {list(order)}")
    if len(lengths) <= 2:
        columns = math.prod(lengths[1:])
        if wanted is None:
            if order is not None:
                raise ValueError(
                    f"{name} has rows of {columns} numbers, of which axes says nothing without "
                    "shape: [rows, columns, channels]"
                )
            return FlatRows(array), None
        if math.prod(wanted) != columns:
            raise ValueError(
                f"{name} has rows of {columns} numbers, and shape {list(wanted)} (rows, columns, "
                f"channels) takes {math.prod(wanted)}"
            )
        if order is None or order == ("b", "c", 0, 1):
            return FlatRows(array), wanted
        sizes = {0: wanted[0], 1: wanted[1], "c": wanted[2]}
        return FlatRows(array, tuple(sizes[axis] for axis in order[1:]), order), wanted
    if len(lengths) == 3:
        # Grey images: the axis of channels is left out.
        order = AXES if order is None else order
        sizes = {**dict(zip((axis for axis in order[1:] if axis != "c"), lengths[1:])), "c": 1}
        found = (sizes[0], sizes[1], 1)
        rows: Any = FlatRows(array, tuple(sizes[axis] for axis in order[1:]), order)
    else:
        order = _axes_of(lengths, name) if order is None else order
        found = (lengths[order.index(0)], lengths[order.index(1)], lengths[order.index("c")])
        rows = ImageRows(array, order)
    if wanted not in (None, found):
        raise ValueError(f"{name} holds images of shape {list(found)}, not {list(wanted or ())}")
    return rows, found


def image_shape(shape: Sequence[int] | None) -> tuple[int, int, int] | None:
    """`shape` as (rows, columns, channels); ValueError for another form."""
    if shape is None:
        return None
    sizes = shape if isinstance(shape, (list, tuple)) else ()
    if len(sizes) not in (2, 3) or not all(
        isinstance(n, (int, np.integer)) and n > 0 for n in sizes
    ):
        raise ValueError(
            f"shape must be [rows, columns] or [rows, columns, channels], not {shape!r:.80}"
        )
    return sizes[0], sizes[1], sizes[2] if len(sizes) == 3 else 1


def _axes_of(lengths: Sequence[int], name: str) -> tuple:
    last, second = lengths[3] in CHANNELS, lengths[1] in CHANNELS
    if last == second:
        raise ValueError(
            f"{name} has shape {tuple(lengths)}, which does not say which axis is that of channels"
            "\nGive axes: ['b', 0, 1, 'c'] if it is the last one, ['b', 'c', 0, 1] if the second."
        )
    return AXES if last else ("b", "c", 0, 1)


def natural_key(text: str) -> list[Any]:
    """A key that sorts texts as people do, '2' before '10', the same on every machine.

    >>> sorted(["a10.png", "a2.png", "B1.png"], key=natural_key)
    ['a2.png', 'a10.png', 'B1.png']
    """
    parts = re.split(r"(\d+)", text.casefold())
    return [[int(p) if p.isdecimal() else p for p in parts], text]
