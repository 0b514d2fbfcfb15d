"""Where data files are on this machine.

The data sets look for their files here before they fetch them: first under the directories that the
user names in the environment, as Pylearn2 did, then in the user's cache directory.
"""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from adversarial.files.inputs import DATA_PATH_VARIABLES, data_paths

CACHE_VARIABLE = "ADVERSARIAL_CACHE"


class DataUnavailable(OSError):
    """Data is neither on this machine nor can it be fetched; the message says what was tried."""


def find_in_data_path(*relative: str) -> Path | None:
    """The first of some alternative files that exists under a data path.

    Parameters
    ----------
    *relative : str
        Paths below a data path, such as "mnist/train-images-idx3-ubyte".

    Returns
    -------
    pathlib.Path or None
        None where no data path has any of them.

    Raises
    ------
    ValueError
        For a path that would lead out of the data path.
    """
    for name in relative:
        # A folder may be written with a slash at its end.
        parts = str(name).replace("\\", "/").rstrip("/").split("/")
        if "" in parts or ".." in parts or ":" in str(name) or "\0" in str(name):
            raise ValueError(f"{name!r} does not name a file below a data path")
    for root in data_paths():
        for name in relative:
            if (root / name).exists():
                return root / name
    return None


def data_path_hint() -> str:
    """The data paths searched, in words."""
    named = ", ".join(map(str, data_paths()))
    return named if named else f"none ({' and '.join(DATA_PATH_VARIABLES)} are not set)"


def cache_dir() -> Path:
    """Where fetched data is kept: $ADVERSARIAL_CACHE, else the user's cache directory."""
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    return Path(platformdirs.user_cache_dir("adversarial", appauthor=False))
