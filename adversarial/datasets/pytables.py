"""A design matrix in an HDF5 file, for data larger than memory. Needs PyTables."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator, Sequence
from typing import Any

import aesara.tensor as at
import numpy as np
from aesara.graph.basic import Apply
from aesara.graph.op import Op
from aesara.tensor.type import TensorType

from adversarial.backend import floatX
from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
from adversarial.datasets.device_array import DeviceArrays
from adversarial.datasets.file_rows import FileRows
from adversarial.datasets.finite import check_finite_array
from adversarial.datasets.splits import check_range
from adversarial.datasets.view_converter import AXES, DefaultViewConverter
from adversarial.utils.iteration import DEFAULT_SEED, Subset

GROUP = "Data"  # of the file, with the arrays X and y
BATCH = 5000  # rows read or written at a time


def ensure_tables() -> None:
    """ImportError, which says how to install it, if PyTables is not there."""
    if importlib.util.find_spec("tables") is None:
        raise ImportError('data in HDF5 files needs PyTables: pip install "tables>=3.7,<4"')


class _StoredRows(FileRows):
    """An array of an HDF5 file that is indexed by row as a NumPy array is.

    Only the rows that are asked for are read. Floating-point numbers become float32.
    """

    def __init__(self, array: Any) -> None:
        self._array = array
        is_real = np.issubdtype(array.dtype, np.floating)
        self.dtype = np.dtype(np.float32) if is_real else array.dtype
        self.shape = tuple(map(int, array.shape))

    def __getitem__(self, rows: Any) -> np.ndarray:
        if isinstance(rows, np.ndarray):
            # HDF5 takes rows in their order, each once.
            rows = np.flatnonzero(rows) if rows.dtype == bool else rows
            wanted, places = np.unique(rows, return_inverse=True)
            of_each = (slice(None),) * (self.ndim - 1)  # or numbers are taken for coordinates
            index = (wanted.tolist(), *of_each)
            found = self._array[index] if len(wanted) else self._array[:0]
            return found.astype(self.dtype, copy=False)[places]
        return np.asarray(self._array[rows]).astype(self.dtype, copy=False)

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return self[:].astype(dtype or self.dtype, copy=False)

    def parts(self) -> Iterator[np.ndarray]:
        """All rows, in arrays of BATCH rows."""
        return (self[start : start + BATCH] for start in range(0, len(self), BATCH))


class _TakeStored(Op):
    """The rows `indices` (an int64 vector) of a `_StoredRows`, read when the function runs."""

    def __init__(self, rows: _StoredRows) -> None:
        self.rows = rows

    def make_node(self, indices: Any) -> Apply:
        shape = (None, *self.rows.shape[1:])
        return Apply(self, [at.as_tensor_variable(indices)], [TensorType(self.rows.dtype, shape)()])

    def perform(self, node: Apply, inputs: list, outputs: list) -> None:
        outputs[0][0] = np.ascontiguousarray(self.rows[inputs[0]])

    def infer_shape(self, fgraph: Any, node: Apply, shapes: list) -> list:
        return [(shapes[0][0], *map(at.as_tensor_variable, self.rows.shape[1:]))]


class _StoredArrays(DeviceArrays):
    """Arrays in a file stay there; each of the others has a shared variable."""

    def __init__(self) -> None:
        super().__init__()
        self._stored: dict[str, list[_TakeStored]] = {}

    def rows(self, source: str, array: Any, indices: Any) -> Any:
        if isinstance(array, _StoredRows):
            self._stored.setdefault(source, []).append(_TakeStored(array))
            return self._stored[source][-1](indices)
        return super().rows(source, array, indices)

    def sources(self) -> list[str]:
        return [*super().sources(), *self._stored]

    def update(self, source: str, array: Any) -> None:
        for op in self._stored.get(source, ()):
            if not isinstance(array, _StoredRows) or array.shape[1:] != op.rows.shape[1:]:
                raise ValueError(
                    f"the {source} of a data set in use lay in a file of rows "
                    f"{op.rows.shape[1:]}, and no longer do: call setup again"
                )
            op.rows = array
        if source not in self._stored:
            super().update(source, array)


class DenseDesignMatrixPyTables(DenseDesignMatrix):
    """A `DenseDesignMatrix` whose rows may be in an HDF5 file.

    A group ``Data`` of the file has the arrays ``X`` and ``y``, as `init_hdf5` makes them. With the
    C backend, a minibatch reads its rows from the file; with JAX, use arrays in memory.

    Parameters
    ----------
    X : array of shape (n, dim)
        Of NumPy or of an open file (``h5file.root.Data.X``).
    topo_view : array with four axes
        Instead of `X`, images in memory whose axes are in the order `axes`.
    y : array of shape (n,) or (n, k), optional
        Targets, of NumPy or of a file; they are held in memory.
    view_converter, axes, rng, X_labels, y_labels
        As `DenseDesignMatrix` has them.

    Attributes
    ----------
    h5file : tables.File or None
        The open file that `set_design_matrix` and `set_topological_view` write to.

    Raises
    ------
    ImportError
        Without PyTables.
    ValueError
        Where X holds NaN or infinity.

    Examples
    --------
    >>> file, group = DenseDesignMatrixPyTables.init_hdf5("data.h5", [(3, 2), (3, 1)])
    >>> DenseDesignMatrixPyTables.fill_hdf5(file, np.arange(6).reshape(3, 2))
    >>> data = DenseDesignMatrixPyTables(X=group.X, y=group.y)
    >>> [batch.tolist() for batch in data.iterator(batch_size=2)]
    [[[0.0, 1.0], [2.0, 3.0]], [[4.0, 5.0]]]
    >>> file.close()
    """

    h5file: Any = None

    def __init__(
        self,
        X: Any = None,
        topo_view: Any = None,
        y: Any = None,
        view_converter: DefaultViewConverter | None = None,
        axes: Sequence = AXES,
        rng: Any = DEFAULT_SEED,
        X_labels: int | None = None,
        y_labels: int | None = None,
    ) -> None:
        ensure_tables()
        if y is not None:
            y = y[:]  # of a file: read
        file, self.h5file = self.h5file, None  # a subclass may have opened it: X is not written
        super().__init__(
            X=X,
            topo_view=topo_view,
            y=y,
            view_converter=view_converter,
            axes=axes,
            rng=rng,
            X_labels=X_labels,
            y_labels=y_labels,
        )
        self.h5file = file
        self._device = _StoredArrays()

    def set_design_matrix(self, X: Any, start: int = 0) -> None:
        """Write the rows `X` to the file, from row `start` on; without a file, replace all rows.

        ValueError if `X` is no matrix, holds NaN, or does not fit.
        """
        import tables

        if self.h5file is not None:
            self.fill_hdf5(self.h5file, X, start=start)
        elif isinstance(X, tables.Array):
            rows = _StoredRows(X)
            if rows.ndim != 2:
                raise ValueError(f"a design matrix has two axes, not shape {rows.shape}")
            for part in rows.parts():
                check_finite_array(part, "the design matrix")
            self.X = rows
        else:
            super().set_design_matrix(X)

    def set_topological_view(self, V: Any, axes: Sequence = AXES, start: int = 0) -> None:
        """Write the images `V` to the file, from row `start` on; without a file, replace all."""
        if self.h5file is None:
            return super().set_topological_view(V, axes)
        self.view_converter = self._converter_of(V, axes)
        self.set_design_matrix(self.view_converter.topo_view_to_design_mat(np.asarray(V)), start)

    def _keep_rows(self, rows: Subset) -> None:
        super()._keep_rows(rows)
        self.h5file = None  # whose rows are now others

    # Files

    @classmethod
    def init_hdf5(cls, path: str | os.PathLike[str], shapes: Sequence[Sequence[int]]) -> tuple:
        """(file, group): a new HDF5 file with zeros for X and y, of the two `shapes`, to be filled.

        ValueError unless there are two shapes whose first numbers, of rows, are the same.
        """
        ensure_tables()
        import tables

        sizes = [tuple(map(int, shape)) for shape in shapes]
        if len(sizes) != 2 or not all(sizes) or sizes[0][0] != sizes[1][0]:
            raise ValueError(f"shapes must be those of X and y, of as many rows, not {sizes}")
        file = tables.open_file(os.fspath(path), mode="w")
        return file, _new_group(file, GROUP, sizes)

    @staticmethod
    def fill_hdf5(
        file_handle: Any,
        data_x: Any,
        data_y: Any = None,
        node: Any = None,
        start: int = 0,
        batch_size: int = BATCH,
    ) -> None:
        """Write `data_x`, and `data_y` if given, to the group `node` (``Data``) from `start` on.

        `batch_size` rows at a time. ValueError if something does not fit or X holds NaN.
        """
        node = file_handle.get_node("/", GROUP) if node is None else node
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, is {batch_size}")
        for name, data in (("X", data_x), ("y", data_y)):
            if data is None:
                continue
            array, end = getattr(node, name), start + len(data)
            if start < 0 or end > len(array) or tuple(data.shape[1:]) != array.shape[1:]:
                raise ValueError(
                    f"data of shape {tuple(data.shape)} does not fit into {name} of shape "
                    f"{tuple(map(int, array.shape))} from row {start} on"
                )
            for top in range(0, len(data), batch_size):
                part = np.asarray(data[top : top + batch_size])
                if name == "X":
                    check_finite_array(part, "the design matrix")
                array[start + top : start + top + len(part)] = part
        file_handle.flush()

    @classmethod
    def resize(cls, h5file: Any, start: int | None, stop: int | None) -> tuple:
        """(file, group): keep only the rows from `start` up to `stop` of the group ``Data``.

        None is the first or the end. ValueError if there are no such rows.
        """
        data = h5file.get_node("/", GROUP)
        rows = check_range(start, stop, len(data.X))
        start, stop = rows.start, rows.stop
        aside = GROUP + "_"
        if aside in h5file.root:  # of a call that was stopped
            h5file.remove_node("/", aside, recursive=True)
        kept = _new_group(h5file, aside, [(stop - start, *a.shape[1:]) for a in (data.X, data.y)])
        for old, new in ((data.X, kept.X), (data.y, kept.y)):
            for top in range(0, stop - start, BATCH):
                end = min(top + BATCH, stop - start)
                new[top:end] = old[start + top : start + end]
        h5file.remove_node("/", GROUP, recursive=True)
        h5file.rename_node("/", GROUP, aside)
        h5file.flush()
        return h5file, h5file.get_node("/", GROUP)

    def __getstate__(self) -> dict[str, Any]:
        if isinstance(self.X, _StoredRows) or self.h5file is not None:
            raise TypeError("a dataset whose rows are in an HDF5 file cannot be saved beside it")
        return super().__getstate__()


def _new_group(file: Any, name: str, shapes: Sequence[tuple]) -> Any:
    import tables

    group = file.create_group("/", name, "Data")
    atom = tables.Atom.from_dtype(np.dtype(floatX))
    filters = tables.Filters(complib="zlib", complevel=1, shuffle=True)
    for array, shape in zip(("X", "y"), shapes):
        file.create_carray(group, array, atom, shape, filters=filters)
    return group
