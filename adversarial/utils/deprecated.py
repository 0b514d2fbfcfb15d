"""Arguments that files of 2014 give, and that their classes have given up since."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable
from typing import Any, Optional, Union

# Why an argument does nothing any more; or the name of the one that took its place, and how its
# value becomes that one's.
Fate = Union[str, tuple[str, Callable[[Any], Any]]]


def deprecated_arguments(**fates: Fate) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorator of an `__init__` that accepts further arguments by name, with a warning.

    Parameters
    ----------
    fates : for each argument, why it does nothing any more (text), or (name of the argument that
        took its place, function that makes its value)

    An argument that is given as None counts as not given. TypeError where an argument and the one
    in its place are given. The decorated function does not see these arguments.

    Examples
    --------
    >>> class Rows:
    ...     @deprecated_arguments(one_hot="it did nothing", max_labels=("labels", int))
    ...     def __init__(self, labels=None): self.labels = labels
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     Rows(max_labels=3).labels
    3
    >>> len(caught)
    1
    """

    def decorate(init: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(init)
        def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
            for name in [name for name in fates if name in kwargs]:
                value = kwargs.pop(name)
                if value is not None:
                    _meet(type(self).__name__, name, value, fates[name], kwargs)
            init(self, *args, **kwargs)

        signature = inspect.signature(init)
        parameters = list(signature.parameters.values())
        more = [
            inspect.Parameter(
                name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Optional[Any]
            )
            for name in fates
        ]
        place = next(
            (
                index
                for index, parameter in enumerate(parameters)
                if parameter.kind is parameter.VAR_KEYWORD
            ),
            len(parameters),
        )
        parameters[place:place] = more
        __init__.__signature__ = signature.replace(  # type: ignore[attr-defined]
            parameters=parameters
        )
        return __init__

    return decorate


def _meet(owner: str, name: str, value: Any, fate: Fate, kwargs: dict[str, Any]) -> None:
    if isinstance(fate, str):
        text = f"{owner}: the argument {name} does nothing any more: {fate}"
    else:
        new, make = fate
        if new in kwargs:
            raise TypeError(f"{owner}: give {new}, not {name} as well, which is its old name")
        kwargs[new] = make(value)
        text = f"{owner}: the argument {name} is deprecated: write {new}: {kwargs[new]!r}"
    warnings.warn(text, UserWarning, stacklevel=4)
