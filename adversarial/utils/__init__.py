"""Helpers that do not depend on models: error messages, budgets, iteration orders, seeds, text."""

from __future__ import annotations

from typing import Any

# Names of 2014 that need Aesara. They are imported on first use, since this package is imported
# before Aesara is configured.
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
