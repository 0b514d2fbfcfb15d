"""Makes forked processes compute with one thread.

``os.fork`` does not copy the threads of OpenMP and of BLAS libraries, so a child process that
waits for these threads hangs. `toolchain.config` calls `watch` once, when the package is imported.
`watch` registers a hook that `os.fork`, ``multiprocessing`` and ``concurrent.futures`` all run.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable
from typing import Optional

# The OpenMP runtime of GCC, which the compiled code and MKL use, and those of other compilers.
_OPENMP = ("libgomp.so.1", "libomp.so.5", "libomp.so", "libiomp5.so")
_MKL = ("libmkl_rt.so.3", "libmkl_rt.so.2", "libmkl_rt.so.1", "libmkl_rt.so")

# Whether this process was forked from one in which JAX had started its threads.
is_child = False


def watch(openblas: Optional[Callable[[int], None]] = None) -> None:
    """Make every process that is forked from now on compute with one thread.

    Parameters
    ----------
    openblas : function that sets the number of OpenBLAS's own threads, if OpenBLAS is in use
    """
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=lambda: _use_one_thread(openblas))


def check_jax() -> None:
    """Raise RuntimeError in a forked process whose parent has used JAX: JAX would hang in it."""
    if is_child:
        raise RuntimeError(
            "this process was made by os.fork, and JAX, whose threads stayed in its parent, would "
            "wait for ever.\nStart processes afresh: multiprocessing.get_context('spawn'), or "
            "ProcessPoolExecutor(mp_context=multiprocessing.get_context('spawn'))."
        )


def _use_one_thread(openblas: Optional[Callable[[int], None]]) -> None:
    global is_child
    bridge = sys.modules.get("jax._src.xla_bridge")
    is_child = is_child or bool(getattr(bridge, "_backends", bridge))
    if openblas is not None:
        openblas(1)
    for names, function in (_OPENMP, "omp_set_num_threads"), (_MKL, "MKL_Set_Num_Threads"):
        for name in names:
            try:
                # RTLD_NOLOAD: a library that is not loaded has started no threads.
                library = ctypes.CDLL(name, mode=os.RTLD_NOLOAD | os.RTLD_NOW)
                getattr(library, function)(1)
            except (OSError, AttributeError):
                continue
