"""Positional arguments of constructors that hand most of theirs on to a base class."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection
from typing import Any


def positional_order(
    *names: str, fixed: Collection[str] = ()
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorator of an `__init__(self, own=..., **kwargs)`: positional arguments are `names`.

    Without it, only the class's own arguments can be given by position. With it, `Cost(1, 0.1)`
    means what the order of `names` says, and the decorated function receives names only.

    Parameters
    ----------
    *names : str
        Names of arguments, the class's own or a base's. One text may hold several, separated by
        blanks.
    fixed : collection of str
        Arguments of a base class which this class sets itself, so that callers may not.

    Raises
    ------
    TypeError
        From the decorated `__init__`, as Python does: for too many arguments, for one given twice,
        for a fixed one.

    Examples
    --------
    >>> class Rectangle:
    ...     def __init__(self, rows, columns):
    ...         self.shape = rows, columns
    >>> class Row(Rectangle):
    ...     @positional_order("columns label", fixed=["rows"])
    ...     def __init__(self, *, label="", **kwargs):
    ...         super().__init__(rows=1, **kwargs)
    >>> Row(3, "first").shape
    (1, 3)
    >>> Row(3, rows=2)
    Traceback (most recent call last):
    TypeError: Row got an unexpected keyword argument 'rows'
    """
    order = " ".join(names).split()

    def decorate(init: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(init)
        def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
            cls = type(self).__name__
            if len(args) > len(order):
                raise TypeError(f"{cls} takes at most {len(order)} arguments, not {len(args)}")
            for name, value in zip(order, args):
                if name in kwargs:
                    raise TypeError(f"{cls} got multiple values for argument {name!r}")
                kwargs[name] = value
            for name in fixed:
                if name in kwargs:
                    raise TypeError(f"{cls} got an unexpected keyword argument {name!r}")
            init(self, **kwargs)

        vars(__init__).update(positional_order=order, fixed_arguments=tuple(fixed))
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
