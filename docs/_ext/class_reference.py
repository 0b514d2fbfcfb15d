"""Every class and function that a YAML file can name, as pages of the site."""

from __future__ import annotations

import importlib
import inspect
from functools import cache
from pathlib import Path
from typing import Any

import docstrings

from adversarial.config import admission

NAMES = Path(__file__).parents[2] / "tests" / "config" / "admitted_names.txt"


@cache
def admitted() -> dict[str, Any]:
    """The classes and functions by their names; `tests/config/test_admission.py` keeps the list."""
    found = {}
    for name in NAMES.read_text(encoding="utf-8").split():
        module, _, short = name.rpartition(".")
        found[name] = getattr(importlib.import_module(module), short)
    return found


@cache
def anchors() -> dict[Any, str]:
    """The place of each class and function on the site."""
    return {target: name for name, target in admitted().items()}


def classes(subpackages: str) -> str:
    """The classes and functions of some subpackages, a section for each module.

    Raises
    ------
    LookupError
        For a subpackage without any, and for an argument that no docstring describes.
    """
    wanted = tuple(subpackages.split())
    chosen = {
        name: target
        for name, target in admitted().items()
        if any(name == each or name.startswith(f"{each}.") for each in wanted)
    }
    if not chosen:
        raise LookupError(f"no YAML file can name anything of {subpackages}")
    parts, last = [], ""
    for name, target in chosen.items():
        module = name.rpartition(".")[0]
        if module != last:
            parts.append(f"## `{module}`\n\n{_summary(module)}")
            last = module
        parts.append(f"({name})=\n### {target.__name__}\n\n```text\n!obj:{name}\n```")
        parts.append(docstrings.describe(target, anchors()))
    return "\n\n".join(parts)


def _summary(module: str) -> str:
    text = inspect.getdoc(importlib.import_module(module)) or ""
    return docstrings.markdown(text.partition("\n\n")[0])


def numpy_names(_: str) -> str:
    """The functions and numbers of NumPy that a YAML file can name."""
    return ", ".join(f"`{name}`" for name in admission.NUMPY)
