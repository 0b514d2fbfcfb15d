"""Sets Aesara's flags and imports Aesara; flags that the user has set take precedence.

`adversarial.backend` calls `configure` when it is imported. The other modules read the cached
result, a `Setup`.
"""

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
from adversarial.backend.toolchain import blas, compiled_code, compiler, deferred, integrity
from adversarial.utils import errors

# -ffast-math is not used: with it the paper's MNIST model becomes NaN within five epochs. The two
# flags after -O3 change no result, only floating point status flags and errno, which are not read;
# without them compilers neither vectorise loops with a condition nor inline square roots. -g0
# (below) cancels Aesara's -g, which takes a seventh of the compilation time.
OPTIMIZE = "-O3 -fno-trapping-math -fno-math-errno"


class SetupError(ImportError):
    """The engine cannot be set up on this machine; the message says why and what to do."""


@dataclass(frozen=True)
class Setup:
    """The BLAS and the compiler in use, and the names of the Aesara flags that the user set."""

    blas: blas.Blas
    user_flags: frozenset[str]
    #: Path of the C++ compiler; empty if there is none.
    cxx: str

    @property
    def cxx_by_user(self) -> bool:
        return "cxx" in self.user_flags


def user_flags() -> dict[str, str]:
    """Every Aesara flag that the user set, by its name in Aesara (``blas__ldflags``).

    Reads the files named in ``AESARARC``, or ``~/.aesararc``, and ``AESARA_FLAGS``, which takes
    precedence. Ignores what it cannot parse: Aesara reads the same text and reports the error.
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
    # configparser makes the names lower-case.
    flags = {_canonical(key): value for key, value in flags.items()}
    words = shlex.shlex(os.environ.get("AESARA_FLAGS", ""), posix=True)
    words.whitespace = ","
    words.whitespace_split = True
    try:
        pairs = [word.strip().partition("=") for word in words]
    except ValueError:
        pairs = []
    flags.update((key, value) for key, equals, value in pairs if equals)
    return flags


def _canonical(key: str) -> str:
    return "floatX" if key.lower() == "floatx" else key


@functools.cache
def configure() -> Setup:
    """Find the compiler and the BLAS, set Aesara's flags and import Aesara; cached.

    Of environment variables, only those that set the threading of MKL and OpenMP stay changed.
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
    _limit_spinning()
    # Not before: it imports NumPy, whose BLAS reads the environment.
    from adversarial.backend.toolchain import numpy2

    if numpy2.is_installed():
        numpy2.restore()
    cxx = chosen.get("cxx", "" if numpy2.is_installed() else compiler.find())
    flags = {
        "floatX": "float32",
        "gcc__cxxflags": f"{OPTIMIZE} -g0"
        if sys.platform == "darwin"
        else f"{OPTIMIZE} -march=native -g0",
        "openmp": str(compiler.supports_openmp(cxx)),
        "allow_gc": "False",
        # Set even when empty: Aesara's own search is slow and fails on Python 3.12.
        "blas__ldflags": library.ldflags,
        # Machines with different processors may share a home directory, and -march=native code of
        # one may not run on another.
        "compiledir_format": "compiledir_%(short_platform)s-%(python_version)s-"
        f"%(python_bitwidth)s-{processor_mark()}",
    }
    if compiler.is_clang(cxx):
        # Aesara's C++ narrows integers in initialisers: an error in Clang, a warning in GCC.
        flags["gcc__cxxflags"] += " -Wno-c++11-narrowing"
    # Aesara by itself looks for g++ only.
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
        # `supports_openmp` has tested this; Aesara would compile a test program at every start.
        OpenMPOp.gxx_support_openmp = True
    if config.openmp:
        library = library.for_callers()
    fork.watch(library.set_threads if library.name == "OpenBLAS" and library.library else None)
    return Setup(blas=library, user_flags=frozenset(chosen), cxx=config.cxx)


def _respect_quota() -> None:
    """Limit the number of threads to the CPU quota of the container (cgroup), if there is one.

    Otherwise one thread is started for each processor of the host, and they wait for one another.
    Must be called before a BLAS is loaded.
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


def _limit_spinning() -> None:
    """Make idle OpenMP threads sleep after a short spin, unless the user set OMP_WAIT_POLICY.

    If another process is busy, spinning threads occupy the processors that the working threads
    need, and a step takes several times as long (docs/PERFORMANCE.md). GCC's OpenMP reads the
    variable when it is loaded.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "10000")


def _import_with(flags: dict[str, str], last: dict[str, str]) -> None:
    """Import Aesara with `flags`; the user's flags override `flags`, and `last` overrides both.

    Raises SetupError if Aesara does not accept a flag.
    """
    before = os.environ.get("AESARA_FLAGS")
    parts = [_as_flags(flags), before, _as_flags(last)]
    os.environ["AESARA_FLAGS"] = ",".join(filter(None, parts))
    homeless = os.path.expanduser("~") == "~"
    if homeless:  # Aesara asserts that there is one
        os.environ["HOME"] = tempfile.gettempdir()
    # `engines.c` warns of a missing BLAS instead: once, and with what to install.
    blas_log = logging.getLogger("aesara.tensor.blas")
    level = blas_log.level
    blas_log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            # Aesara imports distutils, which is deprecated; users cannot change that.
            warnings.simplefilter("ignore", DeprecationWarning)
            with deferred.deferring():
                import aesara  # noqa: F401
                import aesara.tensor.nnet  # noqa: F401  # imports scipy.signal
    except (ValueError, configparser.Error) as error:
        raise SetupError(
            f"Aesara does not accept a setting: {error}\nSettings are made in "
            f"{_files_of_settings()} and by the environment variable AESARA_FLAGS"
            + (f", which is {before!r}." if before else ", which is not set.")
        ) from error
    finally:
        errors.watch_imports()  # again: Aesara replaces sys.excepthook
        blas_log.setLevel(level)
        if homeless:
            del os.environ["HOME"]
        if before is None:
            del os.environ["AESARA_FLAGS"]
        else:
            os.environ["AESARA_FLAGS"] = before


def _forget_failed_import() -> None:
    """Remove Aesara's modules from `sys.modules` if an earlier ``import aesara`` failed.

    On Python 3.12 the import fails unless ``blas__ldflags`` is set: Aesara's search for a BLAS
    needs NumPy's distutils, which does not exist there. With the modules of the failed import, a
    second import would fail too.
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
    """Set the flags that can be changed after Aesara was imported, unless they were changed."""
    from aesara import config

    for key in ("floatX", "gcc__cxxflags", "openmp", "allow_gc", "blas__ldflags"):
        parameter = config._config_var_dict[key]
        untouched = getattr(parameter, "val", parameter.default) == parameter.default
        # A default that is a function searches for a value, so the value is not the user's.
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
    """Eight hexadecimal digits of a digest of the processor's model and instruction sets."""
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
