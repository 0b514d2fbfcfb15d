"""Files and folders that an experiment names as its data: find, open and tell them apart.

The classes of own data (`own_data`) and `recognize` read all files through these.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from adversarial.datasets import data_path
from adversarial.files import inputs
from adversarial.files.opening import open_regular

# Of a file larger than this, the digest is of so many bytes, evenly spaced.
_WHOLE_DIGEST = 64 << 20
_DIGEST_BLOCK = 1 << 20


def find(path: Any) -> Path:
    """The file or folder `path`, or that of this name under a data path.

    Raises
    ------
    ValueError
        Where there is none.
    """
    if not isinstance(path, (str, os.PathLike)) or not os.fspath(path) or "\0" in os.fspath(path):
        raise ValueError(f"a path must be text, not {path!r:.80}")
    given = Path(os.path.expanduser(path))
    if given.exists():
        return given
    with contextlib.suppress(ValueError):
        found = None if given.is_absolute() else data_path.find_in_data_path(os.fspath(path))
        if found is not None:
            return found
    where = ""
    if not given.is_absolute():
        where = (
            f" in this folder, nor under the data paths: {data_path.data_path_hint()}\n"
            f"A path beside the YAML file is ${{PYLEARN2_TRAIN_DIR}}{os.fspath(path)}"
        )
    raise ValueError(f"{os.fspath(path)} does not exist{where}")


@contextlib.contextmanager
def open_data(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open the data file `path` for reading bytes; see `files.inputs` for who may not."""
    if os.path.isdir(path):
        raise ValueError(f"{os.fspath(path)} is a folder, not a file")
    with open_regular(path) as stream:
        inputs.check_digest(path, lambda: digest_of_data(stream))
        yield stream


def digest_of_data(stream: BinaryIO) -> str:
    """SHA-256 of `stream`; of a large file, of its size and 64 parts of 1 MB, evenly spaced.

    Reading all of a large file would take minutes. Who has not read the file cannot know this
    either.
    """
    size = os.fstat(stream.fileno()).st_size
    digest = hashlib.sha256()
    stream.seek(0)
    if size <= _WHOLE_DIGEST:
        for chunk in iter(lambda: stream.read(1 << 20), b""):
            digest.update(chunk)
    else:
        digest.update(str(size).encode())
        for start in np.linspace(0, size - _DIGEST_BLOCK, _WHOLE_DIGEST // _DIGEST_BLOCK):
            stream.seek(int(start))
            digest.update(stream.read(_DIGEST_BLOCK))
    stream.seek(0)
    return digest.hexdigest()
