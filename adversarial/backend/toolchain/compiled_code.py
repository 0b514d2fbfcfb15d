"""The folder of compiled code (Aesara's ``compiledir``): one that can be written.

Called by `config` before Aesara is imported, which otherwise fails where the folder cannot be made.
"""

from __future__ import annotations

import atexit
import glob
import os
import shutil
import struct
import sys
import tempfile
import warnings
from collections.abc import Mapping
from typing import Optional


def folder_for(flags: Mapping[str, str]) -> Optional[str]:
    """A temporary folder, with a warning, where Aesara's own cannot be written; else None.

    Parameters
    ----------
    flags : the user's, by Aesara's names

    Returns
    -------
    A folder that is removed when the process ends, or None where Aesara's serves.
    """
    setting = "compiledir" if "compiledir" in flags else "base_compiledir"
    folder = os.path.expanduser(flags.get(setting) or _default())
    reason = _cannot_write(folder)
    if reason is None:
        _remove_damaged(folder, "*" if setting == "compiledir" else "*/*")
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


def _remove_damaged(folder: str, level: str) -> None:
    """Remove modules that are not whole, with a warning: loading one ends the process by SIGBUS."""
    removed = 0
    for path in glob.glob(os.path.join(glob.escape(folder), level, "*.so")):
        place = os.path.dirname(path)
        # Another process may be writing what has no key yet, in a folder of a temporary name.
        finished = not os.path.basename(place).startswith("tmp") or os.path.exists(
            os.path.join(place, "key.pkl")
        )
        if finished and not _is_whole(path):
            shutil.rmtree(place, ignore_errors=True)
            removed += 1
    if removed:
        warnings.warn(
            f"{removed} damaged modules of compiled code were removed from {folder}; they are "
            "compiled again",
            RuntimeWarning,
            stacklevel=3,
        )


def _is_whole(path: str) -> bool:
    """Whether a module has its end: of an ELF file that is the table of its sections."""
    try:
        with open(path, "rb") as file:
            header = file.read(64)
            size = os.fstat(file.fileno()).st_size
    except OSError:
        return True
    if not sys.platform.startswith("linux"):
        return size > 0
    if len(header) < 64 or header[:4] != b"\x7fELF":
        return False
    if header[4:6] != b"\x02\x01":  # not 64 bits, little-endian
        return True
    (start,) = struct.unpack_from("<Q", header, 40)
    length, count = struct.unpack_from("<HH", header, 58)
    return start + length * count <= size


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
