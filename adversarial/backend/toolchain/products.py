"""The precision of the factors of matrix products, in the C engine: the option ``--precision``.

With "bf16", both factors of a float32 product are rounded to bfloat16, which has 8 bits of mantissa
and the exponents of float32. Their products are added up in float32. Everything else stays float32:
parameters, gradients, and products that skip zeros (`ops/sparse_gemm.py`).
"""

from __future__ import annotations

from adversarial.backend.toolchain import blas, config

#: The values of ``--precision``.
PRECISIONS = ("float32", "bf16")
# The same numbers as "bf16", by float32 products: for tests on any machine.
EMULATED = "bf16 by float32"
# Linux's names of instructions that multiply bfloat16 numbers.
_INSTRUCTIONS = {"avx512_bf16", "amx_bf16"}

_precision = "float32"


def use(name: str) -> None:
    """Compute the products of all functions compiled from now on with this precision.

    Raises
    ------
    ValueError
        When there is no such precision, or this machine is no faster with it.
    """
    global _precision
    if name not in (*PRECISIONS, EMULATED):
        raise ValueError(f"the precision must be one of {', '.join(PRECISIONS)}, not {name!r}")
    if name == "bf16":
        _check_machine(config.configure().blas)
    _precision = name


def current() -> str:
    """The precision in use."""
    return _precision


def _check_machine(found: blas.Blas) -> None:
    """Raise ValueError unless MKL multiplies bfloat16 numbers by this processor's instructions."""
    if not (blas.of_intel() and _INSTRUCTIONS & blas.instructions()):
        raise ValueError(
            "--precision bf16 needs Linux and an Intel processor with AMX or AVX512_BF16; another "
            "would be slower\nLeave the option out."
        )
    if found.name != "MKL":
        raise ValueError(
            f"--precision bf16 needs MKL, and in use is {found.name}\n"
            "Install it: pip install 'adversarial-nets[mkl]' (940 MB), and set no blas__ldflags; "
            "or leave the option out."
        )
    if not found.multiplies_bf16:
        raise ValueError(
            f"--precision bf16 needs a newer MKL than {found.version}, which has no such product\n"
            "Upgrade it: pip install --upgrade mkl, or leave the option out."
        )
