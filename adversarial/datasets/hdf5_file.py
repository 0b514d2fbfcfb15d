"""Own data in an HDF5 file, read by PyTables (the extra `hdf5`)."""

from __future__ import annotations

import contextlib
import ctypes
import os
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from adversarial.datasets.data_file import find, open_data
from adversarial.datasets.numpy_file import choose, targets_of
from adversarial.datasets.own_data import OwnData
from adversarial.datasets.pytables import ensure_tables
from adversarial.datasets.source import Source, rows_of
from adversarial.files.opening import TRUST_VARIABLE, BadFile, trusts_paths

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
# HDF5's number for data that is composed of parts of other files.
_VIRTUAL = 3
MAX_ARRAYS = MAX_GROUPS = 10_000
# PyTables follows a group that is linked inside itself without end.
MAX_DEPTH = 32


class HDF5File(OwnData):
    """Examples along the first axis of an array in an HDF5 file (.h5, .hdf5), of any program.

    Rows are read from the file when they are needed. Needs PyTables: ``pip install -e ".[hdf5]"``.

    Parameters
    ----------
    path : str, or dict of part to str
        The file; or one for each of 'train', 'test' and perhaps 'valid', as for `key` and
        `targets`.
    key : str or dict, optional
        The path of the array inside the file, such as ``train/images``; by default X, x, data,
        images, features or the only one.
    targets : str or dict, optional
        The path of the array of labels or other targets.
    shape, axes : see `NumpyFile`
    **common
        which_set, split, seed, stratified, scale, data_range, classes, in_memory: see `OwnData`.

    Raises
    ------
    ImportError
        Without PyTables.

    Examples
    --------
    >>> import tables
    >>> with tables.open_file("digits.h5", "w") as file:
    ...     array = file.create_array("/", "images", np.zeros((10, 3, 4), "uint8"))
    >>> data = HDF5File("digits.h5")
    >>> data.X.shape, data.view_shape()
    ((8, 12), (3, 4, 1))
    """

    def __init__(
        self,
        path: Any,
        key: Any = None,
        targets: Any = None,
        shape: Sequence[int] | None = None,
        axes: Sequence | None = None,
        **common: Any,
    ) -> None:
        ensure_tables()
        self._keep_arguments(path=path, key=key, targets=targets, shape=shape, axes=axes, **common)
        super().__init__(**common)

    def _open(self, part: str) -> Source:
        path, key, targets = (self._of(name, part) for name in ("path", "key", "targets"))
        found = find(path)
        array, name = array_in(found, key)
        rows, image = rows_of(array, name, self.args["shape"], self.args["axes"])
        labels = None
        if targets is not None:
            stored, label_name = array_in(found, targets)
            with naming(found):
                labels = targets_of(stored, label_name, array.shape[0], name)
        return Source(name, rows, image, labels)


class _StoredArray:
    """An array of an open HDF5 file that is indexed by example as one of NumPy is."""

    def __init__(self, node: Any, path: Path) -> None:
        self._node, self._path = node, path
        self.dtype = np.dtype(node.dtype)
        self.shape = tuple(map(int, node.shape))
        self.ndim = len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> np.ndarray:
        with naming(self._path):
            if isinstance(rows, slice):
                return np.asarray(self._node[rows])
            # HDF5 takes rows in their order, each once.
            wanted, places = np.unique(np.asarray(rows), return_inverse=True)
            if not len(wanted):
                return np.empty((0, *self.shape[1:]), self.dtype)
            first, last = int(wanted[0]), int(wanted[-1])
            if last - first < 2 * len(wanted):  # one piece is read faster than its rows
                return np.asarray(self._node[first : last + 1])[wanted - first][places]
            index = (wanted.tolist(), *((slice(None),) * (self.ndim - 1)))
            return np.asarray(self._node[index])[places]


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Errors of PyTables within this block become `BadFile`, which names the file."""
    import tables

    try:
        yield
    except (tables.HDF5ExtError, tables.NodeError, tables.ClosedNodeError) as error:
        # The first line is the message; the others are HDF5's own stack.
        words = next((line for line in str(error).splitlines() if line.strip()), "")
        raise BadFile(f"{path}: is damaged, or no HDF5 file: {words:.200}") from None


def array_in(path: Path, key: str | None) -> tuple[_StoredArray, str]:
    """(the array `key` of an HDF5 file, a name for messages); ValueError lists those there are."""
    with _opened(path) as (arrays, stack):
        shapes = {name: tuple(map(int, node.shape)) for name, node in arrays.items()}
        chosen = choose(path, None if key is None else str(key).strip("/"), shapes)
        node = arrays[chosen]
        _check_inside(path, node, chosen)
        if not node.shape:
            raise ValueError(f"{path}: {chosen!r} is a single number, not an array of examples")
        array = _StoredArray(node, path)
        # Open as long as the array is in use.
        weakref.finalize(array, stack.pop_all().close)
        return array, f"{path}, array {chosen!r},"


def shapes_in(path: Path) -> dict[str, tuple[int, ...]]:
    """The shape of each array of an HDF5 file."""
    with _opened(path) as (arrays, _):
        return {name: tuple(map(int, node.shape)) for name, node in arrays.items()}


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[tuple[dict[str, Any], contextlib.ExitStack]]:
    """(the arrays of an HDF5 file by name, what closes the file)."""
    ensure_tables()
    import tables

    with open_data(path) as stream:
        if stream.read(len(_SIGNATURE)) != _SIGNATURE:
            raise BadFile(f"{path}: is no HDF5 file")
    with naming(path), contextlib.ExitStack() as stack:
        # PyTables knows open files by name, and a relative name is another file after chdir.
        file = stack.enter_context(tables.open_file(os.path.abspath(path), "r"))
        yield _arrays_of(file, path), stack


def _arrays_of(file: Any, path: Path) -> dict[str, Any]:
    """All arrays of an open HDF5 file, by name. Links to other files are no arrays."""
    arrays: dict[str, Any] = {}
    groups = [(file.root, 0)]
    count = 1
    while groups:
        # The newest first, so that a group inside itself is soon too deep.
        group, depth = groups.pop()
        for node in file.iter_nodes(group, "Array"):
            arrays[node._v_pathname.lstrip("/")] = node
            if len(arrays) > MAX_ARRAYS:
                raise BadFile(f"{path}: has more than {MAX_ARRAYS} arrays")
        for inner in file.iter_nodes(group, "Group"):
            groups.append((inner, depth + 1))
            count += 1
            if depth == MAX_DEPTH or count > MAX_GROUPS:
                raise BadFile(
                    f"{path}: has more than {MAX_GROUPS} groups, or more than {MAX_DEPTH} inside "
                    "each other\nA group that is linked inside itself counts without end: copy the "
                    "arrays into another file."
                )
    return arrays


def _check_inside(path: Path, node: Any, name: str) -> None:
    """Refuse an array whose numbers are in other files, which the file's author chose.

    PyTables does not tell this, so HDF5 is asked, in the library that PyTables has loaded.
    """
    from tables import hdf5extension

    if trusts_paths():
        return
    try:
        library = ctypes.CDLL(hdf5extension.__file__)
        library.H5Dget_create_plist.argtypes = [ctypes.c_int64]
        library.H5Dget_create_plist.restype = ctypes.c_int64
        library.H5Pget_external_count.argtypes = [ctypes.c_int64]
        library.H5Pget_layout.argtypes = [ctypes.c_int64]
        library.H5Pclose.argtypes = [ctypes.c_int64]
        properties = library.H5Dget_create_plist(node._v_objectid)
        is_elsewhere = (
            properties < 0
            or library.H5Pget_external_count(properties) != 0
            or library.H5Pget_layout(properties) == _VIRTUAL
        )
        library.H5Pclose(properties)
    except (AttributeError, OSError):
        raise BadFile(
            f"{path}: this installation of PyTables cannot tell whether {name!r} is in this file "
            f"or in others; if you know who made it, set {TRUST_VARIABLE}=1"
        ) from None
    if is_elsewhere:
        raise BadFile(
            f"{path}: the numbers of {name!r} are in other files; if you know who made it, "
            f"{TRUST_VARIABLE}=1 lets it read them"
        )
