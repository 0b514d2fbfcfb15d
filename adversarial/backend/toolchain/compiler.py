"""The C++ compiler Aesara needs: which one there is, and what to say when there is none."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig


class CompilerMissing(OSError):
    """A graph cannot be turned into machine code here; the message says what to install."""


def find() -> str:
    """Path of the C++ compiler to use: g++, or else clang++; empty where there is neither."""
    # On macOS g++ is another name of clang++.
    names = ("clang++", "g++") if sys.platform == "darwin" else ("g++", "clang++")
    return next((path for path in map(shutil.which, names) if path), "")


def is_clang(cxx: str) -> bool:
    """Whether the compiler's file, behind links, is named as Clang's is."""
    return "clang" in os.path.basename(os.path.realpath(shutil.which(cxx) or cxx))


def supports_openmp(cxx: str) -> bool:
    """Whether `cxx` is a GCC with its OpenMP runtime. Asks the driver only: nothing is compiled."""
    # Clang finds GCC's files, but not the header by itself.
    if not cxx or is_clang(cxx):
        return False
    for name in ("libgomp.spec", "include/omp.h"):
        try:
            answer = subprocess.run(
                [cxx, f"-print-file-name={name}"], capture_output=True, text=True, timeout=30
            )
        except (OSError, subprocess.SubprocessError):
            return False
        # A driver that does not know the file answers with the bare name.
        if not os.path.isabs(answer.stdout.strip()):
            return False
    return True


def require(cxx: str, chosen_by_user: bool) -> None:
    """Check that C++ can be compiled against this Python.

    Parameters
    ----------
    cxx : the compiler Aesara is set to; empty where it has none
    chosen_by_user : whether the user set it; an empty one is then a wish to do without

    Raises
    ------
    CompilerMissing
        Without a compiler, or the one that is set, or without Python's headers. Aesara would run
        everything in Python then, tens of times slower, and say so at most once in passing.
    """
    if not cxx:
        if chosen_by_user:
            return
        raise CompilerMissing(
            f"No C++ compiler found. Install one: {_how_to_get_compiler()}.\n"
            "Or compute without one, by JAX: --backend jax (pip install -e '.[jax]')."
        )
    if shutil.which(cxx) is None:
        raise CompilerMissing(
            f"The C++ compiler {cxx}, to which Aesara is set, is not there or no program. Name "
            "another: AESARA_FLAGS=cxx=g++."
        )
    folders = {sysconfig.get_path("include"), sysconfig.get_path("platinclude")}
    if not any(os.path.exists(os.path.join(folder, "Python.h")) for folder in folders if folder):
        raise CompilerMissing(
            f"Python's C headers (Python.h) are missing. Install them: {_how_to_get_headers()}."
        )


def _how_to_get_compiler() -> str:
    if sys.platform == "darwin":
        return "xcode-select --install"
    if _in_conda():
        return "conda install gxx"
    return "apt-get install g++ (Debian, Ubuntu), dnf install gcc-c++ (Fedora) or conda install gxx"


def _how_to_get_headers() -> str:
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if sys.platform == "darwin" or _in_conda():
        return f"reinstall Python {version} with its headers"
    return f"apt-get install python{version}-dev (Debian, Ubuntu) or dnf install python3-devel"


def _in_conda() -> bool:
    return os.path.isdir(os.path.join(sys.prefix, "conda-meta"))
