"""`python -m adversarial` lists the commands, and the experiments that come with the package."""

from __future__ import annotations

import ast
import importlib.metadata
import pkgutil
from importlib.util import find_spec
from pathlib import Path

import adversarial
from adversarial import scripts
from adversarial.files import shipped

# Modules of `scripts` that are no commands.
SHARED = ("cli", "inputs")


def main() -> None:
    print(
        f"adversarial-nets {adversarial.__version__}; each command describes itself with --help\n"
    )
    rows = commands()
    width = max(len(command) for command, _ in rows)
    for command, summary in rows:
        print(f"  {command:{width}}  {summary}")
    print("\nExperiments that the first command takes by name, if there is no file of that name:\n")
    for name in shipped.experiments():
        print(f"  {name}")


def commands() -> list[tuple[str, str]]:
    """The commands as one types them, training first, and the first sentence about each."""
    installed = {
        entry.value.partition(":")[0]: entry.name
        for entry in _entry_points()
        if entry.group == "console_scripts"
    }
    found = []
    for module in pkgutil.iter_modules(scripts.__path__, f"{scripts.__name__}."):
        if module.name.rpartition(".")[2] not in SHARED:
            command = installed.get(module.name, f"python -m {module.name}")
            found.append((not module.name.endswith(".train"), command, _summary(module.name)))
    return [(command, summary) for _, command, summary in sorted(found)]


def _entry_points() -> list[importlib.metadata.EntryPoint]:
    try:
        return list(importlib.metadata.distribution("adversarial-nets").entry_points)
    except importlib.metadata.PackageNotFoundError:  # a checkout that is not installed
        return []


def _summary(module: str) -> str:
    """The first line of a module's docstring, read without importing the module."""
    spec = find_spec(module)
    assert spec is not None and spec.origin is not None
    return (ast.get_docstring(ast.parse(Path(spec.origin).read_bytes())) or "").partition("\n")[0]


if __name__ == "__main__":
    main()
