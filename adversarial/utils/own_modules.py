"""Imports modules of this program from where it is installed, never from the current folder.

YAML and model files name classes of `sandbox`. Python searches for `sandbox` in `sys.path`, which
may begin with the current folder, and that may contain an untrusted folder of the same name.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from importlib.machinery import PathFinder
from types import ModuleType

from adversarial.utils.modules_beside import import_beside

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SANDBOX = "sandbox"


def import_module(name: str) -> ModuleType:
    """As `importlib.import_module`, but imports `sandbox` from the folder of this package only.

    Other modules that Python does not find are imported from the folders of `modules_beside`.

    Raises
    ------
    ModuleNotFoundError
        If Python finds no module `name`; the message says what to do.
    ImportError
        If there is no `sandbox` there, or another one has been imported before.
    """
    top = name.partition(".")[0]
    if top == SANDBOX:
        _import_sandbox()
    elif top != "adversarial":
        import_beside(top)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        # The module may also have been found, and import another that is missing.
        if error.name and f"{name}.".startswith(f"{error.name}."):
            raise ModuleNotFoundError(
                f"there is no module {error.name} beside the file, and Python finds none; put it "
                "there, or add its folder to PYTHONPATH",
                name=error.name,
            ) from error
        raise


def _import_sandbox() -> None:
    spec = PathFinder.find_spec(SANDBOX, [ROOT])
    if spec is None or spec.loader is None or spec.origin is None:
        raise ImportError(f"{ROOT}, where this program is installed, has no sandbox")
    loaded = sys.modules.get(SANDBOX)
    if loaded is not None:
        path = getattr(loaded, "__file__", None)
        if path is None or os.path.realpath(path) != os.path.realpath(spec.origin):
            raise ImportError(f"the sandbox that was imported is {path}, not {spec.origin}")
        return
    module = importlib.util.module_from_spec(spec)
    sys.modules[SANDBOX] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[SANDBOX]
        raise
