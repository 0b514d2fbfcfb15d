"""Fingerprints of data sets: a resumed training compares them to notice that its data changed."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from adversarial.datasets.feed import num_examples
from adversarial.datasets.vector_spaces_dataset import VectorSpacesDataset

# Rows read at a time, 2 GB or more in a second.
_ROWS = 4096
# Rows read of an array in a file: reading all of it could take minutes.
_SAMPLE = 1000


def fingerprint(dataset: Any) -> dict[str, Any]:
    """The number of examples, the shape of an example in each array, and a checksum of all values.

    Of arrays that are not in memory, the checksum is of 1,000 rows that are evenly spaced. A data
    set without arrays has none.

    Returns
    -------
    dict
        `examples` (int or None), `shapes` (array's name to a list of int) and `checksum` (8
        hexadecimal digits or None).
    """
    checksum, shapes = 0, {}
    for name, array in _arrays(dataset):
        shapes[name] = list(map(int, array.shape[1:]))
        for rows in _rows(array):
            checksum = zlib.crc32(np.ascontiguousarray(rows).data.cast("B"), checksum)
    return {
        "examples": num_examples(dataset),
        "shapes": shapes,
        "checksum": f"{checksum:08x}" if shapes else None,
    }


def describe_difference(before: dict[str, Any], now: dict[str, Any]) -> str | None:
    """How the fingerprint `now` differs from `before`, in words; None where they are the same."""
    if before.get("examples") != now["examples"]:
        return f"{_count(now['examples'])} examples instead of {_count(before.get('examples'))}"
    if before.get("checksum") is None:
        return None  # of a stream, or of arrays that an earlier version did not know
    if before.get("shapes") != now["shapes"]:
        return f"examples of shape {now['shapes']} instead of {before.get('shapes')}"
    if before.get("checksum") != now["checksum"]:
        return f"other values (checksum {now['checksum']} instead of {before.get('checksum')})"
    return None


def _count(examples: Any) -> str:
    # A damaged model file may hold anything.
    return f"{examples:,}" if isinstance(examples, int) else "an unknown number of"


def _arrays(dataset: Any) -> Iterator[tuple[str, Any]]:
    attributes = getattr(dataset, "__dict__", {})
    found = [(name, attributes.get(name)) for name in ("X", "y", "data")]
    if isinstance(dataset, VectorSpacesDataset):
        found = [(name, array) for name, (_, array) in dataset._columns.items()]
    for name, value in found:
        for i, array in enumerate(value if isinstance(value, tuple) else (value,)):
            kind = getattr(getattr(array, "dtype", None), "kind", None)
            if kind in ("b", "i", "u", "f") and array.ndim and len(array):
                yield (f"{name}{i}" if isinstance(value, tuple) else name), array


def _rows(array: Any) -> Iterator[np.ndarray]:
    if isinstance(array, np.ndarray) and not isinstance(array, np.memmap):
        for start in range(0, len(array), _ROWS):
            yield array[start : start + _ROWS]
    else:
        for index in np.unique(np.linspace(0, len(array) - 1, _SAMPLE).astype(int)):
            yield np.asarray(array[int(index)])
