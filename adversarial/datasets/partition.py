"""Which examples of a data set are for training, which for validation and which for the test.

`OwnData` calls `partition` once for each object it makes. The result depends on nothing but the
arguments, so the parts of a data set are disjoint whatever the order in which they are made:

>>> parts = partition(10, {"train": 0.6, "valid": 0.2, "test": 0.2}, seed=0)
>>> {name: rows.tolist() for name, rows in parts.items()}
{'train': [2, 8, 4, 9, 1, 6], 'valid': [7, 3], 'test': [0, 5]}
>>> partition(10, {"train": [0, 8], "test": [8, 10]})["test"].tolist()
[8, 9]
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

PARTS = ("train", "valid", "test")
# How far the sum of fractions may be from 1: 0.333 three times is meant as thirds.
TOLERANCE = 0.0011


def partition(
    count: int,
    split: Mapping[str, Any],
    seed: int | None = 0,
    classes: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """The examples of each part.

    Parameters
    ----------
    count : int
        How many examples there are.
    split : dict
        For 'train', and for 'valid' and 'test' if there are such parts, either a fraction each,
        which together are 1, or a range [start, stop] each. Ranges must not overlap; they may
        leave examples out.
    seed : int, optional
        Of the random order in which fractions take the examples; None keeps their order. Ranges are
        not shuffled. `train.py --seed` does not change it: all replicates of an experiment have
        the same test set.
    classes : (count,) array of int, optional
        Fractions take the same share of each class, as nearly as possible.

    Returns
    -------
    dict of part to an int64 array

    Raises
    ------
    ValueError
        If a part would be empty, or `split` is no such dict.
    """
    check_split(split)
    given = {name: split[name] for name in PARTS if name in split}
    if are_ranges(given):
        return {name: _range(name, given[name], count) for name in given}
    edges = np.rint(np.cumsum(list(given.values())) * count).astype(int)
    edges[-1] = count
    for name, size in zip(given, np.diff(edges, prepend=0)):
        if size < 1:
            raise ValueError(
                f"split: {given[name]:g} of {_examples(count)} leaves none for {name!r}: more "
                "examples are needed, or fewer parts (split: {train: 1} is all of them)"
            )
    parts = np.split(_order(count, seed, classes), edges[:-1])
    if seed is None:
        parts = [np.sort(part) for part in parts]
    elif classes is not None:
        rng = np.random.RandomState(seed)
        parts = [rng.permutation(part) for part in parts]
    return dict(zip(given, parts))


def shuffled(count: int, seed: int | None) -> np.ndarray:
    """All of `count` examples, in the random order of `seed`; None keeps their order."""
    order = np.arange(count) if seed is None else np.random.RandomState(seed).permutation(count)
    return order.astype(np.int64)


def check_split(split: Any) -> None:
    """ValueError unless `split` has the form that `partition` takes."""
    form = (
        "split must give 'train', and 'valid' and 'test' if wanted, a fraction each, such as "
        "{train: 0.8, valid: 0.1, test: 0.1}, or a range each, such as {train: [0, 800], "
        "test: [800, 1000]}"
    )
    if not isinstance(split, Mapping) or not split or not set(split) <= set(PARTS):
        raise ValueError(f"{form}, not {split!r:.200}")
    if "train" not in split:
        raise ValueError(f"{form}; {split!r:.200} has no 'train'")
    if are_ranges(split):
        _check_ranges(split)
        return
    for name, fraction in split.items():
        if not _is_number(fraction) or not 0 < fraction <= 1:
            raise ValueError(f"{form}; {name!r} is {fraction!r:.200}")
    total = math.fsum(split.values())
    if abs(total - 1) > TOLERANCE:
        raise ValueError(f"split: the fractions {split!r:.200} make {total:g} together, not 1")


def are_ranges(split: Mapping[str, Any]) -> bool:
    """Whether `split` has ranges of examples; otherwise, fractions."""
    return all(isinstance(value, (list, tuple)) for value in split.values())


def _check_ranges(split: Mapping[str, Any]) -> None:
    for name, ends in split.items():
        if len(ends) != 2 or not all(isinstance(end, (int, np.integer)) for end in ends):
            raise ValueError(f"split: the range of {name!r} must be [start, stop], not {ends!r}")
        if not 0 <= ends[0] < ends[1]:
            raise ValueError(f"split: the range of {name!r}, {list(ends)}, holds no example")
    ordered = sorted((tuple(ends), name) for name, ends in split.items())
    for ((_, stop), name), ((start, _), other) in zip(ordered, ordered[1:]):
        if start < stop:
            raise ValueError(f"split: the ranges of {name!r} and {other!r} overlap")


def _range(name: str, ends: Any, count: int) -> np.ndarray:
    start, stop = ends
    if stop > count:
        raise ValueError(f"split: {name!r} ends at {stop}, but there are {_examples(count)}")
    return np.arange(start, stop)


def _order(count: int, seed: int | None, classes: np.ndarray | None) -> np.ndarray:
    """The order in which parts take their examples.

    Of classes, each is spread evenly over this order: example i of the n in its class has the place
    (i + 1/2) / n. So a cut anywhere gives both sides their share of each class.
    """
    order = shuffled(count, seed)
    if classes is None:
        return order
    by_class = order[np.argsort(classes[order], kind="stable")]
    sizes = np.unique(classes, return_counts=True)[1]
    within = np.arange(count) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    places = (within + 0.5) / np.repeat(sizes, sizes)
    return by_class[np.argsort(places, kind="stable")]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def _examples(count: int) -> str:
    return f"{count:,} example{'' if count == 1 else 's'}"
