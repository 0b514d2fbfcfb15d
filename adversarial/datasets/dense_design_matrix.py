"""Examples as the rows of one matrix, perhaps with targets, perhaps images.

Most data sets of the package derive from `DenseDesignMatrix`. What it does with minibatches is in
`array_dataset`, images in `image_views`, folds and held-out parts in `splits`.

For a matrix larger than memory, give it a float32 `numpy.memmap`
(``numpy.load(path, mmap_mode="r")``), which is neither copied nor loaded as a whole; or see
`pytables` for HDF5 files.
"""

from __future__ import annotations

import copy
import math
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from adversarial.datasets.array_dataset import ArrayDataset
from adversarial.datasets.dataset import DataSpecs
from adversarial.datasets.device_array import DeviceArrays
from adversarial.datasets.finite import check_finite_array, check_real_array
from adversarial.datasets.image_views import ImageViewMixin
from adversarial.datasets.splits import SplitMixin, check_range
from adversarial.datasets.view_converter import AXES, DefaultViewConverter
from adversarial.files.atomic_write import atomic_write
from adversarial.files.opening import digest_of, open_named_by_a_file
from adversarial.modelfile.npy import load_npy
from adversarial.space import CompositeSpace, Conv2DSpace, IndexSpace, Space, VectorSpace
from adversarial.space.image_rows import depends_on_order
from adversarial.utils.budget import spend
from adversarial.utils.deprecated import deprecated_arguments
from adversarial.utils.iteration import DEFAULT_SEED, RandomSliceSubsetIterator, Subset

_PER_NUMBER = 10  # nanoseconds, to convert it and to see whether it is finite

# Why `one_hot` of the data sets does nothing any more.
ONE_HOT = "class numbers become vectors where a model takes vectors"


class DenseDesignMatrix(ImageViewMixin, SplitMixin, ArrayDataset):
    """Examples as the rows of a float32 matrix.

    Parameters
    ----------
    X : array of shape (n, dim)
        The design matrix. Floating-point numbers are stored as float32.
    topo_view : array with four axes
        Instead of `X`, images whose axes are in the order `axes`.
    y : array of shape (n,) or (n, k), optional
        Targets.
    view_converter : DefaultViewConverter, optional
        How rows of `X` are images. `topo_view` brings its own.
    axes : sequence
        The order of the axes of `topo_view`; 'b' counts examples, 'c' channels.
    rng : RandomState or seed
        For iteration modes and methods that draw.
    preprocessor : Preprocessor, optional
        Applied to the finished data set.
    fit_preprocessor : bool
        Fit the preprocessor to this data set first.
    X_labels, y_labels : int, optional
        The number of classes, where `X` or `y` holds class numbers from 0.

    Attributes
    ----------
    X, y : numpy.ndarray
        `y` is None without targets.
    view_converter : DefaultViewConverter or None

    Raises
    ------
    ValueError
        Where the arrays do not fit together, or a number is complex, NaN, infinite or beyond
        float32.

    Examples
    --------
    >>> data = DenseDesignMatrix(X=[[0, 1], [2, 3], [4, 5]], y=np.array([1, 0, 1]), y_labels=2)
    >>> [batch.tolist() for batch in data.iterator("sequential", batch_size=2)]
    [[[0.0, 1.0], [2.0, 3.0]], [[4.0, 5.0]]]
    >>> data.get_data_specs()[1]
    ('features', 'targets')
    """

    per_example: tuple[str, ...] = ("X", "y")  # the attributes with a row for each example
    in_functions = ("X", "y", "view_converter")
    # The shape of images that functions were compiled for.
    _compiled_view: tuple[int, int, int] | None = None

    @deprecated_arguments(max_labels=("y_labels", int))
    def __init__(
        self,
        X: Any = None,
        topo_view: Any = None,
        y: Any = None,
        view_converter: DefaultViewConverter | None = None,
        axes: Sequence = AXES,
        rng: Any = DEFAULT_SEED,
        preprocessor: Any = None,
        fit_preprocessor: bool = False,
        X_labels: int | None = None,
        y_labels: int | None = None,
    ) -> None:
        super().__init__()
        if (X is None) == (topo_view is None):
            raise ValueError("give either X or topo_view")
        if topo_view is not None and view_converter is not None:
            raise ValueError("topo_view brings its own view converter")
        self.X_labels = X_labels
        self.y_labels = y_labels
        self.y = None if y is None else np.asarray(y)
        self.view_converter = view_converter
        self.design_loc: str | None = None
        self.compress = False
        self.reset_RNG(rng)
        if topo_view is not None:
            self.set_topological_view(topo_view, axes)
        else:
            self.set_design_matrix(X)
        self._check_labels()
        self._check_targets()
        views = self.view_converter
        # A view converter of the user's own may have no `shape`.
        if isinstance(views, DefaultViewConverter) and self.X.shape[1] != math.prod(views.shape):
            raise ValueError(
                f"rows of {self.X.shape[1]} numbers are no images of shape {views.shape}, which "
                "view_converter has"
            )
        if preprocessor is not None:
            self.apply_preprocessor(preprocessor, fit_preprocessor)

    def _check_targets(self) -> None:
        if self.y is None:
            return
        check_real_array(self.y, "y")
        if self.y.ndim not in (1, 2) or len(self.y) != len(self.X):
            raise ValueError(f"{len(self.X)} examples cannot have targets of shape {self.y.shape}")

    def _check_labels(self) -> None:
        for name, array, labels in (("X", self.X, self.X_labels), ("y", self.y, self.y_labels)):
            if labels is None:
                continue
            if array is None:
                raise ValueError(f"{name}_labels is {labels!r}, but there is no {name}")
            if not np.issubdtype(array.dtype, np.integer):
                raise ValueError(
                    f"{name}_labels is {labels!r}, but {name} holds {array.dtype}, "
                    f"not class numbers"
                )
            if array.size and not 0 <= array.min() <= array.max() < labels:
                raise ValueError(
                    f"{name} holds class numbers from {array.min()} to {array.max()}, "
                    f"outside 0 to {labels - 1} ({name}_labels is {labels})"
                )

    # Rows and targets

    def get_num_examples(self) -> int:
        return self.X.shape[0]

    def get_design_matrix(self, topo: np.ndarray | None = None) -> np.ndarray:
        """The rows of the images `topo`, or all rows (the data set's own array, not a copy)."""
        if topo is None:
            return self.X
        return self._views().topo_view_to_design_mat(topo)

    def set_design_matrix(self, X: Any) -> None:
        """Replace all rows.

        Parameters
        ----------
        X : array of shape (n, dim)

        Raises
        ------
        ValueError
            If `X` is no matrix, or holds a number that is NaN, infinite or beyond float32.
        """
        given = X = np.asarray(X)
        if X.ndim != 2:
            raise ValueError(f"a design matrix has two axes, not shape {X.shape}")
        check_real_array(X, "the design matrix")
        if self.X_labels is None:
            if X.dtype != np.float32:
                spend(f"{X.size} numbers as float32", 4 * X.size, _PER_NUMBER * X.size)
            with np.errstate(over="ignore"):  # refused below, with its place
                X = given.astype(np.float32, copy=False)
            check_finite_array(given if given.dtype.kind == "f" else X, "the design matrix")
        self.X = X

    def get_targets(self) -> np.ndarray | None:
        """All targets, the data set's own array; None if there are none."""
        return self.y

    def has_targets(self) -> bool:
        return self.y is not None

    def restrict(self, start: int | None, stop: int | None) -> None:
        """Keep only the examples from `start` up to, not including, `stop`. (None, None): all."""
        if start is None and stop is None:
            return
        self._keep_rows(check_range(start, stop, self.get_num_examples()))

    def _keep_rows(self, rows: Subset) -> None:
        for name in self.per_example:
            array = getattr(self, name)
            if array is not None:
                size = array[rows].nbytes
                spend(f"a copy of {size} bytes of examples", size, size)
                # A view would keep all the other rows in memory.
                setattr(self, name, np.array(array[rows], copy=True))

    def convert_to_one_hot(self, min_class: int = 0) -> None:
        """Replace class numbers, `min_class` the lowest, by rows of zeros with a single one."""
        if self.y is None or not np.issubdtype(self.y.dtype, np.integer):
            raise ValueError("only integer targets can become one-hot rows")
        if self.y.size != len(self.y):
            raise ValueError(f"targets of shape {self.y.shape} are not one class an example")
        numbers = self.y.reshape(-1).astype(np.int64) - min_class
        if numbers.size and numbers.min() < 0:
            raise ValueError(f"class {numbers.min() + min_class} is below min_class {min_class}")
        classes = self.y_labels - min_class if self.y_labels else int(numbers.max()) + 1
        count = classes * len(numbers)
        spend(f"one-hot rows of {classes} classes", 4 * count, _PER_NUMBER * count, briefly=count)
        self.y = (numbers[:, None] == np.arange(classes)).astype(np.float32)
        self.y_labels = None

    def apply_preprocessor(self, preprocessor: Any, can_fit: bool = False) -> None:
        """Transform all rows; the preprocessor is fitted to them first if `can_fit`."""
        preprocessor.apply(self, can_fit)
        self._note_change()  # it may have worked in place

    # Minibatches

    def get_data_specs(self) -> DataSpecs:
        features = self._column("features")[1]
        if self.y is None:
            return features, "features"
        return CompositeSpace((features, self._column("targets")[1])), ("features", "targets")

    def _default_data_specs(self) -> DataSpecs:
        return self._column("features")[1], "features"

    def _column(self, source: str) -> tuple[Any, Space]:
        known = {"features": (self.X, self.X_labels)}
        if self.y is not None:
            known["targets"] = (self.y, self.y_labels)
        if source not in known:
            raise ValueError(f"this dataset has no {source!r}, only {sorted(known)}")
        array, labels = known[source]
        dim = 1 if array.ndim == 1 else array.shape[1]
        space = VectorSpace(dim) if labels is None else IndexSpace(max_labels=labels, dim=dim)
        return array, space

    def symbolic_batch(self, indices: Any, data_specs: DataSpecs) -> Any:
        if data_specs[1] == "features" and self.view_converter is not None:
            self._compiled_view = self.view_converter.shape
        return super().symbolic_batch(indices, data_specs)

    def _format(self, source: str, rows: Any, space: Space) -> Any:
        if source == "targets" and rows.ndim == 1:
            rows = rows.reshape((rows.shape[0], 1))
        if source == "features":
            if self.view_converter is not None:
                return self.view_converter.get_formatted_batch(rows, space)
            if isinstance(space, Conv2DSpace) and depends_on_order(space):
                raise ValueError(
                    f"the data set does not say how its rows are images of {space.shape} with "
                    f"{space.num_channels} channels: give it topo_view, or "
                    f"view_converter: DefaultViewConverter of shape "
                    f"{[*space.shape, space.num_channels]}, whose rows hold channel after channel"
                )
        return super()._format(source, rows, space)

    def random_slice(self, size: int) -> Subset:
        """A slice of `size` neighbouring examples that starts anywhere."""
        return next(RandomSliceSubsetIterator(self.get_num_examples(), size, 1, self.rng))

    def get_batch_design(self, batch_size: int, include_labels: bool = False) -> Any:
        """`batch_size` neighbouring rows that start anywhere; with their targets if asked."""
        rows = self.random_slice(batch_size)
        if include_labels:
            return self.X[rows], None if self.y is None else self.y[rows]
        return self.X[rows]

    def get_batch_topo(self, batch_size: int, include_labels: bool = False) -> Any:
        """Like `get_batch_design`, as images."""
        if include_labels:
            X, y = self.get_batch_design(batch_size, True)
            return self.get_topological_view(X), y
        return self.get_topological_view(self.get_batch_design(batch_size))

    def _check_changes(self) -> None:
        self._check_labels()
        self._check_targets()
        view = None if self.view_converter is None else self.view_converter.shape
        if "features" in self._device.sources() and self._compiled_view not in (None, view):
            raise ValueError(
                f"the images of a data set in use became {view} (rows, columns, "
                f"channels), and were {self._compiled_view} when functions were "
                "compiled: call setup again for images of another shape"
            )

    # Saving

    def use_design_loc(self, path: str | os.PathLike[str]) -> None:
        """When saved, keep the rows aside in the .npy file `path`."""
        if not os.fspath(path).endswith(".npy"):
            raise ValueError(f"the place for a design matrix must end in .npy, not {path!r}")
        self.design_loc = os.fspath(path)

    def enable_compression(self) -> None:
        """When saved, keep 8 bits of each number (256 steps over each column's range)."""
        self.compress = True

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        state.pop("_compiled_view", None)
        if self.compress and self.X_labels is None:  # class numbers stay as they are
            low = self.X.min(axis=0)
            span = self.X.max(axis=0) - low
            span[span == 0] = 1
            state["X"] = np.rint((self.X - low) * (255 / span)).astype(np.uint8)
            state["compress_min"], state["compress_max"] = low, span
        if self.design_loc is not None:
            with atomic_write(self.design_loc) as file:
                np.save(file, state.pop("X"), allow_pickle=False)
                state["design_digest"] = digest_of(file)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        if state["design_loc"] is not None:
            self.use_design_loc(state["design_loc"])  # checked: saving will write there
            digest = state.pop("design_digest", None)
            with open_named_by_a_file(state["design_loc"], digest) as file:
                state["X"] = load_npy(state["design_loc"], file)
        if "compress_min" in state:
            low, span = state.pop("compress_min"), state.pop("compress_max")
            # Bounds of another shape could make the product below far larger than the file.
            X = state["X"]
            if not (
                isinstance(X, np.ndarray)
                and X.ndim == 2
                and np.shape(low) == np.shape(span) == X.shape[1:]
            ):
                raise ValueError("a compressed design matrix needs two bounds for each column")
            product = np.result_type(X, span).itemsize * X.size
            spend("a compressed design matrix", 4 * X.size, briefly=product)
            state["X"] = (state["X"] * (span / 255) + low).astype(np.float32)
        super().__setstate__(state)


def from_dataset(dataset: DenseDesignMatrix, num_examples: int) -> DenseDesignMatrix:
    """A dataset of `num_examples` neighbours that start anywhere in `dataset`.

    Parameters
    ----------
    dataset : DenseDesignMatrix
    num_examples : int
    """
    return _part(dataset, dataset.random_slice(num_examples))


def dataset_range(dataset: DenseDesignMatrix, start: int, stop: int) -> DenseDesignMatrix:
    """A dataset of the examples from `start` up to, not including, `stop`.

    Parameters
    ----------
    dataset : DenseDesignMatrix
    start, stop : int
    """
    return _part(dataset, check_range(start, stop, dataset.get_num_examples()))


def _part(dataset: DenseDesignMatrix, rows: Subset) -> DenseDesignMatrix:
    """Some rows, as a dataset that shows them as `dataset` does."""
    part = object.__new__(type(dataset))
    part.__dict__.update(dataset.__dict__)
    part.view_converter = copy.copy(dataset.view_converter)
    part._device = DeviceArrays()
    part.design_loc = None  # the file of the rows of `dataset`
    part._keep_rows(rows)
    part.reset_RNG()
    return part


def convert_to_one_hot(dataset: DenseDesignMatrix, min_class: int = 0) -> DenseDesignMatrix:
    """`dataset` itself, its targets made one-hot; for use in YAML.

    Parameters
    ----------
    dataset : DenseDesignMatrix
        Its targets are class numbers.
    min_class : int
        The lowest class number.
    """
    dataset.convert_to_one_hot(min_class)
    return dataset


def set_axes(dataset: DenseDesignMatrix, axes: Sequence) -> DenseDesignMatrix:
    """`dataset` itself, its images with their axes in this order; for use in YAML.

    Parameters
    ----------
    dataset : DenseDesignMatrix
    axes : sequence
        'b' (examples), 0 (rows), 1 (columns) and 'c' (channels), in any order.
    """
    dataset.set_view_converter_axes(axes)
    return dataset
