"""Which arguments a class or function takes, and messages about those that do not fit.

`tags` asks this module while it reads a YAML file, so that a misspelt, missing or unfit argument is
reported with its line before any object is made. A message is returned, not raised: the caller
knows the line.
"""

from __future__ import annotations

import math
import re
import reprlib
from collections.abc import Callable, Collection
from typing import Any, NamedTuple

from adversarial.utils.positional import merged_parameters
from adversarial.utils.string_utils import nearest

# Plain types in signatures: how messages call each, and which YAML values fit. As in 2014, 1 and 0
# are also truth values, and 1e3 is also a whole number.
_PLAIN: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "int": ("a whole number", lambda value: _is_number(value) and value == value // 1),
    "float": ("a number", lambda value: _is_number(value)),
    "bool": ("true or false", lambda value: isinstance(value, int) and value in (0, 1)),
    "str": ("text", lambda value: isinstance(value, str)),
    "None": ("null", lambda value: value is None),
}


# How C code, whose signature Python does not know, refuses an argument.
_REFUSED = re.compile("got an unexpected keyword argument '(.*)'|'(.*)' is an invalid keyword arg")


class Accepted(NamedTuple):
    """The arguments that something accepts.

    Attributes
    ----------
    names : in the order of the signature
    required : those without a default
    open : whether it accepts any other argument, too
    types : annotations by name
    """

    names: tuple[str, ...]
    required: tuple[str, ...]
    open: bool
    types: dict[str, Any] = {}


def accepted_arguments(target: Callable[..., Any]) -> Accepted | None:
    """The arguments that `target` accepts by keyword; None if it has no signature (C code).

    A constructor with `**kwargs` is assumed to pass them to the `__init__` of the next base class;
    if the last one has `**kwargs`, too, any argument is accepted.

    Examples
    --------
    >>> def layer(dim, layer_name, irange=None): ...
    >>> accepted = accepted_arguments(layer)
    >>> accepted.names, accepted.required, accepted.open
    (('dim', 'layer_name', 'irange'), ('dim', 'layer_name'), False)
    """
    try:
        merged = merged_parameters(target)
    except (ValueError, TypeError):
        return None
    types = {name: parameter.annotation for name, parameter in merged.parameters.items()}
    return Accepted(tuple(types), merged.required, bool(merged.rest), types)


def unknown_argument(name: str, owner: str, accepted: Accepted | None) -> str | None:
    """A message if `owner` has no argument `name`; else None.

    Examples
    --------
    >>> unknown_argument("irnage", "Linear", Accepted(("dim", "irange"), (), False))
    'unknown argument `irnage` for Linear; did you mean `irange`? It accepts: dim, irange'
    """
    if accepted is None or accepted.open or name in accepted.names:
        return None
    close = nearest(name, accepted.names)
    hint = f"; did you mean `{close}`?" if close else "."
    return f"unknown argument `{name:.80}` for {owner}{hint} {_listing(accepted)}"


def in_plain_words(message: str) -> str:
    """`message` of Python or NumPy about an unknown argument in this module's words."""
    found = _REFUSED.search(message)
    return f"unknown argument `{found[1] or found[2]:.80}`" if found else message


def unfit_argument(name: str, value: Any, owner: str, accepted: Accepted | None) -> str | None:
    """A message if the plain `value` has not the type of the argument `name`; else None.

    Only annotations that consist of numbers, text, truth values and None are checked.

    Examples
    --------
    >>> unfit_argument("dim", "ten", "Linear", Accepted(("dim",), (), False, {"dim": "int"}))
    "`dim` of Linear must be a whole number, not 'ten'"
    """
    if not isinstance(value, (str, int, float, list, dict, type(None))) or accepted is None:
        return None
    parts = _types(name, accepted)
    kinds = [_PLAIN[part] for part in parts if part in _PLAIN]
    if len(kinds) < len(parts) or any(fits(value) for _, fits in kinds):
        return None
    wanted = " or ".join(words for words, _ in kinds)
    return f"`{name:.80}` of {owner} must be {wanted}, not {reprlib.repr(value)}"


def as_whole_number(name: str, value: Any, accepted: Accepted | None) -> Any:
    """`value`; a number such as 1e3 as an int if the argument `name` takes whole numbers only.

    Examples
    --------
    >>> as_whole_number("dim", 1e3, Accepted(("dim",), (), False, {"dim": "int | None"}))
    1000
    """
    if not isinstance(value, float) or accepted is None or value != value // 1:
        return value
    if abs(value) >= 2**53:  # as an int, 1e300 would be 301 digits in a message
        return value
    types = _types(name, accepted)
    return int(value) if "int" in types and "float" not in types else value


def _types(name: str, accepted: Accepted) -> list[str]:
    """The types in the annotation of the argument `name`; `Optional[int]` is int and None."""
    written = accepted.types.get(name)
    written = written if isinstance(written, str) else getattr(written, "__name__", "")
    if written.startswith("Optional[") and written.endswith("]"):
        written = written[len("Optional[") : -1] + " | None"
    return [part.strip() for part in written.split("|")]


def not_finite(name: str, value: Any, owner: str) -> str | None:
    """A message if the plain `value` of the argument `name` has infinity or NaN; else None.

    Such a hyperparameter makes parameters NaN, which would end the training minutes later.
    """
    if isinstance(value, list) and all(isinstance(item, list) for item in value):
        return None  # a matrix: the data set names the row
    if isinstance(value, (list, dict)):
        items = value.values() if isinstance(value, dict) else value
        return next(filter(None, (not_finite(name, item, owner) for item in items)), None)
    if isinstance(value, float) and not math.isfinite(value):
        return f"`{name:.80}` of {owner} must be finite, not {value}"
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def missing_arguments(given: Collection[str], owner: str, accepted: Accepted | None) -> str | None:
    """A message if `given` lacks a required argument; else None."""
    if accepted is None:
        return None
    missing = [name for name in accepted.required if name not in given]
    if not missing:
        return None
    names = ", ".join(f"`{name}`" for name in missing)
    return f"{owner} needs {names}. {_listing(accepted)}"


def _listing(accepted: Accepted) -> str:
    return f"It accepts: {', '.join(accepted.names)}" if accepted.names else "It takes no arguments"
