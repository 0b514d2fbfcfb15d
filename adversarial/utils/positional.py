"""Constructors that hand most of their arguments on to a base class, as `**kwargs`.

`positional_order` gives them the positional arguments of 2014, and `FullSignature` shows all that
they accept.
"""

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
    for init in _constructors(target):
        declared = getattr(init, "positional_order", None)
        if declared is not None:
            return [*order, *declared]
        signature = inspect.signature(init)
        order += _positional(signature)[1:]
        if inspect.Parameter.VAR_POSITIONAL not in _kinds(signature):
            break
    return order


class FullSignature:
    """An attribute `__signature__` for a class, from its constructor and those of its bases.

    `help` and editors show it.

    Examples
    --------
    >>> class Rectangle:
    ...     __signature__ = FullSignature()
    ...     def __init__(self, rows, columns=1):
    ...         self.shape = rows, columns
    >>> class Picture(Rectangle):
    ...     def __init__(self, name="", **kwargs):
    ...         super().__init__(**kwargs)
    >>> inspect.signature(Picture)
    <Signature (name='', *, rows, columns=1)>
    """

    def __get__(self, owner: Any, cls: type) -> inspect.Signature:
        found: dict[str, inspect.Parameter] = {}
        fixed: set[str] = set()
        rest = None
        for init in _constructors(cls):
            signature = inspect.signature(init)
            for parameter in list(signature.parameters.values())[1:]:
                if parameter.kind in _BY_NAME and parameter.name not in fixed:
                    found.setdefault(parameter.name, parameter)
            fixed.update(getattr(init, "fixed_arguments", ()))
            named = [p for p in signature.parameters.values() if p.kind is p.VAR_KEYWORD]
            rest = named[0] if named else None
            if rest is None:
                break
        order = [name for name in order_of(cls) if name in found]
        parameters = [
            found.pop(name).replace(kind=inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in order
        ]
        parameters += [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in found.values()]
        return inspect.Signature(parameters if rest is None else [*parameters, rest])


_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def _constructors(cls: type) -> list[Any]:
    return [vars(base)["__init__"] for base in cls.__mro__[:-1] if "__init__" in vars(base)]


def _kinds(signature: inspect.Signature) -> list[Any]:
    return [parameter.kind for parameter in signature.parameters.values()]


def _positional(signature: inspect.Signature) -> list[str]:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [name for name, parameter in signature.parameters.items() if parameter.kind in kinds]
