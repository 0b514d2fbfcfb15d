"""Transformations of all the rows of a data set before training.

``preprocessor.apply(dataset, can_fit)`` replaces the data set's design matrix (n, dim). With
`can_fit` the preprocessor is first fitted to that data set. A training set is transformed with
`can_fit`, then a test set without:

>>> from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
>>> train, test = DenseDesignMatrix(X=[[0.0], [2.0]]), DenseDesignMatrix(X=[[5.0]])
>>> remove_mean = RemoveMean()
>>> remove_mean.apply(train, can_fit=True)
>>> remove_mean.apply(test)
>>> train.X.tolist(), test.X.tolist()
([[-1.0], [1.0]], [[4.0]])
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Callable

import numpy as np
import scipy.linalg

from adversarial.datasets.contrast import global_contrast_normalize, row_blocks
from adversarial.files.atomic_write import atomic_write
from adversarial.files.opening import digest_of, open_named_by_a_file
from adversarial.modelfile import Persistent
from adversarial.modelfile.npy import load_npz
from adversarial.utils.budget import spend
from adversarial.utils.deprecated import deprecated_arguments

_PER_NUMBER = 20  # nanoseconds of the slowest preprocessor
# Nanoseconds to find the eigenvectors of a matrix of n columns, divided by n^3.
_PER_CUBE = 0.45


class Preprocessor(Persistent):
    """Base of all preprocessors.

    Examples
    --------
    >>> class Halve(Preprocessor):
    ...     def apply(self, dataset, can_fit=False):
    ...         dataset.set_design_matrix(dataset.get_design_matrix() / 2)
    >>> from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
    >>> DenseDesignMatrix(X=[[2.0, 6.0]], preprocessor=Halve()).X.tolist()
    [[1.0, 3.0]]
    """

    def apply(self, dataset: Any, can_fit: bool = False) -> None:
        """Transform the `DenseDesignMatrix` in place, after fitting to it if `can_fit`."""
        raise NotImplementedError(f"{type(self).__name__} does not implement apply")

    def invert(self) -> None:
        """Prepare for ``inverse``, where a preprocessor has one."""


class ExamplewisePreprocessor(Preprocessor):
    """A preprocessor whose effect on one row does not depend on the other rows.

    A subclass defines `transform(X)`, for NumPy arrays and Aesara matrices alike, and `fit(X)` if
    it has something to estimate.

    Examples
    --------
    >>> class DivideByLargest(ExamplewisePreprocessor):
    ...     def fit(self, X):
    ...         self.largest = X.max()
    ...     def transform(self, X):
    ...         return X / self.largest
    >>> from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
    >>> data = DenseDesignMatrix(X=[[1.0, 4.0]])
    >>> DivideByLargest().apply(data, can_fit=True)
    >>> data.X.tolist()
    [[0.25, 1.0]]
    """

    def fit(self, X: np.ndarray) -> None:
        """Estimate what `transform` needs from the rows `X` (n, dim)."""

    def transform(self, X: Any) -> Any:
        """The rows `X` (n, dim), an array or an Aesara matrix, transformed."""
        raise NotImplementedError(f"{type(self).__name__} does not implement transform")

    def apply(self, dataset: Any, can_fit: bool = False) -> None:
        X = np.asarray(dataset.get_design_matrix())  # rows in a file are read
        if can_fit:
            self.fit(X)
        dataset.set_design_matrix(self.transform(X))

    def as_block(self) -> Callable[[Any], Any]:
        """A function that transforms a symbolic minibatch (n, dim)."""
        return self.transform


class Pipeline(Preprocessor):
    """Several preprocessors, one after the other.

    Parameters
    ----------
    items : sequence of Preprocessor, optional
        In the order in which they are applied, each fitted to what the one before it made.

    Examples
    --------
    >>> from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
    >>> data = DenseDesignMatrix(X=[[0.0, 7.0], [6.0, 15.0]])
    >>> Pipeline([RemoveMean(), MakeUnitNorm()]).apply(data, can_fit=True)
    >>> data.X.round(1)
    array([[-0.6, -0.8],
           [ 0.6,  0.8]], dtype=float32)
    """

    def __init__(self, items: Sequence[Preprocessor] | None = None) -> None:
        self.items = [] if items is None else list(items)

    def apply(self, dataset: Any, can_fit: bool = False) -> None:
        for item in self.items:
            size = dataset.get_design_matrix().size
            spend(f"{type(item).__name__} of {size} numbers", time=_PER_NUMBER * size)
            item.apply(dataset, can_fit)


class MakeUnitNorm(ExamplewisePreprocessor):
    """Divides each row by its Euclidean norm. Rows of zeros stay.

    Examples
    --------
    >>> MakeUnitNorm().transform(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist()
    [[0.6, 0.8], [0.0, 0.0]]
    """

    def transform(self, X: Any) -> Any:
        norm = (X**2).sum(axis=1) ** 0.5
        return X / (norm + (norm <= 0))[:, None]


class RemoveMean(ExamplewisePreprocessor):
    """Subtracts a mean.

    Parameters
    ----------
    axis : 0, 1 or None
        0 subtracts from each column its mean over the data set it was fitted to, 1 from each row
        its own mean, None the mean of all numbers of that data set.

    Raises
    ------
    ValueError
        For another `axis`; by `transform`, where it needs a mean and was not fitted.

    Examples
    --------
    >>> RemoveMean(axis=1).transform(np.array([[1.0, 3.0], [5.0, 5.0]])).tolist()
    [[-1.0, 1.0], [0.0, 0.0]]
    >>> RemoveMean().transform(np.array([[1.0, 3.0]]))
    Traceback (most recent call last):
    ...
    ValueError: RemoveMean has not seen any data: apply it with can_fit=True to the ...
    """

    def __init__(self, axis: int | None = 0) -> None:
        if axis not in (0, 1, None):
            raise ValueError(f"axis must be 0, 1 or None, not {axis!r}")
        self._axis = axis
        self._mean: np.ndarray | None = None

    def fit(self, X: np.ndarray) -> None:
        if self._axis != 1:
            self._mean = X.mean(axis=self._axis, dtype=np.float64).astype(X.dtype)

    def transform(self, X: Any) -> Any:
        if self._axis == 1:
            return X - X.mean(axis=1)[:, None]
        return X - _fitted(self, self._mean)


class Standardize(ExamplewisePreprocessor):
    """Subtracts the mean and divides by (`std_eps` + standard deviation) of the fitted data.

    Parameters
    ----------
    global_mean, global_std : bool
        Whether there is one mean (standard deviation) of the whole matrix instead of one for each
        column.
    std_eps : float
        Keeps columns that do not vary from being divided by 0.

    Raises
    ------
    ValueError
        By `transform`, where it was not fitted.

    Examples
    --------
    >>> standardize = Standardize()
    >>> standardize.fit(np.array([[0.0, 5.0], [4.0, 5.0]]))
    >>> standardize.transform(np.array([[0.0, 5.0], [6.0, 5.0]])).round(2).tolist()
    [[-1.0, 0.0], [2.0, 0.0]]
    """

    def __init__(
        self, global_mean: bool = False, global_std: bool = False, std_eps: float = 1e-4
    ) -> None:
        self._global_mean = global_mean
        self._global_std = global_std
        self._std_eps = float(std_eps)
        self._mean: Any = None
        self._std: Any = None

    def fit(self, X: np.ndarray) -> None:
        mean = X.mean(axis=None if self._global_mean else 0, dtype=np.float64)
        std = X.std(axis=None if self._global_std else 0, dtype=np.float64)
        self._mean, self._std = mean.astype(X.dtype), std.astype(X.dtype)

    def transform(self, X: Any) -> Any:
        mean, std = _fitted(self, self._mean), _fitted(self, self._std)
        return (X - mean) / (std + std.dtype.type(self._std_eps))


def _fitted(preprocessor: Preprocessor, value: Any) -> Any:
    """`value`, which `fit` has set; ValueError where it has not run."""
    if value is None:
        raise ValueError(
            f"{type(preprocessor).__name__} has not seen any data: "
            f"apply it with can_fit=True to the training set first"
        )
    return value


class RemapInterval(ExamplewisePreprocessor):
    """Maps an interval to another, linearly.

    Parameters
    ----------
    map_from, map_to : (low, high)
        The ends of the two intervals. Numbers outside `map_from` fall outside `map_to`.

    Raises
    ------
    ValueError
        Where an interval is not two numbers, the lower one first.

    Examples
    --------
    >>> RemapInterval((0, 255), (-1, 1)).transform(np.array([[0.0, 127.5, 255.0]])).round(2)
    array([[-1.,  0.,  1.]])
    """

    def __init__(self, map_from: Sequence[float], map_to: Sequence[float]) -> None:
        self.map_from = _interval("map_from", map_from)
        self.map_to = _interval("map_to", map_to)

    def transform(self, X: Any) -> Any:
        (a, b), (c, d) = self.map_from, self.map_to
        return (X - np.float32(a)) * np.float32((d - c) / (b - a)) + np.float32(c)


def _interval(name: str, given: Sequence[float]) -> list[float]:
    ends = [float(end) for end in given]
    if len(ends) != 2 or not ends[0] < ends[1]:
        raise ValueError(f"{name} must be [low, high] with low < high, not {ends}")
    return ends


class GlobalContrastNormalization(Preprocessor):
    """Gives all images the same contrast, by `global_contrast_normalize`.

    Parameters
    ----------
    subtract_mean, scale, sqrt_bias, use_std, min_divisor
        As `global_contrast_normalize` has them.
    batch_size : int, optional
        Rows transformed at a time. It changes the memory needed, not the result.

    Raises
    ------
    ValueError
        By `apply`, where `scale` is below `min_divisor`.

    References
    ----------
    Coates, Lee and Ng, "An Analysis of Single-Layer Networks in Unsupervised Feature Learning",
    2011, whose normalization of patches has `sqrt_bias` 10 and `use_std`.

    Examples
    --------
    >>> from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
    >>> data = DenseDesignMatrix(X=[[1.0, 3.0], [10.0, 90.0]])
    >>> GlobalContrastNormalization(scale=2**0.5).apply(data)
    >>> data.X.round(2).tolist()
    [[-1.0, 1.0], [-1.0, 1.0]]
    """

    @deprecated_arguments(
        std_bias=("sqrt_bias", float), use_norm=("use_std", lambda norm: not norm)
    )
    def __init__(
        self,
        subtract_mean: bool = True,
        scale: float = 1.0,
        sqrt_bias: float = 0.0,
        use_std: bool = False,
        min_divisor: float = 1e-8,
        batch_size: int | None = None,
    ) -> None:
        self._subtract_mean = subtract_mean
        self._scale = scale
        self._sqrt_bias = sqrt_bias
        self._use_std = use_std
        self._min_divisor = min_divisor
        self._batch_size = batch_size

    def apply(self, dataset: Any, can_fit: bool = False) -> None:
        dataset.set_design_matrix(
            global_contrast_normalize(
                np.asarray(dataset.get_design_matrix()),
                self._scale,
                self._subtract_mean,
                self._use_std,
                self._sqrt_bias,
                self._min_divisor,
                self._batch_size,
            )
        )


class ZCA(Preprocessor):
    """Whitens the columns, staying as close to the original rows as possible.

    With covariance C + `filter_bias` I = V diag(e) V', a row x becomes
    ``(x - mean) V diag(1 / sqrt(e)) V'``.

    Parameters
    ----------
    n_components : int, optional
        Keep only so many directions, those of greatest variance.
    n_drop_components : int, optional
        Or leave out so many, those of least variance.
    filter_bias : float
        Added to every variance.
    store_inverse : bool
        Whether `fit` also computes the matrix that `inverse` needs.

    Attributes
    ----------
    mean_ : array of shape (dim,)
    P_, inv_P_ : arrays of shape (dim, dim)
        The whitening matrix and its inverse; all three are None before `fit`.

    Raises
    ------
    ValueError
        Where both `n_components` and `n_drop_components` are given; by `fit`, where `X` is no
        floating point matrix, there are not so many components or a variance is not positive; by
        `apply` and `inverse`, where it was not fitted.

    References
    ----------
    Bell and Sejnowski, "The 'independent components' of natural scenes are edge filters", 1997.

    Examples
    --------
    >>> from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
    >>> data = DenseDesignMatrix(X=[[1.0, 1.0], [-1.0, -1.0], [2.0, -2.0], [-2.0, 2.0]])
    >>> zca = ZCA(filter_bias=0)
    >>> zca.apply(data, can_fit=True)
    >>> data.X.round(2).tolist()
    [[1.0, 1.0], [-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0]]
    >>> zca.inverse(data.X).round(2)[2].tolist()
    [2.0, -2.0]
    """

    def __init__(
        self,
        n_components: int | None = None,
        n_drop_components: int | None = None,
        filter_bias: float = 0.1,
        store_inverse: bool = True,
    ) -> None:
        if n_components and n_drop_components:
            raise ValueError(
                f"give n_components or n_drop_components, not both "
                f"({n_components!r} and {n_drop_components!r})"
            )
        self.n_components = n_components
        self.n_drop_components = n_drop_components
        self.filter_bias = float(filter_bias)
        self.store_inverse = store_inverse
        self.matrices_save_path: str | None = None
        self.mean_: np.ndarray | None = None
        self.P_: np.ndarray | None = None
        self.inv_P_: np.ndarray | None = None

    def set_matrices_save_path(self, matrices_save_path: str | os.PathLike[str]) -> None:
        """When saved, write the matrices to the .npz file `matrices_save_path`."""
        path = os.fspath(matrices_save_path)
        if not path.endswith(".npz"):
            raise ValueError(f"the place for the matrices must end in .npz, not {path!r}")
        self.matrices_save_path = path

    def fit(self, X: np.ndarray) -> None:
        """Estimate the mean and the matrices from the rows `X` (n, dim), floating point."""
        if X.ndim != 2 or not np.issubdtype(X.dtype, np.floating):
            raise ValueError(f"expected a floating point matrix, not {X.dtype} of {X.shape}")
        dim = X.shape[1]
        keep = self.n_components or dim - (self.n_drop_components or 0)
        if not 0 < keep <= dim:
            raise ValueError(f"cannot keep {keep} of {dim} components")
        spend(
            f"ZCA of {dim} columns, which takes matrices of {dim} x {dim} numbers",
            2 * dim**2 * X.itemsize,
            _PER_CUBE * dim**3 + 0.1 * len(X) * dim**2,
            briefly=4 * 8 * dim**2,
        )
        mean = X.mean(axis=0, dtype=np.float64).astype(X.dtype)
        covariance = np.zeros((dim, dim))
        for rows in row_blocks(len(X)):
            centred = X[rows] - mean
            covariance += centred.T @ centred
        covariance /= len(X)
        covariance[np.diag_indices(dim)] += self.filter_bias
        values, vectors = scipy.linalg.eigh(covariance)
        values, vectors = values[dim - keep :], vectors[:, dim - keep :]
        if values[0] <= 0:
            raise ValueError(
                f"the smallest variance, filter_bias included, is {values[0]:.3g}; "
                f"choose a larger filter_bias or fewer components"
            )
        self.mean_ = mean
        self.P_ = ((vectors * values**-0.5) @ vectors.T).astype(X.dtype)
        self.inv_P_ = None
        if self.store_inverse:
            self.inv_P_ = ((vectors * values**0.5) @ vectors.T).astype(X.dtype)

    def apply(self, dataset: Any, can_fit: bool = False) -> None:
        X = np.asarray(dataset.get_design_matrix())  # rows in a file are read
        if can_fit:
            self.fit(X)
        whitened = np.empty_like(X)
        for rows in row_blocks(len(X)):
            whitened[rows] = (X[rows] - _fitted(self, self.mean_)) @ self.P_
        dataset.set_design_matrix(whitened)

    def invert(self) -> None:
        """Compute the matrix that `inverse` needs, if it was not kept."""
        if self.inv_P_ is None:
            self.inv_P_ = scipy.linalg.pinvh(_fitted(self, self.P_))

    def inverse(self, X: np.ndarray) -> np.ndarray:
        """Whitened rows (n, dim) as they were before, exactly unless components were dropped."""
        self.invert()
        return X @ self.inv_P_ + self.mean_

    def __getstate__(self) -> dict[str, Any]:
        state = dict(self.__dict__)
        if self.matrices_save_path is not None and self.P_ is not None:
            kept = {name: state.pop(name) for name in ("mean_", "P_", "inv_P_")}
            with atomic_write(self.matrices_save_path) as file:
                np.savez(file, **{name: value for name, value in kept.items() if value is not None})
                state["matrices_digest"] = digest_of(file)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if state["matrices_save_path"] is not None:
            self.set_matrices_save_path(state["matrices_save_path"])  # checked before it is used
        if "P_" not in state:
            self.inv_P_ = None
            path, names = state["matrices_save_path"], ("mean_", "P_", "inv_P_")
            with open_named_by_a_file(path, self.__dict__.pop("matrices_digest", None)) as file:
                self.__dict__.update(load_npz(path, names, file=file))
