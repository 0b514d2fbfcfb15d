"""CIFAR-10: 60,000 colour photographs of 32 x 32 pixels in ten classes (Krizhevsky, 2009)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from adversarial.datasets import data_path, download
from adversarial.datasets.cifar10_batch import PIXELS, read_batch
from adversarial.datasets.contrast import global_contrast_normalize
from adversarial.datasets.dense_design_matrix import ONE_HOT, DenseDesignMatrix
from adversarial.datasets.splits import check_range
from adversarial.datasets.view_converter import AXES, DefaultViewConverter
from adversarial.utils.deprecated import deprecated_arguments

URL = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
SHA256 = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
FOLDER = "cifar-10-batches-py"
BATCHES = {"train": [f"data_batch_{i}" for i in range(1, 6)], "test": ["test_batch"]}
BATCH_SIZE = 10000
LABEL_NAMES = "airplane automobile bird cat deer dog frog horse ship truck"
VALID = (40000, 50000)  # of the training set


class CIFAR10(DenseDesignMatrix):
    """Small photographs; a row holds its red, its green, then its blue pixels, from 0 to 255.

    They are looked for as ``cifar10/cifar-10-batches-py/`` under PYLEARN2_DATA_PATH and
    ADVERSARIAL_DATA_PATH, then in the user's cache directory, else fetched from their home page.

    Parameters
    ----------
    which_set : str
        'train' (50,000 examples) or 'test' (10,000).
    center : bool
        Subtract 127.5.
    rescale : bool
        Divide by 127.5.
    gcn : float, optional
        Global contrast normalization: subtract each image's mean, then scale it to this norm.
    start, stop : int, optional
        Keep only these examples. They do not change the mean image of `toronto_prepro`.
    axes : sequence
        The order of the axes of images.
    toronto_prepro : bool
        Divide by 255 and subtract the mean image of the whole training set.
    preprocessor : Preprocessor, optional
        Applied last, without being fitted.

    Raises
    ------
    DataUnavailable
        Where the files are not on this machine and cannot be fetched.
    BadFile
        Where a file is damaged.
    ValueError
        Where there is no such set, `start` and `stop` select no examples, or `toronto_prepro` is
        given together with `center` or `gcn`.

    References
    ----------
    Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.

    Examples
    --------
    All but the last 10,000 training examples, of the same contrast, in a YAML file::

        dataset: !obj:adversarial.datasets.cifar10.CIFAR10 {
            which_set: train,
            start: 0,
            stop: 40000,
            gcn: 55.
        }
    """

    @deprecated_arguments(one_hot=ONE_HOT)
    def __init__(
        self,
        which_set: str,
        center: bool = False,
        rescale: bool = False,
        gcn: float | None = None,
        start: int | None = None,
        stop: int | None = None,
        axes: Sequence = AXES,
        toronto_prepro: bool = False,
        preprocessor: Any = None,
    ) -> None:
        if which_set not in BATCHES:
            hint = (
                "; the validation set is which_set 'train' with start 40000 and stop 50000"
                if which_set == "valid"
                else ""
            )
            raise ValueError(f"CIFAR10 has the sets 'train' and 'test', not {which_set!r}{hint}")
        if toronto_prepro and (center or gcn is not None):
            raise ValueError(
                f"toronto_prepro goes with neither center nor gcn (center={center!r}, gcn={gcn!r})"
            )
        rows = check_range(start, stop, BATCH_SIZE * len(BATCHES[which_set]))
        self.img_shape = (3, 32, 32)
        self.img_size = PIXELS
        self.n_classes = 10
        self.label_names = LABEL_NAMES.split()
        self.center = center
        self.rescale = rescale
        self.gcn = None if gcn is None else float(gcn)
        self.toronto_prepro = toronto_prepro
        self.axes = tuple(axes)
        self._preprocessor = preprocessor
        pixels, y = load_arrays(which_set)
        X = pixels[rows].astype(np.float32)
        if center:
            X -= 127.5
        if rescale:
            X /= 127.5
        if toronto_prepro:
            train = pixels if which_set == "train" else load_arrays("train")[0]
            X /= 255
            self.mean_image = train.mean(axis=0, dtype=np.float64).astype(np.float32) / 255
            X -= self.mean_image / 127.5 if rescale else self.mean_image
        if gcn is not None:
            X = global_contrast_normalize(X, scale=float(gcn))
        super().__init__(
            X=X,
            y=y[rows].astype(np.int64)[:, None],
            y_labels=self.n_classes,
            view_converter=DefaultViewConverter((32, 32, 3), axes),
        )
        if preprocessor is not None:
            self.apply_preprocessor(preprocessor)

    def adjust_for_viewer(self, X: np.ndarray) -> np.ndarray:
        return self.adjust_to_be_viewed_with(X, X, per_example=True)

    def adjust_to_be_viewed_with(
        self, X: np.ndarray, orig: np.ndarray, per_example: bool = False
    ) -> np.ndarray:
        """`X` in [-1, 1], for pictures beside `orig`.

        After `gcn`, `X` is divided by the largest absolute value in `orig`; with `per_example`,
        each image by the largest in its own (examples along the first axis).
        """
        if self.gcn is not None:
            rows = tuple(range(1, orig.ndim)) if per_example else None
            largest = np.abs(orig).max(axis=rows, keepdims=per_example)
            return np.clip(X / np.maximum(largest, 1e-12), -1.0, 1.0)
        if self.toronto_prepro:
            mean = self.mean_image
            if X.ndim == 4:
                mean = self._views().design_mat_to_topo_view(mean[None])
            X = (X * 127.5 if self.rescale else X) + mean
            return np.clip(2 * X - 1, -1.0, 1.0)
        X = X if self.center else X - (1.0 if self.rescale else 127.5)
        return np.clip(X if self.rescale else X / 127.5, -1.0, 1.0)

    def get_test_set(self) -> CIFAR10:
        """The test set, treated as this set was; the preprocessor is not fitted again."""
        return CIFAR10("test", **self._treatment())

    def get_valid_set(self) -> CIFAR10:
        """Training examples 40,000 to 50,000, treated as this set was."""
        return CIFAR10("train", start=VALID[0], stop=VALID[1], **self._treatment())

    def _treatment(self) -> dict:
        return {
            "center": self.center,
            "rescale": self.rescale,
            "gcn": self.gcn,
            "axes": self.axes,
            "toronto_prepro": self.toronto_prepro,
            "preprocessor": self._preprocessor,
        }


def load_arrays(which_set: str) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (n, 3072) and labels (n,), both uint8, of 'train' or 'test'."""
    folder = _folder()
    parts = [read_batch(folder / name, BATCH_SIZE) for name in BATCHES[which_set]]
    return np.concatenate([x for x, _ in parts]), np.concatenate([y for _, y in parts])


def _folder() -> Path:
    """Where the batches are, fetched if need be."""
    found = data_path.find_in_data_path(f"cifar10/{FOLDER}")
    if found is not None:
        return found
    cached = data_path.cache_dir() / "cifar10" / FOLDER
    if not cached.exists():
        _fetch(cached)
    return cached


def _fetch(target: Path) -> None:
    """Fetch the archive and unpack it to the directory `target`."""
    try:
        with download.one_at_a_time(target.parent):
            if target.exists():  # another process was faster
                return
            download.tell(f"fetching {URL} (170 MB)")
            archive = target.parent / URL.rsplit("/", 1)[-1]
            # One that is there already may have been copied there, and in part.
            if not download.has_digest(archive, SHA256):
                download.fetch(URL, archive, SHA256)
            download.unpack(
                archive,
                [f"{FOLDER}/{name}" for names in BATCHES.values() for name in names],
                target,
            )
            archive.unlink()
    except OSError as error:
        raise data_path.DataUnavailable(
            f"CIFAR-10 is not on this machine (data paths: {data_path.data_path_hint()}) and "
            f"cannot be fetched from {URL}: {error}. Unpack that archive in the folder cifar10/ "
            f"of a directory, so that cifar10/{FOLDER}/ is there, and set PYLEARN2_DATA_PATH to "
            f"that directory"
        ) from error
