"""Imports modules of this program from where it is installed, never from the current folder.

YAML and model files name classes of `sandbox`. Python looks for `sandbox` along `sys.path`, which
can begin with the current folder, where a stranger's folder of that name may lie.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from importlib.machinery import PathFinder
from types import ModuleType

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SANDBOX = "sandbox"


def import_module(name: str) -> ModuleType:
    """As `importlib.import_module`, but `sandbox` is the one that lies beside this package.

    ImportError where there is none, or where another `sandbox` has been imported before.
    """
    if name.partition(".")[0] == SANDBOX:
        _import_sandbox()
    return importlib.import_module(name)


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
