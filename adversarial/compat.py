"""Imports by the module names of 2014: after `import adversarial.compat`, old scripts run.

    import adversarial.compat
    from pylearn2.training_algorithms.sgd import ExponentialDecay
    from pylearn2.utils import serial
    from adversarial.deconv import Deconv

All old names that YAML files may use (`adversarial.aliases`) can then be imported, from `pylearn2`
and from `adversarial`. A module with an old name is empty: each of its attributes is looked up in
its current module, so that both names give the same object. An installed pylearn2 takes precedence,
with a warning. Python 2 and Theano are not emulated: a script still needs `print()`, and
`import aesara` in place of `import theano`.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
import types
import warnings
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Any, Optional

from adversarial.aliases import MOVED, PREFIXES, current_path, left_out

__all__ = ["OldModule", "OldNames", "OrderedDict", "install"]  # pylearn2.compat had OrderedDict

_HOME = "adversarial"


class OldModule(types.ModuleType):
    """A module with an old name; its attributes are looked up in their current modules."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__all__":
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        if name == "__all__":
            return [entry for entry in dir(self) if not entry.startswith("_")]
        if _has_module(f"{self.__name__}.{name}"):
            return importlib.import_module(f"{self.__name__}.{name}")
        home, _, present = current_path(f"{self.__name__}.{name}").rpartition(".")
        try:
            module = importlib.import_module(home)
            if isinstance(module, OldModule):  # no row of `aliases` says where the name is now
                raise AttributeError(present)
            return getattr(module, present)
        except (ImportError, AttributeError):
            missing = left_out(f"{home}.{present}")
            hint = f"; {missing} are left out: see docs/DIFFERENCES.md" if missing else ""
            raise AttributeError(
                f"module {self.__name__!r} has no attribute {name!r} (looked for it as "
                f"{home}.{present}){hint}"
            ) from None

    def __dir__(self) -> list[str]:
        names = {rest.partition(".")[0] for rest in _moved_within(self.__name__)}
        try:
            module = importlib.import_module(current_path(self.__name__))
        except ImportError:
            return sorted(names)
        if not isinstance(module, OldModule):
            names.update(dir(module))
        return sorted(names)


class OldNames(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds modules with old names, after all other finders of `sys.meta_path` have failed."""

    def find_spec(
        self, fullname: str, path: Optional[Sequence[str]] = None, target: Any = None
    ) -> Optional[importlib.machinery.ModuleSpec]:
        if fullname == "theano":
            raise ModuleNotFoundError(
                "No module named 'theano': its successor is Aesara, so write `import aesara`; "
                "pickles that Pylearn2 saved need Theano and cannot be loaded: train the YAML file "
                "again",
                name=fullname,
            )
        if not _has_module(fullname):
            missing = left_out(current_path(fullname))
            if missing is not None and fullname.partition(".")[0] in PREFIXES:
                raise ModuleNotFoundError(
                    f"No module named {fullname!r}: of Pylearn2, {missing} are left out; see "
                    "docs/DIFFERENCES.md",
                    name=fullname,
                )
            return None
        # A package, so that Python calls this finder for its submodules as well.
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> OldModule:
        return OldModule(spec.name, f"Names of 2014: see {current_path(spec.name)}.")

    def exec_module(self, module: types.ModuleType) -> None:
        """Do nothing: a module with an old name has no code."""


def _has_module(name: str) -> bool:
    """Whether `name` is a module of 2014 whose contents are now in one or several modules."""
    if name.partition(".")[0] not in (*PREFIXES, _HOME):
        return False
    if any(True for _ in _moved_within(name)):
        return True
    present = current_path(name)
    if present == name or not present.startswith(_HOME):
        return False
    try:
        return importlib.util.find_spec(present) is not None
    except (ImportError, ValueError):
        return False  # its parent is a module, not a package, so `name` is a class


def _moved_within(name: str) -> Iterator[str]:
    """The names that have moved out of the module `name`, relative to it."""
    first, dot, rest = name.partition(".")
    inside = PREFIXES.get(first, first) + dot + rest + "."
    return (old[len(inside) :] for old in MOVED if old.startswith(inside))


def install() -> None:
    """Add the finder of old names to `sys.meta_path`, unless it is there. Called on import."""
    if any(isinstance(finder, OldNames) for finder in sys.meta_path):
        return
    for prefix in PREFIXES:
        try:
            installed = importlib.util.find_spec(prefix)
        except ValueError:  # the module in sys.modules has no __spec__
            continue
        if installed is not None:
            where = installed.origin or list(installed.submodule_search_locations or [])
            warnings.warn(
                f"a {prefix} is installed ({where}): `import {prefix}` gives that one, not this "
                "package's classes under their old names; uninstall it to have these",
                RuntimeWarning,
                stacklevel=3,
            )
    # Last, so that a module of the same name that is installed is never hidden.
    sys.meta_path.append(OldNames())


install()
