"""Gives back the names of NumPy 1 that Aesara 2.9 uses, where NumPy 2 is installed.

`config.configure` calls `restore` before it imports Aesara. With these names the JAX engine works.
Aesara's C code does not compile with the headers of NumPy 2, so the C engine is refused.
docs/BACKENDS.md says how to install this combination.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

#: Python from this version on has no builds of NumPy 1, so the JAX engine is the only one there.
WITHOUT_NUMPY_1 = (3, 13)
#: Installs the JAX engine with NumPy 2, in a checkout.
INSTALL = 'pip install uv && uv pip install -e ".[jax]" --override numpy2-overrides.txt'


def no_c() -> str:
    """Why the C engine is refused, and what to do."""
    text = (
        "the C engine needs NumPy 1, since Aesara's C code does not fit NumPy "
        f"{np.__version__}, which is installed\nUse JAX: --backend jax. "
    )
    if sys.version_info < WITHOUT_NUMPY_1:
        return text + "Or install NumPy 1: pip install 'numpy<2'"
    return text + "Or take Python 3.12: NumPy 1 has no builds for this one"


def is_installed() -> bool:
    """Whether NumPy is of version 2 or later."""
    return int(np.__version__.partition(".")[0]) >= 2


class _Cast:
    """`np.cast[dtype](value)`, an array of this type."""

    def __getitem__(self, dtype: Any) -> Any:
        return lambda value: np.asarray(value, dtype)


def restore() -> None:
    """Set the missing names in NumPy. Names that are there stay as they are."""
    old: dict[str, Any] = {
        "obj2sctype": lambda rep, default=None: np.dtype(rep).type,
        "sctype2char": lambda sctype: np.dtype(sctype).char,
        "cast": _Cast(),
        "AxisError": np.exceptions.AxisError,
        "ComplexWarning": np.exceptions.ComplexWarning,
    }
    for name, value in old.items():
        if name not in vars(np):
            setattr(np, name, value)
