"""`${NAME}` in paths and configurations; what a misspelt name may have meant.

A file from elsewhere may name any variable, so `${NAME}` gives the value of an environment variable
only if it is one of those that exist for this purpose, `PYLEARN2_DATA_PATH` and
`PYLEARN2_TRAIN_...`, or if the user allowed it (`--allow-env NAME`, `allow_variables`).
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Collection, Iterable, Mapping

VARIABLE = re.compile(r"\$\{([^{}\s]+)\}")
_TWINS = (("PYLEARN2_", "ADVERSARIAL_"), ("ADVERSARIAL_", "PYLEARN2_"))
# What may be read without being allowed: a name, or the beginning of names.
_OPEN = ("PYLEARN2_DATA_PATH", "PYLEARN2_TRAIN_")
# A shorter value is not hidden in messages: it would stand in for ordinary words and numbers.
_SHORTEST_HIDDEN = 4

_allowed: set[str] = set()


class EnvironmentVariableError(ValueError):
    """A text asks for a variable that is not set."""


def twin(name: str) -> str | None:
    """The other spelling: `PYLEARN2_DATA_PATH` and `ADVERSARIAL_DATA_PATH` are one variable."""
    for old, new in _TWINS:
        if name.startswith(old):
            return new + name[len(old) :]
    return None


def allow_variables(names: Iterable[str]) -> None:
    """Let `${NAME}` give the values of these environment variables, in this process from now on."""
    _allowed.update(names)


def is_allowed(name: str) -> bool:
    """Whether the user let `${name}` give the value of an environment variable."""
    return not _allowed.isdisjoint((name, twin(name) or name))


def may_read(name: str) -> bool:
    """Whether `${name}` may give the value of an environment variable."""
    return is_allowed(name) or any(
        spelling.startswith(_OPEN) for spelling in (name, twin(name) or name)
    )


def lookup(name: str, environ: Mapping[str, str] | None = None) -> str:
    """Value of variable `name`: from `environ`, else from the process environment.

    Raises `EnvironmentVariableError` when neither has it under either spelling, and for a variable
    of the process environment that may not be read.
    """
    spellings = [spelling for spelling in (name, twin(name)) if spelling]
    for table in (environ or {}, os.environ if may_read(name) else {}):
        for spelling in spellings:
            if spelling in table:
                return str(table[spelling])
    if not may_read(name):
        raise EnvironmentVariableError(
            f"${{{name:.80}}} asks for an environment variable that a file may not read: "
            f"--allow-env {name:.80} allows it"
        )
    also = f" (or {twin(name):.80})" if twin(name) else ""
    raise EnvironmentVariableError(
        f"${{{name:.80}}} is not set: set the environment variable {name:.80}{also}"
    )


def hide_values(text: str) -> str:
    """`text` with `${NAME}` in place of the value of each variable that the user allowed.

    For messages, which people copy to others.
    """
    for name in sorted(_allowed, key=lambda name: len(os.environ.get(name, "")), reverse=True):
        value = os.environ.get(name, "")
        if len(value) >= _SHORTEST_HIDDEN:
            text = text.replace(value, f"${{{name}}}")
    return text


def preprocess(string: str, environ: Mapping[str, str] | None = None) -> str:
    """`string` with each `${NAME}` replaced by that variable's value (see `lookup`)."""
    return VARIABLE.sub(lambda match: lookup(match.group(1), environ), string)


def nearest(wrong: str, choices: Collection[str]) -> str | None:
    """The one of `choices` most like `wrong`, if need be but for capitals; None if none is."""
    close = difflib.get_close_matches(wrong, list(choices), n=1)
    if not close:
        lowered = {choice.lower(): choice for choice in choices}
        close = difflib.get_close_matches(wrong.lower(), lowered, n=1)
        close = [lowered[name] for name in close]
    return close[0] if close else None
