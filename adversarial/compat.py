"""Old module names in Python: `import adversarial.compat`, and scripts of 2014 find what they name.

    import adversarial.compat
    from pylearn2.training_algorithms.sgd import ExponentialDecay
    from pylearn2.utils import serial
    from adversarial.deconv import Deconv

Whatever a YAML file may call by an old name (`adversarial.aliases`) can then be imported by
it, from `pylearn2` and from `adversarial`. A module of an old name holds nothing of its own: each
of its attributes is looked up where it lives now, so that both spellings give one object. A
pylearn2 that is installed goes first, with a warning. Python 2 and Theano are not imitated: a
script still needs `print()`, and `import aesara` in place of `import theano`.
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
    """A module of an old name, whose attributes are those of its and their present homes."""

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
            if isinstance(module, OldModule):  # nothing of this name moved away
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
            names.update(dir(importlib.import_module(current_path(self.__name__))))
        except ImportError:
            pass
        return sorted(names)


class OldNames(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the modules of old names that nothing else on the path of finders has found."""

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
        # A package, since what is looked for inside it comes back here.
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> OldModule:
        return OldModule(spec.name, f"Names of 2014: see {current_path(spec.name)}.")

    def exec_module(self, module: types.ModuleType) -> None:
        """Nothing: an old module has no code."""


def _has_module(name: str) -> bool:
    """Whether `name` is that of a module of 2014 that lives on, in one place or in several."""
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
        return False  # its parent is no package: the name is a class's


def _moved_within(name: str) -> Iterator[str]:
    """What lies within the module `name`, of the names that moved out of it."""
    first, dot, rest = name.partition(".")
    inside = PREFIXES.get(first, first) + dot + rest + "."
    return (old[len(inside) :] for old in MOVED if old.startswith(inside))


def install() -> None:
    """Have Python find old names. Done on import; doing it again is harmless."""
    if any(isinstance(finder, OldNames) for finder in sys.meta_path):
        return
    for prefix in PREFIXES:
        try:
            installed = importlib.util.find_spec(prefix)
        except ValueError:  # of a module that was made by hand
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
