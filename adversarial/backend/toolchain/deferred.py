"""Lets Aesara be imported without SciPy's large subpackages.

Aesara imports all of `scipy.stats`, `scipy.signal` and `scipy.special`, and calls them only where
an Op runs in Python. With what they import in turn, they take a quarter of the time of all imports.
So `config` imports Aesara within `deferring`, where placeholders take the place of these modules. A
placeholder imports its module when it is used.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
import types
from collections.abc import Iterator, Sequence
from typing import Any

# Each module, and the functions that Aesara takes from it while it is imported. Of the modules
# without any, Aesara uses attributes only later.
_MODULES: dict[str, Sequence[str]] = {
    "scipy.signal._signaltools": ("_bvalfromboundary", "_valfrommode", "convolve"),
    "scipy.signal._sigtools": ("_convolve2d",),
    "scipy.special": (),
    "scipy.stats": (),
}
# Aesara tries these first. They are the names of the two modules in SciPy 1.7.
_ABSENT = ("scipy.signal.signaltools", "scipy.signal.sigtools")


class _Placeholder(types.ModuleType):
    def __init__(self, name: str, functions: Sequence[str]) -> None:
        super().__init__(name)
        self._has_all = not functions
        for function in functions:
            setattr(self, function, _calling(name, function))

    def __getattr__(self, name: str) -> Any:
        # The machinery of imports asks for names such as __path__.
        if name.startswith("__") or not self._has_all:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return getattr(_imported(self.__name__), name)


def _calling(module: str, function: str) -> Any:
    return lambda *args, **named: getattr(_imported(module), function)(*args, **named)


def _imported(name: str) -> types.ModuleType:
    """The module `name` itself, although its placeholder may still be in `sys.modules`."""
    _remove_placeholders(name.split(".")[1])
    return importlib.import_module(name)


def _remove_placeholders(*subpackages: str) -> None:
    for name in (*_MODULES, *_ABSENT):
        if name.split(".")[1] in subpackages and _is_placeholder(name):
            del sys.modules[name]


def _is_placeholder(name: str) -> bool:
    return isinstance(sys.modules.get(name, name), (_Placeholder, type(None)))


@contextlib.contextmanager
def deferring() -> Iterator[None]:
    """Within this block, ``import`` finds placeholders. What was imported before stays."""
    import scipy

    try:
        for name, functions in _MODULES.items():
            if ".".join(name.split(".")[:2]) not in sys.modules:
                sys.modules[name] = made = _Placeholder(name, functions)
                if not functions:  # the import of the module itself replaces the attribute
                    setattr(scipy, name.split(".")[1], made)
        if "scipy.signal" not in sys.modules:
            for name in _ABSENT:  # ``import`` raises ImportError
                sys.modules[name] = None  # type: ignore[assignment]
        yield
    finally:
        _remove_placeholders("signal", "special", "stats")
        if hasattr(scipy, "__getattr__"):  # SciPy imports attributes itself, from 1.9 on
            for name in ("special", "stats"):
                if isinstance(vars(scipy).get(name), _Placeholder):
                    delattr(scipy, name)
