"""Transformations of all the rows of a dataset before training.

``preprocessor.apply(dataset, can_fit)`` replaces the dataset's design matrix (n, dim). With
`can_fit` the preprocessor first learns what it needs from that dataset; a test set is then
transformed without, by what the training set taught.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import scipy.linalg

from adversarial.files.atomic_write import atomic_write
from adversarial.files.opening import digest_of, open_named_by_a_file
from adversarial.modelfile import Persistent
from adversarial.modelfile.npy import load_npz
from adversarial.utils.deprecated import deprecated_arguments

BLOCK = 8192  # rows worked on at a time, to bound the memory


class Preprocessor(Persistent):
    """Base of all preprocessors."""

    def apply(self, dataset, can_fit: bool = False) -> None:
        """Transform `dataset` in place, after learning from it if `can_fit`."""
        raise NotImplementedError(f"{type(self).__name__} does not implement apply")

    def invert(self) -> None:
        """Prepare for ``inverse``, where a preprocessor has one."""


class ExamplewisePreprocessor(Preprocessor):
    """A preprocessor whose effect on one row does not depend on the other rows.

    A subclass gives `transform(X)`, which serves NumPy arrays and Aesara matrices alike, and
    `fit(X)` if it has something to learn.
    """

    def fit(self, X: np.ndarray) -> None:
        """Learn from the rows `X`."""

    def transform(self, X):
        raise NotImplementedError(f"{type(self).__name__} does not implement transform")

    def apply(self, dataset, can_fit: bool = False) -> None:
        X = dataset.get_design_matrix()
        if can_fit:
            self.fit(X)
        dataset.set_design_matrix(self.transform(X))

    def as_block(self):
        """A function that does the same to a symbolic minibatch (n, dim)."""
        return self.transform


class Pipeline(Preprocessor):
    """Several preprocessors, one after the other."""

    def __init__(self, items=None):
        self.items = [] if items is None else list(items)

    def apply(self, dataset, can_fit: bool = False) -> None:
        for item in self.items:
            item.apply(dataset, can_fit)


class MakeUnitNorm(ExamplewisePreprocessor):
    """Divides each row by its Euclidean norm. Rows of zeros stay."""

    def transform(self, X):
        norm = (X**2).sum(axis=1) ** 0.5
        return X / (norm + (norm <= 0))[:, None]


class RemoveMean(ExamplewisePreprocessor):
    """Subtracts the mean over `axis`: 0 each column's, learnt; 1 each row's own; None the overall
    mean, learnt.
    """

    def __init__(self, axis=0):
        if axis not in (0, 1, None):
            raise ValueError(f"axis must be 0, 1 or None, not {axis!r}")
        self._axis = axis
        self._mean = None

    def fit(self, X: np.ndarray) -> None:
        if self._axis != 1:
            self._mean = X.mean(axis=self._axis, dtype=np.float64).astype(X.dtype)

    def transform(self, X):
        if self._axis == 1:
            return X - X.mean(axis=1)[:, None]
        return X - _learnt(self, self._mean)


class Standardize(ExamplewisePreprocessor):
    """Subtracts the mean and divides by (`std_eps` + standard deviation), both learnt.

    global_mean, global_std : one number for the whole matrix instead of one for each column
    """

    def __init__(self, global_mean=False, global_std=False, std_eps=1e-4):
        self._global_mean = global_mean
        self._global_std = global_std
        self._std_eps = float(std_eps)
        self._mean = None
        self._std = None

    def fit(self, X: np.ndarray) -> None:
        self._mean = X.mean(axis=None if self._global_mean else 0, dtype=np.float64)
        self._std = X.std(axis=None if self._global_std else 0, dtype=np.float64)
        self._mean, self._std = self._mean.astype(X.dtype), self._std.astype(X.dtype)

    def transform(self, X):
        mean, std = _learnt(self, self._mean), _learnt(self, self._std)
        return (X - mean) / (std + std.dtype.type(self._std_eps))


def _learnt(preprocessor: Preprocessor, value):
    if value is None:
        raise ValueError(
            f"{type(preprocessor).__name__} has not seen any data: "
            f"apply it with can_fit=True to the training set first"
        )
    return value


class RemapInterval(ExamplewisePreprocessor):
    """Maps the interval `map_from` to `map_to`, linearly."""

    def __init__(self, map_from, map_to):
        self.map_from = _interval("map_from", map_from)
        self.map_to = _interval("map_to", map_to)

    def transform(self, X):
        (a, b), (c, d) = self.map_from, self.map_to
        return (X - np.float32(a)) * np.float32((d - c) / (b - a)) + np.float32(c)


def _interval(name: str, ends) -> list[float]:
    ends = [float(end) for end in ends]
    if len(ends) != 2 or not ends[0] < ends[1]:
        raise ValueError(f"{name} must be [low, high] with low < high, not {ends}")
    return ends


class GlobalContrastNormalization(Preprocessor):
    """Gives all images the same contrast; see `global_contrast_normalize` for the arguments.

    batch_size : rows to work on at a time; it changes the memory needed, not the result
    """

    @deprecated_arguments(
        std_bias=("sqrt_bias", float), use_norm=("use_std", lambda norm: not norm)
    )
    def __init__(
        self,
        subtract_mean=True,
        scale=1.0,
        sqrt_bias=0.0,
        use_std=False,
        min_divisor=1e-8,
        batch_size=None,
    ):
        self._subtract_mean = subtract_mean
        self._scale = scale
        self._sqrt_bias = sqrt_bias
        self._use_std = use_std
        self._min_divisor = min_divisor
        self._batch_size = batch_size

    def apply(self, dataset, can_fit: bool = False) -> None:
        dataset.set_design_matrix(
            global_contrast_normalize(
                dataset.get_design_matrix(),
                self._scale,
                self._subtract_mean,
                self._use_std,
                self._sqrt_bias,
                self._min_divisor,
                self._batch_size,
            )
        )


def global_contrast_normalize(
    X,
    scale=1.0,
    subtract_mean=True,
    use_std=False,
    sqrt_bias=0.0,
    min_divisor=1e-8,
    batch_size=None,
) -> np.ndarray:
    """The rows of `X` (n, dim), each brought to the same length, as a new array.

    From each row its mean is subtracted (`subtract_mean`). Then it is divided by
    ``sqrt(sqrt_bias + sum of squares) / scale``, or with the unbiased variance in place of the
    sum of squares (`use_std`). Rows whose divisor is below `min_divisor` are not divided.
    """
    if scale < min_divisor:
        raise ValueError(f"scale {scale!r} is below min_divisor {min_divisor!r}")
    if X.ndim != 2:
        raise ValueError(f"expected a matrix with a row for each image, not shape {X.shape}")
    result = np.empty(X.shape, X.dtype if np.issubdtype(X.dtype, np.floating) else np.float32)
    for rows in _blocks(len(X), batch_size or BLOCK):
        block = X[rows].astype(result.dtype)
        mean = block.mean(axis=1, keepdims=True)
        if subtract_mean:
            block -= mean
        if use_std:
            spread = block.var(axis=1, ddof=min(1, X.shape[1] - 1), keepdims=True)
        else:
            spread = (block**2).sum(axis=1, keepdims=True)
        divisor = np.sqrt(sqrt_bias + spread) / scale
        divisor[divisor < min_divisor] = 1
        np.divide(block, divisor, out=result[rows])
    return result


def _blocks(count: int, size: int):
    return (slice(start, min(start + size, count)) for start in range(0, count, size))


MAX_WHITENED = 10_000  # columns; 96 x 96 pixels are 9,216


class ZCA(Preprocessor):
    """Whitens the columns, staying as close to the original rows as possible.

    With covariance C + `filter_bias` I = V diag(e) V', a row x becomes
    ``(x - mean) V diag(1 / sqrt(e)) V'`` (Bell and Sejnowski, 1997).

    Parameters
    ----------
    n_components : keep only so many directions, those of greatest variance
    n_drop_components : or leave out so many, those of least variance
    filter_bias : added to every variance
    store_inverse : keep the matrix that `inverse` needs

    Attributes (after `fit`): mean_ (dim,), P_ and inv_P_ (dim, dim).
    """

    def __init__(
        self, n_components=None, n_drop_components=None, filter_bias=0.1, store_inverse=True
    ):
        if n_components and n_drop_components:
            raise ValueError(
                f"give n_components or n_drop_components, not both "
                f"({n_components!r} and {n_drop_components!r})"
            )
        self.n_components = n_components
        self.n_drop_components = n_drop_components
        self.filter_bias = float(filter_bias)
        self.store_inverse = store_inverse
        self.matrices_save_path = None
        self.mean_ = self.P_ = self.inv_P_ = None

    @staticmethod
    def _gpu_matrix_dot(matrix_a, matrix_b, matrix_c=None):
        """The product of the matrices (on the CPU; the name is the original's)."""
        product = np.dot(matrix_a, matrix_b)
        return product if matrix_c is None else np.dot(product, matrix_c)

    @staticmethod
    def _gpu_mdmt(mat, diags):
        """``mat diag(diags) mat'``"""
        return np.dot(mat * diags, mat.T)

    def set_matrices_save_path(self, matrices_save_path) -> None:
        """When saved, keep the matrices aside in the .npz file `matrices_save_path`."""
        path = os.fspath(matrices_save_path)
        if not path.endswith(".npz"):
            raise ValueError(f"the place for the matrices must end in .npz, not {path!r}")
        self.matrices_save_path = path

    def fit(self, X: np.ndarray) -> None:
        """Learn from the rows `X` (n, dim)."""
        if X.shape[1] > MAX_WHITENED:
            raise ValueError(
                f"ZCA of {X.shape[1]} columns would take matrices of {X.shape[1]}^2 numbers: "
                f"{MAX_WHITENED} columns at most"
            )
        if X.ndim != 2 or not np.issubdtype(X.dtype, np.floating):
            raise ValueError(f"expected a floating point matrix, not {X.dtype} of {X.shape}")
        dim = X.shape[1]
        keep = self.n_components or dim - (self.n_drop_components or 0)
        if not 0 < keep <= dim:
            raise ValueError(f"cannot keep {keep} of {dim} components")
        mean = X.mean(axis=0, dtype=np.float64).astype(X.dtype)
        covariance = np.zeros((dim, dim))
        for rows in _blocks(len(X), BLOCK):
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
        self.P_ = self._gpu_mdmt(vectors, values**-0.5).astype(X.dtype)
        self.inv_P_ = None
        if self.store_inverse:
            self.inv_P_ = self._gpu_mdmt(vectors, values**0.5).astype(X.dtype)

    def apply(self, dataset, can_fit: bool = False) -> None:
        X = dataset.get_design_matrix()
        if can_fit:
            self.fit(X)
        whitened = np.empty_like(X)
        for rows in _blocks(len(X), BLOCK):
            whitened[rows] = (X[rows] - _learnt(self, self.mean_)) @ self.P_
        dataset.set_design_matrix(whitened)

    def invert(self) -> None:
        """Compute the matrix that `inverse` needs, if it was not kept."""
        if self.inv_P_ is None:
            self.inv_P_ = scipy.linalg.pinvh(_learnt(self, self.P_))

    def inverse(self, X: np.ndarray) -> np.ndarray:
        """Whitened rows (n, dim) as they were; without dropped components, exactly."""
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
