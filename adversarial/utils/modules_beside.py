"""Finds a module of the user's own beside the YAML file or model file that names it.

`--allow-module mine` lets a file use the module `mine`. Python searches for it in `sys.path`; if it
is not there, `import_beside` imports `mine.py` (or the package `mine/`) from the file's folder.
`own_modules.import_module` calls it, for allowed modules only. No other module is ever imported
from that folder, which may be a stranger's, and a module that Python finds is never replaced: not
one of the standard library, nor of an installed package.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from contextvars import ContextVar
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Optional, Union

log = logging.getLogger(__name__)

# A folder, or a function that finds it, which is called only if the module is nowhere else.
Folder = Union[str, Callable[[], Optional[str]]]

_folders: ContextVar[tuple[Folder, ...]] = ContextVar("folders", default=())
# Module -> its file, of the modules that were imported from such folders.
_imported: dict[str, str] = {}
# Allowed module -> the folders that it may be imported from, for allowed modules that import each
# other, also later.
_allowed: dict[str, list[str]] = {}
# Whether the finder below answers.
_is_asked: ContextVar[bool] = ContextVar("is_asked", default=True)
_warned: set[tuple[str, str]] = set()


@contextlib.contextmanager
def beside(*folders: Folder, allowed: Collection[str] = ()) -> Iterator[None]:
    """Within this block, allowed modules are searched for in `folders`, too; the innermost first.

    `allowed` are the names of modules that may be imported by other modules from there.

    Examples
    --------
    >>> from adversarial.utils.own_modules import import_module
    >>> with open("rings.py", "w") as file:
    ...     _ = file.write("radius = 2")
    >>> with beside("."):
    ...     print(import_module("rings").radius)
    2
    """
    allowed = (allowed,) if isinstance(allowed, str) else allowed
    for top in {name.partition(".")[0] for name in allowed}:
        _allowed.setdefault(top, []).extend(each for each in folders if isinstance(each, str))
    token = _folders.set((*folders, *_folders.get()))
    try:
        yield
    finally:
        _folders.reset(token)


@contextlib.contextmanager
def nowhere() -> Iterator[None]:
    """Within this block, no folder is searched."""
    token = _folders.set(())
    try:
        yield
    finally:
        _folders.reset(token)


class _Finder(MetaPathFinder):
    """Finds allowed modules for each other. It is asked last, so it replaces no other module."""

    def find_spec(
        self, name: str, path: Optional[Sequence[str]], target: Optional[ModuleType] = None
    ) -> Optional[ModuleSpec]:
        for folder in _allowed.get(name, ()) if _is_asked.get() else ():
            spec = _spec_in(folder, name)
            if spec is not None:
                return spec
        return None


_finder = _Finder()


def import_beside(top: str) -> None:
    """Import the top-level module `top` from a folder of `beside`, if Python does not find it.

    Raises
    ------
    ImportError
        If another file of that name has been imported by this function before.
    Exception
        What the module raises.
    """
    pythons = _found_by_python(top)
    for folder in _folders.get():
        if callable(folder):
            if pythons is not None:
                continue
            found = folder()
            if found is None:
                continue
            folder = found
        spec = _spec_in(folder, top)
        if spec is None or spec.origin is None:
            continue
        if pythons is None:
            _import(top, spec)
            return
        if not _is_same(pythons, spec.origin):
            if top in _imported:
                raise ImportError(
                    f"the module {top} that was imported is {pythons}, not {spec.origin}; one "
                    "process can use one of them"
                )
            _warn(top, spec.origin, pythons)


def hint(module: str) -> str:
    """What to do if an import of `module` fails, for a message; "" if it is not beside the file."""
    top = module.partition(".")[0]
    for folder in _folders.get():
        spec = None if callable(folder) else _spec_in(folder, top)
        if spec is not None:
            return f"; {spec.origin} may be imported with --allow-module {top}, too"
    return ""


def _found_by_python(top: str) -> Optional[str]:
    """What Python imports as `top`: its file, or its kind; None if it finds none."""
    loaded = sys.modules.get(top)
    if loaded is not None:
        return getattr(loaded, "__file__", None) or "another module"
    _is_asked.set(False)
    try:
        spec = importlib.util.find_spec(top)
    except ValueError:
        return None
    finally:
        _is_asked.set(True)
    # A folder without __init__.py is a namespace package, which is no module yet.
    if spec is None or (spec.origin is None and spec.loader is None) or spec.origin is None:
        return None
    return spec.origin


def _spec_in(folder: str, top: str) -> Optional[ModuleSpec]:
    PathFinder.invalidate_caches()  # the file may be new
    spec = PathFinder.find_spec(top, [os.path.abspath(folder)])
    return None if spec is None or spec.loader is None or spec.origin is None else spec


def _import(top: str, spec: ModuleSpec) -> None:
    if _finder not in sys.meta_path:
        sys.meta_path.append(_finder)
    module = importlib.util.module_from_spec(spec)
    sys.modules[top] = module
    try:
        assert spec.loader is not None
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[top]
        raise
    _imported[top] = str(spec.origin)
    log.info("the module %s is %s", top, spec.origin)


def _is_same(one: str, other: str) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def _warn(top: str, ours: str, pythons: str) -> None:
    if (top, ours) not in _warned:
        _warned.add((top, ours))
        log.warning(
            "%s is not used: the module %s is that of Python's search path, %s; to use your own, "
            "give it another name",
            ours,
            top,
            pythons,
        )
