"""`${NAME}` in paths and configurations; what a misspelt name may have meant."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Collection, Mapping

VARIABLE = re.compile(r"\$\{([^{}\s]+)\}")
_TWINS = (("PYLEARN2_", "ADVERSARIAL_"), ("ADVERSARIAL_", "PYLEARN2_"))


class EnvironmentVariableError(ValueError):
    """A text asks for a variable that is not set."""


def twin(name: str) -> str | None:
    """The other spelling: `PYLEARN2_DATA_PATH` and `ADVERSARIAL_DATA_PATH` are one variable."""
    for old, new in _TWINS:
        if name.startswith(old):
            return new + name[len(old) :]
    return None


def lookup(name: str, environ: Mapping[str, str] | None = None) -> str:
    """Value of variable `name`: from `environ`, else from the process environment.

    Raises `EnvironmentVariableError` when neither has it under either spelling.
    """
    for candidate in filter(None, (name, twin(name))):
        for table in (environ or {}, os.environ):
            if candidate in table:
                return str(table[candidate])
    also = f" (or {twin(name):.80})" if twin(name) else ""
    raise EnvironmentVariableError(
        f"${{{name:.80}}} is not set: set the environment variable {name:.80}{also}"
    )


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
