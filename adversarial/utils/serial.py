"""Pylearn2's names of the functions that save and load models, such as `serial.save`.

The functions are in `adversarial.modelfile`. This module exists for scripts of 2014.
"""

from __future__ import annotations

import os
import struct
from typing import Any, BinaryIO

from adversarial.datasets.lush import read_bin_lush_matrix
from adversarial.files.atomic_write import atomic_write
from adversarial.modelfile import (
    BadFile,
    Persistent,
    clone_via_serialize,
    from_string,
    load,
    load_training,
    raise_cannot_open,
    save,
    to_string,
    training_from_string,
    try_to_save,
)
from adversarial.utils.string_utils import preprocess

__all__ = [
    "BadFile",
    "Persistent",
    "atomic_write",
    "clone_via_serialize",
    "from_string",
    "get_pickle_protocol",
    "load",
    "load_training",
    "mkdir",
    "preprocess",
    "raise_cannot_open",
    "read_bin_lush_matrix",
    "read_int",
    "save",
    "to_string",
    "training_from_string",
    "try_to_save",
]


def __getattr__(name: str) -> Any:
    # Imported on first use, since `config` imports this module.
    if name == "load_train_file":
        from adversarial.config.yaml_parse import load_train_file

        return load_train_file
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def get_pickle_protocol() -> int:
    """Return 0. Model files are not pickles; the function exists for scripts of 2014."""
    return 0


def mkdir(filepath: str | os.PathLike[str]) -> None:
    """Make the folder `filepath`, and those above it, unless it exists."""
    os.makedirs(filepath, exist_ok=True)


def read_int(fin: BinaryIO, n: int = 1) -> int | list[int]:
    """Read one 32-bit little-endian integer from `fin`, or a list of `n` when n is not 1."""
    data = fin.read(4 * n)
    if len(data) != 4 * n:
        raise ValueError(f"expected {4 * n} bytes for {n} integer(s), found {len(data)}")
    values = list(struct.unpack(f"<{n}i", data))
    return values[0] if n == 1 else values
