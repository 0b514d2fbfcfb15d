"""The Toronto Face Database: grey faces, seven expressions (Susskind, Anderson, Hinton, 2010)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from adversarial.datasets import data_path
from adversarial.datasets.dense_design_matrix import ONE_HOT, DenseDesignMatrix
from adversarial.datasets.mat import load_mat
from adversarial.datasets.splits import check_range
from adversarial.datasets.view_converter import AXES, DefaultViewConverter
from adversarial.files.opening import BadFile
from adversarial.utils.deprecated import deprecated_arguments

FOLDS = 5
EXPRESSIONS = 7
LARGEST = 120_000  # faces; the published database has 102,236
# The numbers in a column of `folds` (one for each example) that stand for each set.
FOLD_CODES = {"unlabeled": (0,), "train": (1,), "valid": (2,), "test": (3,), "full_train": (1, 2)}


class TFD(DenseDesignMatrix):
    """Faces; pixels from 0 to 255 unless `center` or `scale` say otherwise.

    They are read from ``faces/TFD/TFD_48x48.mat`` (or ``TFD_96x96.mat``) under PYLEARN2_DATA_PATH
    or ADVERSARIAL_DATA_PATH, or in the user's cache directory.

    Parameters
    ----------
    which_set : str
        'unlabeled', 'train', 'valid', 'test' or 'full_train' (train and valid).
    fold : int
        Which of the five divisions into train, valid and test, from 0.
    image_size : int
        48 or 96, pixels on a side.
    example_range : (start, stop), optional
        Keep only these examples of the set, before shuffling.
    center, scale : bool
        With both, (X - 127.5) / 127.5; center alone X - 127.5; scale alone X / 255.
    shuffle : bool
        Put the examples in another order, drawn by `rng`, else by a generator of `seed`.
    rng : RandomState, optional
        Of `shuffle`.
    seed : int or sequence of int
        Of the generator that `shuffle` makes where there is no `rng`.
    preprocessor : Preprocessor, optional
        Applied last, without being fitted.
    axes : sequence
        The order of the axes of images.

    Attributes
    ----------
    y : int64 array of shape (n, 1) or None
        Expressions from 0; None for 'unlabeled'.
    y_identity : int64 array of shape (n, 1) or None
        A number for each person; None for 'unlabeled'.

    Raises
    ------
    DataUnavailable
        Where the file is not on this machine.
    BadFile
        Where it is damaged or of another form.
    ValueError
        Where there is no such set, fold or image size, or `example_range` selects no examples.

    References
    ----------
    Susskind, Anderson and Hinton, "The Toronto Face Database", 2010.

    Examples
    --------
    The faces without labels, their pixels from 0 to 1, in a YAML file::

        dataset: !obj:adversarial.datasets.tfd.TFD {
            which_set: unlabeled,
            scale: 1
        }
    """

    per_example = (*DenseDesignMatrix.per_example, "y_identity")

    @deprecated_arguments(one_hot=ONE_HOT)
    def __init__(
        self,
        which_set: str,
        fold: int = 0,
        image_size: int = 48,
        example_range: Sequence[int] | None = None,
        center: bool = False,
        scale: bool = False,
        shuffle: bool = False,
        rng: np.random.RandomState | None = None,
        seed: Any = 132987,
        preprocessor: Any = None,
        axes: Sequence = AXES,
    ) -> None:
        if which_set not in FOLD_CODES:
            raise ValueError(
                f"TFD has the sets {', '.join(map(repr, FOLD_CODES))}, not {which_set!r}"
            )
        if fold not in range(FOLDS):
            raise ValueError(f"fold must be from 0 to {FOLDS - 1}, not {fold!r}")
        if image_size not in (48, 96):
            raise ValueError(f"image_size must be 48 or 96, not {image_size!r}")
        self.args = {
            "fold": fold,
            "image_size": image_size,
            "center": center,
            "scale": scale,
            "shuffle": shuffle,
            "rng": rng,
            "seed": seed,
            "preprocessor": preprocessor,
            "axes": list(axes),
        }
        path = _find(f"TFD_{image_size}x{image_size}.mat")
        data = _read(path, image_size)
        rows = np.flatnonzero(np.isin(data["folds"][:, fold], FOLD_CODES[which_set]))
        if not rows.size:
            raise BadFile(f"{path}: no example of the set {which_set!r} in fold {fold}")
        if example_range is not None:
            if np.shape(example_range) != (2,):
                raise ValueError(f"example_range must be [start, stop], not {example_range!r:.80}")
            start, stop = example_range
            rows = rows[check_range(start, stop, len(rows))]
        if shuffle:
            if rng is None:
                rng = np.random.RandomState(seed)
            rows = rows[rng.permutation(len(rows))]
        X = data["images"][rows].reshape(len(rows), image_size**2).astype(np.float32)
        if center:
            X -= 127.5
        if scale:
            X /= 127.5 if center else 255
        y = self.y_identity = None
        if which_set != "unlabeled":
            y = data["labs_ex"][rows].astype(np.int64).reshape(-1, 1) - 1
            if not 0 <= y.min() <= y.max() < EXPRESSIONS:
                raise BadFile(
                    f"{path}: 'labs_ex' has expressions from {y.min() + 1} to "
                    f"{y.max() + 1} in the set {which_set!r}, expected 1 to "
                    f"{EXPRESSIONS}"
                )
            self.y_identity = data["labs_id"][rows].astype(np.int64).reshape(-1, 1)
        super().__init__(
            X=X,
            y=y,
            y_labels=None if y is None else EXPRESSIONS,
            view_converter=DefaultViewConverter((image_size, image_size, 1), axes),
        )
        if preprocessor is not None:
            self.apply_preprocessor(preprocessor)

    def adjust_for_viewer(self, X: np.ndarray) -> np.ndarray:
        center, scale = self.args["center"], self.args["scale"]
        black, white = {
            (False, False): (0, 255),
            (True, False): (-127.5, 127.5),
            (False, True): (0, 1),
            (True, True): (-1, 1),
        }[bool(center), bool(scale)]
        return np.clip((X - black) * (2 / (white - black)) - 1, -1.0, 1.0)

    def adjust_to_be_viewed_with(
        self, X: np.ndarray, other: np.ndarray, per_example: bool = False
    ) -> np.ndarray:
        return self.adjust_for_viewer(X)

    def get_test_set(self, fold: int | None = None) -> TFD:
        """The test set, treated as this set was, of `fold` or of the same fold."""
        return TFD("test", **{**self.args, "fold": self.args["fold"] if fold is None else fold})

    def get_valid_set(self, fold: int | None = None) -> TFD:
        """The validation set, treated as this set was, of `fold` or of the same fold."""
        return TFD("valid", **{**self.args, "fold": self.args["fold"] if fold is None else fold})


def _find(name: str) -> Path:
    relative = f"faces/TFD/{name}"
    found = data_path.find_in_data_path(relative)
    cached = data_path.cache_dir() / relative
    if found is None and cached.exists():
        found = cached
    if found is None:
        raise data_path.DataUnavailable(
            f"{name} was not found. The Toronto Face Database cannot be downloaded freely: ask "
            f"Josh Susskind (josh@mplab.ucsd.edu) for it, then put {name} into the folder "
            f"faces/TFD/ of a directory and set PYLEARN2_DATA_PATH to that directory. "
            f"Data paths searched: {data_path.data_path_hint()}"
        )
    return found


def _read(path: Path, image_size: int) -> dict[str, np.ndarray]:
    """The arrays of the file, their shapes and types checked."""
    names = ("images", "folds", "labs_ex", "labs_id")
    data = load_mat(path, names, at_most=LARGEST * image_size**2)
    for name in names:
        if name not in data:
            raise BadFile(f"{path}: has no array {name!r}")
    count = len(data["images"])
    if data["images"].shape != (count, image_size, image_size) or not count:
        raise BadFile(
            f"{path}: 'images' has shape {data['images'].shape}, expected "
            f"(n, {image_size}, {image_size})"
        )
    if data["folds"].shape != (count, FOLDS):
        raise BadFile(
            f"{path}: 'folds' has shape {data['folds'].shape}, expected ({count}, {FOLDS})"
        )
    for name in ("labs_ex", "labs_id"):
        if data[name].size != count:
            raise BadFile(f"{path}: {name!r} has shape {data[name].shape}, expected ({count}, 1)")
    return data
