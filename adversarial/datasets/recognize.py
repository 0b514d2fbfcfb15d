"""What is in a file or a folder, and which class for own data reads it.

`new_experiment` writes a YAML file from this. Little is read: headers, the first lines of a table,
and some evenly spaced examples.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from adversarial.datasets import csv_file, hdf5_file, idx_file, numpy_file
from adversarial.datasets.data_file import find, open_data
from adversarial.datasets.image_file import SUFFIXES, read_header
from adversarial.datasets.image_folder import ImageFolder, list_images, part_folders
from adversarial.datasets.partition import PARTS
from adversarial.datasets.scaling import BOUNDED
from adversarial.datasets.targets import MAX_CLASSES

# Examples that are read to tell the range.
_SAMPLE = 200
# Images whose header is read to tell the size: each opens a file.
_HEADERS = 2000
_LABELS = ("y", "labels", "label", "targets", "target", "classes", "class", "species")
# What names an array of a part: x_train, trainX, val_images; not strain, values, latest.
_OF_PARTS = {
    part: re.compile(rf"(?<![a-z])[xy]?({words})([xy]|set|data|images?|labels?|targets?)?(?![a-z])")
    for part, words in {
        "train": "train|training",
        "valid": "valid|validation|val",
        "test": "test|testing",
    }.items()
}
_BINARY = (b"PK", b"\x93NUMPY", b"\x89HDF\r\n\x1a\n", b"\0\0\x08", b"\x1f\x8b")
_HDF5 = b"\x89HDF\r\n\x1a\n"
# Names of columns that number the lines: id, PassengerId, sample_no, "Unnamed: 0".
_IDENTIFIER = re.compile(
    r"(?i:(^|[\W_])(id|idx|index|no|nr|row)$|^unnamed\b|^$)|[a-z](Id|ID|Index|No|Nr)$"
)
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


def recognize(path: str | os.PathLike[str], columns: Sequence[str] | None = None) -> Recognized:
    """What is in a file or a folder.

    Parameters
    ----------
    path : path
        A folder of images or of idx files, or a file: .npy, .npz, HDF5, idx, gzipped or not, or a
        table of numbers.
    columns : list of str, optional
        The columns of a table that are data, by name, or by number where it has no names. By
        default those of numbers, without a label, identifiers and constants.

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
    if columns is not None and not _is_table(found):
        raise ValueError(f"{found} is no table (CSV), which columns are chosen of")
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
    return _table(os.fspath(path), found, columns)


def _is_table(found: Path) -> bool:
    if found.is_dir() or found.suffix.lower() in SUFFIXES:
        return False
    with open_data(found) as stream:
        return not stream.read(16).startswith(_BINARY)


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
    # Labels may be one-hot rows, which can be larger than the examples.
    examples = {
        name: shape
        for name, shape in examples.items()
        if len(shape) > 2 or not _is_like_labels(name.rpartition("/")[2])
    } or examples
    by_part = {part: [name for name in examples if _is_of(name, part)] for part in _OF_PARTS}
    by_part = {part: names for part, names in by_part.items() if names}
    key: Any
    if "train" in by_part and len(by_part) > 1:
        key = {part: _largest(names, shapes) for part, names in by_part.items()}
        targets = {part: _labels_of(name, shapes, part) for part, name in key.items()}
        labels: Any = targets if all(targets.values()) else None
    else:
        known = [name for name in numpy_file.NAMES if shapes.get(name)]  # a number has no rows
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
    fitting = [
        name
        for name, shape in shapes.items()
        if name != key
        and shape in ((shapes[key][0],), (shapes[key][0], 1))
        and (not part or _is_of(name, part))
    ]
    likely = list(filter(_is_like_labels, fitting))
    return likely[0] if likely else None


def _is_of(name: str, part: str) -> bool:
    words = re.sub("(?<=[a-z])(?=[A-Z])", "_", name).lower()
    return _OF_PARTS[part].search(words) is not None


def _is_like_labels(name: str) -> bool:
    return any(word in _LABELS for word in name.lower().replace("/", "_").split("_"))


def _table(path: str, found: Path, chosen: Sequence[str] | None) -> Recognized:
    """Of a table: a column of texts, or one with a likely name, is that of labels."""
    try:
        head = csv_file.first_lines(found, 50)
    except ValueError as error:
        raise ValueError(f"{error}\n{_READ}") from None
    width = len(head.names)
    texts = [i for i in range(width) if any(not csv_file.is_number(row[i]) for _, row in head.rows)]
    if len(texts) == width:
        raise ValueError(f"{found}: no column holds numbers\n{_READ}")
    used = None if chosen is None else sorted(_column(found, head, name) for name in chosen)
    named = [i for i, name in enumerate(head.names) if name.lower() in _LABELS]
    # A likely name among columns of texts, else the last of these, else a likely name.
    likely = [i for i in texts if i in named] or texts[-1:] or named
    likely = [i for i in likely if used is None or i not in used]
    label = likely[0] if likely else None
    if used is None:
        used = [i for i in range(width) if i not in texts and i != label]
    notes: list[str] = []
    if chosen is None and set(texts) - {label}:
        notes.append("Columns of texts are left out, but for the last one, which is the label.")
    drops = any(csv_file.is_missing(row[i]) for _, row in head.rows for i in used)
    table, drops = _rows_of(found, _table_arguments(path, head, used, label, drops))
    if label in texts and len(set(table.labels.tolist())) == len(table.rows) > 1:
        notes.append(f"Column {head.names[label]!r} is left out: its texts are all different.")
        label = None
    elif label is not None and csv_file.largest_class(table.labels) >= MAX_CLASSES:
        notes.append(f"Column {head.names[label]!r} is left out: its numbers are no classes.")
        label = None
    read = used
    if chosen is None:
        used, more = _without_useless(head, used, table.rows)
        notes += more
    arguments = _table_arguments(path, head, used, label, drops)
    if drops:
        notes.append("Lines with missing values are left out.")
    values = table.rows[:, [read.index(i) for i in used]]
    if _are_pixels(values):
        side = round(len(used) ** 0.5)
        arguments.update(shape=[side, side], data_range=[0, 255])
        notes.append(f"The rows are taken for grey images of {side} x {side} pixels.")
    return _described(csv_file.CSVFile, arguments, notes)


def _column(found: Path, head: Any, name: str) -> int:
    """The number of the column that the user calls `name`."""
    if head.has_names and head.names.count(name) == 1:
        return int(head.names.index(name))
    if not head.has_names and name in head.names:
        return int(name)
    raise ValueError(f"{found}: has no column {name!r:.80}; it has {', '.join(head.names[:30])}")


def _called(head: Any, column: int) -> str | int:
    """What `CSVFile` calls a column: its name, or its number if there is none of its own."""
    name: str = head.names[column]
    return name if head.has_names and head.names.count(name) == 1 else column


def _table_arguments(
    path: str, head: Any, used: Sequence[int], label: int | None, drops: bool
) -> dict[str, Any]:
    """The arguments of `CSVFile` that take the columns `used` for data."""
    arguments: dict[str, Any] = {"path": path}
    if label is not None:
        arguments["label"] = _called(head, label)
    out = [i for i in range(len(head.names)) if i not in used and i != label]
    if out:
        arguments["leave_out"] = [_called(head, i) for i in out]
    if drops:
        arguments["drop_missing"] = True
    return arguments


def _rows_of(found: Path, arguments: Mapping[str, Any]) -> tuple[Any, bool]:
    """(the table, whether lines with missing values are left out): they are if there are any."""
    options = {name: value for name, value in arguments.items() if name != "path"}
    try:
        return csv_file.read_table(found, **options), "drop_missing" in options
    except ValueError as error:
        if "has no value" not in str(error) or "drop_missing" in options:
            raise
    return csv_file.read_table(found, **options, drop_missing=True), True


def _are_pixels(values: np.ndarray) -> bool:
    """Whether the rows may be square images of 8 bits."""
    width = values.shape[1]
    return bool(
        round(width**0.5) ** 2 == width >= _FEWEST_PIXELS
        and (values == np.rint(values)).all()
        and values.min() >= 0
        and 1 < values.max() <= 255
    )


def _without_useless(head: Any, used: list[int], rows: np.ndarray) -> tuple[list[int], list[str]]:
    """(the columns of `used` that tell something of an example, notes on the others).

    Identifiers do not: whole numbers that are all different, in a column with such a name, or that
    count the lines. Nor do constants, except in images, whose edges may be black.
    """
    identifiers, constants = [], []
    for place, i in enumerate(used):
        column = rows[:, place]
        if len(column) > 1 and (column == column[0]).all():
            constants.append(i)
        elif _IDENTIFIER.search(head.names[i]) if head.has_names else False:
            if (column == np.rint(column)).all() and len(np.unique(column)) == len(column):
                identifiers.append(i)
        elif len(column) > 2 and (np.diff(column) == 1).all():
            identifiers.append(i)
    left = [place for place, i in enumerate(used) if i not in identifiers]
    if _are_pixels(rows[:, left]):
        constants = []
    notes = []
    for columns, why in (
        (identifiers, "numbers the lines: give --columns to use it"),
        (constants, "has the same number in all lines"),
    ):
        for i in columns:
            notes.append(f"Column {head.names[i]!r:.80} is left out: it {why}.")
    kept = [i for i in used if i not in identifiers and i not in constants]
    # Whoever calls this says what is wrong with a table of constants.
    return (kept, notes) if kept else (used, [])


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
