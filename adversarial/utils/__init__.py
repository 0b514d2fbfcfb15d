"""Helpers that know nothing of models: safe files, iteration orders, text."""

from __future__ import annotations

from typing import Any

# Those of 2014 that are of Aesara: imported when asked for, since Aesara is set up only after the
# first modules of this package have been.
_OF_VARIABLES = (
    "as_floatX",
    "block_gradient",
    "constantX",
    "py_float_types",
    "py_integer_types",
    "safe_izip",
    "safe_zip",
    "sharedX",
    "wraps",
)


def __getattr__(name: str) -> Any:
    if name not in _OF_VARIABLES:
        raise AttributeError(f"module 'adversarial.utils' has no attribute {name!r}")
    from adversarial.utils import variables

    return getattr(variables, name)
