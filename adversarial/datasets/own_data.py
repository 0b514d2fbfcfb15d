"""Data of the user's own: one way to split, scale and show it, whatever its format.

`OwnData` is the base of `ImageFolder`, `NumpyFile`, `CSVFile`, `HDF5File` and `IDXFile`. Each of
these opens its format as a `Source`; all else is here: which examples belong to the training,
validation and test part (`partition`), the scale (`scaling`), classes, and whether the rows are in
memory or read from the file during training. docs/DATA.md is the user's guide.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from adversarial.datasets import scaling, targets
from adversarial.datasets.data_file import find
from adversarial.datasets.dense_design_matrix import DenseDesignMatrix
from adversarial.datasets.partition import PARTS, are_ranges, check_split, partition, shuffled
from adversarial.datasets.scaling import Scaling, Statistics
from adversarial.datasets.source import ScaledRows, Source
from adversarial.datasets.view_converter import DefaultViewConverter
from adversarial.utils.budget import spend

# A part that takes more as float32 is read from its file during training. Not a share of this
# machine's memory, so that an experiment gives the same numbers on all machines.
IN_MEMORY = 1 << 30
# Nanoseconds to read, scale and check a number.
_PER_NUMBER = 5

# Statistics of training parts, by what they depend on: training, validation and test sets need the
# same ones, and a folder of images takes minutes to read.
_statistics: dict[Any, Statistics] = {}


class OwnData(DenseDesignMatrix):
    """Examples from a file or a folder; one of three parts of them.

    A subclass defines `_open`. It gives its own arguments to `_keep_arguments` before it calls this
    constructor.

    Parameters
    ----------
    which_set : str
        'train', 'valid' or 'test'.
    split : dict, optional
        The parts: fractions, such as {train: 0.8, valid: 0.1, test: 0.1}, which is the default, or
        ranges, such as {train: [0, 800], test: [800, 1000]}, in the order of the file. Parts that
        have a file of their own are left out.
    seed : int, optional
        Of the random order from which fractions are taken; null keeps the order of the file. The
        option --seed of train.py does not change it.
    stratified : bool, optional
        Whether fractions take the same share of each class; by default if there are classes and a
        seed.
    scale : two numbers, 'standardize' or None
        [0, 1] and [-1, 1] map the range of the data to these ends; 'standardize' makes mean 0 and
        standard deviation 1; None leaves the numbers as they are. What is measured for this is
        measured on the training part only. Images have one range for all pixels, and one mean and
        standard deviation for each channel; other data has its own for each column.
    data_range : two numbers, optional
        What becomes the ends of `scale`. By default 0 and 255 of 8-bit numbers, 0 and 65535 of
        16-bit ones; of others the smallest and the largest in the training part.
    classes : list of str, or int, optional
        The names of the classes, in their order, or how many classes there are. By default those
        that occur.
    in_memory : bool, optional
        Whether the rows are loaded; else minibatches are read from the file. By default rows are
        loaded if they take at most 1 GiB.

    Attributes
    ----------
    class_names : list of str or None
        The name of each class number in `y`.
    scaling : Scaling
        How the numbers of the file became those of `X`.
    value_range : (float, float) or None
        The ends of the scale, if it has any.
    indices : (n,) int64 array
        Which examples of the file these are.
    part_names : list of str
        The parts that there are.

    Raises
    ------
    ValueError
        Where the file is missing, damaged or does not fit the arguments, or a part is empty.

    Examples
    --------
    >>> from adversarial.datasets.source import FlatRows
    >>> class Squares(OwnData):
    ...     def __init__(self, count, **common):
    ...         self._keep_arguments(count=count, **common)
    ...         super().__init__(**common)
    ...     def _open(self, part):
    ...         return Source("squares", FlatRows(np.arange(self.args["count"])[:, None] ** 2))
    >>> data = Squares(5, split={"train": [0, 3], "test": [3, 5]}, scale=[0, 1])
    >>> data.X.ravel().tolist(), data.get_test_set().X.ravel().tolist()
    ([0.0, 0.25, 1.0], [2.25, 4.0])
    """

    args: dict[str, Any]
    per_example = (*DenseDesignMatrix.per_example, "indices")

    def __init__(
        self,
        which_set: str = "train",
        split: Mapping[str, Any] | None = None,
        seed: int | None = 0,
        stratified: bool | None = None,
        scale: Any = (0, 1),
        data_range: Sequence[float] | None = None,
        classes: Any = None,
        in_memory: bool | None = None,
    ) -> None:
        name = type(self).__name__
        if which_set not in PARTS:
            raise ValueError(f"{name} has the sets 'train', 'valid' and 'test', not {which_set!r}")
        scale = tuple(scale) if isinstance(scale, (list, np.ndarray)) else scale
        scaling.check_scale(scale, data_range)
        if split is not None:
            check_split(split)
        if seed is not None and not (isinstance(seed, (int, np.integer)) and 0 <= seed < 2**32):
            raise ValueError(
                f"seed must be a whole number from 0 to 2**32 - 1, or null, not {seed!r}"
            )
        self.args = {**self.__dict__.get("args", {}), "which_set": which_set}
        own = self._parts_with_own_file()
        train = self._open("train")
        self.part_names, indices = _divided(train, split, own, seed, stratified, classes)
        if which_set not in self.part_names:
            raise ValueError(
                f"which_set is {which_set!r}, but split has no such part: "
                f"{', '.join(map(repr, self.part_names))} only"
            )
        source, which = train, indices.get(which_set)
        # Parts with a file of their own are opened also where another part is wanted: what is
        # opened here is checked and noted (see `files.inputs`), but not what `part` opens later.
        files = {"train": train}
        for part in sorted(own):
            opened = self._open(part)
            _check_alike(train, opened)
            _check_others(part, opened, files)
            files[part] = opened
            if scale is not None and data_range is None:
                _check_ranges(train, opened)
            if part == which_set:
                source, which = opened, shuffled(len(opened), seed)
        assert which is not None
        self.indices = which
        self.scaling = self._fitted(train, indices["train"], scale, data_range)
        self.value_range = None if scale is None or isinstance(scale, str) else tuple(scale)
        y, self.class_names = targets.encoded(train, source, classes)
        rows = ScaledRows(source, which, self.scaling)
        is_loaded = _fits(rows) if in_memory is None else in_memory
        image = source.image
        super().__init__(
            X=_loaded(rows) if is_loaded else rows,
            y=None if y is None else y[which],
            y_labels=None if self.class_names is None else len(self.class_names),
            view_converter=None if image is None else DefaultViewConverter(image),
        )

    @property
    def reads_from_disk(self) -> bool:
        """Whether the rows are in the file, and not in memory."""
        return isinstance(self.X, ScaledRows)

    def _keep_arguments(self, **arguments: Any) -> None:
        """Note what `get_valid_set` and `get_test_set` pass on."""
        self.args = arguments

    def _open(self, part: str) -> Source:
        """The examples of the file of `part`, one of PARTS; 'train' also has those to be split."""
        raise NotImplementedError(f"{type(self).__name__} opens no file")

    def _parts_with_own_file(self) -> set[str]:
        """The parts that have a file of their own: those that any argument names."""
        named: set[str] = set()
        for name, value in self.args.items():
            if isinstance(value, Mapping) and name != "split":
                if not set(value) <= set(PARTS) or "train" not in value:
                    raise ValueError(
                        f"{name} must be one value, or one for each of 'train', 'valid' and "
                        f"'test', 'train' among them, not {dict(value)!r:.200}"
                    )
                named |= set(value)
        targets = self.args.get("targets")
        lacking = sorted(named - set(targets)) if isinstance(targets, Mapping) else []
        if lacking:
            raise ValueError(
                f"targets must also give those of {lacking[0]!r}, not {targets!r:.200}"
            )
        return named - {"train"}

    def _of(self, name: str, part: str) -> Any:
        """The value of the argument `name` for a part."""
        value = self.args.get(name)
        if isinstance(value, Mapping):
            return value.get(part, value["train"])
        return value

    def _fitted(self, train: Source, indices: np.ndarray, scale: Any, data_range: Any) -> Scaling:
        found = None
        if scaling.needs_statistics(scale, train.dtype, data_range):
            key = self._statistics_key(indices)
            found = _statistics.get(key)
            if found is None:
                rows = ScaledRows(train, indices, Scaling())
                spend("the range of the data", time=_PER_NUMBER * rows.size, briefly=1 << 25)
                found = Statistics.of(rows.raw_parts())
            if "path" in self.args:
                _statistics[key] = found
            if train.image is not None:
                found = found.of_channels(train.image[2])
        return scaling.fit(scale, found, train.dtype, data_range)

    def _statistics_key(self, indices: np.ndarray) -> Any:
        own = {name: value for name, value in self.args.items() if name not in _NOT_OF_STATISTICS}
        digest = hashlib.sha256(np.ascontiguousarray(indices).tobytes()).hexdigest()
        return type(self).__name__, repr(sorted(own.items())), self._signature(), digest

    def _signature(self) -> Any:
        """Changes if the training file does: path, size and time of the last change."""
        if "path" not in self.args:
            return None
        path = find(self._of("path", "train"))
        found = os.stat(path)
        return str(path), found.st_size, found.st_mtime_ns

    def set_design_matrix(self, X: Any) -> None:
        if isinstance(X, ScaledRows):
            self.X = X
        else:
            super().set_design_matrix(X)

    # Properties, so that `hasattr` tells whether there is such a part.

    @property
    def get_valid_set(self) -> Any:
        """get_valid_set() is the validation part, scaled as this part is."""
        return self._maker_of("valid")

    @property
    def get_test_set(self) -> Any:
        """get_test_set() is the test part, scaled as this part is."""
        return self._maker_of("test")

    def _maker_of(self, part: str) -> Any:
        if part not in self.part_names:
            raise AttributeError(f"the split of this {type(self).__name__} has no {part!r} part")
        return lambda: self.part(part)

    def part(self, name: str) -> Any:
        """The part 'train', 'valid' or 'test' of the same data, scaled as this part is."""
        return type(self)(**{**self.args, "which_set": name})

    # Pictures

    def adjust_for_viewer(self, X: np.ndarray) -> np.ndarray:
        """`X` in [-1, 1]: by the ends of the scale, else by the largest magnitude."""
        if self.value_range is None:
            return self.adjust_to_be_viewed_with(X, X)
        low, high = self.value_range
        return np.clip(2 * (np.asarray(X) - low) / (high - low) - 1, -1.0, 1.0)

    def adjust_to_be_viewed_with(
        self, X: np.ndarray, other: np.ndarray, per_example: bool = False
    ) -> np.ndarray:
        if self.value_range is not None:
            return self.adjust_for_viewer(X)
        axes = tuple(range(1, np.ndim(other))) if per_example else None
        peak = np.abs(other).max(axis=axes, keepdims=per_example)
        return np.clip(X / np.maximum(peak, 1e-12), -1.0, 1.0)

    def __getstate__(self) -> dict[str, Any]:
        if self.reads_from_disk:
            raise TypeError("a data set that is read from its file cannot be saved beside it")
        return super().__getstate__()


_NOT_OF_STATISTICS = (
    "which_set",
    "split",
    "seed",
    "stratified",
    "scale",
    "data_range",
    "in_memory",
)


def _divided(
    train: Source, split: Any, own: set[str], seed: Any, stratified: Any, classes: Any
) -> tuple[list[str], dict[str, np.ndarray]]:
    """(the parts that there are, the examples of `train` that each of its parts has)."""
    if split is None:
        split = {
            frozenset(): {"train": 0.8, "valid": 0.1, "test": 0.1},
            frozenset({"test"}): {"train": 0.9, "valid": 0.1},
            frozenset({"valid"}): {"train": 0.9, "test": 0.1},
            frozenset({"valid", "test"}): {"train": 1},
        }[frozenset(own)]
    twice = own & set(split)
    if twice:
        raise ValueError(
            f"{sorted(twice)[0]!r} has a file of its own, so split must not have it, too"
        )
    labels = None
    if seed is not None if stratified is None else stratified:
        labels = targets.class_numbers(train, classes)
        if labels is None and stratified:
            raise ValueError(f"stratified needs classes, and {train.name} has none")
    try:
        indices = partition(len(train), split, seed, labels)
    except ValueError as error:
        raise ValueError(f"{train.name}: {error}") from None
    if stratified and are_ranges(split):
        raise ValueError("stratified needs fractions in split: a range has the examples it names")
    return [part for part in PARTS if part in indices or part in own], indices


def _check_alike(train: Source, other: Source) -> None:
    """ValueError unless two files have examples of one shape, and labels of one kind."""
    ours = train.image or train.rows.shape[1:]
    theirs = other.image or other.rows.shape[1:]
    if tuple(ours) != tuple(theirs):
        raise ValueError(
            f"{other.name} has examples of shape {list(theirs)}, but {train.name} of {list(ours)}"
        )
    targets.check_alike(train, other)


def _check_others(part: str, source: Source, files: Mapping[str, Source]) -> None:
    """ValueError if the examples of `part`, `source`, are those of one of the parts `files`."""
    first = np.array([0])
    for name, other in files.items():
        if (source.name, len(source)) == (other.name, len(other)) and np.array_equal(
            source.rows[first], other.rows[first]
        ):
            raise ValueError(
                f"{name!r} and {part!r} are both {source.name}, but parts have no example in "
                "common\nGive each part its own, or leave the choice to split."
            )


def _check_ranges(train: Source, other: Source) -> None:
    """ValueError if the types of two files say that their numbers have different ranges.

    Such as 0 to 255 of 8-bit numbers, beside floating-point numbers, which may go from 0 to 1.
    """
    ranges = [scaling.BOUNDED.get(source.dtype.name) for source in (train, other)]
    is_float = "f" in (train.dtype.kind, other.dtype.kind)
    if ranges[0] != ranges[1] and (is_float or None not in ranges):
        raise ValueError(
            f"{other.name} holds {other.dtype}, but {train.name} holds {train.dtype}, so their "
            "numbers may have different ranges\nSave both as one type; or if they have one range, "
            "data_range: [low, high] says it, with a scale of two numbers."
        )


def _fits(rows: ScaledRows) -> bool:
    return 4 * rows.size <= IN_MEMORY


def _loaded(rows: ScaledRows) -> np.ndarray:
    spend(f"{rows.size} numbers as float32", 4 * rows.size, _PER_NUMBER * rows.size, 1 << 25)
    return rows.read_all()
