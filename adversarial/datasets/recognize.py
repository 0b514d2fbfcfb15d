"""What is in a file or a folder, and which class for own data reads it.

`new_experiment` writes a YAML file from this. Little is read: headers, the first lines of a table,
and some evenly spaced examples.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from adversarial.datasets import csv_file, hdf5_file, idx_file, numpy_file
from adversarial.datasets.image_file import SUFFIXES, read_header
from adversarial.datasets.image_folder import ImageFolder, list_images, part_folders
from adversarial.datasets.own_data import find, open_data
from adversarial.datasets.partition import PARTS
from adversarial.datasets.scaling import BOUNDED

# Examples that are read to tell the range.
_SAMPLE = 200
# Images whose header is read to tell the size: each opens a file.
_HEADERS = 2000
_LABELS = ("y", "labels", "label", "targets", "target", "classes", "class", "species")
_OF_PARTS = {"train": ("train",), "valid": ("valid", "val"), "test": ("test",)}
_HDF5 = b"\x89HDF\r\n\x1a\n"
# A table of whole numbers in this many columns, from 0 to 255, is one of square images.
_FEWEST_PIXELS = 64
_READ = (
    "Read are folders of images, and files of NumPy (.npy, .npz), HDF5, idx and tables of numbers "
    "(.csv)."
)


@dataclass(frozen=True)
class Recognized:
    """What was found.

    Attributes
    ----------
    cls : str
        The name of the class in a YAML file.
    arguments : dict
        Its arguments, `path` among them; what is left to its defaults is not there.
    count : int
        How many examples there are, those of parts with files of their own included.
    dimension : int
        Numbers in an example.
    image : (rows, columns, channels), optional
    dtype : str
        The type of the numbers in the file.
    low, high : float
        The range of the type if that is of 8 or 16 bits, else of the numbers that were read.
    class_names : list of str, optional
    own_parts : tuple of str
        Those of 'valid' and 'test' that have files of their own; the others come from `split`.
    notes : tuple of str
        What a person should know: guesses, and files of several sizes.

    Examples
    --------
    >>> np.save("points.npy", np.zeros((5, 2)))
    >>> recognize("points.npy").dimension
    2
    """

    cls: str
    arguments: dict[str, Any]
    count: int
    dimension: int
    image: tuple[int, int, int] | None
    dtype: str
    low: float
    high: float
    class_names: list[str] | None
    own_parts: tuple[str, ...]
    notes: tuple[str, ...] = field(default=())


def recognize(path: str | os.PathLike[str]) -> Recognized:
    """What is in a file or a folder.

    Parameters
    ----------
    path : path
        A folder of images or of idx files, or a file: .npy, .npz, HDF5, idx, gzipped or not, or a
        table of numbers.

    Raises
    ------
    ValueError
        If it is nothing of the kind, or damaged.

    Examples
    --------
    >>> np.savez("digits.npz", x_train=np.zeros((50, 8, 8), "uint8"), y_train=np.arange(50) % 10,
    ...          x_test=np.zeros((20, 8, 8), "uint8"), y_test=np.arange(20) % 10)
    >>> found = recognize("digits.npz")
    >>> found.cls, found.count, found.image, len(found.class_names)
    ('adversarial.datasets.numpy_file.NumpyFile', 70, (8, 8, 1), 10)
    >>> found.arguments["key"]
    {'train': 'x_train', 'test': 'x_test'}
    """
    found = find(path)
    if found.is_dir():
        return _folder(os.fspath(path), found)
    with open_data(found) as stream:
        start = stream.read(16)
    if start.startswith(b"PK"):
        with open_data(found) as stream:
            names = {n: s for n, (s, _) in numpy_file.arrays_of(stream).items()}
        return _arrays(os.fspath(path), found, names, numpy_file.NumpyFile)
    if start.startswith(b"\x93NUMPY"):
        return _described(numpy_file.NumpyFile, {"path": os.fspath(path)})
    if start.startswith(_HDF5):
        names = hdf5_file.shapes_in(found)
        return _arrays(os.fspath(path), found, names, hdf5_file.HDF5File)
    if start.startswith(b"\0\0\x08") or start.startswith(b"\x1f\x8b"):
        return _described(idx_file.IDXFile, {"path": os.fspath(path)})
    if found.suffix.lower() in SUFFIXES:
        raise ValueError(f"{found} is one image: give the folder of images")
    return _table(os.fspath(path), found)


def _folder(path: str, found: Path) -> Recognized:
    names = [entry.name.lower() for entry in os.scandir(found)]
    if any("idx" in name and "images" in name for name in names):
        arguments: dict[str, Any] = {"path": path}
        if any(name.startswith("emnist") for name in names):
            arguments["transposed"] = True
        return _described(idx_file.IDXFile, arguments)
    folders = part_folders(found)
    listing = list_images(folders.get("train", found))
    step = max(1, len(listing.files) // _HEADERS)
    headers = [read_header(file) for file in listing.files[::step]]
    sizes = Counter((header.rows, header.columns) for header in headers)
    arguments, notes = {"path": path}, []
    size = sizes.most_common(1)[0][0]
    if len(sizes) > 1 or step > 1:
        arguments["size"] = list(size)
    if len(sizes) > 1:
        notes.append(
            f"The images have {len(sizes)} sizes, from {min(sizes)} to {max(sizes)} (rows, "
            f"columns): they are resized to the most frequent one, {size}."
        )
    channels = 1 if all(header.channels == 1 for header in headers) else 3
    if step > 1:
        arguments["channels"] = channels
    if any(header.channels == 4 for header in headers):
        notes.append("Transparent pixels are laid over white; channels: 4 keeps the transparency.")
    is_deep = channels == 1 and any(header.is_deep for header in headers)
    count = sum(len(list_images(folder).files) for folder in folders.values())
    return Recognized(
        cls=_name(ImageFolder),
        arguments=arguments,
        count=count or len(listing.files),
        dimension=size[0] * size[1] * channels,
        image=(size[0], size[1], channels),
        dtype="uint16" if is_deep else "uint8",
        low=0.0,
        high=BOUNDED["uint16" if is_deep else "uint8"][1],
        class_names=None if listing.classes is None else list(dict.fromkeys(listing.classes)),
        own_parts=tuple(part for part in PARTS[1:] if part in folders),
        notes=tuple(notes),
    )


def _arrays(path: str, found: Path, shapes: Mapping[str, tuple[int, ...]], cls: Any) -> Recognized:
    """Of a file with several arrays: which are examples and labels, perhaps of several parts."""
    examples = {name: shape for name, shape in shapes.items() if len(shape) > 1 or len(shapes) == 1}
    by_part = {
        part: [name for name in examples if any(w in name.lower() for w in words)]
        for part, words in _OF_PARTS.items()
    }
    by_part = {part: names for part, names in by_part.items() if names}
    key: Any
    if "train" in by_part and len(by_part) > 1:
        key = {part: _largest(names, shapes) for part, names in by_part.items()}
        targets = {part: _labels_of(name, shapes, part) for part, name in key.items()}
        labels: Any = targets if all(targets.values()) else None
    else:
        known = [name for name in numpy_file.NAMES if name in shapes]
        if not examples:
            raise ValueError(f"{found} has no array of examples: {numpy_file.listed(shapes)}")
        key = known[0] if known else _largest(list(examples), shapes)
        labels = _labels_of(key, shapes)
    arguments = {"path": path, "key": key}
    if labels is not None:
        arguments["targets"] = labels
    return _described(cls, arguments)


def _largest(names: list[str], shapes: Mapping[str, tuple[int, ...]]) -> str:
    return max(names, key=lambda name: float(np.prod(shapes[name], dtype=float)))


def _labels_of(key: str, shapes: Mapping[str, tuple[int, ...]], part: str = "") -> str | None:
    """The array of labels of the examples `key`: as many, one each, with a likely name."""
    words = _OF_PARTS.get(part, ("",))
    fitting = [
        name
        for name, shape in shapes.items()
        if name != key
        and shape in ((shapes[key][0],), (shapes[key][0], 1))
        and any(word in name.lower() for word in words)
    ]
    likely = [
        name
        for name in fitting
        if any(part in _LABELS for part in name.lower().replace("/", "_").split("_"))
    ]
    return likely[0] if likely else None


def _table(path: str, found: Path) -> Recognized:
    """Of a table: a column of texts, or one with a likely name, is that of labels."""
    try:
        head = csv_file.first_lines(found, 50)
    except ValueError as error:
        raise ValueError(f"{error}\n{_READ}") from None
    width = len(head.names)
    texts = [i for i in range(width) if any(not csv_file.is_number(row[i]) for _, row in head.rows)]
    if len(texts) == width:
        raise ValueError(f"{found}: no column holds numbers\n{_READ}")
    named = [i for i, name in enumerate(head.names) if name.lower() in _LABELS]
    arguments: dict[str, Any] = {"path": path}
    notes: list[str] = []
    # A likely name among columns of texts, else the last of these, else a likely name.
    likely = [i for i in texts if i in named] or texts[-1:] or named
    label = likely[0] if likely else None
    if label is not None:
        arguments["label"] = head.names[label] if head.has_names else label
    out = [i for i in texts if i != label]
    if out:
        arguments["leave_out"] = [head.names[i] if head.has_names else i for i in out]
        notes.append("Columns of texts are left out, but for the last one, which is the label.")
    if any(csv_file.is_missing(cell) for _, row in head.rows for cell in row):
        arguments["drop_missing"] = True
        notes.append("Lines with missing values are left out.")
    used = width - len(out) - (label is not None)
    numbers = [
        [float(row[i]) for i in range(width) if i not in (*out, label)]
        for _, row in head.rows
        if not any(csv_file.is_missing(cell) for cell in row)
    ]
    values = np.array(numbers)
    side = round(used**0.5)
    is_pixels = (
        side * side == used >= _FEWEST_PIXELS
        and values.size
        and (values == np.rint(values)).all()
        and values.min() >= 0
        and 1 < values.max() <= 255
    )
    if is_pixels:
        arguments.update(shape=[side, side], data_range=[0, 255])
        notes.append(f"The rows are taken for grey images of {side} x {side} pixels.")
    try:
        return _described(csv_file.CSVFile, arguments, notes)
    except ValueError as error:
        if "has no value" not in str(error) or "drop_missing" in arguments:
            raise
    arguments["drop_missing"] = True
    notes.append("Lines with missing values are left out.")
    return _described(csv_file.CSVFile, arguments, notes)


def _described(cls: type[Any], arguments: dict[str, Any], notes: Any = ()) -> Recognized:
    """What the class `cls` reads with these arguments; no rows are loaded."""
    scale = None if arguments.get("data_range") is None else [0, 1]
    data = cls(**arguments, split={"train": 1}, scale=scale, in_memory=False)
    source = data.X.source
    own = [data.part(name) for name in PARTS[1:] if name in data.part_names]
    ends = arguments.get("data_range") or BOUNDED.get(source.dtype.name)
    if ends is None:
        chosen = np.unique(np.linspace(0, len(source) - 1, _SAMPLE).astype(np.int64))
        sample = source.rows[chosen]
        ends = (sample.min(), sample.max())
    return Recognized(
        cls=_name(cls),
        arguments=arguments,
        count=len(data.X) + sum(len(part.X) for part in own),
        dimension=int(source.rows.shape[1]),
        image=source.image,
        dtype=source.dtype.name,
        low=float(ends[0]),
        high=float(ends[1]),
        class_names=data.class_names,
        own_parts=tuple(name for name in PARTS[1:] if name in data.part_names),
        notes=tuple(notes),
    )


def _name(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"
