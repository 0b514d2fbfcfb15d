"""Finds the C++ compiler that Aesara needs, and explains how to install one.

`config` calls `find`, the C engine `require` when it compiles the first graph, and the JAX engine
`require` to see whether C can be used.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig


class CompilerMissing(OSError):
    """There is no C++ compiler, or no Python headers; the message says what to install."""


def find() -> str:
    """Path of g++, or else of clang++ (on macOS of clang++); empty if neither is installed."""
    # On macOS g++ is another name of clang++.
    names = ("clang++", "g++") if sys.platform == "darwin" else ("g++", "clang++")
    return next((path for path in map(shutil.which, names) if path), "")


def is_clang(cxx: str) -> bool:
    """Whether the name of the compiler's file, after resolving links, contains "clang"."""
    return "clang" in os.path.basename(os.path.realpath(shutil.which(cxx) or cxx))


def supports_openmp(cxx: str) -> bool:
    """Whether `cxx` is a GCC with the OpenMP runtime. Nothing is compiled to find out."""
    # Clang reports GCC's libgomp.spec too, but does not find omp.h when it compiles.
    if not cxx or is_clang(cxx):
        return False
    for name in ("libgomp.spec", "include/omp.h"):
        try:
            answer = subprocess.run(
                [cxx, f"-print-file-name={name}"], capture_output=True, text=True, timeout=30
            )
        except (OSError, subprocess.SubprocessError):
            return False
        # If GCC does not have the file, it prints the name without a folder.
        if not os.path.isabs(answer.stdout.strip()):
            return False
    return True


def require(cxx: str, chosen_by_user: bool) -> None:
    """Check that C++ can be compiled against this Python.

    Parameters
    ----------
    cxx : value of Aesara's flag ``cxx``; empty for no compiler
    chosen_by_user : whether the user set the flag; an empty `cxx` is then accepted

    Raises
    ------
    CompilerMissing
        If there is no compiler, `cxx` does not exist, or Python's headers are missing. Aesara
        would then run everything in Python, tens of times slower, with a single warning.
    """
    if not cxx:
        if chosen_by_user:
            return
        raise CompilerMissing(
            f"No C++ compiler found. Install one: {_how_to_get_compiler()}.\n"
            "Or use the JAX engine, which needs none: pip install -e '.[jax]'. It is then chosen "
            "by itself, unless --backend or ADVERSARIAL_BACKEND names C."
        )
    if shutil.which(cxx) is None:
        raise CompilerMissing(
            f"The C++ compiler {cxx}, Aesara's setting cxx, does not exist or is not executable. "
            "Name another: AESARA_FLAGS=cxx=g++."
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
