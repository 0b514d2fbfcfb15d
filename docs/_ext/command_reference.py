"""The options of every command, read from its argparse parser."""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import pkgutil
from unittest import mock

import docstrings

from adversarial import scripts
from adversarial.__main__ import SHARED

# How one starts the commands of the root folder.
FILES = {
    "train": "python train.py",
    "show_samples": "python show_samples.py",
    "parzen_ll": "python parzen_ll.py",
}


class _Made(Exception):
    """Carries a parser out of the command that made it."""


def parser_of(module: str) -> argparse.ArgumentParser:
    """The parser of the command in a module, which makes it first of all and then parses."""

    def stop(self, *_args, **_options):
        raise _Made(self)

    main = importlib.import_module(module).main
    with mock.patch.object(argparse.ArgumentParser, "parse_args", stop):
        try:
            main([])
        except _Made as made:
            return made.args[0]
    raise LookupError(f"{module}.main parses no arguments")


def names() -> list[str]:
    """The modules of `scripts` that are commands, training first."""
    found = [
        info.name for info in pkgutil.iter_modules(scripts.__path__) if info.name not in SHARED
    ]
    return sorted(found, key=lambda name: (name not in FILES, name != "train", name))


def commands(_: str) -> str:
    """A section for each command of `adversarial.scripts`."""
    return "\n\n".join(_command(name) for name in names())


def _command(name: str) -> str:
    module = f"{scripts.__name__}.{name}"
    parser = parser_of(module)
    ways = [f"python -m {module}"]
    if name in FILES:
        ways.insert(0, FILES[name])
    ways += [
        entry.name
        for entry in importlib.metadata.entry_points(group="console_scripts")
        if entry.value == f"{module}:command"
    ]
    text = _beginning(docstrings.markdown(importlib.import_module(module).__doc__ or ""))
    options = [
        docstrings.term(_spelling(action), _about(action), _help(parser, action))
        for action in parser._actions
        if action.help != argparse.SUPPRESS
    ]
    # A title of its own, since several pages have headings such as "export".
    return "\n\n".join(
        [
            f"(command-{name.replace('_', '-')})=\n## {name}",
            "```text\n" + "\n".join(ways) + "\n```",
            text,
            *options,
        ]
    )


def _beginning(text: str) -> str:
    """The first paragraph, and the commands after it; the rest is for readers of the code."""
    first, _, rest = text.partition("\n\n")
    commands = rest.partition("\n```")[0] + "\n```" if rest.startswith("```") else ""
    return f"{first}\n\n{commands}"


def _spelling(action: argparse.Action) -> str:
    if not action.option_strings:
        name = action.metavar or action.dest
        name = name if isinstance(name, str) else " ".join(name)
        return {"?": f"[{name}]", "*": f"[{name} ...]", "+": f"{name} ..."}.get(action.nargs, name)
    value = ""
    if action.nargs != 0:
        value = action.metavar or action.dest.upper()
        if action.choices is not None and not action.metavar:
            value = "|".join(map(str, action.choices))
        value = " " + (value if isinstance(value, str) else " ".join(value))
    return ", ".join(action.option_strings) + value


def _about(action: argparse.Action) -> str:
    if action.default in (None, False, argparse.SUPPRESS) or action.default == []:
        return ""
    return f"default `{action.default}`"


def _help(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    text = parser._get_formatter()._expand_help(action) if action.help else ""
    # Not a variable of TeX's, nor a tag of HTML's.
    return text.replace("${", "\\${").replace("<", "\\<")
