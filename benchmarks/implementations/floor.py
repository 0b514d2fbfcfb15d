"""A lower bound: only the step's matrix products, by the BLAS that the compiled step uses."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from benchmarks.experiments import Experiment, Product
from benchmarks.interleaved import StepTimer, Unavailable

ROW_MAJOR, PLAIN, TRANSPOSED = 101, 111, 112


def run(experiment: Experiment, data: str, cpus: int) -> None:
    from adversarial.backend.toolchain.blas import describe
    from adversarial.backend.toolchain.config import configure

    blas = configure().blas
    if not blas.library:
        raise Unavailable(
            f"the library of {blas.name} is not known; unset blas__ldflags or "
            "install mkl or scipy-openblas32"
        )
    if blas.callers is not None:
        blas.set_threads(blas.callers)  # one thread calls it here
    sgemm = load_sgemm(blas.library, blas.prefix)
    arrays = _Arrays()
    calls = [(arguments(product, arrays), product.times) for product in experiment.products()]
    timer = StepTimer(versions=describe())
    while True:
        for values, times in calls:
            for _ in range(times):
                sgemm(*values)
        timer()


def load_sgemm(library: str, prefix: str) -> Any:
    """cblas_sgemm as a Python function."""
    sgemm = getattr(ctypes.CDLL(library), f"{prefix}cblas_sgemm")
    whole, real, array = ctypes.c_int, ctypes.c_float, ctypes.c_void_p
    sgemm.argtypes = [whole] * 6 + [real, array, whole, array, whole, real, array, whole]
    sgemm.restype = None
    return sgemm


class _Arrays(dict):
    """Arrays by (role, rows, columns), made on first use.

    Products of the same shape share arrays, as the three products of a layer share its weights.
    """

    def __missing__(self, key: tuple) -> np.ndarray:
        _, rows, columns = key
        rng = np.random.default_rng(0)
        self[key] = rng.uniform(-0.05, 0.05, (rows, columns)).astype(np.float32)
        return self[key]


def arguments(product: Product, arrays: _Arrays) -> tuple:
    """The arguments of cblas_sgemm for C = A B, row-major, with factors stored untransposed."""
    m, n, k = product.m, product.n, product.k
    a = arrays[("in", k, m) if product.transpose_a else ("in", m, k)]
    b = arrays[("in", n, k) if product.transpose_b else ("in", k, n)]
    c = arrays["out", m, n]
    return (
        ROW_MAJOR,
        TRANSPOSED if product.transpose_a else PLAIN,
        TRANSPOSED if product.transpose_b else PLAIN,
        m,
        n,
        k,
        1.0,
        a.ctypes.data,
        a.shape[1],
        b.ctypes.data,
        b.shape[1],
        0.0,
        c.ctypes.data,
        n,
    )
