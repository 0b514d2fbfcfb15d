"""Matrix products (GEMM) that skip zeros when a factor is sparse.

`rewrites.fuse` puts these in the place of Aesara's products.  Most entries of some factors are
zero: of the gradient that maxout passes to one piece of five under dropout, 0.9; of a rectifier's
output and gradient, 0.5 at first and 0.9 later; of MNIST's digits, 0.8.  A BLAS multiplies by them
all the same.  The products here look at 500 entries of each factor when they run.  Where few enough
are not zero, they gather those and add up their terms alone (`sparse_gemm.h`); otherwise they call
the BLAS.

Skipping zero terms changes the order of a sum's terms, and one value: zero times infinity, which is
NaN, does not occur.
"""

from __future__ import annotations

from typing import Any

from aesara.graph.basic import Apply
from aesara.link.c.op import OpenMPOp
from aesara.tensor.blas import Dot22, Gemm, GemmRelated

from adversarial.backend.ops.c_op import FLOATS, FOLDER, digest, header_mark
from adversarial.backend.toolchain.config import configure

HEADER = "sparse_gemm.h"
# Above this share of entries that are not zero, a BLAS is faster.
DENSEST = 0.45
# Fewer multiplications than this are over before the entries have been gathered.
LEAST = 1 << 20
# OpenBLAS has working memory for so many threads that call it at once.
MOST_CALLERS = 64


def choice(parallel: bool) -> str:
    """C++ that declares `Choice` for `sparse_gemm.h`: the limits above, and the use of threads."""
    several = parallel and configure().blas.reentrant
    return (
        f"{header_mark(HEADER)}typedef adversarial::GemmChoice<{str(parallel).lower()}, "
        f"{MOST_CALLERS if several else 1}, {round(100 * DENSEST)}, {LEAST}> Choice;\n"
    )


def version() -> tuple:
    """Of the header and the limits, as part of a compiled module's identity."""
    return (digest(HEADER), DENSEST, LEAST, configure().blas.reentrant)


# In the place of the call of a BLAS in Aesara's templates of C code.
_CALL = """
    adversarial::Multiplication<%(real)s, Choice>(Nx[1], Nz[1], a, b).run(
        {(%(real)s *) PyArray_DATA(%%(_x)s), sx_0, Nx[1] > 1 ? sx_1 : 1},
        {(%(real)s *) PyArray_DATA(%%(_y)s), sy_0, Ny[1] > 1 ? sy_1 : 1},
        {(%(real)s *) PyArray_DATA(%%(_zout)s), sz_0, Nz[1] > 1 ? sz_1 : 1}, Nz[0]);
"""


class _SkipsZeros(OpenMPOp, GemmRelated):
    """A product of matrices of one type, `dtype`: g++ takes a second for each."""

    def __init__(self, dtype: str) -> None:
        super().__init__()
        self.dtype = dtype

    @property
    def case_float_gemm(self) -> str:
        return self._case("float32", "float", GemmRelated.case_float_gemm)

    @property
    def case_double_gemm(self) -> str:
        return self._case("float64", "double", GemmRelated.case_double_gemm)

    def _case(self, dtype: str, real: str, of_other_types: str) -> str:
        return _CALL % {"real": real} if dtype == self.dtype else of_other_types

    def c_support_code(self, **kwargs: Any) -> str:
        return GemmRelated.c_support_code(self, **kwargs) + choice(parallel=self.openmp)

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
        return (*GemmRelated.build_gemm_version(self), *version(), self.openmp)


class SparseDot22(_SkipsZeros, Dot22):
    """x (n, k), y (k, m) -> x y."""

    __props__ = ("dtype",)


class SparseGemm(_SkipsZeros, Gemm):
    """z (n, m), a (), x (n, k), y (k, m), b () -> b z + a x y, in the place of z or not."""

    __props__ = ("dtype", "inplace")

    def __init__(self, dtype: str, inplace: bool) -> None:
        OpenMPOp.__init__(self)
        Gemm.__init__(self, inplace)
        self.dtype = dtype


def skipping_zeros(node: Apply) -> GemmRelated | None:
    """What does the same as a product of Aesara's; None for anything else."""
    op, dtype = node.op, node.outputs[0].dtype
    if dtype not in FLOATS:
        return None
    if type(op) is Gemm:
        return SparseGemm(dtype, op.inplace)
    return SparseDot22(dtype) if type(op) is Dot22 else None
