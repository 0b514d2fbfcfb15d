"""The base class of Ops whose C++ kernel is a header file beside their module.

The Op's `c_code` is a call of one function of that header.
"""

from __future__ import annotations

import functools
import hashlib
import re
from pathlib import Path
from typing import Any

import aesara.tensor as at
from aesara.graph.basic import Variable
from aesara.link.c.op import OpenMPOp

FOLDER = Path(__file__).parent
FLOATS = ("float32", "float64")


class HeaderOp(OpenMPOp):
    """An Op whose compiled code includes the file `header` of this folder.

    The loops of a header run in parallel if Aesara's flag `openmp` is on.
    """

    header = ""

    def __init__(self) -> None:
        super().__init__()

    def c_headers(self, **kwargs: Any) -> list[str]:
        return [*super().c_headers(**kwargs), f'"{self.header}"']

    def c_header_dirs(self, **kwargs: Any) -> list[str]:
        return [*super().c_header_dirs(**kwargs), str(FOLDER)]

    def c_support_code(self, **kwargs: Any) -> str:
        return header_mark(self.header)

    def c_code_cache_version(self) -> tuple:
        return (digest(self.header), self.openmp)

    def call(self, function: str, *arguments: str, fail: str) -> str:
        """C code that calls a function of the header, which returns whether it succeeded."""
        return f"if (!adversarial::{function}({', '.join(arguments)})) {{ {fail} }}"


def header_mark(header: str) -> str:
    """A comment with the header's digest: Aesara recompiles a module only if its source changes."""
    return f"// {header} {digest(header)}\n"


@functools.cache
def digest(header: str) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of a header and of those that it includes."""
    text = (FOLDER / header).read_text(encoding="utf-8")
    included = map(digest, re.findall(r'^#include "(.+)"', text, re.MULTILINE))
    return hashlib.sha256("\n".join([text, *included]).encode()).hexdigest()[:16]


def c_type(variable: Variable) -> str:
    """The C type of an array's numbers, such as `npy_float32`."""
    return "npy_" + variable.dtype


def floating(name: str, *arrays: Any, ndim: int | None = None) -> list[Variable]:
    """`arrays` as variables; TypeError unless all have one floating point dtype and `ndim` axes."""
    variables = [at.as_tensor_variable(array) for array in arrays]
    dtypes = {variable.dtype for variable in variables}
    if (
        len(dtypes) != 1
        or not dtypes <= set(FLOATS)
        or (ndim is not None and any(variable.ndim != ndim for variable in variables))
    ):
        raise TypeError(f"{name} cannot take {', '.join(str(v.type) for v in variables)}")
    return variables
