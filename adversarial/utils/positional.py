"""Positional arguments of constructors that hand most of theirs on to a base class."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any


def positional_order(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorator of an `__init__(self, *args, own=..., **kwargs)`: positional arguments are `names`.

    Without it, the class's own arguments can be given by name only. With it, `Cost(1, 0.1, True)`
    means what the order of `names` says, and the decorated function receives names only. Raises
    TypeError, as Python does, for too many arguments and for one given twice.
    """

    def decorate(init: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(init)
        def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
            cls = type(self).__name__
            if len(args) > len(names):
                raise TypeError(f"{cls} takes at most {len(names)} arguments, not {len(args)}")
            for name, value in zip(names, args):
                if name in kwargs:
                    raise TypeError(f"{cls} got multiple values for argument {name!r}")
                kwargs[name] = value
            init(self, **kwargs)

        __init__.positional_order = names  # type: ignore[attr-defined]
        return __init__

    return decorate


def order_of(target: Any) -> list[str]:
    """The names of the arguments that `target`, a class or a function, takes by position."""
    if not isinstance(target, type):
        return _positional(inspect.signature(target))
    order: list[str] = []
    for init in [vars(cls)["__init__"] for cls in target.__mro__[:-1] if "__init__" in vars(cls)]:
        declared = getattr(init, "positional_order", None)
        if declared is not None:
            return [*order, *declared]
        signature = inspect.signature(init)
        order += _positional(signature)[1:]
        kinds = [parameter.kind for parameter in signature.parameters.values()]
        if inspect.Parameter.VAR_POSITIONAL not in kinds:
            break
    return order


def _positional(signature: inspect.Signature) -> list[str]:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [name for name, parameter in signature.parameters.items() if parameter.kind in kinds]
