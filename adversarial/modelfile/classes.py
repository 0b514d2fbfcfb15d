"""Decides which classes a model file may contain: `Persistent` ones from allowed modules.

`class_name` gives the name of a class that `save` writes. `class_finder` finds the class again for
`load`; it imports only modules of this package and modules that the user allowed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Any

from adversarial.aliases import current_path
from adversarial.utils import own_modules
from adversarial.utils.budget import Fault

HOME = ("adversarial", "sandbox")
_CLASS_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)


class Persistent:
    """Base of every class whose instances may be saved in a model file.

    As with pickle, loading does not call `__init__`. The state of an instance is the result of its
    `__getstate__`, or its `__dict__`; loading passes it to `__setstate__`, or makes it the
    `__dict__`. A class that cannot derive from this one may set `persistent = True` instead. For
    the class attributes `new_at_start` and `kept_whole`, see `adversarial.checkpoint`.
    """


def is_persistent(cls: type) -> bool:
    return issubclass(cls, Persistent) or getattr(cls, "persistent", False) is True


def within(module: str, packages: Collection[str]) -> bool:
    """Whether the module named `module` is one of `packages`, or inside one."""
    return any(module == package or module.startswith(package + ".") for package in packages)


def _resolve(name: str) -> type | None:
    module, _, qualified = name.partition(":")
    found: Any = own_modules.import_module(module)
    # Only through nested classes: an attribute that is a module would lead to other modules.
    for part in qualified.split("."):
        found = getattr(found, part, None)
        if not isinstance(found, type):
            return None
    return found


def _current_name(name: str) -> str:
    """The current name, "module:Class", of the class that a file calls `name`; see `aliases`."""
    module, _, qualified = name.partition(":")
    parts = current_path(f"{module}.{qualified}").split(".")
    depth = qualified.count(".") + 1
    return ".".join(parts[:-depth]) + ":" + ".".join(parts[-depth:])


def class_name(cls: type) -> str:
    name = f"{cls.__module__}:{cls.__qualname__}"
    shown = name.replace(":", ".")
    if not is_persistent(cls):
        raise TypeError(f"is a {shown}, which cannot be saved (it is not a serial.Persistent)")
    try:
        found = _resolve(name) if _CLASS_NAME.fullmatch(name) else None
    except ImportError:
        found = None
    if found is not cls or cls.__module__ == "__main__":
        raise TypeError(f"is a {shown}, which cannot be found by name; put it into a module")
    if cls.__basicsize__ > Persistent.__basicsize__:
        raise TypeError(f"is a {shown}, which keeps data outside its attributes")
    return name


def class_finder(allow_modules: Collection[str]) -> Callable[[Any], type]:
    def find(name: Any) -> type:
        if type(name) is not str or len(name) > 500 or not _CLASS_NAME.fullmatch(name):
            raise Fault(f"names a class {name!r:.80}")
        name = _current_name(name)
        module = name.partition(":")[0]
        shown = name.replace(":", ".")
        if not within(module, (*HOME, *allow_modules)):
            raise Fault(
                f"holds a {shown}, which is not part of this program; if you trust that module, "
                f"allow it with --allow-module {module.partition('.')[0]}"
            )
        try:
            cls = _resolve(name)
        except ImportError as error:
            raise Fault(f"holds a {shown}, which cannot be imported ({error})") from error
        if cls is None or not within(cls.__module__, (*HOME, *allow_modules)):
            raise Fault(f"holds a {shown}, which does not exist in this version")
        if not is_persistent(cls):
            raise Fault(f"holds a {shown}, which may not be restored from a file")
        return cls

    return find
