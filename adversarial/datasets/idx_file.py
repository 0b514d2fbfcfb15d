"""Own data in idx files: MNIST's format, also that of Fashion-MNIST, KMNIST and EMNIST."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from adversarial.datasets.data_file import find, open_data
from adversarial.datasets.idx import idx_shape, read_idx
from adversarial.datasets.own_data import OwnData
from adversarial.datasets.source import Source, rows_of

# How the files of a part are named, as in train-images-idx3-ubyte.gz.
_PART_NAMES = {"train": ("train",), "valid": ("valid", "val"), "test": ("t10k", "test")}


class IDXFile(OwnData):
    """Images and labels in idx files, gzipped or not, named as those of MNIST or not.

    Parameters
    ----------
    path : str, or dict of part to str
        A folder with files named like ``train-images-idx3-ubyte.gz``, ``train-labels-idx1-ubyte``,
        ``t10k-images-idx3-ubyte`` and so on; those of t10k or test are the test part. Or the file
        of images, or one for each of 'train', 'test' and perhaps 'valid'.
    targets : str or dict, optional
        The file of labels, where `path` is no folder.
    name : str, optional
        Of several sets in a folder, the one whose files have this word in their names, such as
        'letters' of EMNIST.
    transposed : bool
        Whether columns come before rows, as in EMNIST.
    **common
        which_set, split, seed, stratified, scale, data_range, classes, in_memory: see `OwnData`.

    Examples
    --------
    >>> import struct
    >>> for part, count in ("train", 10), ("t10k", 3):
    ...     with open(f"{part}-images-idx3-ubyte", "wb") as file:
    ...         size = file.write(struct.pack(">4B3I", 0, 0, 8, 3, count, 2, 2) + bytes(4 * count))
    ...     with open(f"{part}-labels-idx1-ubyte", "wb") as file:
    ...         size = file.write(struct.pack(">4BI", 0, 0, 8, 1, count) + bytes(range(count)))
    >>> data = IDXFile(".")
    >>> data.X.shape, data.y_labels, data.get_test_set().X.shape
    ((9, 4), 10, (3, 4))
    """

    def __init__(
        self,
        path: Any,
        targets: Any = None,
        name: str | None = None,
        transposed: bool = False,
        **common: Any,
    ) -> None:
        if isinstance(path, (str, os.PathLike)) and find(path).is_dir():
            if targets is not None:
                raise ValueError("targets goes with a path of files, not with a folder")
            # The other parts are made from the files, so `name` is no longer needed.
            path, labels = files_in(find(path), name)
            targets = labels or None
        elif name is not None:
            raise ValueError(f"name goes with a path of a folder, not with {path!r:.200}")
        self._keep_arguments(path=path, targets=targets, transposed=transposed, **common)
        super().__init__(**common)

    def _open(self, part: str) -> Source:
        path = find(self._of("path", part))
        array = array_in(path)
        if array.ndim < 2:
            raise ValueError(f"{path} holds labels, not images: its shape is {list(array.shape)}")
        axes = None
        if self.args["transposed"] and array.ndim in (3, 4):
            array = array.swapaxes(1, 2)
        rows, image = rows_of(array, str(path), axes=axes)
        targets = self._of("targets", part)
        labels = None
        if targets is not None:
            found = find(targets)
            labels = array_in(found)
            if labels.ndim != 1:
                raise ValueError(f"{found} holds no labels: its shape is {list(labels.shape)}")
            if len(labels) != len(array):
                raise ValueError(
                    f"{found} has {len(labels)} labels, but {path} has {len(array)} images"
                )
            labels = np.asarray(labels)
        return Source(str(path), rows, image, labels)


def array_in(path: Path) -> np.ndarray:
    """The array of an idx file; of one that is not gzipped, mapped into memory."""
    with open_data(path) as stream:
        shape = idx_shape(path)
        whole = 4 + 4 * len(shape) + int(np.prod(shape, dtype=object))
        if 0 in shape or os.fstat(stream.fileno()).st_size != whole:
            return read_idx(path, shape)  # gzipped, or damaged
        return np.memmap(stream, np.uint8, "r", 4 + 4 * len(shape), shape)


def files_in(folder: Path, name: str | None = None) -> tuple[dict[str, str], dict[str, str]]:
    """(files of images, files of labels) by part, of a folder with MNIST's kind of names.

    Raises
    ------
    ValueError
        If the files of images for training are missing, or there are several for one part.
    """
    found: tuple[dict[str, str], dict[str, str]] = {}, {}
    for entry in sorted(os.listdir(folder)):
        lower = entry.lower()
        kinds = [kind for kind, word in enumerate(("images", "labels")) if word in lower]
        parts = [part for part, words in _PART_NAMES.items() if any(w in lower for w in words)]
        if len(kinds) != 1 or len(parts) != 1 or "idx" not in lower or entry.startswith("."):
            continue
        if name is not None and name.lower() not in lower:
            continue
        files, part = found[kinds[0]], parts[0]
        path = str(folder / entry)
        if part in files and files[part] not in (path + ".gz", path[: -len(".gz")]):
            raise ValueError(
                f"{folder} has several files of {('images', 'labels')[kinds[0]]} for {part!r}: "
                f"{Path(files[part]).name} and {entry}\nname: WORD chooses those with WORD in "
                "their names."
            )
        files[part] = path
    images, labels = found
    if "train" not in images:
        wanted = f" with {name!r} in its name" if name is not None else ""
        raise ValueError(
            f"{folder} has no file of training images like train-images-idx3-ubyte.gz{wanted}"
        )
    if labels and set(labels) != set(images):
        lacking = sorted(set(images) ^ set(labels))[0]
        raise ValueError(f"{folder} has images or labels of {lacking!r}, but not both")
    return images, labels
