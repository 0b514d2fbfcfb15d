"""`deprecated_arguments`, by which constructors accept obsolete arguments of files of 2014."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable
from typing import Any, Optional, Union

# For an obsolete argument: the reason why it has no effect; or (name of the argument that replaces
# it, function that converts its value).
Fate = Union[str, tuple[str, Callable[[Any], Any]]]


def deprecated_arguments(**fates: Fate) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorator of an `__init__` that accepts further arguments by name, with a warning.

    Parameters
    ----------
    fates : for each obsolete argument, the reason why it has no effect (text), or (name of the
        argument that replaces it, function that converts its value)

    The decorated function does not receive the obsolete arguments. None counts as not given.

    Raises
    ------
    TypeError
        From the decorated `__init__`, if an argument and its replacement are both given.

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
                    _handle_deprecated(type(self).__name__, name, value, fates[name], kwargs)
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
        vars(__init__).update(
            __signature__=signature.replace(parameters=parameters), obsolete_arguments=fates
        )
        return __init__

    return decorate


def _handle_deprecated(
    owner: str, name: str, value: Any, fate: Fate, kwargs: dict[str, Any]
) -> None:
    if isinstance(fate, str):
        text = f"{owner}: the argument {name} does nothing any more: {fate}"
    else:
        new, make = fate
        if new in kwargs:
            raise TypeError(f"{owner}: give {new}, not {name} as well, which is its old name")
        kwargs[new] = make(value)
        text = f"{owner}: the argument {name} is deprecated: write {new}: {kwargs[new]!r}"
    warnings.warn(text, UserWarning, stacklevel=4)
