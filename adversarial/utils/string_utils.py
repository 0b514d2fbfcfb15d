"""`${NAME}` in paths and configurations."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

VARIABLE = re.compile(r"\$\{([^{}\s]*)\}")
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
    also = f" (or {twin(name)})" if twin(name) else ""
    raise EnvironmentVariableError(
        f"${{{name}}} is not set: set the environment variable {name}{also}"
    )


def preprocess(string: str, environ: Mapping[str, str] | None = None) -> str:
    """`string` with each `${NAME}` replaced by that variable's value (see `lookup`)."""
    return VARIABLE.sub(lambda match: lookup(match.group(1), environ), string)
