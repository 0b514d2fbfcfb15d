"""The folder of compiled code (Aesara's ``compiledir``): one that can be written.

Called by `config` before Aesara is imported, which otherwise fails where the folder cannot be made.
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
    """A temporary folder, with a warning, where Aesara's own cannot be written; else None.

    Parameters
    ----------
    flags : the user's, by Aesara's names
    own : how the name of the folder ends that is to be used, as far as that is known

    Returns
    -------
    A folder that is removed when the process ends, or None where Aesara's serves.
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
        if os.getpid() == process:  # not in a child, which os.fork has made
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
    """The folders in `base` that may be the one to be used."""
    with os.scandir(base) as entries:
        for entry in entries:
            if entry.name.endswith(own) and entry.is_dir():
                yield entry.path


def _default() -> str:
    if sys.platform == "win32" and os.environ.get("LOCALAPPDATA"):
        return os.path.join(os.environ["LOCALAPPDATA"], "Aesara")
    return "~/.aesara"


def _cannot_write(folder: str) -> Optional[str]:
    """Why nothing can be written into `folder`, which need not exist yet; None where it can."""
    if folder.startswith("~"):
        return "the user has no home folder: HOME is not set"
    try:
        os.makedirs(folder, exist_ok=True)
        # Not os.access, which a read-only or full file system may contradict.
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x" * 4096)
    except OSError as error:
        return error.strerror or str(error)
    return None
