"""Substitution of `${NAME}` in paths and YAML files; patterns and spelling of names.

An untrusted file may name any environment variable, also one with a secret. So `${NAME}` is
replaced only for `PYLEARN2_DATA_PATH` and `PYLEARN2_TRAIN_...`, which exist for this purpose, and
for variables that the user allowed (`--allow-env NAME`, `allow_variables`).
"""

from __future__ import annotations

import difflib
import fnmatch
import os
import re
from collections.abc import Collection, Iterable, Mapping

VARIABLE = re.compile(r"\$\{([^{}\s]+)\}")
_TWINS = (("PYLEARN2_", "ADVERSARIAL_"), ("ADVERSARIAL_", "PYLEARN2_"))
# Prefixes of the variables that any file may read.
_OPEN = ("PYLEARN2_DATA_PATH", "PYLEARN2_TRAIN_")
# A shorter value is not hidden in messages, since it may equal an ordinary word or number.
_SHORTEST_HIDDEN = 4
# A value that looks like a word or a number is hidden only where it stands alone: "train" is also a
# part of "trained". Any other value is hidden everywhere, since a file may put letters beside it.
_ORDINARY = re.compile(r"[A-Za-z]+|[0-9.]+")

_allowed: set[str] = set()


class EnvironmentVariableError(ValueError):
    """A text contains `${NAME}` for a variable that is not set, or that a file may not read."""


def twin(name: str) -> str | None:
    """The other spelling: `PYLEARN2_DATA_PATH` and `ADVERSARIAL_DATA_PATH` are one variable."""
    for old, new in _TWINS:
        if name.startswith(old):
            return new + name[len(old) :]
    return None


def allow_variables(names: Iterable[str]) -> None:
    """Allow `${NAME}` for the environment variables `names`, in this process from now on."""
    _allowed.update(names)


def is_allowed(name: str) -> bool:
    """Whether the user allowed `${name}` for an environment variable (`allow_variables`)."""
    return not _allowed.isdisjoint((name, twin(name) or name))


def allowed() -> list[str]:
    """The names of the environment variables that the user allowed, as they were given."""
    return sorted(_allowed)


def may_read(name: str) -> bool:
    """Whether `${name}` may be replaced by the value of an environment variable."""
    return is_allowed(name) or any(
        spelling.startswith(_OPEN) for spelling in (name, twin(name) or name)
    )


def lookup(name: str, environ: Mapping[str, str] | None = None) -> str:
    """The value of the variable `name` in `environ`, or else in the process environment.

    Both spellings are tried (see `twin`). Raises `EnvironmentVariableError` if the variable is not
    set, or if it is in the process environment and may not be read.
    """
    spellings = [spelling for spelling in (name, twin(name)) if spelling]
    for table in (environ or {}, os.environ if may_read(name) else {}):
        for spelling in spellings:
            if spelling in table:
                return str(table[spelling])
    if not may_read(name):
        raise EnvironmentVariableError(
            f"${{{name:.80}}} names an environment variable that a file may not read: "
            f"--allow-env {name:.80} allows it"
        )
    also = f" (or {twin(name):.80})" if twin(name) else ""
    raise EnvironmentVariableError(
        f"${{{name:.80}}} is not set: set the environment variable {name:.80}{also}"
    )


def hide_values(text: str) -> str:
    """`text` with the value of each variable that the user allowed replaced by `${NAME}`.

    For error messages, which users may publish.
    """
    for name in sorted(_allowed, key=lambda name: len(os.environ.get(name, "")), reverse=True):
        value = os.environ.get(name, "")
        if len(value) >= _SHORTEST_HIDDEN:
            pattern = re.escape(value)
            if _ORDINARY.fullmatch(value):
                # The names of the commands, train.py and adversarial-train, stay.
                pattern = rf"(?<!\w)(?<!adversarial-){pattern}(?!\w|\.py\b)"
            text = re.sub(pattern, lambda _, name=name: f"${{{name}}}", text)  # type: ignore[misc]
    return text


def preprocess(string: str, environ: Mapping[str, str] | None = None) -> str:
    """`string` with each `${NAME}` replaced by that variable's value (see `lookup`)."""
    return VARIABLE.sub(lambda match: lookup(match.group(1), environ), string)


def matching(pattern: str, names: Iterable[str]) -> list[str]:
    """The `names` that `pattern` stands for, in which ``*`` matches any text; or the one it is.

    Examples
    --------
    >>> matching("a[*", ["a[0]", "a[1]", "b"]), matching("a[0]", ["a[0]", "a0"])
    (['a[0]', 'a[1]'], ['a[0]'])
    """
    names = list(names)
    return [name for name in names if name == pattern] or fnmatch.filter(names, pattern)


def nearest(wrong: str, choices: Collection[str]) -> str | None:
    """The element of `choices` most similar to `wrong`, if need be without case; else None."""
    close = difflib.get_close_matches(wrong, list(choices), n=1)
    if not close:
        lowered = {choice.lower(): choice for choice in choices}
        close = difflib.get_close_matches(wrong.lower(), lowered, n=1)
        close = [lowered[name] for name in close]
    return close[0] if close else None
