"""Finds a writable folder for compiled code (Aesara's ``compiledir``).

`config` calls `folder_for` before it imports Aesara, whose import fails if it cannot make the
folder.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Optional

from adversarial.backend.toolchain import integrity


def folder_for(flags: Mapping[str, str], own: str) -> Optional[str]:
    """A temporary folder, with a warning, if Aesara's own folder is not writable; else None.

    Removes damaged files from Aesara's folder.

    Parameters
    ----------
    flags : the Aesara flags that the user set
    own : the end of the name of the folder that Aesara will use in its base folder

    Returns
    -------
    A folder that is removed when the process ends, or None.
    """
    setting = "compiledir" if "compiledir" in flags else "base_compiledir"
    folder = os.path.expanduser(flags.get(setting) or _default())
    reason = _cannot_write(folder)
    if reason is None:
        for each in [folder] if setting == "compiledir" else _below(folder, own):
            integrity.remove_damaged(Path(each))
        return None
    temporary = tempfile.mkdtemp(prefix="aesara-")
    process = os.getpid()

    def remove() -> None:
        if os.getpid() == process:  # a forked process must not remove its parent's folder
            shutil.rmtree(temporary, ignore_errors=True)

    atexit.register(remove)
    warnings.warn(
        f"compiled code cannot be kept in {folder} ({reason}), so it goes to {temporary} and is "
        f"compiled again at the next start. Name a folder for it: "
        f"AESARA_FLAGS={setting}=/path/to/folder",
        RuntimeWarning,
        stacklevel=2,
    )
    return temporary


def _below(base: str, own: str) -> Iterator[str]:
    """The folders in `base` whose names end with `own`: one of them is the one that Aesara uses.

    Those that cannot be read, of another user, are left out.
    """
    with os.scandir(base) as entries:
        for entry in entries:
            readable = entry.is_dir() and os.access(entry.path, os.R_OK | os.X_OK)
            if entry.name.endswith(own) and readable:
                yield entry.path


def _default() -> str:
    if sys.platform == "win32" and os.environ.get("LOCALAPPDATA"):
        return os.path.join(os.environ["LOCALAPPDATA"], "Aesara")
    return "~/.aesara"


def _cannot_write(folder: str) -> Optional[str]:
    """The reason why files cannot be written to `folder`; None if they can. Makes the folder."""
    if folder.startswith("~"):
        return "the user has no home folder: HOME is not set"
    try:
        os.makedirs(folder, exist_ok=True)
        # os.access does not notice a read-only or full file system.
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x" * 4096)
    except OSError as error:
        return error.strerror or str(error)
    return None
