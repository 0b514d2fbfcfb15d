"""Matrix products (GEMM) that skip zeros when a factor is sparse.

`rewrites.fuse` replaces Aesara's matrix products by these Ops. Some factors are mostly zeros. The
share of zeros is 0.9 in the gradient of maxout with five pieces under dropout, 0.5 at first and 0.9
later in the output and gradient of a rectifier, and 0.8 in MNIST's digits. A BLAS multiplies by
zeros like by other numbers. These Ops sample 500 entries of each factor at each call. If few of
them are nonzero, the kernel (`sparse_gemm.h`) gathers the nonzero entries and adds up only their
products; otherwise it calls the BLAS.

The BLAS can be given factors that are rounded (`toolchain/products.py`).

Skipping zeros changes the order of summation. It also changes 0 * infinity, which is skipped
instead of making the sum NaN.
"""

from __future__ import annotations

from typing import Any

from aesara.graph.basic import Apply
from aesara.link.c.op import OpenMPOp
from aesara.tensor.blas import Dot22, Gemm, GemmRelated

from adversarial.backend.ops.c_op import FLOATS, FOLDER, digest, header_mark
from adversarial.backend.toolchain import products
from adversarial.backend.toolchain.config import configure

HEADER = "sparse_gemm.h"
# If more than this share of the entries is nonzero, a BLAS is faster; by the precision of its
# factors (`toolchain/products.py`).
DENSEST = {"float32": 0.45, "bf16": 0.2, products.EMULATED: 0.2}
# How `sparse_gemm.h` hands factors to the BLAS.
_ROUNDING = {
    "float32": "Exact",
    "bf16": "RoundedTo<npy_uint16>",
    products.EMULATED: "RoundedTo<float>",
}
# Below this number of multiplications, gathering the entries takes longer than the BLAS.
LEAST = 1 << 20
# The number of threads that may call OpenBLAS at once: it has work buffers for so many.
MOST_CALLERS = 64


def choice(parallel: bool, of: str) -> str:
    """C++ that defines `Choice`, a parameter of `sparse_gemm.h`, for a precision of factors."""
    several = parallel and configure().blas.reentrant
    return (
        f"{header_mark(HEADER)}typedef adversarial::GemmChoice<{str(parallel).lower()}, "
        f"{MOST_CALLERS if several else 1}, {round(100 * DENSEST[of])}, {LEAST}, "
        f"adversarial::{_ROUNDING[of]}> Choice;\n"
    )


def version(of: str) -> tuple:
    """The part of a compiled module's version that depends on the header and the constants."""
    return (digest(HEADER), of, DENSEST[of], LEAST, configure().blas.reentrant)


# Replaces the call of the BLAS in Aesara's C code templates.
_CALL = """
    adversarial::Multiplication<%(real)s, Choice>(Nx[1], Nz[1], a, b).run(
        {(%(real)s *) PyArray_DATA(%%(_x)s), sx_0, Nx[1] > 1 ? sx_1 : 1},
        {(%(real)s *) PyArray_DATA(%%(_y)s), sy_0, Ny[1] > 1 ? sy_1 : 1},
        {(%(real)s *) PyArray_DATA(%%(_zout)s), sz_0, Nz[1] > 1 ? sz_1 : 1}, Nz[0]);
"""


class _SkipsZeros(OpenMPOp, GemmRelated):
    """A matrix product for one `dtype` only, since g++ takes a second for each dtype.

    `precision` is that of the factors that the BLAS multiplies.
    """

    def __init__(self, dtype: str, precision: str = "float32") -> None:
        super().__init__()
        self.dtype = dtype
        self.precision = precision

    @property
    def case_float_gemm(self) -> str:
        return self._case("float32", "float", GemmRelated.case_float_gemm)

    @property
    def case_double_gemm(self) -> str:
        return self._case("float64", "double", GemmRelated.case_double_gemm)

    def _case(self, dtype: str, real: str, of_other_types: str) -> str:
        return _CALL % {"real": real} if dtype == self.dtype else of_other_types

    def c_support_code(self, **kwargs: Any) -> str:
        return GemmRelated.c_support_code(self, **kwargs) + choice(self.openmp, self.precision)

    def c_headers(self, **kwargs: Any) -> list[str]:
        return [
            *GemmRelated.c_headers(self, **kwargs),
            *OpenMPOp.c_headers(self, **kwargs),
            f'"{HEADER}"',
        ]

    def c_header_dirs(self, **kwargs: Any) -> list[str]:
        return [*GemmRelated.c_header_dirs(self, **kwargs), str(FOLDER)]

    def c_compile_args(self, **kwargs: Any) -> list[str]:
        return GemmRelated.c_compile_args(self, **kwargs) + OpenMPOp.c_compile_args(self, **kwargs)

    def build_gemm_version(self) -> tuple:
        return (*GemmRelated.build_gemm_version(self), *version(self.precision), self.openmp)


class SparseDot22(_SkipsZeros, Dot22):
    """x (n, k), y (k, m) -> x y."""

    __props__ = ("dtype", "precision")


class SparseGemm(_SkipsZeros, Gemm):
    """z (n, m), a (), x (n, k), y (k, m), b () -> b z + a x y; `inplace` overwrites z."""

    __props__ = ("dtype", "inplace", "precision")

    def __init__(self, dtype: str, inplace: bool, precision: str = "float32") -> None:
        OpenMPOp.__init__(self)
        Gemm.__init__(self, inplace)
        self.dtype = dtype
        self.precision = precision


def skipping_zeros(node: Apply) -> GemmRelated | None:
    """The Op that replaces `node`, a matrix product by Aesara; None for other nodes."""
    op, dtype = node.op, node.outputs[0].dtype
    if dtype not in FLOATS:
        return None
    of = products.current() if dtype == "float32" else "float32"
    if type(op) is Gemm:
        return SparseGemm(dtype, op.inplace, of)
    return SparseDot22(dtype, of) if type(op) is Dot22 else None
