"""The allowlist of classes and functions that a YAML file may name.

A file can come from a stranger, so a name is judged by the object that it leads to, not by its
spelling. `resolve` follows a dotted path through modules of allowed packages, and imports no
others; the class or function at its end must be defined in one of the places listed here. `tags`
calls it.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
import types
from collections.abc import Collection
from typing import Any

from adversarial.aliases import current_path, left_out
from adversarial.modelfile.classes import HOME, within
from adversarial.utils import modules_beside, own_modules
from adversarial.utils.string_utils import nearest

# Classes defined in these may be constructed, except private ones and exceptions.
SUBPACKAGES = (
    "adversarial.space",
    "adversarial.datasets",
    "adversarial.models",
    "adversarial.costs",
    "adversarial.training_algorithms",
    "adversarial.termination_criteria",
    "adversarial.train_extensions",
    "adversarial.monitor",
    "adversarial.train",
    "sandbox",
)

# Functions that may be called: subpackage and name, whichever module of the subpackage defines it.
FUNCTIONS = (
    "adversarial.datasets.convert_to_one_hot",
    "adversarial.datasets.dataset_range",
    "adversarial.datasets.from_dataset",
    "adversarial.datasets.set_axes",
    "adversarial.models.add_layers",
    "adversarial.models.init_sigmoid_bias_from_marginals",
    "adversarial.models.marginals",
    "adversarial.models.recapitate_discriminator",
    "adversarial.monitor.push_monitor",
)

NUMPY = (
    "numpy.arange",
    "numpy.array",
    "numpy.bool_",
    "numpy.eye",
    "numpy.float32",
    "numpy.float64",
    "numpy.full",
    "numpy.inf",
    "numpy.int32",
    "numpy.int64",
    "numpy.linspace",
    "numpy.logspace",
    "numpy.nan",
    "numpy.ones",
    "numpy.pi",
    "numpy.random.RandomState",
    "numpy.uint8",
    "numpy.zeros",
)

MAX_NAME = 500

_MISSING = object()


class Refusal(ValueError):
    """The name does not exist, or may not be used; the caller adds file and line."""


def resolve(dotted: str, allow_modules: Collection[str] = ()) -> Any:
    """The class or function that `dotted` names.

    Parameters
    ----------
    dotted : str
        By its name of today or of 2014 (see `aliases`).
    allow_modules : names of modules of the user's own
        Everything that these modules, or modules inside them, define is allowed, too.

    Raises
    ------
    Refusal
        Where the name does not exist or is not allowed.

    Examples
    --------
    >>> resolve("pylearn2.models.mlp.MLP")
    <class 'adversarial.models.mlp.network.MLP'>
    >>> resolve("os.system")
    Traceback (most recent call last):
    ...
    adversarial.config.admission.Refusal: `os.system` may not be constructed from YAML: ...
    """
    path = current_path(dotted) if len(dotted) <= MAX_NAME else ""
    parts = path.split(".")
    if not all(part.isidentifier() for part in parts):
        raise Refusal(f"`{dotted:.200}` is not a dotted name (write `!obj:module.Name {{}}`)")
    if path in NUMPY:
        numpy_object: Any = importlib.import_module(parts[0])
        for part in parts[1:]:
            numpy_object = getattr(numpy_object, part)
        return numpy_object
    if (
        len(parts) < 2
        or not within(path, (*HOME, *allow_modules))
        or any(part[0] == "_" for part in parts)
    ):
        raise _not_allowed(dotted, allow_modules)
    found = _follow(dotted, path, allow_modules)
    if not _is_admitted(found, allow_modules):
        raise _not_allowed(dotted, allow_modules)
    return found


def _not_allowed(dotted: str, allow_modules: Collection[str]) -> Refusal:
    # The beginning of the name, with as many parts as the name of a module that was allowed.
    starts = {".".join(dotted.split(".")[: each.count(".") + 1]): each for each in allow_modules}
    meant = [each for start, each in starts.items() if start != each and nearest(start, [each])]
    hint = f"; did you mean the module `{meant[0]}` of --allow-module?" if meant else ""
    return Refusal(
        f"`{dotted:.200}` may not be constructed from YAML: only classes of adversarial and "
        "sandbox, and a few functions of theirs and of NumPy, may"
        + (hint or _suggest(dotted, NUMPY))
        + "; allow a module of your own with --allow-module NAME"
    )


def _suggest(name: str, choices: Collection[str]) -> str:
    close = nearest(name, choices)
    return f"; did you mean `{close}`?" if close else ""


def _follow(dotted: str, path: str, allow_modules: Collection[str]) -> Any:
    packages = (*HOME, *allow_modules)
    start = max((package for package in packages if within(path, (package,))), key=len)
    try:
        module = own_modules.import_module(start)
    except Exception as error:  # a module of the user's own can raise anything
        raise Refusal(_fails_to_import(dotted, start, error)) from error
    if path == start:
        return module
    names = path[len(start) + 1 :].split(".")
    for index, name in enumerate(names):
        last = index == len(names) - 1
        found = getattr(module, name, _MISSING)
        if found is _MISSING or not (last or isinstance(found, types.ModuleType)):
            submodule = _submodule(dotted, module, name)
            found = found if submodule is None else submodule
        if found is _MISSING:
            missing = left_out(path)
            if missing is not None:
                raise Refusal(
                    f"`{dotted}` is not part of this package, which leaves out {missing} of "
                    "Pylearn2; docs/DIFFERENCES.md lists what is left out"
                )
            hint = _suggest(name, _public_names(module, packages))
            raise Refusal(f"`{dotted}` does not exist: `{module.__name__}` has no `{name}`{hint}")
        if last:
            return found
        # Attributes of classes, and modules of other packages, are not followed.
        if not isinstance(found, types.ModuleType) or not within(found.__name__, packages):
            raise _not_allowed(dotted, allow_modules)
        module = found
    raise AssertionError("unreachable")


def _submodule(dotted: str, module: types.ModuleType, name: str) -> types.ModuleType | None:
    full = f"{module.__name__}.{name}"
    if not hasattr(module, "__path__") or importlib.util.find_spec(full) is None:
        return None
    try:
        return importlib.import_module(full)
    except Exception as error:
        raise Refusal(_fails_to_import(dotted, full, error)) from error


def _fails_to_import(dotted: str, module: str, error: Exception) -> str:
    kind = "" if isinstance(error, ImportError) else f"{type(error).__name__}: "
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    hint = modules_beside.hint(missing) if missing else ""
    return f"`{dotted}` cannot be used: {module} fails to import ({kind}{error}){hint}"


def _public_names(module: types.ModuleType, packages: Collection[str]) -> list[str]:
    names = [
        name
        for name, value in vars(module).items()
        if name[0] != "_" and within(getattr(value, "__module__", None) or "", packages)
    ]
    names += getattr(module, "__all__", ())
    names += [info.name for info in pkgutil.iter_modules(getattr(module, "__path__", []))]
    return names


def _is_admitted(found: Any, allow_modules: Collection[str]) -> bool:
    home = getattr(found, "__module__", None)
    name = getattr(found, "__qualname__", None)
    if not callable(found) or not isinstance(home, str) or not isinstance(name, str):
        return False
    # An object can claim any __module__, so it must be found there under its own name.
    module = sys.modules.get(home)
    if module is None or vars(module).get(name, _MISSING) is not found or name[0] == "_":
        return False
    if within(home, allow_modules):
        return True
    subpackage = next((each for each in SUBPACKAGES if within(home, (each,))), None)
    if subpackage is None:
        return False
    if isinstance(found, type):
        return not issubclass(found, BaseException)
    return isinstance(found, types.FunctionType) and f"{subpackage}.{name}" in FUNCTIONS
