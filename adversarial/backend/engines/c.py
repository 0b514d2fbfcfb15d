"""The C engine: Aesara's C linker, a parallel build, and a disk cache of rewritten graphs."""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aesara

from adversarial.backend import rewrites
from adversarial.backend.engines.base import Engine, without_garbage_collection
from adversarial.backend.toolchain import (
    blas,
    compiler,
    config,
    graph_cache,
    integrity,
    numpy2,
    parallel_build,
    products,
)

# Aesara's modes that do not compile C code.
_WITHOUT_C = ("FAST_COMPILE", "JAX", "NUMBA")
# Error numbers of a full disk, an exceeded quota and a read-only file system.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


class CEngine(Engine):
    """Compiles graphs to C++ with this machine's compiler, and multiplies by its BLAS."""

    name = "c"
    compiling = (
        "compiling; the first time this takes up to a minute, because every operation becomes C++ "
        "that the C++ compiler has to compile (later starts find the results)"
    )

    def multiply_in(self, precision: str) -> None:
        products.use(precision)

    def compile(self, inputs: Any, outputs: Any, mode: Any, **options: Any) -> Any:
        if mode is None or (isinstance(mode, str) and mode not in _WITHOUT_C):
            _check_machine()
            mode = parallel_build.with_parallel_build(rewrites.without_unwanted(mode))
        mode = graph_cache.caching_mode(mode)
        with _naming_folder(), without_garbage_collection():
            while True:
                # Unusable discards the cache file that raised it, so this loop ends.
                with contextlib.suppress(graph_cache.Unusable):
                    compiled = aesara.function(inputs, outputs, mode=mode, **options)
                    break
            integrity.keep_digests_without_key(Path(aesara.config.compiledir))
            return compiled

    def describe(self) -> str:
        rounded = "" if products.current() == "float32" else f", {products.current()} products"
        return f"C, {blas.describe()}{rounded}"


@functools.cache
def _check_machine() -> None:
    """Raise an error if C code cannot be compiled; warn, once, if there is no fast BLAS."""
    if numpy2.is_installed():
        raise config.SetupError(numpy2.no_c())
    setup = config.configure()
    compiler.require(aesara.config.cxx, setup.cxx_by_user)
    if setup.blas.slow:
        warnings.warn(blas.SLOW, RuntimeWarning, stacklevel=4)


@contextlib.contextmanager
def _naming_folder() -> Iterator[None]:
    """Raise OSError that names the folder of compiled code if it is full or not writable."""
    try:
        yield
    except Exception as error:
        number = getattr(error, "errno", None)
        # Errors of g++ have no errno: search their text.
        if number not in _NO_ROOM and not any(os.strerror(code) in str(error) for code in _NO_ROOM):
            raise
        reason = os.strerror(number) if number in _NO_ROOM else "no room, or not writable"
        raise OSError(
            f"compiled code cannot be written to {aesara.config.compiledir}: {reason}\n"
            "Make room there (and in the folder of temporary files), or name another folder: "
            "AESARA_FLAGS=base_compiledir=FOLDER."
        ) from error
