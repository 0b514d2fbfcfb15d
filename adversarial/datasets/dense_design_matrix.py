"""A dataset that is one matrix: a row for each example.

For a matrix larger than memory, give `DenseDesignMatrix` a float32 `numpy.memmap`
(``numpy.load(path, mmap_mode="r")``), which is neither copied nor loaded as a whole; or see
`pytables` for HDF5 files.
"""

from __future__ import annotations

import copy
import os
from typing import Any

import numpy as np

from adversarial.backend import floatX
from adversarial.datasets.dataset import Dataset
from adversarial.datasets.finite import check_finite
from adversarial.datasets.resident import ResidentArrays, ResidentMixin
from adversarial.datasets.splits import SplitMixin, check_range
from adversarial.datasets.view_converter import AXES, DefaultViewConverter, check_axes
from adversarial.space import CompositeSpace, IndexSpace, VectorSpace
from adversarial.space.rows import depends_on_order
from adversarial.utils.deprecated import deprecated_arguments
from adversarial.utils.files import digest_of, open_named_by_a_file
from adversarial.utils.iteration import (
    DEFAULT_SEED,
    FiniteDatasetIterator,
    RandomSliceSubsetIterator,
    as_rng,
    resolve_iterator_class,
)
from adversarial.utils.npy import load_npy
from adversarial.utils.serial import atomic_write

_default_seed = DEFAULT_SEED

# Why `one_hot` of the data sets does nothing any more.
ONE_HOT = "class numbers become vectors where a model takes vectors"


class DenseDesignMatrix(ResidentMixin, SplitMixin, Dataset):
    """Examples as the rows of a float32 matrix, perhaps with targets, perhaps images.

    Parameters
    ----------
    X : (n, dim) array, the design matrix. Floating point is stored as float32.
    topo_view : instead of `X`, images: an array with four axes in the order `axes`.
    y : (n,) or (n, k) array of targets.
    view_converter : how rows of `X` are images; not with `topo_view`, which brings its own.
    axes : the order of the axes of `topo_view`.
    rng : RandomState or seed, for iteration modes and methods that draw.
    preprocessor : applied to the finished dataset; fitted on it first if `fit_preprocessor`.
    X_labels, y_labels : the number of classes, where `X` or `y` holds class numbers from 0.

    Attributes
    ----------
    X, y : the arrays; `y` is None without targets.
    view_converter : None, or what turns rows into images.
    """

    per_example = ("X", "y")  # the attributes with a row for each example

    @deprecated_arguments(max_labels=("y_labels", int))
    def __init__(
        self,
        X=None,
        topo_view=None,
        y=None,
        view_converter=None,
        axes=AXES,
        rng=_default_seed,
        preprocessor=None,
        fit_preprocessor=False,
        X_labels=None,
        y_labels=None,
    ):
        if (X is None) == (topo_view is None):
            raise ValueError("give either X or topo_view")
        if topo_view is not None and view_converter is not None:
            raise ValueError("topo_view brings its own view converter")
        self.X_labels = X_labels
        self.y_labels = y_labels
        self.y = None if y is None else np.asarray(y)
        self.view_converter = view_converter
        self.design_loc = None
        self.compress = False
        self._resident = ResidentArrays()
        self.reset_RNG(rng)
        if topo_view is not None:
            self.set_topological_view(topo_view, axes)
        else:
            self.set_design_matrix(X)
        self._check_labels()
        self._check_targets()
        if preprocessor is not None:
            self.apply_preprocessor(preprocessor, fit_preprocessor)

    # What is in it

    def _check_targets(self) -> None:
        if self.y is not None and (self.y.ndim not in (1, 2) or len(self.y) != len(self.X)):
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

    def get_num_examples(self) -> int:
        return self.X.shape[0]

    def get_design_matrix(self, topo=None) -> np.ndarray:
        """The rows of the images `topo`, or all rows (the dataset's own array, not a copy)."""
        if topo is None:
            return self.X
        return self._views().topo_view_to_design_mat(topo)

    def set_design_matrix(self, X) -> None:
        """Replace all rows. ValueError if `X` is no matrix or holds what is not finite."""
        X = np.asarray(X)
        if X.ndim != 2:
            raise ValueError(f"a design matrix has two axes, not shape {X.shape}")
        if self.X_labels is None:
            given = X
            with np.errstate(over="ignore"):  # told below, with the place
                X = given.astype(np.float32, copy=False)
            refuse_nonfinite(X, given)
        self.X = X

    def get_targets(self):
        return self.y

    def has_targets(self) -> bool:
        return self.y is not None

    def restrict(self, start, stop) -> None:
        """Keep only the examples from `start` up to, not including, `stop`. (None, None): all."""
        if start is None and stop is None:
            return
        rows = check_range(start, stop, self.get_num_examples())
        self._keep_rows(rows)

    def _keep_rows(self, rows) -> None:
        for name in self.per_example:
            array = getattr(self, name)
            if array is not None:
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
        self.y = (numbers[:, None] == np.arange(classes)).astype(np.float32)
        self.y_labels = None

    def apply_preprocessor(self, preprocessor, can_fit: bool = False) -> None:
        preprocessor.apply(self, can_fit)
        self._note_change()  # it may have worked in place

    # Images

    def _views(self) -> DefaultViewConverter:
        if self.view_converter is None:
            raise ValueError("this dataset has no view converter: its rows are not images")
        return self.view_converter

    def get_topological_view(self, mat=None) -> np.ndarray:
        """The rows of `mat` (default: all) as images, axes as in `view_converter.axes`."""
        return self._views().design_mat_to_topo_view(self.X if mat is None else mat)

    def set_topological_view(self, V, axes=AXES) -> None:
        """Replace all examples by the images `V`, whose axes are in the order `axes`."""
        self.view_converter = self._converter_of(V, axes)
        self.set_design_matrix(self.view_converter.topo_view_to_design_mat(np.asarray(V)))

    @staticmethod
    def _converter_of(V, axes) -> DefaultViewConverter:
        axes, shape = check_axes(axes), np.shape(V)
        if len(shape) != 4:
            raise ValueError(f"images need four axes {axes}, not shape {shape}")
        return DefaultViewConverter([shape[axes.index(a)] for a in (0, 1, "c")], axes)

    def set_view_converter_axes(self, axes) -> None:
        """Give out images with their axes in the order `axes` from now on."""
        self._views().set_axes(axes)

    def get_topo_batch_axis(self) -> int:
        """Which axis of an image array counts examples."""
        return self._views().axes.index("b")

    def get_formatted_view(self, mat, space) -> np.ndarray:
        """The rows `mat` in `space`."""
        return self._views().get_formatted_batch(mat, space)

    def get_weights_view(self, mat) -> np.ndarray:
        return self._views().design_mat_to_weights_view(mat)

    def view_shape(self):
        return self._views().view_shape()

    def weights_view_shape(self):
        return self._views().weights_view_shape()

    def adjust_for_viewer(self, X):
        return X / np.abs(X).max()

    def adjust_to_be_viewed_with(self, X, other, per_example=False):
        return np.clip(X / np.abs(other).max(), -1.0, 1.0)

    # Minibatches

    def get_data_specs(self):
        """(space, source) of what `get_data` gives."""
        if self.y is None:
            return self._space("features"), "features"
        space = CompositeSpace((self._space("features"), self._space("targets")))
        return space, ("features", "targets")

    def get_data(self):
        return self.X if self.y is None else (self.X, self.y)

    def _column(self, source: str):
        """(array, number of classes or None)"""
        known = {"features": (self.X, self.X_labels)}
        if self.y is not None:
            known["targets"] = (self.y, self.y_labels)
        if source not in known:
            raise ValueError(f"this dataset has no {source!r}, only {sorted(known)}")
        return known[source]

    def _space(self, source: str):
        array, labels = self._column(source)
        dim = 1 if array.ndim == 1 else array.shape[1]
        return VectorSpace(dim) if labels is None else IndexSpace(max_labels=labels, dim=dim)

    def iterator(
        self,
        mode=None,
        batch_size=None,
        num_batches=None,
        rng=None,
        data_specs=None,
        return_tuple=False,
    ) -> FiniteDatasetIterator:
        """Minibatches as NumPy arrays.

        mode : a name known to `resolve_iterator_class`, or a class (default 'sequential')
        data_specs : (space, source), source 'features', 'targets' or a tuple of them; by default
            the rows alone
        return_tuple : a single source comes as a tuple of one
        """
        subsets = resolve_iterator_class("sequential" if mode is None else mode)
        if subsets.stochastic and rng is None:
            rng = self.rng
        if data_specs is None:
            data_specs = self._space("features"), "features"
        return FiniteDatasetIterator(
            self,
            subsets(self.get_num_examples(), batch_size, num_batches, rng),
            data_specs,
            return_tuple,
            {"features": self._format_features, "targets": self._format_targets},
        )

    def symbolic_batch(self, indices, data_specs):
        """The examples `indices` (an int64 Aesara vector) in the spaces of `data_specs`.

        data_specs : (space, source); a tuple of sources, nested as the space is, gives a tuple.
            The source '' (of a NullSpace) gives None.

        The rows come from one copy of the data that all compiled functions share.
        """
        space, source = data_specs
        if not isinstance(source, str):
            if len(space.components) != len(source):
                raise ValueError(f"{len(space.components)} spaces for the sources {source!r}")
            return tuple(
                self.symbolic_batch(indices, part) for part in zip(space.components, source)
            )
        if not source:
            return None
        array, labels = self._column(source)
        if source == "features" and self.view_converter is not None:
            self._compiled_view = tuple(self.view_converter.shape)
        rows = self._resident.rows(source, array, indices)
        if labels is None:
            rows = rows.astype(floatX)
        return (
            self._format_features(rows, space)
            if source == "features"
            else self._format_targets(rows, space)
        )

    def _format_features(self, rows, space):
        if self.view_converter is not None:
            return self.view_converter.get_formatted_batch(rows, space)
        if depends_on_order(space):
            raise ValueError(
                f"the data set does not say how its rows are images of {space.shape} with "
                f"{space.num_channels} channels: give it topo_view, or "
                f"view_converter: DefaultViewConverter of shape "
                f"{[*space.shape, space.num_channels]}, whose rows hold channel after channel"
            )
        return _format(rows, self._space("features"), space)

    def _format_targets(self, rows, space):
        if rows.ndim == 1:
            rows = rows.reshape((rows.shape[0], 1))
        return _format(rows, self._space("targets"), space)

    def random_slice(self, size: int) -> slice:
        """A slice of `size` neighbouring examples that starts anywhere."""
        return next(RandomSliceSubsetIterator(self.get_num_examples(), size, 1, self.rng))

    def get_batch_design(self, batch_size: int, include_labels: bool = False):
        """`batch_size` neighbouring rows that start anywhere; with their targets if asked."""
        rows = self.random_slice(batch_size)
        if include_labels:
            return self.X[rows], None if self.y is None else self.y[rows]
        return self.X[rows]

    def get_batch_topo(self, batch_size: int, include_labels: bool = False):
        """Like `get_batch_design`, as images."""
        if include_labels:
            X, y = self.get_batch_design(batch_size, True)
            return self.get_topological_view(X), y
        return self.get_topological_view(self.get_batch_design(batch_size))

    # The stream of random draws

    def reset_RNG(self, rng=None) -> None:
        """Back to the first state, or to that of `rng` (RandomState or seed)."""
        if rng is not None:
            self.default_rng = copy.deepcopy(as_rng(rng))
        self.rng = copy.deepcopy(self.default_rng)

    def restart_stream(self) -> None:
        self.reset_RNG()

    def get_stream_position(self) -> np.random.RandomState:
        return copy.deepcopy(self.rng)

    def set_stream_position(self, pos: np.random.RandomState) -> None:
        self.rng = copy.deepcopy(pos)

    # Saving

    def use_design_loc(self, path) -> None:
        """When saved, keep the rows aside in the .npy file `path`."""
        if not os.fspath(path).endswith(".npy"):
            raise ValueError(f"the place for a design matrix must end in .npy, not {path!r}")
        self.design_loc = os.fspath(path)

    def enable_compression(self) -> None:
        """When saved, keep 8 bits of each number (256 steps over each column's range)."""
        self.compress = True

    def __getstate__(self) -> dict[str, Any]:
        state = {k: v for k, v in self.__dict__.items() if k not in ("_resident", "_compiled_view")}
        if self.compress:
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
            # Nothing that a product could make larger than it is.
            X = state["X"]
            if not (
                isinstance(X, np.ndarray)
                and X.ndim == 2
                and np.shape(low) == np.shape(span) == X.shape[1:]
            ):
                raise ValueError("a compressed design matrix needs two bounds for each column")
            state["X"] = (state["X"] * (span / 255) + low).astype(np.float32)
        self.__dict__.update(state)
        self._resident = ResidentArrays()


def refuse_nonfinite(X: np.ndarray, given: np.ndarray | None = None) -> None:
    """ValueError if the float32 rows `X`, made of `given`, hold NaN or infinity."""
    # These carry NaN along and need no memory.
    if X.size and not (np.isfinite(X.min()) and np.isfinite(X.max())):
        check_finite(X if given is None else given, "the design matrix")
        check_finite(X, "the design matrix")


def _format(rows, own_space, space):
    if isinstance(rows, np.ndarray):
        return own_space.np_format_as(rows, space)
    return own_space.format_as(rows, space)


def from_dataset(dataset: DenseDesignMatrix, num_examples: int) -> DenseDesignMatrix:
    """A dataset of `num_examples` neighbours that start anywhere in `dataset`."""
    return _part(dataset, dataset.random_slice(num_examples))


def dataset_range(dataset: DenseDesignMatrix, start: int, stop: int) -> DenseDesignMatrix:
    """A dataset of the examples from `start` up to, not including, `stop`."""
    return _part(dataset, check_range(start, stop, dataset.get_num_examples()))


def _part(dataset, rows: slice) -> DenseDesignMatrix:
    """Some rows, as a dataset that shows them as `dataset` does."""
    part = object.__new__(type(dataset))
    part.__dict__.update(dataset.__dict__)
    part.view_converter = copy.copy(dataset.view_converter)
    part._resident = ResidentArrays()
    part._keep_rows(rows)
    part.reset_RNG()
    return part


def convert_to_one_hot(dataset: DenseDesignMatrix, min_class: int = 0) -> DenseDesignMatrix:
    """`dataset` itself, its targets made one-hot; for use in YAML."""
    dataset.convert_to_one_hot(min_class)
    return dataset


def set_axes(dataset: DenseDesignMatrix, axes) -> DenseDesignMatrix:
    """`dataset` itself, its images with their axes in this order; for use in YAML."""
    dataset.set_view_converter_axes(axes)
    return dataset
