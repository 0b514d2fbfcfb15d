"""Aesara's settings, made before Aesara is imported; what the user set always wins."""

from __future__ import annotations

import configparser
import functools
import hashlib
import logging
import math
import os
import platform
import shlex
import sys
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path

from adversarial.backend import fork
from adversarial.backend.toolchain import blas, compiled_code, compiler, integrity
from adversarial.utils import errors

# Not -ffast-math: with it the MNIST model of the paper goes to NaN within five epochs. The two
# flags beside -O3 change no value, only what is left in status words that nobody reads; without
# them compilers neither vectorise loops with a condition nor inline square roots. -g0, below,
# is against Aesara's -g, which takes a seventh of the time of compiling.
OPTIMIZE = "-O3 -fno-trapping-math -fno-math-errno"


class SetupError(ImportError):
    """The engine cannot be set up on this machine; the message says why and what to do."""


@dataclass(frozen=True)
class Setup:
    """What was found on this machine and what the user decided about it."""

    blas: blas.Blas
    user_flags: frozenset[str]

    @property
    def cxx_by_user(self) -> bool:
        return "cxx" in self.user_flags


def user_flags() -> dict[str, str]:
    """Every Aesara flag the user set, by the key Aesara knows it by (``blas__ldflags``).

    Reads ``AESARA_FLAGS``, then the files named in ``AESARARC`` or ``~/.aesararc``. What cannot
    be read is left out: Aesara reads it again and tells the user what is wrong with it.
    """
    flags = {}
    for path in os.environ.get("AESARARC", "~/.aesararc").split(os.pathsep):
        reader = configparser.RawConfigParser(strict=False)
        try:
            reader.read(os.path.expanduser(path))
        except (configparser.Error, UnicodeDecodeError):
            continue
        for section in reader.sections():
            for option, value in reader.items(section):
                flags[option if section == "global" else f"{section}__{option}"] = value
    # The files' options are case-insensitive.
    flags = {_spelt(key): value for key, value in flags.items()}
    words = shlex.shlex(os.environ.get("AESARA_FLAGS", ""), posix=True)
    words.whitespace = ","
    words.whitespace_split = True
    try:
        pairs = [word.strip().partition("=") for word in words]
    except ValueError:
        pairs = []
    flags.update((key, value) for key, equals, value in pairs if equals)
    return flags


def _spelt(key: str) -> str:
    return "floatX" if key.lower() == "floatx" else key


@functools.cache
def configure() -> Setup:
    """Find compiler and BLAS, set Aesara up, import it; the first call only.

    The environment is left as it was, but for what MKL needs to know about threads.
    """
    chosen = user_flags()
    already = "aesara" in sys.modules
    if not already:
        own = "" if "compiledir_format" in chosen else processor_mark()
        folder = compiled_code.folder_for(chosen, own)
    _respect_quota()
    if "blas__ldflags" in chosen:
        library = blas.from_user(chosen["blas__ldflags"])
    else:
        library = blas.find()
    for key, value in library.environment:
        os.environ.setdefault(key, value)
    _share_politely()
    cxx = chosen.get("cxx", compiler.find())
    flags = {
        "floatX": "float32",
        "gcc__cxxflags": f"{OPTIMIZE} -g0"
        if sys.platform == "darwin"
        else f"{OPTIMIZE} -march=native -g0",
        "openmp": str(compiler.supports_openmp(cxx)),
        "allow_gc": "False",
        # Set even when empty: Aesara's own search is slow and fails on Python 3.12.
        "blas__ldflags": library.ldflags,
        # Code for this processor must not be run on another that shares the home directory.
        "compiledir_format": "compiledir_%(short_platform)s-%(python_version)s-"
        f"%(python_bitwidth)s-{processor_mark()}",
    }
    if compiler.is_clang(cxx):
        # An error by the standard, which GCC, for which Aesara writes, lets pass.
        flags["gcc__cxxflags"] += " -Wno-c++11-narrowing"
    # Aesara would look for g++ only.
    flags["cxx"] = cxx
    flags = {key: value for key, value in flags.items() if key not in chosen}
    if already:
        _apply_late(flags)
    else:
        _forget_failed_import()
        _import_with(flags, {} if folder is None else {"compiledir": folder})
    from aesara import config
    from aesara.link.c.op import OpenMPOp

    if already:
        integrity.remove_damaged(Path(config.compiledir))
    integrity.keep_digests()
    if flags.get("openmp") == "True":
        # Known from the compiler's files; Aesara would compile a program at every start to see.
        OpenMPOp.gxx_support_openmp = True
    if config.openmp:
        library = library.for_callers()
    fork.watch(library.set_threads if library.name == "OpenBLAS" and library.library else None)
    return Setup(blas=library, user_flags=frozenset(chosen))


def _respect_quota() -> None:
    """In a container with a share of the processors, start no more threads than that.

    Threads are otherwise started for every processor of the host, and spend their time waiting
    for one another. Must come before a BLAS is loaded.
    """
    if {"OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"} & set(os.environ):
        return
    try:
        with open("/sys/fs/cgroup/cpu.max") as limits:
            quota, period = limits.read().split()
        share = math.ceil(int(quota) / int(period))
    except (OSError, ValueError):  # not Linux, another version of cgroups, or "max": no limit
        return
    if 0 < share < (os.cpu_count() or 1):
        os.environ["OMP_NUM_THREADS"] = str(share)


def _share_politely() -> None:
    """Have idle OpenMP threads sleep soon instead of spinning, unless the user chose otherwise.

    Beside another busy process, threads that spin take the processors from those they wait for,
    and a step takes several times as long (docs/PERFORMANCE.md).  Read by GNU's OpenMP when it is
    loaded.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "10000")


def _import_with(flags: dict[str, str], last: dict[str, str]) -> None:
    """Import Aesara with `flags`, which the user's precede, and with `last`, which precede those.

    Raises SetupError where Aesara does not take a setting, and where it cannot be imported.
    """
    before = os.environ.get("AESARA_FLAGS")
    parts = [_as_flags(flags), before, _as_flags(last)]
    os.environ["AESARA_FLAGS"] = ",".join(filter(None, parts))
    homeless = os.path.expanduser("~") == "~"
    if homeless:  # Aesara asserts that there is one
        os.environ["HOME"] = tempfile.gettempdir()
    # What it says of a missing BLAS is said better, and once, by `engines.c`.
    blas_log = logging.getLogger("aesara.tensor.blas")
    level = blas_log.level
    blas_log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of distutils, nothing to act on
            import aesara  # noqa: F401
    except (ValueError, configparser.Error) as error:
        raise SetupError(
            f"Aesara does not accept a setting: {error}\nSettings are made in "
            f"{_files_of_settings()} and by the environment variable AESARA_FLAGS"
            + (f", which is {before!r}." if before else ", which is not set.")
        ) from error
    finally:
        errors.watch_imports()  # again: Aesara has put its own hook in the place of ours
        blas_log.setLevel(level)
        if homeless:
            del os.environ["HOME"]
        if before is None:
            del os.environ["AESARA_FLAGS"]
        else:
            os.environ["AESARA_FLAGS"] = before


def _forget_failed_import() -> None:
    """Make room for Aesara where somebody imported it before us, and that failed.

    On Python 3.12 it fails, by four tracebacks of NumPy's distutils that are gone there, unless
    our settings are made first. What it leaves behind would make it fail again.
    """
    left = [name for name in sys.modules if name.partition(".")[0] == "aesara"]
    if left:
        for name in left:
            del sys.modules[name]
        warnings.warn(
            "`import aesara` failed before adversarial was imported, which makes the settings that "
            "Aesara needs; it is imported now. Import adversarial first.",
            RuntimeWarning,
            stacklevel=5,
        )


def _apply_late(flags: dict[str, str]) -> None:
    """Set what can still be set after somebody else imported Aesara, unless they changed it."""
    from aesara import config

    for key in ("floatX", "gcc__cxxflags", "openmp", "allow_gc", "blas__ldflags"):
        parameter = config._config_var_dict[key]
        untouched = getattr(parameter, "val", parameter.default) == parameter.default
        # Where the default is a search, its result is a value nobody chose.
        if key in flags and parameter.is_default and (untouched or callable(parameter.default)):
            setattr(config, key, flags[key])


def _as_flags(flags: dict[str, str]) -> str:
    return ",".join(f"{key}={_quoted(value)}" for key, value in flags.items())


def _files_of_settings() -> str:
    names = os.environ.get("AESARARC", "~/.aesararc").split(os.pathsep)
    return " and ".join(os.path.expanduser(name) for name in names)


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def processor_mark() -> str:
    """Eight hexadecimal digits that change with what ``-march=native`` may use."""
    lines = {platform.machine(), platform.processor()}
    try:
        with open("/proc/cpuinfo") as about:
            lines.update(
                line
                for line in about
                if line.startswith(("flags", "Features", "model name", "CPU part", "isa"))
            )
    except OSError:
        pass
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()[:8]
