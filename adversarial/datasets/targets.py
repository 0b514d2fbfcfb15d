"""Labels and other targets of own data (`own_data`): class numbers, or numbers to be predicted.

Texts and whole numbers are classes; other numbers, and several numbers an example, are not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adversarial.datasets.source import Source, natural_key

MAX_CLASSES = 100_000
_TEXTS, _CLASS_NUMBERS, _NUMBERS = "texts", "class numbers", "numbers"


def encoded(
    train: Source, source: Source, classes: Any
) -> tuple[np.ndarray | None, list[str] | None]:
    """(targets of `source`, names of classes): class numbers int64 (n, 1), or float32 (n, k).

    Classes are those of `train`, so that the sets of one experiment agree.
    """
    targets = source.targets
    if targets is None or train.targets is None:
        if classes is not None:
            raise ValueError(f"classes are given, but {source.name} has no labels")
        return None, None
    kind = _kind_of(train.targets)
    if kind == _TEXTS:
        return _named_classes(train, source, classes)
    if kind != _CLASS_NUMBERS:
        if classes is not None:
            raise ValueError(f"classes are given, but the targets of {train.name} are no classes")
        return _numeric(source), None
    flat = targets.reshape(-1).astype(np.int64)
    own = np.asarray(train.targets).reshape(-1)
    names = _given_names(classes)
    count = len(names) if names else classes if classes is not None else int(own.max()) + 1
    if not isinstance(count, (int, np.integer)) or isinstance(count, bool) or count < 1:
        raise ValueError(
            f"classes must be a list of names or a number of classes, not {classes!r:.80}"
        )
    if count > MAX_CLASSES:
        raise ValueError(f"{train.name}: labels up to {count - 1} are no class numbers")
    outside = np.flatnonzero((flat < 0) | (flat >= count))
    if outside.size:
        why = "classes says so" if classes is not None else f"the largest label of {train.name}"
        raise ValueError(
            f"{source.name}: {source.place(int(outside[0]))}: label {flat[outside[0]]} is outside "
            f"0 to {count - 1} ({why})"
        )
    return flat[:, None], names or [str(number) for number in range(count)]


def class_numbers(source: Source, classes: Any) -> np.ndarray | None:
    """The class number of each example of `source`, (n,) int64; None if it has no classes."""
    if source.targets is None:
        return None
    y, names = encoded(source, source, classes)
    return None if names is None or y is None else y[:, 0]


def check_alike(train: Source, other: Source) -> None:
    """ValueError unless two files have labels of one kind, or none."""
    if train.targets is None or other.targets is None:
        if train.targets is other.targets:
            return
        lacking = train if train.targets is None else other
        raise ValueError(f"{lacking.name} has no labels, but the other file has")
    kinds = _kind_of(train.targets), _kind_of(other.targets)
    # Numbers may happen to be whole in one of the files.
    if kinds[0] != kinds[1] and kinds != (_NUMBERS, _CLASS_NUMBERS):
        raise ValueError(
            f"{other.name} has labels that are {kinds[1]}, but those of {train.name} are "
            f"{kinds[0]}\nSave the labels of both as one type."
        )


def _kind_of(targets: np.ndarray) -> str:
    """What targets are, in words: texts and whole numbers are classes, other numbers are not."""
    if targets.dtype.kind in "US":
        return _TEXTS
    if targets.size != len(targets):
        return f"{targets.size // len(targets)} numbers an example"
    return _CLASS_NUMBERS if targets.dtype.kind in "iub" else _NUMBERS


def _numeric(source: Source) -> np.ndarray:
    """The targets of a regression, float32 (n, k); ValueError names one that is not finite."""
    targets = np.asarray(source.targets)
    targets = targets.reshape(len(targets), -1)
    # NaN is not within the limits either.
    bad = np.flatnonzero(~(np.abs(targets) <= np.finfo(np.float32).max).all(axis=1))
    if bad.size:
        raise ValueError(
            f"{source.name}: {source.place(int(bad[0]))}: a target is not finite in float32: "
            f"{targets[bad[0]].tolist()!r:.80}"
        )
    return targets.astype(np.float32)


def _given_names(classes: Any) -> list[str] | None:
    """The names in `classes`; None if it is no list. ValueError if two are the same."""
    if not isinstance(classes, (list, tuple)):
        return None
    names = [str(name) for name in classes]
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        raise ValueError(f"classes must be different names, but {twice[0]!r:.80} is there twice")
    return names


def _named_classes(train: Source, source: Source, classes: Any) -> tuple[np.ndarray, list[str]]:
    names = _given_names(classes)
    if names is None:
        found = train.class_names or sorted(
            set(np.asarray(train.targets).tolist()), key=natural_key
        )
        names = list(found)
        if classes is not None and classes != len(names):
            raise ValueError(f"classes is {classes!r}, but {train.name} has {_some(names)}")
    if len(names) > MAX_CLASSES:
        raise ValueError(f"{train.name} has {len(names)} different labels, too many for classes")
    numbers = {name: number for number, name in enumerate(names)}
    labels = np.asarray(source.targets).tolist()
    y = np.array([numbers.get(label, -1) for label in labels])
    outside = np.flatnonzero(y < 0)
    if outside.size:
        first = int(outside[0])
        raise ValueError(
            f"{source.name}: {source.place(first)}: label {labels[first]!r} "
            f"is none of the classes {_some(names)}"
        )
    return y.astype(np.int64)[:, None], names


def _some(names: Sequence[str], most: int = 10) -> str:
    shown = ", ".join(map(repr, names[:most]))
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
