"""Which arguments a class or function takes, and what is wrong with those given."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from typing import Any, NamedTuple

from adversarial.utils.string_utils import nearest

_KEYWORD = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class Accepted(NamedTuple):
    """Names in the order of the signature, those that must be given, and whether more may be."""

    names: tuple[str, ...]
    required: tuple[str, ...]
    open: bool


def accepted_arguments(target: Callable[..., Any]) -> Accepted | None:
    """What `target` accepts by keyword; None where Python cannot tell (C code).

    A `**kwargs` of a class is taken to go to the next `__init__` of its bases; one that reaches
    the end leaves the list open.
    """
    names: list[str] = []
    required: list[str] = []
    passes_all = True
    for function in _constructors(target):
        try:
            parameters = list(inspect.signature(function).parameters.values())
        except (ValueError, TypeError):
            return None
        if isinstance(target, type):
            parameters = parameters[1:]
        for parameter in parameters:
            if parameter.kind in _KEYWORD and parameter.name not in names:
                names.append(parameter.name)
                if passes_all and parameter.default is inspect.Parameter.empty:
                    required.append(parameter.name)
        kinds = {parameter.kind for parameter in parameters}
        # What a base needs, the class itself may be giving, unless it hands on whatever comes.
        passes_all = passes_all and inspect.Parameter.VAR_POSITIONAL in kinds
        if inspect.Parameter.VAR_KEYWORD not in kinds:
            return Accepted(tuple(names), tuple(required), open=False)
    return Accepted(tuple(names), tuple(required), open=True)


def _constructors(target: Any) -> list[Any]:
    if not isinstance(target, type):
        return [target]
    if target.__init__ is object.__init__ and target.__new__ is not object.__new__:
        return [target.__new__]
    own = [vars(cls)["__init__"] for cls in target.__mro__[:-1] if "__init__" in vars(cls)]
    return own or [_takes_nothing]


def _takes_nothing(self: Any) -> None:
    """Stands for the constructor of a class that defines none."""


def unknown_argument(name: str, owner: str, accepted: Accepted | None) -> str | None:
    """What is wrong with giving `name` to `owner`; None if nothing is."""
    if accepted is None or accepted.open or name in accepted.names:
        return None
    close = nearest(name, accepted.names)
    hint = f"; did you mean `{close}`?" if close else "."
    return f"unknown argument `{name:.80}` for {owner}{hint} {_listing(accepted)}"


def missing_arguments(given: Collection[str], owner: str, accepted: Accepted | None) -> str | None:
    """What is wrong with giving only `given` to `owner`; None if nothing is."""
    missing = [name for name in (accepted.required if accepted else ()) if name not in given]
    if not missing:
        return None
    names = ", ".join(f"`{name}`" for name in missing)
    return f"{owner} needs {names}. {_listing(accepted)}"


def _listing(accepted: Accepted) -> str:
    return f"It accepts: {', '.join(accepted.names)}" if accepted.names else "It takes no arguments"
