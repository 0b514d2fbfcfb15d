"""Docstrings of the package as Markdown for the site: text, arguments, examples, sources.

`class_reference` and `python_reference` call `describe`. The sections are read by numpydoc. An
argument that a class passes on to its base is described where the base describes it, or in the
group that takes it (`WeightInit` and the like), so no description exists twice.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from numpydoc.docscrape import NumpyDocString

from adversarial.utils.positional import merged_parameters

# Sections after the arguments, in the order in which a page shows them.
SECTIONS = ("Returns", "Yields", "Raises", "Attributes")


class Argument(NamedTuple):
    """An argument of a class or a function.

    Attributes
    ----------
    name : str
    default : the default value; inspect.Parameter.empty for a required argument
    type : str, as the docstring has it
    text : str, Markdown
    owner : the class or function whose docstring describes it
    """

    name: str
    default: Any
    type: str
    text: str
    owner: Any


def arguments_of(target: Any) -> list[Argument]:
    """All arguments of a class or function, in the order of its signature.

    Raises
    ------
    LookupError
        For an argument that no docstring describes.
    """
    merged = merged_parameters(target)
    found = []
    for name, parameter in merged.parameters.items():
        described = _described(target, name)
        if described is None:
            raise LookupError(f"{target.__module__}.{target.__qualname__}: nothing about {name}")
        default = parameter.empty if name in merged.required else parameter.default
        found.append(Argument(name, default, *described))
    return found


def _described(target: Any, name: str) -> tuple[str, str, Any] | None:
    for owner in _owners(target):
        read = _read(owner)
        # The fields of a named tuple or a dataclass are its attributes.
        entries = [*read["Parameters"], *read["Attributes"]]
        for index, entry in enumerate(entries):
            if name in [word.strip(" *") for word in entry.name.split(",")]:
                # Long lists of names take several lines, of which the last has the type.
                while not (entry.type or entry.desc) and index + 1 < len(entries):
                    index += 1
                    entry = entries[index]
                return entry.type, markdown("\n".join(entry.desc)), owner
        fates = getattr(vars(owner).get("__init__"), "obsolete_arguments", {})
        if name in fates:
            fate = fates[name]
            reason = fate if isinstance(fate, str) else f"write `{fate[0]}` instead"
            return "", f"Accepted with a warning, for files of 2014: {reason}.", owner
    return None


def _owners(target: Any) -> Iterator[Any]:
    """The class, its bases, and their groups of arguments, nearest first."""
    if not isinstance(target, type):
        yield target
        return
    for base in target.__mro__[:-1]:
        yield base
        yield from getattr(vars(base).get("__init__"), "argument_groups", ())


def describe(target: Any, anchors: dict[Any, str]) -> str:
    """A class or function as Markdown, without a heading.

    Parameters
    ----------
    target : class or function
    anchors : dict
        The names of the places on the site that describe a class or function, for links.
    """
    read = _read(target)
    parts = [markdown("\n".join(read["Summary"])), markdown("\n".join(read["Extended Summary"]))]
    own, others = [], {}
    for argument in arguments_of(target):
        if argument.owner is target:
            own.append(argument)
        else:
            others.setdefault(argument.owner, []).append(argument)
    if own:
        parts.append("**Arguments**\n\n" + "\n\n".join(_entry(argument) for argument in own))
    inherited = [
        f"- of {_link(owner, anchors)}: "
        + ", ".join(f"`{each.name}{_equals(each.default)}`" for each in found)
        for owner, found in others.items()
    ]
    if inherited:
        parts.append("**More arguments**\n\n" + "\n".join(inherited))
    as_arguments = {argument.name for argument in own}
    for section in SECTIONS:
        if read[section] and not as_arguments & {entry.name for entry in read[section]}:
            entries = "\n\n".join(
                term(entry.name, entry.type, "\n".join(entry.desc)) for entry in read[section]
            )
            parts.append(f"**{section}**\n\n{entries}")
    if isinstance(target, type):
        bases = [base for base in target.__mro__[1:] if base in anchors]
        if bases:
            parts.append("Bases: " + ", ".join(_link(base, anchors) for base in bases))
    if read["Notes"]:
        parts.append("**Notes**\n\n" + markdown("\n".join(read["Notes"])))
    if read["Examples"]:
        parts.append("**Example**\n\n" + markdown("\n".join(read["Examples"])))
    if read["References"]:
        parts.append("**Source**: " + markdown("\n".join(read["References"])))
    return "\n\n".join(part for part in parts if part.strip())


def _entry(argument: Argument) -> str:
    about = argument.type
    if argument.default is not inspect.Parameter.empty and "default" not in about:
        about += f", default `{_short(argument.default)}`"
        about = about.replace(", optional,", ",")
    return term(argument.name, about.strip(", "), argument.text)


def term(name: str, about: str, text: str) -> str:
    """An entry of a definition list: the name, then type and meaning."""
    text = markdown(text).strip()
    if not name:
        name, about = about, ""
    body = f"*{about}*" + (f"\n\n{text}" if text else "") if about else text or "-"
    lines = body.splitlines()
    rest = [f"  {line}".rstrip() for line in lines[1:]]
    return f"`{name}`\n: " + "\n".join([lines[0], *rest])


def _equals(default: Any) -> str:
    return "" if default is inspect.Parameter.empty else f"={_short(default)}"


def _short(value: Any) -> str:
    if isinstance(value, type) or inspect.isroutine(value):
        return value.__qualname__
    if dataclasses.is_dataclass(value):
        return repr(value)
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 and " at 0x" not in text else type(value).__name__


def _link(owner: Any, anchors: dict[Any, str]) -> str:
    name = f"`{owner.__qualname__}`"
    return f"[{name}](#{anchors[owner]})" if owner in anchors else name


def _read(owner: Any) -> NumpyDocString:
    return NumpyDocString(inspect.cleandoc(vars(owner).get("__doc__") or owner.__doc__ or ""))


def markdown(text: str) -> str:
    """The text of a docstring as Markdown; it has code between single backticks already.

    Examples
    --------
    >>> print(markdown("In a YAML file::\\n\\n    a: 1\\n\\nand\\n\\n>>> 1\\n1"))
    In a YAML file:
    <BLANKLINE>
    ```yaml
    a: 1
    ```
    <BLANKLINE>
    and
    <BLANKLINE>
    ```pycon
    >>> 1
    1
    ```
    """
    blocks: list[str] = []
    for block in re.split(r"\n\s*\n", text.strip("\n")):
        last = blocks[-1] if blocks else ""
        if block.lstrip().startswith(">>>"):
            code = inspect.cleandoc("\n" + block)
            if last.startswith("```pycon"):
                blocks[-1] = f"{last[:-4]}\n\n{code}\n```"
            else:
                blocks.append(f"```pycon\n{code}\n```")
        elif re.match(r" {4}", block):
            code = inspect.cleandoc("\n" + block)
            language = "yaml" if "!obj:" in code or re.match(r"\w+: ", code) else "text"
            if last.endswith("::"):
                blocks[-1] = last[:-1]
            blocks.append(f"```{language}\n{code}\n```")
        else:
            blocks.append(block)
    return "\n\n".join(blocks)
